/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_REACTOR_H
#define CORE_EVENT_REACTOR_H

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include <ebb/clock.h>
#include <ebb/list.h>
#include <ebb/reactor.h>

#include "core/base/clock.h"
#include "core/base/mpsc.h"
#include "core/event/doing.h"
#include "core/event/plan.h"
#include "core/event/source.h"
#include "core/event/switch_monitor.h"
#include "core/event/thread.h"
#include "core/event/turn.h"
#include "core/event/verdict.h"
#include "core/event/ring/uring_set.h"

#define EVENT_NO_TURN UINT64_MAX

/* Which callback runs, or has run last: see callback.h. */
enum event_span_state {
	EVENT_SPAN_EMPTY,   /* no callback has run since the last reading */
	EVENT_SPAN_RUNNING, /* one runs now */
	EVENT_SPAN_IDLE,    /* one has run, and had nothing to do */
	EVENT_SPAN_WORKED,  /* one has run */
};

struct event_span {
	_Atomic(enum event_span_state) state;
	_Atomic(const char *) name;          /* the callback's; from here on only if there is one */
	_Atomic(struct ebb_thread *) thread; /* NULL: the reactor's own */
};

/* What the watchdog knows of a reactor. */
struct event_watched {
	uint64_t turn;               /* that it saw last */
	uint64_t reported_turn;      /* the last one that it reported as stuck */
	uint64_t forgiven_ns;        /* when it last found that the process had been stopped */
	struct event_reading last;   /* at its last look */
	struct event_reading before; /* at the last look that saw another turn */
};

enum event_reactor_state {
	EVENT_REACTOR_NEW, /* its OS thread has not begun */
	EVENT_REACTOR_RUNNING,
	EVENT_REACTOR_STOPPING, /* it ends when it has no more threads */
	EVENT_REACTOR_ENDED,
	EVENT_REACTOR_STATE_COUNT,
};

struct event_reactor {
	/* The sleep protocol: senders exchange the one, and write the other. See reactor.c. */
	_Atomic uint32_t asleep EBB_CACHE_ALIGNED;
	int event_fd;
	/* Messages to the reactor itself: a new thread, a mode, a stop. */
	struct base_mpsc inbox EBB_CACHE_ALIGNED;

	/* The owner's; what others read of it is stored relaxed. */
	struct base_ticker ticker EBB_CACHE_ALIGNED;
	struct ebb_list threads;
	_Atomic uint64_t turns;
	uint64_t last_work_ns; /* when work last ended: a wait begins there */
	struct event_plan plan;
	enum ebb_reactor_mode mode;
	uint32_t spin_us_max;
	bool interruptible; /* its pollers' set_interrupt(true) has been called */
	bool pinned;        /* to its CPU in every mode */
	_Atomic(enum event_reactor_state) state;
	unsigned num_leaving;   /* threads that exit or move */
	unsigned helper_jobs;   /* that its threads have on the helper */
	uint64_t helper_ns;     /* when one of them last began or ended */
	struct event_span span; /* what has run since the last reading of the clock */
	struct event_uring_set urings;
	uint64_t awake_since_ns; /* when it last woke */

	_Atomic uint64_t self_send_turn; /* the turn in which a thread last sent to itself */
	_Atomic uint64_t busy_ns;
	_Atomic uint64_t started_ns;
	_Atomic uint64_t turn_ns; /* when the running turn began; EVENT_NO_TURN: none runs */
	_Atomic uint64_t wakeups;
	_Atomic(const char *) last_wake;

	/*
	 * What I/O completions have for a name: see overrun.c. The first of the deferred ones, with
	 * the lowest bit set if there are more; the last one that came in a driver's callback, by
	 * its channel's context and event_turn.now_ns.
	 */
	_Atomic uintptr_t batch;
	uint64_t closely_until_ns; /* they are measured one by one */
	_Atomic(const void *) io_ctx;
	_Atomic uint64_t io_ns;

