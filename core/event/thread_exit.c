/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/thread_exit.h"

/*
 * The end of a thread.
 *
 * Exiting, it goes on running until nothing of it is left: messages, for_each rounds it began,
 * pollers, channels, io_device unregistrations it waits for, work on the helper, requests in the
 * io_uring. All of these end by something that happens on the thread itself, so the reactor looks
 * after each turn and sleeps between; nothing spins. Then the queues are closed. From that moment a
 * sender is told -ESRCH, and what was accepted before still runs: a message is run or refused,
 * never lost. The struct outlives the thread until the framework ends, so that a late sender finds
 * a closed queue and not freed memory.
 *
 * After EXIT_MAX_NS the end is forced, and what the thread waited for is named. Its channels are
 * leaked, and stay on their devices' lists, so that these stay too: a device may still write to
 * memory of both. A completion that comes for it afterwards is dropped.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/violation.h>

#include "core/event/channel.h"
#include "core/event/poller.h"
#include "core/event/poller_stats.h"
#include "core/event/reactor.h"
#include "core/event/reactor_list.h"
#include "core/event/reactor_turn.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

#define EXIT_MAX_NS (5 * EBB_NS_PER_S)

static int thread_exit_overdue(void *arg)
{
	(void)arg; /* that it wakes the reactor is all: event_thread_exit_check() does the rest */
	return 0;
}

static const char *const thread_state_names[EVENT_THREAD_STATE_COUNT] = {
	[EVENT_THREAD_RUNNING] = "running",
	[EVENT_THREAD_EXITING] = "exiting",
	[EVENT_THREAD_EXITED] = "exited",
};

static const uint32_t thread_next[EVENT_THREAD_STATE_COUNT] = {
	[EVENT_THREAD_RUNNING] = EBB_BIT(EVENT_THREAD_EXITING),
	[EVENT_THREAD_EXITING] = EBB_BIT(EVENT_THREAD_EXITED),
};

static void thread_set_state(struct ebb_thread *thread, enum event_thread_state state)
{
	enum event_thread_state old = atomic_load(&thread->state);

	ebb_assert(thread_next[old] & EBB_BIT(state));
	ebb_debug("thread", "thread '%s': %s, now %s", thread->name, thread_state_names[old],
		  thread_state_names[state]);
	atomic_store(&thread->state, state);
}

EBB_REPORTS void ebb_thread_exit(void)
{
	struct ebb_thread *thread = event_turn.thread;

	if (thread == NULL || atomic_load(&thread->state) != EVENT_THREAD_RUNNING) {
		return;
	}
	if (thread == event_threads.app && !event_thread_registry_stopping()) {
		ebb_violation(4, "ebb_thread_exit (of the app thread)", thread->name, thread,
			      thread);
		return;
	}
	thread_set_state(thread, EVENT_THREAD_EXITING);
	event_turn.reactor->num_leaving++;
	thread->exit_deadline_ns = event_turn.now_ns + EXIT_MAX_NS;
	thread->exit_timer =
		ebb_poller_register(thread_exit_overdue, NULL, EXIT_MAX_NS / EBB_NS_PER_US + 1000);
	if (thread->exit_timer != NULL) {
		event_poller_set_internal(thread->exit_timer);
	}
}

void event_thread_exit_tell(void *arg)
{
	(void)arg;
	ebb_thread_exit();
}

/* Everything that an exit waits for but messages, which are looked at by themselves. */
static bool thread_has_outstanding(const struct ebb_thread *thread)
{
	const char *poller;

	return event_pollers_count(thread, &poller) != 0 || thread->num_channels != 0 ||
	       thread->pending_unregisters != 0 || thread->answers_due != 0 ||
	       thread->work_running != 0 || thread->uring_ops != 0;
}

/* Appends "COUNT WHAT (NAME)" to @text if there are any. */
static void thread_add_outstanding(char *text, size_t size, unsigned count, const char *what,
				   const char *name)
{
	size_t len = strlen(text);

	if (count != 0) {
		snprintf(text + len, size - len, "%s%u %s%s%s%s", len != 0 ? ", " : "", count, what,
			 name != NULL ? " (" : "", name != NULL ? name : "",
			 name != NULL ? ")" : "");
	}
}

static void thread_log_forced(struct ebb_thread *thread)
{
	const char *poller;
	unsigned num_pollers = event_pollers_count(thread, &poller);
	char text[256] = "";

	thread_add_outstanding(text, sizeof(text), num_pollers, "pollers", poller);
	thread_add_outstanding(text, sizeof(text), thread->num_channels, "channels",
			       event_channels_first_name(thread));
	thread_add_outstanding(text, sizeof(text), thread->pending_unregisters,
			       "io_device unregistrations", NULL);
	thread_add_outstanding(text, sizeof(text), thread->answers_due,
			       "answers (for_each rounds, moves, mode changes)", NULL);
	thread_add_outstanding(text, sizeof(text), thread->work_running, "jobs on the helper",
			       NULL);
	thread_add_outstanding(text, sizeof(text), thread->uring_ops, "io_uring requests", NULL);
	ebb_error("thread", "thread '%s' did not end within 5 s and is forced: it waited for %s%s",
		  thread->name, text[0] != '\0' ? text : "messages that kept coming",
		  thread->num_channels != 0
			  ? "; the memory of its channels is leaked, as a device may write to it"
			  : "");
}

/* Runs what was accepted before the queues were closed; there may be rings still being filled. */
static void thread_run_rest(struct ebb_thread *thread)
{
	do {
		event_reactor_turn_thread(thread, false);
	} while (!event_msg_queue_drained(&thread->queue));
	event_thread_enter(thread);
	event_channels_sweep(thread);
	event_thread_enter(NULL);
}

/* What a stop does next when @left threads still live: the app thread goes last. */
static void thread_gone(unsigned left, bool stopping)
{
	if (!stopping) {
		return;
	}
	if (left == 1) {
		ebb_thread_send_msg(event_threads.app, event_thread_exit_tell, NULL);
	} else if (left == 0) {
		event_reactor_list_stop();
	}
}

static void thread_end(struct ebb_thread *thread)
{
	struct event_reactor *reactor = event_turn.reactor;
	unsigned left;
	bool stopping;

	event_thread_enter(thread);
	ebb_poller_unregister(&thread->exit_timer);
	event_pollers_destroy(thread);
	event_thread_enter(NULL);
	event_turn_drop_deferred(thread);
	event_thread_detach(thread);
	reactor->num_leaving--;
	event_msg_queue_discard(&thread->queue);
	thread_set_state(thread, EVENT_THREAD_EXITED);

	event_thread_registry_lock();
	ebb_list_remove(&thread->registry_link);
	ebb_list_push_back(&event_threads.exited, &thread->registry_link);
	left = --event_threads.num_threads;
	stopping = event_threads.stopping;
	event_thread_registry_unlock();
	thread_gone(left, stopping);
}

void event_thread_exit_check(struct ebb_thread *thread)
{
	bool waiting = event_msg_queue_waiting(&thread->queue) || thread_has_outstanding(thread);

	if (waiting && event_turn.now_ns < thread->exit_deadline_ns) {
		return;
	}
	if (waiting) {
		thread_log_forced(thread);
	}
	event_msg_queue_close(&thread->queue);
	thread_run_rest(thread);
	if (!waiting && thread_has_outstanding(thread)) {
		ebb_error("thread", "thread '%s' began something in its last message",
			  thread->name);
		thread_log_forced(thread);
	}
	thread_end(thread);
}
