/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/poller.h"
#include "core/event/poller_sleep.h"
#include "core/event/reactor.h"
#include "core/event/reactor_list.h"
#include "core/event/send.h"
#include "core/event/turn.h"

struct event_thread_registry event_threads = {
	.threads = EBB_LIST_INIT(event_threads.threads),
	.exited = EBB_LIST_INIT(event_threads.exited),
	.next_id = 1,
};

static pthread_mutex_t thread_registry_mutex = PTHREAD_MUTEX_INITIALIZER;

void event_thread_registry_lock(void)
{
	pthread_mutex_lock(&thread_registry_mutex);
}

void event_thread_registry_unlock(void)
{
	pthread_mutex_unlock(&thread_registry_mutex);
}

static void thread_free(struct ebb_thread *thread)
{
	event_timer_fini(&thread->timers);
	event_msg_queue_fini(&thread->queue);
	free(thread);
}

bool event_thread_registry_stopping(void)
{
	bool stopping;

	event_thread_registry_lock();
	stopping = event_threads.stopping;
	event_thread_registry_unlock();
	return stopping;
}

void event_thread_registry_fini(void)
{
	struct ebb_list *node;

	/* None has been left, unless the reactors could not be started. */
	ebb_list_splice_back(&event_threads.exited, &event_threads.threads);
	while ((node = ebb_list_pop_front(&event_threads.exited)) != NULL) {
		thread_free(ebb_list_entry(node, struct ebb_thread, registry_link));
	}
	event_threads.num_threads = 0;
	event_threads.app = NULL;
	event_threads.stopping = false;
	event_threads.next_id = 1;
}

struct ebb_thread *ebb_thread_app(void)
{
	return event_threads.app;
}

const char *ebb_thread_name(const struct ebb_thread *thread)
{
	return thread->name;
}

uint64_t ebb_thread_id(const struct ebb_thread *thread)
{
	return thread->id;
}

struct ebb_thread *ebb_thread_find(uint64_t id)
{
	struct ebb_thread *found = NULL;
	struct ebb_list *node;

	event_thread_registry_lock();
	ebb_list_for_each(node, &event_threads.threads) {
		struct ebb_thread *thread = ebb_list_entry(node, struct ebb_thread, registry_link);

		if (thread->id == id) {
			found = thread;
		}
	}
	event_thread_registry_unlock();
	return found;
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
	event_timer_init(&thread->timers);
	ebb_list_init(&thread->active);
	ebb_list_init(&thread->fired);
	ebb_list_init(&thread->idle);
	ebb_list_init(&thread->dead);
	ebb_list_init(&thread->channels);
	ebb_list_init(&thread->reactor_link);
	thread->timer_source.fd = -1;
	thread->created_ns = ebb_clock_now_ns();
	if (name != NULL) {
		snprintf(thread->name, sizeof(thread->name), "%s", name);
	}
	return thread;
}

int event_thread_create_on(const char *name, struct event_reactor *reactor,
			   struct ebb_thread **ret_thread)
{
	struct ebb_thread *thread = thread_alloc(name);

	if (thread == NULL) {
		return -ENOMEM;
	}
	atomic_init(&thread->reactor, reactor);
	event_thread_registry_lock();
	if (event_threads.stopping) {
		/* The stop has told every thread to exit, and would wait for this one for ever. */
		event_thread_registry_unlock();
		thread_free(thread);
		return -ESHUTDOWN;
	}
	thread->id = event_threads.next_id++;
	if (name == NULL) {
		snprintf(thread->name, sizeof(thread->name), "thread_%" PRIu64, thread->id);
	}
	event_threads.num_threads++;
	ebb_list_push_back(&event_threads.threads, &thread->registry_link);
	if (event_threads.app == NULL) {
		event_threads.app = thread;
	}
	event_thread_registry_unlock();
	*ret_thread = thread;
	return 0;
}