	_Atomic bool mode_changing;
	_Atomic(enum ebb_reactor_mode) mode_published;
	_Atomic uint32_t spin_us_published;
	_Atomic uint64_t sleep_published;
	_Atomic uint64_t look_published;

	struct base_handle_table sources;
	struct event_source event_source;
	int epoll_fd;
	int core;
	_Atomic pid_t tid;
	pthread_t pthread;
	bool joinable;
	struct ebb_msg stop_msg;
	struct ebb_msg age_msg; /* the watchdog's */
	_Atomic bool age_sent;
	struct event_switch_count switches; /* the watchdog's: see switch_monitor.h */
	struct event_watched watched;       /* the watchdog's */

	/* For callbacks that take long: see callback.c and overrun.c. */
	struct event_reading reading; /* kept from before */
	int times_fd;
	struct event_doing_state doing;
	_Atomic uint64_t slow_callbacks;
	_Atomic uint64_t delayed_callbacks; /* over the limit, and not their own fault */
};

extern struct event_reactor *event_reactors; /* ascending by core; NULL outside init … fini */
extern unsigned event_num_reactors;

/* Return: 0; -errno. */
int event_reactor_init(struct event_reactor *reactor, int core, enum ebb_reactor_mode mode,
		       uint32_t spin_us_max);
void event_reactor_fini(struct event_reactor *reactor);

/* True when it has been told to stop, and has no more threads. Thread: the reactor's. */
bool event_reactor_done(const struct event_reactor *reactor);

/* Runs on the calling OS thread until event_reactor_done(). */
void event_reactor_run(struct event_reactor *reactor);

/*
 * For tests that step a reactor on their own OS thread: begin, any number of turns, end, as in
 * event_reactor_run() without its sleep. @polling: run every active poller; otherwise those that
 * have fired. Return: true if something was done.
 */
void event_reactor_begin(struct event_reactor *reactor);
bool event_reactor_turn(struct event_reactor *reactor, bool polling);
void event_reactor_end(struct event_reactor *reactor);

/*
 * What event_reactor_run() repeats: a turn, and what the mode has follow it. Return: @polling of
 * the next one, which is false after a sleep.
 */
bool event_reactor_step(struct event_reactor *reactor, bool polling);

/* A completion callback is about to run in a driver's: should it be slow, it has a name. */
static inline void event_reactor_note_io(const void *channel_ctx)
{
	struct event_reactor *reactor = event_turn.reactor;

	atomic_store_explicit(&reactor->io_ctx, channel_ctx, memory_order_relaxed);
	atomic_store_explicit(&reactor->io_ns, event_turn.now_ns, memory_order_relaxed);
}

/*
 * What is noted are addresses, of requests and channels that may go. Whoever lets a channel go calls
 * this first, and takes the lock of the channels afterwards, to unlink it. So whoever holds that
 * lock and finds an address may follow it. Thread: the reactor's.
 */
static inline void event_reactor_forget_io(struct event_reactor *reactor)
{
	atomic_store_explicit(&reactor->batch, 0, memory_order_relaxed);
	atomic_store_explicit(&reactor->io_ctx, NULL, memory_order_relaxed);
}

static inline enum event_span_state event_span_state(const struct event_reactor *reactor)
{
	return atomic_load_explicit(&reactor->span.state, memory_order_relaxed);
}

static inline void event_span_set_state(struct event_reactor *reactor, enum event_span_state state)
{
	atomic_store_explicit(&reactor->span.state, state, memory_order_relaxed);
}

/* The name of the callback that runs; NULL: none does. Thread: any. */
static inline const char *event_reactor_running(const struct event_reactor *reactor)
{
	return event_span_state(reactor) != EVENT_SPAN_RUNNING
		       ? NULL
		       : atomic_load_explicit(&reactor->span.name, memory_order_relaxed);
}

#endif
