/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_RARE_FD_H
#define CORE_EVENT_RARE_FD_H

/* A descriptor that seldom has something to read: the kernel's messages, say. */

#include <stdbool.h>
#include <stdint.h>

struct ebb_poller;

/* The caller's storage, zeroed at first. */
struct event_rare_fd {
	bool (*read)(void *arg);
	void *arg;
	struct ebb_poller *poller; /* NULL: it is not watched */
	uint64_t look_ns;          /* it looks then at the latest, if it is awake */
	uint64_t wakes;            /* of the poller, when it last looked */
};

/**
 * event_rare_fd_start() - call @read(@arg) when there may be something to read
 * @read: takes one message, without waiting for one. Return: false: there are no more now.
 * @name: for people; kept, not copied
 * Thread: the owner's from now on.
 * Owns: @fd stays the caller's, who closes it after event_rare_fd_stop().
 * Return: 0; -ENOMEM: nothing is watched.
 */
int event_rare_fd_start(struct event_rare_fd *rare, int fd, bool (*read)(void *arg), void *arg,
			const char *name);

/* Legal from inside read(), which is not called again; and if nothing is watched. */
void event_rare_fd_stop(struct event_rare_fd *rare);

#endif
