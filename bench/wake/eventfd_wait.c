/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/eventfd_wait.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/assert.h>

static int complain(void)
{
	int rc = -errno;

	fprintf(stderr, "ebb-bench: no eventfd to sleep on: %s\n", strerror(-rc));
	return rc;
}

static int wait_add(struct bench_eventfd_wait *wait, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(wait->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? complain() : 0;
}

int bench_eventfd_wait_init(struct bench_eventfd_wait *wait, bool edge)
{
	wait->edge = edge;
	wait->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	wait->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (wait->event_fd < 0 || wait->epoll_fd < 0) {
		return complain();
	}
	return wait_add(wait, wait->event_fd, edge ? (uint32_t)EPOLLIN | EPOLLET : EPOLLIN);
}

void bench_eventfd_wait_fini(struct bench_eventfd_wait *wait)
{
	if (wait->event_fd >= 0) {
		close(wait->event_fd);
	}
	if (wait->epoll_fd >= 0) {
		close(wait->epoll_fd);
	}
}

int bench_eventfd_wait_add(struct bench_eventfd_wait *wait, int fd)
{
	return wait_add(wait, fd, EPOLLIN);
}

int bench_eventfd_wait_sleep(struct bench_eventfd_wait *wait)
{
	struct epoll_event event;
	uint64_t count;
	ssize_t got;

	while (epoll_wait(wait->epoll_fd, &event, 1, -1) != 1) {
		ebb_assert(errno == EINTR);
	}
	if (event.data.fd == wait->event_fd && !wait->edge) {
		got = read(wait->event_fd, &count, sizeof(count));
		ebb_assert(got == sizeof(count));
	}
	return event.data.fd;
}

void bench_eventfd_wait_wake(struct bench_eventfd_wait *wait)
{
	static const uint64_t one = 1;
	ssize_t put = write(wait->event_fd, &one, sizeof(one));

	ebb_assert(put == sizeof(one));
}
