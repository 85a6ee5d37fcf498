/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sleeper.h"

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

static int watch(struct bench_sleeper *sleeper, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(sleeper->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? complain() : 0;
}

int bench_sleeper_init(struct bench_sleeper *sleeper, bool edge)
{
	sleeper->edge = edge;
	sleeper->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sleeper->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sleeper->event_fd < 0 || sleeper->epoll_fd < 0) {
		return complain();
	}
	return watch(sleeper, sleeper->event_fd, edge ? (uint32_t)EPOLLIN | EPOLLET : EPOLLIN);
}

void bench_sleeper_fini(struct bench_sleeper *sleeper)
{
	if (sleeper->event_fd >= 0) {
		close(sleeper->event_fd);
	}
	if (sleeper->epoll_fd >= 0) {
		close(sleeper->epoll_fd);
	}
}

int bench_sleeper_watch(struct bench_sleeper *sleeper, int fd)
{
	return watch(sleeper, fd, EPOLLIN);
}

int bench_sleeper_sleep(struct bench_sleeper *sleeper)
{
	struct epoll_event event;
	uint64_t count;
	ssize_t got;

	while (epoll_wait(sleeper->epoll_fd, &event, 1, -1) != 1) {
		ebb_assert(errno == EINTR);
	}
	if (event.data.fd == sleeper->event_fd && !sleeper->edge) {
		got = read(sleeper->event_fd, &count, sizeof(count));
		ebb_assert(got == sizeof(count));
	}
	return event.data.fd;
}

void bench_sleeper_wake(struct bench_sleeper *sleeper)
{
	static const uint64_t one = 1;
	ssize_t put = write(sleeper->event_fd, &one, sizeof(one));

	ebb_assert(put == sizeof(one));
}
