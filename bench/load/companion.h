/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_COMPANION_H
#define BENCH_COMPANION_H

/*
 * The companion: an OS thread on a CPU that no reactor has (where there is one), which does what
 * must not be done by those who are measured: it makes the arrivals of an open loop, and it is the
 * device whose speed is known. It sleeps until shortly before the next thing to do, then spins, and
 * it is there only as long as somebody has a duty for it.
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
 * Owns: @duty stays the caller's and must live until bench_companion_remove().
 * Return: 0; -errno: there is no OS thread to be had.
 */
int bench_companion_add(struct bench_companion_duty *duty);

/*
 * Returns when @duty is not called any more, after what one call of each duty takes. The last one ends
 * the OS thread. Thread: as above.
 */
void bench_companion_remove(struct bench_companion_duty *duty);

/* Calls @duty soon, and wakes the companion for it if it sleeps. Thread: any; takes no lock. */
void bench_companion_kick(struct bench_companion_duty *duty);

/*
 * Is there a CPU that this process may use and no reactor has? If not, the companion takes its time
 * from those who are measured. Thread: any, inside ebb_app_start().
 */
bool bench_companion_has_cpu(void);

struct bench_companion_usage {
	bool running; /* false: there is no companion, and nothing is used */
	uint64_t cpu_ns;
	uint64_t user_ns;
	uint64_t system_ns;
	uint64_t voluntary;
	uint64_t involuntary;
};

/*
 * What the companion has used since the process began, former OS threads of it included; but for
 * cpu_ns as of its last sleep, or up to a millisecond ago. Thread: as bench_companion_add().
 */
void bench_companion_get_usage(struct bench_companion_usage *ret_usage);

#endif
