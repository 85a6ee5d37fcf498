/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_THREAD_H
#define CORE_EVENT_THREAD_H

#include <sched.h>

#include <ebb/list.h>
#include <ebb/reactor.h>
#include <ebb/thread.h>

#include "core/event/msg_queue.h"
#include "core/event/source.h"
#include "core/event/timer.h"

#define EVENT_THREAD_NAME_MAX 64

enum event_thread_state {
	EVENT_THREAD_RUNNING,
	EVENT_THREAD_EXITING,
	EVENT_THREAD_EXITED,
	EVENT_THREAD_STATE_COUNT,
};

struct event_move;
struct event_reactor;
struct ebb_spinlock;

struct ebb_thread {
	struct event_msg_queue queue;

	/* Senders read it after their push; a move stores it before the new reactor looks. */
	_Atomic(struct event_reactor *) reactor EBB_CACHE_ALIGNED;
	_Atomic(enum event_thread_state) state;

	/* The owner's from here on: on lines of their own, as senders read those above. */
	struct ebb_list active EBB_CACHE_ALIGNED; /* pollers of period 0 that are not paused */
	struct ebb_list fired; /* of these, those whose source woke the reactor */
	struct ebb_list idle;  /* pollers that are timed or paused */
	struct ebb_list dead;  /* unregistered, freed at the end of the turn, by free_end */
	struct ebb_turn_end free_end;
	struct ebb_list *cursor; /* the active poller that runs, or stood before it; or NULL */
	struct event_timer_heap timers;
	uint32_t num_timed;    /* pollers that may stand in timers */
	unsigned num_blocking; /* pollers that keep the reactor awake */
	struct event_source timer_source;
	uint64_t timer_armed_ns; /* what the timerfd holds; 0: nothing */
	uint64_t busy_ns;
	uint64_t created_ns;
	uint64_t next_poller_id;
	struct ebb_spinlock *held_spinlocks; /* the last one locked first */

	/* What an exit waits for. */
	struct ebb_list channels;
	unsigned num_channels;
	unsigned pending_unregisters;
	unsigned answers_due;  /* to for_each rounds, moves and mode changes it began */
	unsigned work_running; /* on the helper */
	unsigned uring_ops;    /* outstanding */
	uint64_t exit_deadline_ns;
	struct ebb_poller *exit_timer;
	struct event_move *move; /* under way, or NULL */
	cpu_set_t cpus;          /* whose reactors may run it; none: any, nobody has said */

	struct ebb_list reactor_link;
	struct ebb_list registry_link;
	uint64_t id;
	char name[EVENT_THREAD_NAME_MAX];
};

/* The registry: every thread that has not exited, in order of creation. */
struct event_thread_registry {
	struct ebb_list threads;
	struct ebb_list exited; /* their memory stays until fini, for late senders */
	unsigned num_threads;
	uint64_t next_id;
	_Atomic(struct ebb_thread *) app; /* read from any thread */
	bool stopping;
};

void event_thread_registry_lock(void);
void event_thread_registry_unlock(void);
extern struct event_thread_registry event_threads;

/* As ebb_thread_create(), on @reactor itself, before the reactors run. */
int event_thread_create_on(const char *name, struct event_reactor *reactor,
			   struct ebb_thread **ret_thread);

/* Frees the memory of exited threads. No other OS thread may still know one. */
void event_thread_registry_fini(void);

/*
 * @thread joins the calling reactor, which is the one it names; or leaves it.
 * @interruptible: what the set_interrupt() of its pollers was called with last
 */
void event_thread_attach(struct ebb_thread *thread, bool interruptible);
void event_thread_detach(struct ebb_thread *thread);

/*
 * The CPUs whose reactors may run @thread; while nobody has said, that of the one which does.
 * Thread: @thread itself.
 */
void event_thread_get_cpus(const struct ebb_thread *thread, cpu_set_t *ret_cpus);

/* True once the framework is ending: no thread is created any more. Thread: any. */
bool event_thread_registry_stopping(void);

#endif
