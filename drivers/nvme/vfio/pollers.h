/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_POLLERS_H
#define DRIVERS_NVME_VFIO_POLLERS_H

/* Which of a controller's pollers run when. What they do is in admin_events.c. The app thread's. */

#include <ebb/poller.h>
#include <ebb/thread.h>

struct vfio_ctrlr;

struct vfio_pollers {
	struct ebb_poller *admin;      /* woken by @epoll_fd; NULL: none of them is registered */
	struct ebb_poller *admin_slow; /* every 100 ms, in its place: nothing is expected soon */
	struct ebb_poller *status;     /* every ms: something is expected of the status register */
	struct ebb_poller *ages;       /* while admin commands are under way */
	int admin_fd;                  /* eventfd of vector 0; -1: none */
	int epoll_fd; /* @admin_fd, the device's request_fd and error_fd; -1: none */
	uint64_t wakes;
	uint64_t look_ns; /* when the device's fds are looked at, whether or not they have fired */
	bool may_sleep;   /* the reactor may */
	bool slow;        /* @admin_slow runs, and @admin does not */
	bool told;        /* @mode_msg is under way */
	struct ebb_msg mode_msg;
};

/* Opens the fds. Return: 0; -errno: vfio_pollers_close() is due all the same. */
int vfio_pollers_open(struct vfio_ctrlr *c);
void vfio_pollers_close(struct vfio_ctrlr *c);

/* Puts @fd into the set that @admin is woken by; -1 is ignored. Return: 0; -errno. */
int vfio_pollers_watch(struct vfio_ctrlr *c, int fd);

/* Follows the state, and what is under way of the admin queue. */
void vfio_pollers_update(struct vfio_ctrlr *c);

/* The device is about to be closed. */
void vfio_pollers_fini(struct vfio_ctrlr *c);

#endif
