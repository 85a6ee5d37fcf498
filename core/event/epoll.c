/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/epoll.h"

/*
 * The system call itself, where libc makes it a cancellation point: where there are several OS
 * threads that is twice the call's own instructions, around each sleep, for what is never done here.
 *
 * epoll_wait() counts milliseconds, and a plan's first sleep lasts microseconds. For those there is
 * epoll_pwait2(). Where the kernel does not have it, or a seccomp profile hides it, the epoll set is
 * itself a file that can be polled, and ppoll() counts nanoseconds.
 */

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/timespec.h"

static int epoll_wait_ms(int epoll_fd, struct epoll_event *events, int max_events, int timeout_ms)
{
#ifdef __SANITIZE_THREAD__ /* keeps signals back unless it knows that a call blocks */
	return epoll_wait(epoll_fd, events, max_events, timeout_ms);
#else
	return (int)syscall(SYS_epoll_pwait, epoll_fd, events, max_events, timeout_ms, NULL, 0);
#endif
}

static int epoll_wait_poll(int epoll_fd, struct epoll_event *events, int max_events,
			   const struct timespec *timeout)
{
	struct pollfd set = {.fd = epoll_fd, .events = POLLIN};
	int count = ppoll(&set, 1, timeout, NULL);

	return count > 0 ? epoll_wait_ms(epoll_fd, events, max_events, 0) : count;
}

static int epoll_wait_bounded(int epoll_fd, struct epoll_event *events, int max_events,
			      uint64_t timeout_ns)
{
	struct timespec timeout = base_timespec(timeout_ns);
#if defined(SYS_epoll_pwait2) && !defined(__SANITIZE_THREAD__)
	static _Atomic bool missing;
	int count;

	if (!atomic_load_explicit(&missing, memory_order_relaxed)) {
		count = (int)syscall(SYS_epoll_pwait2, epoll_fd, events, max_events, &timeout, NULL,
				     0);
		if (count >= 0 || errno == EINTR) {
			return count;
		}
		atomic_store_explicit(&missing, true, memory_order_relaxed);
	}
#endif
	return epoll_wait_poll(epoll_fd, events, max_events, &timeout);
}

int event_epoll_wait(int epoll_fd, struct epoll_event *events, int max_events, uint64_t timeout_ns)
{
	if (timeout_ns == 0 || timeout_ns == EBB_REACTOR_FOREVER) {
		return epoll_wait_ms(epoll_fd, events, max_events, timeout_ns == 0 ? 0 : -1);
	}
	return epoll_wait_bounded(epoll_fd, events, max_events, timeout_ns);
}
