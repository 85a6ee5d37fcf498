/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/timespec.h"
#include "core/event/price.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "core/event/epoll.h"
#include "core/event/price_run.h"

struct timer {
	enum event_price_timer kind;
	int epoll_fd;
	int timer_fd;
	uint64_t time_ns;
	struct timespec time; /* the same */
};

/* Sleeps for the timer's time. Return: 0; -errno. */
static int timer_sleep(const struct timer *timer)
{
	const struct itimerspec once = {.it_value = timer->time};
	struct epoll_event event;
	int rc;

	switch (timer->kind) {
	case EVENT_PRICE_TIMERFD:
		rc = timerfd_settime(timer->timer_fd, 0, &once, NULL);
		while (rc == 0 && (rc = epoll_wait(timer->epoll_fd, &event, 1, -1)) < 0 &&
		       errno == EINTR) {
			rc = 0; /* it goes on running */
		}
		return rc < 0 ? -errno : 0;
	case EVENT_PRICE_EPOLL:
		rc = event_epoll_wait(timer->epoll_fd, &event, 1, timer->time_ns);
		return rc < 0 ? -errno : 0;
	case EVENT_PRICE_NANOSLEEP:
		return -clock_nanosleep(CLOCK_MONOTONIC, 0, &timer->time, NULL);
	}
	return -EINVAL;
}

static int timer_open(struct timer *timer)
{
	struct epoll_event event = {.events = (uint32_t)EPOLLIN | EPOLLET};

	timer->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (timer->epoll_fd < 0) {
		return -errno;
	}
	if (timer->kind != EVENT_PRICE_TIMERFD) {
		return 0;
	}
	timer->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer->timer_fd < 0 ||
	    epoll_ctl(timer->epoll_fd, EPOLL_CTL_ADD, timer->timer_fd, &event) < 0) {
		return -errno;
	}
	return 0;
}

static void timer_close(struct timer *timer)
{
	if (timer->timer_fd >= 0) {
		close(timer->timer_fd);
	}
	if (timer->epoll_fd >= 0) {
		close(timer->epoll_fd);
	}
}

static int sleeps_measure(const struct timer *timer, struct event_price_run *run)
{
	while (event_price_run_next(run)) {
		uint64_t begin_ns = ebb_clock_now_ns();
		int rc = timer_sleep(timer);

		if (rc == -EINTR) {
			continue; /* a signal's wakeup is none of the timer's */
		}
		if (rc < 0) {
			return rc;
		}
		event_price_run_add(run, (double)(ebb_clock_now_ns() - begin_ns) -
						 (double)run->opts->idle_ns);
	}
	return 0;
}

int event_price_timer(enum event_price_timer timer, unsigned long slack_ns,
		      const struct event_price_opts *opts, struct event_price *ret_price)
{
	struct timer own = {
		.kind = timer,
		.epoll_fd = -1,
		.timer_fd = -1,
		.time_ns = opts->idle_ns,
		.time = base_timespec(opts->idle_ns),
	};
	int old_slack_ns = prctl(PR_GET_TIMERSLACK);
	struct event_price_run run;
	int rc;

	rc = timer_open(&own);
	if (rc == 0) {
		rc = event_price_run_begin(&run, opts);
	}
	if (rc == 0) {
		if (slack_ns != 0) {
			prctl(PR_SET_TIMERSLACK, slack_ns);
		}
		rc = sleeps_measure(&own, &run);
		if (slack_ns != 0 && old_slack_ns > 0) {
			prctl(PR_SET_TIMERSLACK, (unsigned long)old_slack_ns);
		}
		rc = event_price_run_end(&run, rc, ret_price);
	}
	timer_close(&own);
	return rc;
}
