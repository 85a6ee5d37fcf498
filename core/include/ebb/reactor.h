/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_REACTOR_H
#define EBB_REACTOR_H

/* A reactor: one OS thread per CPU, running ebb threads, awake or asleep as its mode says. */

#include <stdbool.h>
#include <sys/types.h>

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebb_reactor_mode {
	EBB_REACTOR_POLL,      /* spins, pinned to its CPU */
	EBB_REACTOR_INTERRUPT, /* sleeps whenever there is nothing to do */
	EBB_REACTOR_ADAPTIVE, /* spins for spin_us_max after the last useful work, then sleeps; or a plan */
	EBB_REACTOR_MODE_COUNT,
};

#define EBB_REACTOR_SPIN_US_DEFAULT 50

const char *ebb_reactor_mode_name(enum ebb_reactor_mode mode);
bool ebb_reactor_mode_parse(const char *name, enum ebb_reactor_mode *ret_mode);

/**
 * ebb_reactor_set_mode() - change how a reactor waits, at any time and under load
 * @core: its CPU number
 * @spin_us_max: the spin budget of the adaptive mode, in microseconds, which is kept in the others; 0:
 *	as it is
 * @done: called once, on the calling thread, never inside this call: 0 (also when the mode is the
 *	one it has); -EINVAL no reactor on @core; -EBUSY another change is under way; or the error
 *	of the poller that cannot sleep, and then everything is as before.
 * Thread: an ebb thread.
 */
typedef void (*ebb_reactor_mode_cb)(void *arg, int rc);
void ebb_reactor_set_mode(int core, enum ebb_reactor_mode mode, uint32_t spin_us_max,
			  ebb_reactor_mode_cb done, void *arg);

#define EBB_REACTOR_FOREVER UINT64_MAX

/**
 * ebb_reactor_set_plan() - have a reactor wait by a fixed plan, at any time and under load
 * When it finds nothing to do it sleeps first, for at most @sleep_ns; whatever else may wake it ends
 * that sleep. Then it looks for work turn after turn, and after that it sleeps until it is woken. It
 * is in EBB_REACTOR_ADAPTIVE with this plan until the next change of its mode or plan, and unlike
 * one that polls it is not held on its CPU.
 * @sleep_ns: from when it ran out of work; 0 (or less than a microsecond): it does not sleep first
 * @look_ns: the end of the look, from when it ran out of work; EBB_REACTOR_FOREVER: it has none;
 *	not more than @sleep_ns: there is no look, it sleeps until it is woken, from the start
 * @done: as with ebb_reactor_set_mode()
 * Thread: an ebb thread.
 */
void ebb_reactor_set_plan(int core, uint64_t sleep_ns, uint64_t look_ns, ebb_reactor_mode_cb done,
			  void *arg);

/**
 * ebb_reactor_now_ns() - the time when the running callback, or batch of completions, began
 * The clock is read once a turn, and between callbacks; completions of one turn share a reading.
 * Thread: an ebb thread.
 * Return: nanoseconds of CLOCK_MONOTONIC.
 */
uint64_t ebb_reactor_now_ns(void);

/*
 * Work for the end of a turn, when all that the turn's callbacks submit has been submitted: what
 * costs the same for many as for one (a doorbell) is done there once.
 */
struct ebb_turn_end {
	void (*fn)(
		struct ebb_turn_end *end); /* in no thread; short, submits and completes nothing */
	struct ebb_turn_end *next;         /* the reactor's */
};

/**
 * ebb_reactor_at_turn_end() - run @end->fn(@end) once, at the end of the running turn
 * Also if the reactor sleeps afterwards: before that.
 * Thread: an ebb thread. @end must not be waiting already.
 */
void ebb_reactor_at_turn_end(struct ebb_turn_end *end);

/* CPU number of the calling reactor; -1 on other OS threads. */
int ebb_reactor_current_core(void);

/* The CPU numbers that have a reactor, ascending: @index from 0; -1 past the last. Thread: any. */
int ebb_reactor_core(unsigned index);

struct ebb_reactor_stats {
	int core;
	pid_t tid;
	enum ebb_reactor_mode mode;
	uint32_t spin_us_max;
	uint64_t
		sleep_ns; /* how it waits in its mode, or by its plan: see ebb_reactor_set_plan() */
	uint64_t look_ns;
	uint64_t busy_ns;
	uint64_t idle_ns; /* awake with nothing to do, and asleep */
	uint64_t turns;
	uint64_t wakeups;           /* returns from a sleep */
	uint64_t slow_callbacks;    /* over the limit, by their own doing (rule 5) */
	uint64_t delayed_callbacks; /* over the limit, because they were kept from running */
	const char *last_wake;      /* "message", "timer", "timeout", a poller's name, "none" */
	bool asleep;
};

/* Thread: any; a snapshot, each field right by itself. Return: 0; -EINVAL no reactor on @core. */
int ebb_reactor_get_stats(int core, struct ebb_reactor_stats *ret_stats);

/*
 * A reason why the reactor on which the calling thread runs cannot sleep; @thread and @poller are
 * names. Calls @fn for each. Thread: an ebb thread of that reactor.
 */
void ebb_reactor_for_each_blocker(void (*fn)(const char *thread, const char *poller,
					     const char *reason, void *arg),
				  void *arg);

#ifdef __cplusplus
}
#endif

#endif
