/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BENCH_SLEEPER_H
#define EBB_BENCH_SLEEPER_H

/* What the floors' OS threads sleep on: an eventfd, watched by an epoll instance as a reactor's is.
 */

#include <stdbool.h>

struct bench_sleeper {
	int event_fd;
	int epoll_fd;
	bool edge;
};

#define BENCH_SLEEPER_NONE                     \
	{                                      \
		.event_fd = -1, .epoll_fd = -1 \
	}

/**
 * bench_sleeper_init() - make the eventfd and its epoll instance
 * @edge: watched edge-triggered and never read; otherwise read after each wakeup
 * Return: 0; -errno (said on stderr), and then it may be given to bench_sleeper_fini().
 */
int bench_sleeper_init(struct bench_sleeper *sleeper, bool edge);
void bench_sleeper_fini(struct bench_sleeper *sleeper);

/* Also wakes when @fd can be read. Return: 0; -errno (said on stderr). */
int bench_sleeper_watch(struct bench_sleeper *sleeper, int fd);

/* Sleeps until something has come. Return: the fd it came by; the eventfd has been seen to. */
int bench_sleeper_sleep(struct bench_sleeper *sleeper);

/* Thread: any. */
void bench_sleeper_wake(struct bench_sleeper *sleeper);

#endif
