/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/poller.h"
#include "core/event/reactor.h"

struct ebb_thread_registry ebb_threads = {
	.threads = EBB_LIST_INIT(ebb_threads.threads),
	.exited = EBB_LIST_INIT(ebb_threads.exited),
	.next_id = 1,
};

static pthread_mutex_t thread_registry_mutex = PTHREAD_MUTEX_INITIALIZER;

void ebb_thread_registry_lock(void)
{
	pthread_mutex_lock(&thread_registry_mutex);
}

void ebb_thread_registry_unlock(void)
{
	pthread_mutex_unlock(&thread_registry_mutex);
}

static void thread_free(struct ebb_thread *thread)
{
	ebb_timer_fini(&thread->timers);
	event_msg_queue_fini(&thread->queue);
	free(thread);
}

void ebb_thread_registry_fini(void)
{
	struct ebb_list *node;

	/* None has been left, unless the reactors could not be started. */
	ebb_list_splice_back(&ebb_threads.exited, &ebb_threads.threads);
	while ((node = ebb_list_pop_front(&ebb_threads.exited)) != NULL) {
		thread_free(ebb_list_entry(node, struct ebb_thread, registry_link));
	}
	ebb_threads.num_threads = 0;
	ebb_threads.app = NULL;
	ebb_threads.stopping = false;
	ebb_threads.next_id = 1;
}

struct ebb_thread *ebb_thread_current(void)
{
	return ebb_turn.thread;
}

struct ebb_thread *ebb_thread_app(void)
{
	return ebb_threads.app;
}

const char *ebb_thread_name(const struct ebb_thread *thread)
{
	return thread->name;
}

uint64_t ebb_thread_id(const struct ebb_thread *thread)
{
	return thread->id;
}

static struct ebb_thread *thread_alloc(const char *name)
{
	struct ebb_thread *thread = aligned_alloc(_Alignof(struct ebb_thread), sizeof(*thread));

	if (thread == NULL) {
		return NULL;
	}
	memset(thread, 0, sizeof(*thread));
	if (event_msg_queue_init(&thread->queue) != 0) {
		free(thread);
		return NULL;
	}
	ebb_timer_init(&thread->timers);
	ebb_list_init(&thread->active);
	ebb_list_init(&thread->fired);
	ebb_list_init(&thread->idle);
	ebb_list_init(&thread->dead);
	ebb_list_init(&thread->channels);
	ebb_list_init(&thread->reactor_link);
	thread->timer_source.fd = -1;
	thread->created_ns = ebb_clock_now_ns();
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	return thread;
}

int ebb_thread_create_on(const char *name, struct ebb_reactor *reactor,
			 struct ebb_thread **ret_thread)
{
	struct ebb_thread *thread = thread_alloc(name);

	if (thread == NULL) {
		return -ENOMEM;
	}
	atomic_init(&thread->reactor, reactor);
	ebb_thread_registry_lock();
	if (ebb_threads.stopping) {
		/* The stop has told every thread to exit, and would wait for this one for ever. */
		ebb_thread_registry_unlock();
		thread_free(thread);
		return -ESHUTDOWN;
	}
	thread->id = ebb_threads.next_id++;
	ebb_threads.num_threads++;
	ebb_list_push_back(&ebb_threads.threads, &thread->registry_link);
	if (ebb_threads.app == NULL) {
		ebb_threads.app = thread;
	}
	ebb_thread_registry_unlock();
	*ret_thread = thread;
	return 0;
}

struct thread_arrival {
	struct ebb_msg msg;
	struct ebb_thread *thread;
};

static void thread_arrive(void *arg)
{
	struct thread_arrival *arrival = arg;

	ebb_reactor_add_thread(ebb_turn.reactor, arrival->thread, false);
	free(arrival);
}

EBB_REPORTS int ebb_thread_create(const char *name, int core, struct ebb_thread **ret_thread)
{
	static _Atomic unsigned next_reactor;
	struct thread_arrival *arrival;
	struct ebb_reactor *reactor;
	int rc;

	if (ebb_threads.app == NULL) {
		ebb_violation(4, __func__, name, NULL, NULL);
		return -EPERM;
	}
	reactor = core == EBB_CORE_ANY
			  ? &ebb_reactors[atomic_fetch_add(&next_reactor, 1) % ebb_num_reactors]
			  : ebb_reactor_by_core(core);
	if (reactor == NULL) {
		return -EINVAL;
	}
	arrival = malloc(sizeof(*arrival));
	if (arrival == NULL) {
		return -ENOMEM;
	}
	rc = ebb_thread_create_on(name, reactor, &arrival->thread);
	if (rc != 0) {
		free(arrival);
		return rc;
	}
	*ret_thread = arrival->thread;
	ebb_msg_init(&arrival->msg, thread_arrive, arrival);
	ebb_reactor_send(reactor, &arrival->msg);
	return 0;
}

