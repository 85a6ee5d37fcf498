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

/*
 * Measuring callbacks. The time between two readings of the clock belongs to the callback that ran
 * between them. So the clock is read when another callback is about to run, and at the start of the
 * next turn, which reads it anyway: a turn with one callback costs no reading of its own. The watchdog
 * reads from here what runs; it may see one callback's name with another's thread.
 */
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
	bool stop;
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
	_Atomic bool ended;
	struct ebb_msg stop_msg;
	struct ebb_msg age_msg; /* the watchdog's */
	_Atomic bool age_sent;
	uint64_t reported_turn; /* the watchdog's: the last turn that it reported as stuck */
};

extern struct ebb_reactor *ebb_reactors; /* ascending by core; NULL outside init … fini */
extern unsigned ebb_num_reactors;

/* NULL if no reactor has that CPU. */
struct ebb_reactor *ebb_reactor_by_core(int core);

/* Return: 0; -errno. */
int ebb_reactor_init(struct ebb_reactor *reactor, int core, enum ebb_reactor_mode mode,
		     uint32_t spin_us_max);
void ebb_reactor_fini(struct ebb_reactor *reactor);

/* Runs on the calling OS thread until ebb_reactor_stop() and until it has no more threads. */
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
 * A turn but for the submission, which a sleep may take over: see turn.c. @polling: as above; if
 * false, the clock has just been read.
 */
bool ebb_reactor_run_turn(struct ebb_reactor *reactor, bool polling);

/*
 * What ebb_reactor_run() repeats: a turn, and what the mode has follow it. Return: @polling of the
 * next one, which is false after a sleep.
 */
bool ebb_reactor_step(struct ebb_reactor *reactor, bool polling);

/* Submits what the turn has prepared. */
static inline void ebb_reactor_submit(struct ebb_reactor *reactor)
{
	if (reactor->urings.pending) {
		event_uring_set_submit(&reactor->urings);
	}
}

/* The CPUs that the process may use, as it was started; what a reactor that sleeps may roam. */
extern cpu_set_t ebb_allowed_cpus;

/* Puts the calling OS thread, which runs @reactor, where the mode wants it. */
void ebb_reactor_place(struct ebb_reactor *reactor);

/* Runs @msg on the reactor, in no thread. Thread: any. */
void ebb_reactor_send(struct ebb_reactor *reactor, struct ebb_msg *msg);

/* Writes the eventfd. */
void ebb_reactor_wake(struct ebb_reactor *reactor);

/*
 * The second half of every send, after the message has been published. Pairs with the exchange
 * before the reactor's second look. Async-signal-safe.
 */
static inline void ebb_reactor_notify(struct ebb_reactor *reactor)
{
	if (ebb_unlikely(atomic_exchange_explicit(&reactor->asleep, 0, memory_order_seq_cst) !=
			 0)) {
		ebb_reactor_wake(reactor);
	}
}

/* The calling reactor; NULL elsewhere. */
static inline struct ebb_reactor *ebb_reactor_current(void)
{
	return ebb_turn.reactor;
}

/*
 * Gives @thread to the calling reactor, which is the one it names; the reverse.
 * @interruptible: the face that its pollers have shown so far
 */
void ebb_reactor_add_thread(struct ebb_reactor *reactor, struct ebb_thread *thread,
			    bool interruptible);
void ebb_reactor_remove_thread(struct ebb_reactor *reactor, struct ebb_thread *thread);

/* Forgets the deferred completions of @thread, whose end is forced. */
void ebb_reactor_drop_deferred(struct ebb_thread *thread);

/* A callback that takes longer is counted and logged (rule 5). */
#define EBB_CALLBACK_LIMIT_NS (10 * EBB_NS_PER_MS)

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