void event_thread_attach(struct ebb_thread *thread, bool interruptible)
{
	ebb_list_push_back(&event_turn.reactor->threads, &thread->reactor_link);
	event_turn.reactor->helper_jobs += thread->work_running;
	event_pollers_attach(thread, interruptible);
}

void event_thread_detach(struct ebb_thread *thread)
{
	struct event_reactor *reactor = event_turn.reactor;

	event_reactor_forget_io(event_turn.reactor); /* its channels may be destroyed elsewhere */
	event_pollers_detach(thread);
	ebb_list_remove(&thread->reactor_link);
	event_turn.reactor->helper_jobs -= thread->work_running;
	if (atomic_load_explicit(&reactor->span.thread, memory_order_relaxed) == thread) {
		atomic_store_explicit(&reactor->span.thread, NULL, memory_order_relaxed);
	}
}

struct thread_arrival {
	struct ebb_msg msg;
	struct ebb_thread *thread;
};

static void thread_arrive(void *arg)
{
	struct thread_arrival *arrival = arg;

	event_thread_attach(arrival->thread, false);
	free(arrival);
}

EBB_REPORTS int ebb_thread_create(const char *name, int core, struct ebb_thread **ret_thread)
{
	static _Atomic unsigned next_reactor;
	struct thread_arrival *arrival;
	struct event_reactor *reactor;
	int rc;

	if (event_threads.app == NULL) {
		ebb_violation(4, __func__, name != NULL ? name : "unnamed", NULL, NULL);
		return -EPERM;
	}
	reactor = core == EBB_CORE_ANY
			  ? &event_reactors[atomic_fetch_add(&next_reactor, 1) % event_num_reactors]
			  : event_reactor_by_core(core);
	if (reactor == NULL) {
		return -EINVAL;
	}
	arrival = malloc(sizeof(*arrival));
	if (arrival == NULL) {
		return -ENOMEM;
	}
	rc = event_thread_create_on(name, reactor, &arrival->thread);
	if (rc != 0) {
		free(arrival);
		return rc;
	}
	*ret_thread = arrival->thread;
	ebb_msg_init(&arrival->msg, thread_arrive, arrival);
	event_reactor_send(reactor, &arrival->msg);
	return 0;
}

void event_thread_get_cpus(const struct ebb_thread *thread, cpu_set_t *ret_cpus)
{
	*ret_cpus = thread->cpus;
	if (CPU_COUNT(ret_cpus) == 0) {
		CPU_SET((size_t)atomic_load(&thread->reactor)->core, ret_cpus);
	}
}

EBB_REPORTS void ebb_thread_get_stats(const struct ebb_thread *thread,
				      struct ebb_thread_stats *ret_stats)
{
	struct ebb_list *node;

	if (thread != event_turn.thread) {
		ebb_violation(2, __func__, thread->name, thread, event_turn.thread);
		*ret_stats = (struct ebb_thread_stats){.name = thread->name, .id = thread->id};
		return;
	}
	*ret_stats = (struct ebb_thread_stats){
		.name = thread->name,
		.id = thread->id,
		.core = atomic_load(&thread->reactor)->core,
		.exiting = atomic_load(&thread->state) != EVENT_THREAD_RUNNING,
		.busy_ns = thread->busy_ns,
	};
	if (event_turn.now_ns > thread->created_ns + thread->busy_ns) {
		ret_stats->idle_ns = event_turn.now_ns - thread->created_ns - thread->busy_ns;
	}
	ebb_list_for_each(node, &thread->active) {
		ret_stats->active_pollers += 1;
	}
	ebb_list_for_each(node, &thread->idle) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		if (poller->internal) {
			continue;
		}
		if (poller->state == EVENT_POLLER_PAUSED || poller->state == EVENT_POLLER_PAUSING) {
			ret_stats->paused_pollers++;
		} else {
			ret_stats->timed_pollers++;
		}
	}
}
