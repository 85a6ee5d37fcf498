/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/thread.h"

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
 * After EXIT_MAX_NS the end is forced. What the thread waited for is named; channels that may have
 * I/O in a device are leaked rather than freed under it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/violation.h>

#include "core/event/channel.h"
#include "core/event/event.h"
#include "core/event/move.h"
#include "core/event/poller.h"
#include "core/event/reactor.h"

#define EXIT_MAX_NS (5 * EBB_NS_PER_S)

static int thread_exit_overdue(void *arg)
{
	(void)arg; /* that it wakes the reactor is all: ebb_thread_exit_check() does the rest */
	return 0;
}

void ebb_thread_exit(void)
{
	struct ebb_thread *thread = ebb_turn.thread;

	if (thread == NULL || atomic_load(&thread->state) != EBB_THREAD_RUNNING) {
		return;
	}
	if (thread == ebb_threads.app && !ebb_event_stopping()) {
		ebb_violation(4, "ebb_thread_exit (of the app thread)", thread->name, thread,
			      thread);
		return;
	}
	atomic_store(&thread->state, EBB_THREAD_EXITING);
	ebb_turn.reactor->num_leaving++;
	thread->exit_deadline_ns = ebb_turn.now_ns + EXIT_MAX_NS;
	thread->exit_timer =
		ebb_poller_register(thread_exit_overdue, NULL, EXIT_MAX_NS / EBB_NS_PER_US + 1000);
	if (thread->exit_timer != NULL) {
		ebb_poller_set_internal(thread->exit_timer);
	}
}

void ebb_thread_tell_exit(void *arg)
{
	(void)arg;
	ebb_thread_exit();
}

/* Writes what @thread waits for into @text. Return: false if nothing. */
static bool thread_exit_waits(struct ebb_thread *thread, char *text, size_t size)
{
	size_t len = 0;
	const char *channel = ebb_channels_first_name(thread);
	const char *poller;
	unsigned num_pollers = ebb_pollers_count(thread, &poller);

	text[0] = '\0';
#define ADD(...) (len += (size_t)snprintf(text + len, len < size ? size - len : 0, __VA_ARGS__))
	if (ebb_queue_waiting(&thread->queue)) {
		ADD("messages; ");
	}
	if (num_pollers != 0 && len < size) {
		ADD("%u pollers (%s); ", num_pollers, poller);
	}
	if (channel != NULL && len < size) {
		ADD("%u channels (%s); ", thread->num_channels, channel);
	}
	if (thread->pending_unregisters != 0 && len < size) {
		ADD("%u io_device unregistrations; ", thread->pending_unregisters);
	}
	if (thread->for_each_running != 0 && len < size) {
		ADD("%u for_each rounds; ", thread->for_each_running);
	}
	if (thread->work_running != 0 && len < size) {
		ADD("%u jobs on the helper; ", thread->work_running);
	}
	if (thread->uring_ops != 0 && len < size) {
		ADD("%u io_uring requests; ", thread->uring_ops);
	}
#undef ADD
	if (len >= 2 && len < size) {
		text[len - 2] = '\0';
	}
	return len != 0;
}

/* Runs what was accepted before the queues were closed; there may be rings still being filled. */
static void thread_run_rest(struct ebb_thread *thread)
{
	do {
		ebb_thread_run(thread, false);
	} while (!ebb_queue_drained(&thread->queue));
}

static void thread_end(struct ebb_thread *thread)
{
	struct ebb_reactor *reactor = ebb_turn.reactor;
	unsigned left;
	bool stopping;

	ebb_turn.thread = thread;
	ebb_poller_unregister(&thread->exit_timer);
	ebb_pollers_destroy(thread);
	ebb_channels_abandon(thread);
	ebb_turn.thread = NULL;
	ebb_reactor_remove_thread(reactor, thread);
	reactor->num_leaving--;
	atomic_store(&thread->state, EBB_THREAD_EXITED);

	ebb_thread_registry_lock();
	ebb_list_remove(&thread->registry_link);
	ebb_list_push_back(&ebb_threads.exited, &thread->registry_link);
	left = --ebb_threads.num_threads;
	stopping = ebb_threads.stopping;
	ebb_thread_registry_unlock();
	ebb_event_thread_gone(left, stopping);
}

void ebb_thread_exit_check(struct ebb_thread *thread)
{
	char waits[256];
	bool waiting = thread_exit_waits(thread, waits, sizeof(waits));

	if (waiting && ebb_turn.now_ns < thread->exit_deadline_ns) {
		return;
	}
	if (waiting) {
		ebb_error("thread",
			  "thread '%s' did not end within 5 s and is forced: it waited for %s",
			  thread->name, waits);
	}
	ebb_queue_close(&thread->queue);
	thread_run_rest(thread);
	if (!waiting && thread_exit_waits(thread, waits, sizeof(waits))) {
		ebb_error("thread",
			  "thread '%s' began something after its last message and is forced: %s",
			  thread->name, waits);
	}
	thread_end(thread);
}
