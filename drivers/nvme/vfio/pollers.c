/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/pollers.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drivers/nvme/vfio/ctrlr.h"

int vfio_pollers_watch(struct vfio_ctrlr *c, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	return fd >= 0 && epoll_ctl(c->pollers.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0 ? -errno
											 : 0;
}

int vfio_pollers_open(struct vfio_ctrlr *c)
{
	struct vfio_pollers *pollers = &c->pollers;

	pollers->admin_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pollers->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (pollers->admin_fd < 0 || pollers->epoll_fd < 0) {
		return -errno;
	}
	return vfio_pollers_watch(c, pollers->admin_fd);
}

void vfio_pollers_close(struct vfio_ctrlr *c)
{
	if (c->pollers.epoll_fd >= 0) {
		close(c->pollers.epoll_fd);
	}
	if (c->pollers.admin_fd >= 0) {
		close(c->pollers.admin_fd);
	}
}

static void pollers_run(struct ebb_poller *poller, bool run)
{
	if (run) {
		ebb_poller_resume(poller);
	} else {
		ebb_poller_pause(poller);
	}
}

void vfio_pollers_update(struct vfio_ctrlr *c)
{
	struct vfio_pollers *pollers = &c->pollers;
	bool slow = !pollers->may_sleep && c->admin.busy == 0;

	if (pollers->admin == NULL) {
		return;
	}
	pollers_run(pollers->status, c->state == VFIO_DISABLING || c->state == VFIO_ENABLING ||
					     c->state == VFIO_DELETING ||
					     c->state == VFIO_SHUTTING_DOWN);
	if (c->admin.busy != 0) {
		ebb_poller_resume(pollers->ages); /* it pauses itself, when it has found none */
	}
	if (slow != pollers->slow) {
		pollers->slow = slow;
		pollers_run(pollers->admin, !slow);
		pollers_run(pollers->admin_slow, slow);
	}
}

void vfio_pollers_fini(struct vfio_ctrlr *c)
{
	ebb_poller_unregister(&c->pollers.admin);
	ebb_poller_unregister(&c->pollers.admin_slow);
	ebb_poller_unregister(&c->pollers.status);
	ebb_poller_unregister(&c->pollers.ages);
}
