/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_FD_RESERVE_H
#define CORE_OS_FD_RESERVE_H

/*
 * A part of the process's file descriptors is kept from clients, so that however many of these come,
 * ebbd can be asked what is wrong (RPC) and can open what it needs itself (a file, a timer).
 *
 * The kernel gives out the lowest number that is free. So it takes no counting: a client that never
 * keeps a number from a mark up leaves all of those from there to RLIMIT_NOFILE to the others. Who
 * accepts clients asks once for each, before it keeps the descriptor:
 *
 *	fd = accept4(...);
 *	if (fd >= 0 && !os_fd_reserve_admits(fd, OS_FD_CLIENT)) {
 *		(say why, if the protocol can; log it once, until one is admitted again)
 *		close(fd);
 *	}
 *
 * So a client that is one too many is accepted and told, or hung up on, at once. It needs no
 * descriptor kept aside to send it away, and no pause: that is for accept() that fails with EMFILE,
 * when the kept part is used up as well.
 */

#include <stdbool.h>

/* Who is to keep a descriptor. What the daemon opens for itself may have any, and need not ask. */
enum os_fd_user {
	OS_FD_CLIENT,  /* a client of an export: an eighth is kept from it, 2 to 16 */
	OS_FD_CONTROL, /* a client of RPC: a third of that is, for what its methods open */
};

/**
 * os_fd_reserve_admits() - may such a user keep @fd?
 * @fd: just made by the kernel: by accept(), open() ... and not moved since
 * Thread: any; one short system call.
 * Return: false: it belongs to the part that is kept from @user.
 */
bool os_fd_reserve_admits(int fd, enum os_fd_user user);

/**
 * os_fd_reserve_left() - is there a descriptor for another such user?
 * Thread: any; it takes one for a moment.
 */
bool os_fd_reserve_left(enum os_fd_user user);

/**
 * os_fd_reserve_raise() - let the process have as many descriptors as it may
 * The soft limit is for programs that call select(). Where it stays, what runs short says so.
 * Thread: main(), before there are others.
 */
void os_fd_reserve_raise(void);

#endif
