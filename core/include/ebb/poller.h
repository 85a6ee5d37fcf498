/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_POLLER_H
#define EBB_POLLER_H

/*
 * A poller is served in two ways. While its reactor polls, its function runs every turn (or when
 * its period has passed). While the reactor sleeps, its function runs when its wake source fires. A
 * poller of period 0 without a wake source keeps its reactor awake, and is named as a blocker.
 */

#include <stdbool.h>

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_poller;

/* Return: > 0 did work, 0 idle, < 0 idle and an error, which is counted. */
typedef int (*ebb_poller_fn)(void *arg);

struct ebb_poller_wake {
	/*
	 * Watched for @events (EPOLLIN if 0) while the reactor sleeps; -1: the source has none. It
	 * stays the caller's and must outlive the poller. EPOLLET may be set: then the function
	 * need not drain the fd, every new event wakes again.
	 */
	int fd;
	uint32_t events;

	/*
	 * Optional. The reactor begins (@on) or ceases to sleep on this source. May be slow. < 0:
	 * the source cannot, and the reactor's mode change fails with that error. Called once with
	 * true on registration too, if the reactor may sleep by then.
	 */
	int (*set_interrupt)(void *arg, bool on);

	/*
	 * Optional. Called before each sleep; writes memory only. Return: 0 armed, the fd will fire
	 * for anything that happens from here on; -EAGAIN there is work now, do not sleep.
	 */
	int (*arm)(void *arg);
};

/**
 * ebb_poller_register() - call @fn(@arg) every @period_us, or every turn if that is 0
 * Missed periods do not pile up.
 * Thread: an ebb thread (rule 4), which owns the poller.
 * Owns: the framework, until ebb_poller_unregister().
 * Return: the poller; NULL out of memory or of timers, or not on an ebb thread (reported).
 */
#define ebb_poller_register(fn, arg, period_us) \
	ebb_poller_register_named((fn), (arg), (period_us), NULL, #fn)

/**
 * ebb_poller_register_wake() - call @fn(@arg) every turn, and while asleep when @wake fires
 * @wake: copied
 * Otherwise as ebb_poller_register(). NULL also if set_interrupt() or epoll refuses the source.
 */
#define ebb_poller_register_wake(fn, arg, wake) \
	ebb_poller_register_named((fn), (arg), 0, (wake), #fn)

/* As those, which are what it is for. @name: kept, not copied; NULL: "unnamed". */
struct ebb_poller *ebb_poller_register_named(ebb_poller_fn fn, void *arg, uint64_t period_us,
					     const struct ebb_poller_wake *wake, const char *name);

/**
 * ebb_poller_unregister() - end a poller
 * Sets *@poller to NULL at once; the function never runs again; the memory is freed later. Legal
 * from the poller itself, another poller, a message, while paused and before its first run.
 * Nothing is called for the source afterwards: its fd may be closed at once. NULL is ignored.
 * Thread: the owner.
 */
void ebb_poller_unregister(struct ebb_poller **poller);

/* Idempotent, and legal from inside the poller. Resuming restarts the period. Thread: the owner. */
void ebb_poller_pause(struct ebb_poller *poller);
void ebb_poller_resume(struct ebb_poller *poller);

/**
 * ebb_poller_run_at() - a timed poller runs next at @deadline_ns, and not a period from now
 * Instead of what it had ahead of it; one that is paused goes on. From inside the poller, too: then
 * no period follows this run.
 * @deadline_ns: of ebb_clock_now_ns(). The run is late by what the turn takes, or asleep by what
 *	the timer does. It may be early by a few ns where the processor's counter is the clock:
 *	who must not be early looks again.
 * Thread: the owner. From elsewhere, of a poller without a period, or of one that has been
 *	unregistered it is reported, and changes nothing.
 */
void ebb_poller_run_at(struct ebb_poller *poller, uint64_t deadline_ns);

/*
 * How often @poller's source has fired: for one whose function has to do something costly then,
 * and only then. Thread: the owner.
 */
uint64_t ebb_poller_wakes(const struct ebb_poller *poller);

struct ebb_poller_stats {
	const char *name;
	const char *state; /* "waiting", "running", "unregistered", "pausing", "paused" */
	uint64_t id;
	uint64_t period_ns; /* 0: every turn */
	uint64_t run_count;
	uint64_t busy_count;
	uint64_t error_count;
	uint64_t wake_count; /* runs because its source woke the reactor */
	bool paused;
	bool blocks_sleep; /* period 0, not paused, no wake source */
};

/* Calls @fn for each poller of the calling thread. @fn must not register or unregister any. */
void ebb_poller_for_each(void (*fn)(const struct ebb_poller_stats *stats, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