/* Gives the time since @since_ns to the callback that has worked. */
static inline void ebb_reactor_charge(struct ebb_reactor *reactor, uint64_t since_ns)
{
	uint64_t busy_ns = atomic_load_explicit(&reactor->busy_ns, memory_order_relaxed);
	uint64_t passed_ns = ebb_turn.now_ns - since_ns;
	struct ebb_thread *thread =
		atomic_load_explicit(&reactor->span.thread, memory_order_relaxed);

	atomic_store_explicit(&reactor->busy_ns, busy_ns + passed_ns, memory_order_relaxed);
	reactor->last_work_ns = ebb_turn.now_ns;
	if (thread != NULL) {
		thread->busy_ns += passed_ns;
	}
}

/* Reads the kernel's clock, and looks whether the callback that has run took too long. */
void ebb_reactor_read_kernel_clock(struct ebb_reactor *reactor);

/*
 * Reads the clock. The time since the last reading is charged to what has worked meanwhile. What is
 * over the limit has outlasted what may be counted, so it is looked for where that ends.
 */
static_assert(EBB_CALLBACK_LIMIT_NS > EBB_TICKER_ANCHOR_MAX_NS, "overruns would not be seen");

static inline void ebb_reactor_read_clock(struct ebb_reactor *reactor)
{
	uint64_t since_ns = ebb_turn.now_ns;

	if (ebb_unlikely(!ebb_ticker_count(&reactor->ticker, &ebb_turn.now_ns))) {
		ebb_reactor_read_kernel_clock(reactor);
	}
	if (ebb_span_state(reactor) == EBB_SPAN_WORKED) {
		ebb_reactor_charge(reactor, since_ns);
	}
	ebb_span_set_state(reactor, EBB_SPAN_EMPTY);
}

/* The same, in a turn that has read it before. */
void ebb_reactor_read_clock_again(struct ebb_reactor *reactor);

/* Makes @thread, of the calling reactor, the running one; NULL: none is. */
static inline void ebb_thread_enter(struct ebb_thread *thread)
{
	ebb_turn.thread = thread;
}

/* Reports a spin lock that @thread still holds when the callback @name has returned. */
void ebb_spinlock_held(struct ebb_thread *thread, const char *name);

/* Around each callback of @thread. */
static inline void ebb_callback_begin(struct ebb_reactor *reactor, struct ebb_thread *thread,
				      const char *name)
{
	if (ebb_unlikely(ebb_span_state(reactor) != EBB_SPAN_EMPTY)) {
		ebb_reactor_read_clock_again(reactor);
	}
	atomic_store_explicit(&reactor->span.name, name, memory_order_relaxed);
	atomic_store_explicit(&reactor->span.thread, thread, memory_order_relaxed);
	ebb_span_set_state(reactor, EBB_SPAN_RUNNING);
}

/* The callback of @thread (NULL: of the reactor itself) has returned. */
static inline void ebb_callback_end(struct ebb_reactor *reactor, struct ebb_thread *thread,
				    bool worked)
{
	if (worked) {
		ebb_turn.worked = true;
	}
	ebb_span_set_state(reactor, worked ? EBB_SPAN_WORKED : EBB_SPAN_IDLE);
	if (thread != NULL && ebb_unlikely(thread->held_spinlocks != 0)) {
		ebb_spinlock_held(thread,
				  atomic_load_explicit(&reactor->span.name, memory_order_relaxed));
	}
}

/*
 * Before each completion of a batch: they are too short to be measured one by one, so that those of
 * one thread count as one callback.
 */
#define EBB_BATCH_NAME "I/O completions"

static inline void ebb_batch_enter(struct ebb_reactor *reactor, struct ebb_thread *thread)
{
	if (thread != ebb_turn.thread) {
		if (ebb_turn.thread != NULL) {
			ebb_callback_end(reactor, ebb_turn.thread, true);
		}
		ebb_callback_begin(reactor, thread, EBB_BATCH_NAME);
		ebb_thread_enter(thread);
	}
}

static inline void ebb_batch_leave(struct ebb_reactor *reactor)
{
	ebb_callback_end(reactor, ebb_turn.thread, true);
	ebb_thread_enter(NULL);
}

#endif
