/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller_timer.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <ebb/clock.h>
#include <ebb/log.h>

#include "core/base/timespec.h"
#include "core/event/reactor.h"
#include "core/event/turn.h"

/*
 * The expiry is spent. The reactor's clock may run a little behind the kernel's, so that nothing is
 * due yet: the next sleep must arm the same deadline again.
 */
static void timer_fired(struct event_source *source)
{
	ebb_container_of(source, struct ebb_thread, timer_source)->timer_armed_ns = 0;
}

static int timer_open(struct ebb_thread *thread)
{
	struct event_reactor *reactor = event_turn.reactor;
	int rc;

	thread->timer_source = (struct event_source){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.events = EPOLLIN | EPOLLET,
		.name = "timer",
		.fired = timer_fired,
	};
	if (thread->timer_source.fd < 0) {
		return -errno;
	}
	rc = event_source_add(&reactor->sources, reactor->epoll_fd, &thread->timer_source);
	if (rc != 0) {
		close(thread->timer_source.fd);
		thread->timer_source.fd = -1;
	}
	return rc;
}

void event_pollers_open_timer(struct ebb_thread *thread)
{
	if (thread->timer_source.fd < 0) {
		timer_open(thread);
	}
}

static int timer_arm(struct ebb_thread *thread, uint64_t deadline_ns)
{
	struct itimerspec expiry = {.it_value = base_timespec(deadline_ns)};

	if (timerfd_settime(thread->timer_source.fd, TFD_TIMER_ABSTIME, &expiry, NULL) != 0) {
		return -errno;
	}
	thread->timer_armed_ns = deadline_ns;
	return 0;
}

int event_pollers_arm_timer(struct ebb_thread *thread)
{
	uint64_t next_ns = event_timer_next_ns(&thread->timers);
	int rc = 0;

	if (next_ns == UINT64_MAX) {
		next_ns = 0;
	}
	if (thread->timer_armed_ns == next_ns) {
		return 0;
	}
	if (thread->timer_source.fd < 0) {
		rc = timer_open(thread);
	}
	if (rc == 0) {
		rc = timer_arm(thread, next_ns);
	}
	if (rc != 0) {
		static struct ebb_ratelimit limit;

		if (ebb_ratelimit_ok(&limit)) {
			ebb_error("poller", "thread '%s' has no timerfd (%s): its core stays awake",
				  thread->name, strerror(-rc));
		}
	}
	return rc;
}

void event_pollers_disarm_timer(struct ebb_thread *thread)
{
	if (thread->timer_armed_ns != 0) {
		timer_arm(thread, 0);
	}
}

void event_pollers_close_timer(struct ebb_thread *thread)
{
	struct event_reactor *reactor = event_turn.reactor;

	if (thread->timer_source.fd >= 0) {
		event_source_remove(&reactor->sources, reactor->epoll_fd, &thread->timer_source);
		close(thread->timer_source.fd);
		thread->timer_source.fd = -1;
		thread->timer_armed_ns = 0;
	}
}