/*
 * After a push: tells the reactor, wherever the thread is by then, for it may be moving. Pairs with
 * the exchange in ebb_move_check(). Async-signal-safe.
 */
static void thread_tell_reactor(struct ebb_thread *thread)
{
	struct ebb_reactor *reactor = atomic_load_explicit(&thread->reactor, memory_order_seq_cst);
	struct ebb_reactor *told;

	do {
		told = reactor;
		ebb_reactor_notify(told);
		reactor = atomic_load_explicit(&thread->reactor, memory_order_seq_cst);
	} while (ebb_unlikely(reactor != told));
}

static void thread_notify(struct ebb_thread *thread)
{
	if (ebb_unlikely(thread == ebb_turn.thread)) {
		struct ebb_reactor *reactor = ebb_turn.reactor;

		/* It is awake, and will look. */
		/* For the watchdog: what waits for this within the turn waits for ever (rule 1). */
		atomic_store_explicit(&reactor->self_send_turn,
				      atomic_load_explicit(&reactor->turns, memory_order_relaxed),
				      memory_order_relaxed);
	} else {
		thread_tell_reactor(thread);
	}
}

int ebb_thread_send(struct ebb_thread *thread, struct ebb_msg *msg)
{
	int rc = event_msg_queue_push_msg(&thread->queue, msg);

	if (ebb_likely(rc == 0)) {
		thread_notify(thread);
	}
	return rc;
}

int ebb_thread_send_named(struct ebb_thread *thread, ebb_msg_fn fn, void *arg, const char *name)
{
	struct ebb_msg_ring_entry entry = {fn, arg, name};
	int rc = event_msg_queue_push_call(&thread->queue, &entry);

	if (ebb_likely(rc == 0)) {
		thread_notify(thread);
	} else if (rc == -ENOMEM) {
		const char *running = ebb_reactor_running(atomic_load(&thread->reactor));

		ebb_error("thread",
			  "out of memory for the messages of thread '%s', which does not keep up: "
			  "its reactor is in %s",
			  thread->name, running != NULL ? running : "no callback");
		abort();
	}
	return rc;
}

int ebb_thread_exec_named(struct ebb_thread *thread, ebb_msg_fn fn, void *arg, const char *name)
{
	if (thread == ebb_turn.thread) {
		fn(arg);
		return 0;
	}
	return ebb_thread_send_named(thread, fn, arg, name);
}

int ebb_thread_send_critical_named(struct ebb_thread *thread, ebb_msg_fn fn, void *arg,
				   const char *name)
{
	struct ebb_msg_ring_entry entry = {fn, arg, name};
	int rc = event_msg_queue_push_critical(&thread->queue, &entry);
	int saved_errno = errno;

	if (rc == 0) {
		thread_tell_reactor(thread);
	}
	errno = saved_errno; /* a signal handler's caller may be about to read it */
	return rc;
}

void ebb_thread_get_stats(const struct ebb_thread *thread, struct ebb_thread_stats *ret_stats)
{
	struct ebb_list *node;

	*ret_stats = (struct ebb_thread_stats){
		.name = thread->name,
		.id = thread->id,
		.core = atomic_load(&thread->reactor)->core,
		.exiting = atomic_load(&thread->state) != EBB_THREAD_RUNNING,
		.busy_ns = thread->busy_ns,
	};
	if (ebb_turn.now_ns > thread->created_ns + thread->busy_ns) {
		ret_stats->idle_ns = ebb_turn.now_ns - thread->created_ns - thread->busy_ns;
	}
	ebb_list_for_each(node, &thread->active) {
		ret_stats->active_pollers += 1;
	}
	ebb_list_for_each(node, &thread->idle) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		if (poller->internal) {
			continue;
		}
		if (poller->state == EBB_POLLER_PAUSED || poller->state == EBB_POLLER_PAUSING) {
			ret_stats->paused_pollers++;
		} else {
			ret_stats->timed_pollers++;
		}
	}
}
