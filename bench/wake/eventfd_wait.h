/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_EVENTFD_WAIT_H
#define BENCH_EVENTFD_WAIT_H

/* What a baseline's OS threads sleep on: an eventfd in an epoll instance, as a reactor's is. */

#include <stdbool.h>

struct bench_eventfd_wait {
	int event_fd;
	int epoll_fd;
	bool edge;
};

#define BENCH_EVENTFD_WAIT_NONE                \
	{                                      \
		.event_fd = -1, .epoll_fd = -1 \
	}

/**
 * bench_eventfd_wait_init() - make the eventfd and its epoll instance
 * @edge: watched edge-triggered and never read; otherwise read after each wakeup
 * Return: 0; -errno (said on stderr), and then it may be given to bench_eventfd_wait_fini().
 */
int bench_eventfd_wait_init(struct bench_eventfd_wait *wait, bool edge);
void bench_eventfd_wait_fini(struct bench_eventfd_wait *wait);

/* Also wakes when @fd can be read. Return: 0; -errno (said on stderr). */
int bench_eventfd_wait_add(struct bench_eventfd_wait *wait, int fd);

/* Sleeps until something has come. Return: the fd it came by; the eventfd has been seen to. */
int bench_eventfd_wait_sleep(struct bench_eventfd_wait *wait);

/* Thread: any. */
void bench_eventfd_wait_wake(struct bench_eventfd_wait *wait);

#endif
