/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the app thread has to hear of: completions of admin commands (vector 0), the system's wish
 * to have the device back, and errors of the link. The three eventfds stand in one epoll set, and
 * that is the wake source of one poller: a source in an epoll set that is watched edge-triggered is
 * itself an edge for each event within, whether or not anybody looks into the inner set.
 *
 * On each run the poller looks at the admin completion queue, in memory. It reads the two other
 * eventfds, which is a system call each, only when its source has fired, or every 100 ms while it
 * is run every turn and nothing can fire.
 *
 * A reactor that never sleeps would run it on each of millions of turns, mostly to see that there
 * is no asynchronous event. So there, while no other command is under way, a timer of 100 ms runs
 * in its place.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drivers/nvme/vfio/ctrlr.h"

#define LOOK_NS        (100 * EBB_NS_PER_MS)
#define LOOK_PERIOD_US 100000u
#define STEP_PERIOD_US 1000u

static bool watch_fd_fired(int fd)
{
	uint64_t count;

	return fd >= 0 && read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

/* May close the device: nothing of @c is looked at afterwards but c->watch. */
static void watch_look(struct vfio_ctrlr *c)
{
	c->watch_next_ns = ebb_reactor_now_ns() + LOOK_NS;
	if (watch_fd_fired(c->device->error_fd) && c->state == VFIO_READY && vfio_check_alive(c)) {
		vfio_reset(c, "the system reports an unrecoverable error of its link");
	}
	if (c->device != NULL && c->watch != NULL && watch_fd_fired(c->device->request_fd)) {
		vfio_leave(c, "the system asks for it back: it is being unplugged, or unbound");
	}
}

static int watch_run(void *arg)
{
	struct vfio_ctrlr *c = arg;
	bool worked = vfio_admin_poll(c);
	uint64_t wakes;

	if (c->watch == NULL) {
		return 1;
	}
	wakes = ebb_poller_wakes(c->watch);
	if (wakes != c->watch_wakes || ebb_reactor_now_ns() >= c->watch_next_ns) {
		c->watch_wakes = wakes;
		watch_look(c);
	}
	if (c->watch != NULL && !c->watch_sleeps) {
		vfio_watch_update(c);
	}
	return worked;
}

static int watch_timer_run(void *arg)
{
	watch_run(arg);
	return 0;
}

static int watch_arm(void *arg)
{
	struct vfio_ctrlr *c = arg;

	return c->admin.outstanding != 0 && vfio_qpair_waiting(&c->admin) ? -EAGAIN : 0;
}

/* Whoever has had the mode changed goes through the pollers: they change places afterwards. */
static void watch_mode_changed(void *arg)
{
	struct vfio_ctrlr *c = arg;

	c->watch_told = false;
	if (c->watch != NULL) {
		vfio_watch_update(c);
	} else if (c->freed) {
		vfio_ctrlr_free(c);
	}
}

static int watch_set_interrupt(void *arg, bool on)
{
	struct vfio_ctrlr *c = arg;

	c->watch_sleeps = on;
	if (!c->watch_told) {
		c->watch_told = true;
		ebb_msg_init(&c->watch_msg, watch_mode_changed, c);
		ebb_thread_send(ebb_thread_app(), &c->watch_msg);
	}
	return 0;
}

static void watch_step_update(struct vfio_ctrlr *c)
{
	bool steps = c->state == VFIO_DISABLING || c->state == VFIO_ENABLING ||
		     c->state == VFIO_DELETING || c->state == VFIO_SHUTTING_DOWN;

	if (steps) {
		ebb_poller_resume(c->step_timer);
	} else {
		ebb_poller_pause(c->step_timer);
	}
}

void vfio_watch_update(struct vfio_ctrlr *c)
{
	bool timed = !c->watch_sleeps && c->admin_busy == 0;

	if (c->watch == NULL) {
		return;
	}
	watch_step_update(c);
	if (timed == c->watch_timed) {
		return;
	}
	c->watch_timed = timed;
	if (timed) {
		ebb_poller_pause(c->watch);
		ebb_poller_resume(c->watch_timer);
	} else {
		ebb_poller_pause(c->watch_timer);
		ebb_poller_resume(c->watch);
	}
}

static int watch_add(struct vfio_ctrlr *c, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	return fd >= 0 && epoll_ctl(c->watch_fd, EPOLL_CTL_ADD, fd, &event) != 0 ? -errno : 0;
}

int vfio_watch_open(struct vfio_ctrlr *c)
{
	c->admin_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	return c->admin_fd < 0 || c->watch_fd < 0 ? -errno : watch_add(c, c->admin_fd);
}

int vfio_watch_init(struct vfio_ctrlr *c)
{
	struct ebb_poller_wake wake = {
		.fd = c->watch_fd,
		.events = EPOLLIN | EPOLLET,
		.set_interrupt = watch_set_interrupt,
		.arm = watch_arm,
	};
	int rc = watch_add(c, c->device->request_fd);

	rc = rc == 0 ? watch_add(c, c->device->error_fd) : rc;
	rc = rc == 0 ? vfio_admin_timer_init(c) : rc;
	if (rc != 0) {
		return rc;
	}
	c->step_timer =
		ebb_poller_register_named(vfio_start_step, c, STEP_PERIOD_US, NULL, "nvme_start");
	c->watch_timer =
		ebb_poller_register_named(watch_timer_run, c, LOOK_PERIOD_US, NULL, "nvme_watch");
	if (c->step_timer == NULL || c->watch_timer == NULL) {
		return -ENOMEM;
	}
	ebb_poller_pause(c->step_timer);
	ebb_poller_pause(c->watch_timer);
	c->watch = ebb_poller_register_named(watch_run, c, 0, &wake, "nvme_admin");
	return c->watch == NULL ? -ENOMEM : 0;
}

void vfio_watch_fini(struct vfio_ctrlr *c)
{
	ebb_poller_unregister(&c->watch);
	ebb_poller_unregister(&c->watch_timer);
	ebb_poller_unregister(&c->step_timer);
	ebb_poller_unregister(&c->admin_timer);
}
