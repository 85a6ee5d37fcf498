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
 *
 * Two more run only while something is under way: one looks at the status register every
 * millisecond while something is expected of it, one at the ages of admin commands every quarter of
 * their time.
 */
#include "drivers/nvme/vfio/admin_events.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <ebb/reactor.h>

#include "drivers/nvme/vfio/advance.h"
#include "drivers/nvme/vfio/ctrlr.h"

#define LOOK_NS          (100 * EBB_NS_PER_MS)
#define LOOK_PERIOD_US   100000u
#define STATUS_PERIOD_US 1000u

static bool fd_has_fired(int fd)
{
	uint64_t count;

	return fd >= 0 && read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

static bool events_admin_waits(const struct vfio_ctrlr *c)
{
	return c->admin.qpair.outstanding != 0 && vfio_qpair_waiting(&c->admin.qpair);
}

static void events_look(struct vfio_ctrlr *c)
{
	c->pollers.wakes = ebb_poller_wakes(c->pollers.admin);
	c->pollers.look_ns = ebb_reactor_now_ns() + LOOK_NS;
	if (fd_has_fired(c->device->error_fd) && c->state == VFIO_READY &&
	    vfio_reset_check_alive(c)) {
		vfio_reset_need(c, "the system reports an unrecoverable error of its link");
	}
	if (fd_has_fired(c->device->request_fd)) {
		vfio_reset_leave(c,
				 "the system asks for it back: it is being unplugged, or unbound");
	}
}

/* It is run on every turn of a reactor that is awake: most find nothing. */
static int events_run(void *arg)
{
	struct vfio_ctrlr *c = arg;
	bool look = ebb_poller_wakes(c->pollers.admin) != c->pollers.wakes ||
		    ebb_reactor_now_ns() >= c->pollers.look_ns;
	bool worked;

	if (ebb_likely(!look && !events_admin_waits(c))) {
		if (!c->pollers.may_sleep) {
			vfio_pollers_update(c);
		}
		return 0;
	}
	worked = vfio_advance_poll(c);
	if (look) {
		events_look(c);
	}
	vfio_advance(c);
	return worked;
}

static int events_run_slow(void *arg)
{
	events_run(arg);
	return 0;
}

static int events_arm(void *arg)
{
	return events_admin_waits(arg) ? -EAGAIN : 0;
}

/* Whoever has had the mode changed goes through the pollers: they change places afterwards. */
static void events_mode_changed(void *arg)
{
	struct vfio_ctrlr *c = arg;

	c->pollers.told = false;
	if (c->state == VFIO_ENDED) {
		vfio_ctrlr_free(c);
	} else {
		vfio_pollers_update(c);
	}
}

static int events_set_interrupt(void *arg, bool on)
{
	struct vfio_ctrlr *c = arg;

	c->pollers.may_sleep = on;
	if (!c->pollers.told) {
		c->pollers.told = true;
		ebb_msg_init(&c->pollers.mode_msg, events_mode_changed, c);
		ebb_thread_send(ebb_thread_app(), &c->pollers.mode_msg);
	}
	return 0;
}

static int events_look_at_status(void *arg)
{
	vfio_advance(arg);
	return 1;
}

static int events_check_ages(void *arg)
{
	struct vfio_ctrlr *c = arg;

	if (c->state != VFIO_READY && c->state != VFIO_CONFIGURING) {
		return 0;
	}
	vfio_advance_poll(c);
	vfio_admin_check_ages(c);
	if (c->admin.busy == 0) {
		ebb_poller_pause(c->pollers.ages);
	}
	vfio_advance(c);
	return 1;
}

int vfio_admin_events_init(struct vfio_ctrlr *c)
{
	struct vfio_pollers *pollers = &c->pollers;
	struct ebb_poller_wake wake = {
		.fd = pollers->epoll_fd,
		.events = EPOLLIN | EPOLLET,
		.set_interrupt = events_set_interrupt,
		.arm = events_arm,
	};
	int rc = vfio_pollers_watch(c, c->device->request_fd);

	rc = rc == 0 ? vfio_pollers_watch(c, c->device->error_fd) : rc;
	if (rc != 0) {
		return rc;
	}
	pollers->ages =
		ebb_poller_register_named(events_check_ages, c, c->admin.timeout_ms * 250ull, NULL,
					  "nvme_admin_timeout");
	pollers->status = ebb_poller_register_named(events_look_at_status, c, STATUS_PERIOD_US,
						    NULL, "nvme_start");
	pollers->admin_slow =
		ebb_poller_register_named(events_run_slow, c, LOOK_PERIOD_US, NULL, "nvme_watch");
	if (pollers->ages == NULL || pollers->status == NULL || pollers->admin_slow == NULL) {
		return -ENOMEM;
	}
	ebb_poller_pause(pollers->ages);
	ebb_poller_pause(pollers->status);
	ebb_poller_pause(pollers->admin_slow);
	pollers->admin = ebb_poller_register_named(events_run, c, 0, &wake, "nvme_admin");
	return pollers->admin == NULL ? -ENOMEM : 0;
}
