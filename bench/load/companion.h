/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_COMPANION_H
#define BENCH_COMPANION_H

/*
 * The companion: an OS thread on a CPU that no reactor has (where there is one), which does what
 * must not be done by those who are measured: it makes the arrivals of an open loop, and it is the
 * device whose speed is known. It sleeps until shortly before the next thing to do, then spins. It
 * comes with the first duty and stays; without a duty it sleeps for good.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include <ebb/base.h>

/* The caller's storage; zeroed but for @fn before it is given to the companion. */
struct bench_companion_duty {
	/**
	 * fn() - do what is due at @now_ns
	 * Short; takes no lock, and does not block.
	 * @now_ns: of ebb_clock_now_ns()
	 * Thread: the companion.
	 * Return: when it next wants to be called; @now_ns or less: at once; UINT64_MAX: not before
	 *	it is kicked.
	 */
	uint64_t (*fn)(struct bench_companion_duty *duty, uint64_t now_ns);

	/* The companion's. */
	struct bench_companion_duty *next;
	uint64_t due_ns;
	atomic_bool kicked;
	atomic_int state;
};

/**
 * bench_companion_add() - have the companion do @duty, for the first time at once
 * The first one starts the OS thread.
 * Thread: the app thread, or one that nobody measures; not two at a time.
 * Owns: @duty stays the caller's and must live until it has been left.
 * Return: 0; -errno: there is no OS thread to be had.
 */
int bench_companion_add(struct bench_companion_duty *duty);

/* Has the companion leave off @duty soon. Thread: as above. */
void bench_companion_leave(struct bench_companion_duty *duty);

/* True when it has: then the caller may do with @duty what it likes. Thread: as above. */
bool bench_companion_has_left(const struct bench_companion_duty *duty);

/* Both, and waits in between: for as long as one call of each duty takes, and the companion its CPU. */
void bench_companion_remove(struct bench_companion_duty *duty);

/* Calls @duty soon, and wakes the companion for it if it sleeps. Thread: any; takes no lock. */
void bench_companion_kick(struct bench_companion_duty *duty);

/*
 * Is there a CPU that this process may use and no reactor has? If not, the companion takes its time
 * from those who are measured. Thread: any, inside ebb_app_start().
 */
bool bench_companion_has_cpu(void);

struct bench_companion_usage {
	bool running; /* it has a duty */
	uint64_t cpu_ns;
	uint64_t user_ns;
	uint64_t system_ns;
	uint64_t voluntary;
	uint64_t involuntary;
};

/*
 * What the companion has used so far; but for cpu_ns as of its last sleep, or up to a millisecond of its
 * running ago. Thread: as bench_companion_add().
 */
void bench_companion_get_usage(struct bench_companion_usage *ret_usage);

#endif
