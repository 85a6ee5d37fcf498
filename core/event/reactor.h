/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_REACTOR_H
#define EBB_EVENT_REACTOR_H

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include <ebb/clock.h>
#include <ebb/list.h>
#include <ebb/reactor.h>

#include "core/base/clock.h"
#include "core/base/mpsc.h"
#include "core/event/source.h"
#include "core/event/thread.h"
#include "core/event/turn.h"
#include "core/event/ring/uring_set.h"

#define EBB_NO_TURN UINT64_MAX

/* Which callback runs, or has run last: see callback.h. */
enum ebb_span_state {
	EBB_SPAN_EMPTY,   /* no callback has run since the last reading */
	EBB_SPAN_RUNNING, /* one runs now */
	EBB_SPAN_IDLE,    /* one has run, and had nothing to do */
	EBB_SPAN_WORKED,  /* one has run */
};

struct ebb_span {
	_Atomic(enum ebb_span_state) state;
	_Atomic(const char *) name;          /* the callback's; from here on only if there is one */
	_Atomic(struct ebb_thread *) thread; /* NULL: the reactor's own */
};

enum event_reactor_state {
	EVENT_REACTOR_NEW, /* its OS thread has not begun */
	EVENT_REACTOR_RUNNING,
	EVENT_REACTOR_STOPPING, /* it ends when it has no more threads */
	EVENT_REACTOR_ENDED,
	EVENT_REACTOR_STATE_COUNT,
};

struct ebb_reactor {
	/* The sleep protocol: senders exchange the one, and write the other. See reactor.c. */
	_Atomic uint32_t asleep EBB_CACHE_ALIGNED;
	int event_fd;
	/* Messages to the reactor itself: a new thread, a mode, a stop. */
	struct ebb_mpsc inbox EBB_CACHE_ALIGNED;

	/* The owner's; what others read of it is stored relaxed. */
	struct ebb_ticker ticker EBB_CACHE_ALIGNED;
	struct ebb_list threads;
	_Atomic uint64_t turns;
	uint64_t last_work_ns;
	uint64_t spin_ns;
	enum ebb_reactor_mode mode;
	uint32_t spin_us_max;
	bool interruptible; /* its pollers' set_interrupt(true) has been called */
	bool pinned;        /* to its CPU in every mode */
	_Atomic(enum event_reactor_state) state;
	unsigned num_leaving; /* threads that exit or move */
	struct ebb_span span; /* what has run since the last reading of the clock */
	struct event_uring_set urings;
	uint64_t awake_since_ns; /* when it last woke */

	_Atomic uint64_t self_send_turn; /* the turn in which a thread last sent to itself */
	_Atomic uint64_t busy_ns;
	_Atomic uint64_t started_ns;
	_Atomic uint64_t turn_ns; /* when the running turn began; EBB_NO_TURN: none runs */
	_Atomic uint64_t wakeups;
	_Atomic(const char *) last_wake;

	_Atomic bool mode_changing;
	_Atomic(enum ebb_reactor_mode) mode_published;
	_Atomic uint32_t spin_us_published;

	struct ebb_source_table sources;
	struct ebb_source event_source;
	int epoll_fd;
	int core;
	_Atomic pid_t tid;
	pthread_t pthread;
	bool joinable;
	struct ebb_msg stop_msg;
	struct ebb_msg age_msg; /* the watchdog's */
	_Atomic bool age_sent;
	uint64_t reported_turn; /* the watchdog's: the last turn that it reported as stuck */
};

extern struct ebb_reactor *ebb_reactors; /* ascending by core; NULL outside init … fini */
extern unsigned ebb_num_reactors;

/* Return: 0; -errno. */
int ebb_reactor_init(struct ebb_reactor *reactor, int core, enum ebb_reactor_mode mode,
		     uint32_t spin_us_max);
void ebb_reactor_fini(struct ebb_reactor *reactor);

/* True when it has been told to stop, and has no more threads. Thread: the reactor's. */
bool event_reactor_done(const struct ebb_reactor *reactor);

/* Runs on the calling OS thread until event_reactor_done(). */
void ebb_reactor_run(struct ebb_reactor *reactor);

/*
 * For tests that step a reactor on their own OS thread: begin, any number of turns, end, as in
 * ebb_reactor_run() without its sleep. @polling: run every active poller; otherwise those that have
 * fired. Return: true if something was done.
 */
void ebb_reactor_begin(struct ebb_reactor *reactor);
bool ebb_reactor_turn(struct ebb_reactor *reactor, bool polling);
void ebb_reactor_end(struct ebb_reactor *reactor);

/*
 * What ebb_reactor_run() repeats: a turn, and what the mode has follow it. Return: @polling of the
 * next one, which is false after a sleep.
 */
bool ebb_reactor_step(struct ebb_reactor *reactor, bool polling);

static inline enum ebb_span_state ebb_span_state(const struct ebb_reactor *reactor)
{
	return atomic_load_explicit(&reactor->span.state, memory_order_relaxed);
}

static inline void ebb_span_set_state(struct ebb_reactor *reactor, enum ebb_span_state state)
{
	atomic_store_explicit(&reactor->span.state, state, memory_order_relaxed);
}

/* The name of the callback that runs; NULL: none does. Thread: any. */
static inline const char *ebb_reactor_running(const struct ebb_reactor *reactor)
{
	return ebb_span_state(reactor) != EBB_SPAN_RUNNING
		       ? NULL
		       : atomic_load_explicit(&reactor->span.name, memory_order_relaxed);
}

#endif
