/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/source.h"

#include <errno.h>
#include <sys/epoll.h>

int event_source_add(struct base_handle_table *table, int epoll_fd, struct event_source *source)
{
	struct epoll_event event = {.events = source->events};
	int rc;

	event.data.u64 = base_handle_add(table, source);
	if (event.data.u64 == 0) {
		return -ENOMEM;
	}
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, source->fd, &event) != 0) {
		rc = -errno;
		base_handle_remove(table, event.data.u64);
		return rc;
	}
	source->handle = event.data.u64;
	return 0;
}

void event_source_remove(struct base_handle_table *table, int epoll_fd, struct event_source *source)
{
	if (!event_source_added(source)) {
		return;
	}
	/* Fails if the owner has closed the fd already, which took it out of the set. */
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	base_handle_remove(table, source->handle);
	source->handle = 0;
}
