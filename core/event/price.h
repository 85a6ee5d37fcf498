/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_PRICE_H
#define CORE_EVENT_PRICE_H

/*
 * What this machine asks for a sleep and a wakeup, measured: how late an OS thread runs that was
 * woken by another one, by a timer or by a device, and the CPU time that this took it. All depends on
 * how long it slept before, as the longer a CPU is idle the deeper it sleeps.
 *
 * Each function measures on the calling OS thread, which sleeps meanwhile, and returns within the
 * time that it was given and one sample more. Nothing is left afterwards: no thread, no timer, no
 * descriptor. A caller who wants the prices of one CPU holds its thread there.
 */

#include <stdbool.h>

#include <ebb/base.h>

struct event_price_spread {
	double p5_ns;
	double median_ns;
	double p95_ns;
};

struct event_price {
	unsigned samples;
	struct event_price_spread late; /* from the event until the thread runs again */
	struct event_price_spread cpu;  /* the thread's, of a sleep and wakeup, or of a read */
};

struct event_price_opts {
	uint64_t idle_ns;      /* each sleep is so long, or a little longer */
	unsigned samples;      /* at most; at least 1 */
	uint64_t limit_ns;     /* no sample begins after so much time */
	bool (*stopped)(void); /* nor when this says so; NULL: never */
};

/**
 * event_price_wake() - woken by another OS thread, which writes an eventfd that an epoll waits for
 * @waker_cpu: where that thread is held; the caller's own CPU is measured too, but is not idle then
 * Return: 0; -ETIME: there was no time for a sample; -errno: it cannot be measured here.
 */
int event_price_wake(const struct event_price_opts *opts, int waker_cpu,
		     struct event_price *ret_price);

/* To a timeout of epoll the kernel may add a thousandth of it, whatever the slack. */
enum event_price_timer {
	EVENT_PRICE_TIMERFD,   /* an epoll waits for it; it has no slack */
	EVENT_PRICE_EPOLL,     /* event_epoll_wait(), as a reactor's sleep */
	EVENT_PRICE_NANOSLEEP, /* clock_nanosleep() */
};

/**
 * event_price_timer() - woken by a timer; late is what it slept longer than it wanted to
 * @slack_ns: the calling OS thread's timer slack meanwhile; 0: as it is
 * Return: as above.
 */
int event_price_timer(enum event_price_timer timer, unsigned long slack_ns,
		      const struct event_price_opts *opts, struct event_price *ret_price);

/* Reads of a block by io_uring, after the sleep. */
struct event_price_read {
	struct event_price slept;            /* slept for: from the submission on */
	struct event_price looked;           /* looked for until it was there */
	struct event_price_spread interrupt; /* slept less looked, pair by pair; may be negative */
};

/**
 * event_price_read() - woken by a device
 * @fd: opened for reading, with O_DIRECT
 * @size_bytes: of it; blocks of 4096 bytes are read all over it
 * Reads that are slept for and such that are looked for come by turns: the device's own time is in
 * both, so the difference is the price of being woken by it.
 * Return: as above; the error of a read; -EINVAL: it has not one block.
 */
int event_price_read(int fd, uint64_t size_bytes, const struct event_price_opts *opts,
		     struct event_price_read *ret_price);

#endif
