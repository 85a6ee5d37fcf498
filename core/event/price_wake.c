/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller sleeps in epoll_wait(); the waker, an OS thread of its own, writes the eventfd when the
 * caller has slept long enough. The waker learns by a variable that the caller goes to sleep, not by
 * an eventfd of its own: writing that would be in the caller's CPU time. So it looks at the variable,
 * on another CPU, and between looks it sleeps where it would keep the caller from its own.
 */
#include "core/event/price.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "core/event/epoll.h"
#include "core/event/os_thread.h"
#include "core/event/price_run.h"

#define SPIN_NS  (200 * EBB_NS_PER_US)
#define PAUSE_NS (20 * EBB_NS_PER_US)

struct wake {
	const struct event_price_opts *opts;
	int epoll_fd;
	int event_fd;
	int waker_cpu;
	bool may_spin;               /* the waker has a CPU of its own */
	_Atomic unsigned sleeps;     /* begun; pairs with the waker's load of it */
	_Atomic uint64_t asleep_ns;  /* since when; written before @sleeps */
	_Atomic uint64_t written_ns; /* when the eventfd was written; the fd orders it */
	atomic_bool end;
};

/* Return: false: the caller has had enough. */
static bool waker_await_sleep(struct wake *wake, unsigned number)
{
	uint64_t begin_ns = ebb_clock_now_ns();

	while (atomic_load_explicit(&wake->sleeps, memory_order_acquire) < number) {
		if (atomic_load_explicit(&wake->end, memory_order_relaxed)) {
			return false;
		}
		if (!wake->may_spin || ebb_clock_now_ns() - begin_ns > SPIN_NS) {
			event_price_run_pause(PAUSE_NS);
		}
	}
	return true;
}

static void waker_await_time(const struct wake *wake, uint64_t until_ns)
{
	uint64_t now_ns;

	while ((now_ns = ebb_clock_now_ns()) < until_ns) {
		if (!wake->may_spin || until_ns - now_ns > SPIN_NS) {
			event_price_run_pause(until_ns - now_ns);
		}
	}
}

static void *waker_main(void *arg)
{
	static const uint64_t one = 1;
	struct wake *wake = arg;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET((size_t)wake->waker_cpu, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	for (unsigned number = 1; waker_await_sleep(wake, number); number++) {
		waker_await_time(wake,
				 atomic_load_explicit(&wake->asleep_ns, memory_order_relaxed) +
					 wake->opts->idle_ns);
		atomic_store_explicit(&wake->written_ns, ebb_clock_now_ns(), memory_order_relaxed);
		if (write(wake->event_fd, &one, sizeof(one)) != sizeof(one)) {
			break; /* the caller's wait is bounded */
		}
	}
	return NULL;
}

/* The caller may run on the waker's CPU alone: then a waker that spins keeps it from running. */
static bool waker_has_own_cpu(int waker_cpu)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0) {
		return false;
	}
	CPU_CLR((size_t)waker_cpu, &allowed);
	return CPU_COUNT(&allowed) > 0;
}

/* Long enough for a waker that is kept from its CPU; it ends a wait for one that is gone. */
static uint64_t wait_ns(const struct event_price_opts *opts)
{
	return opts->idle_ns + (opts->limit_ns < EBB_NS_PER_S ? EBB_NS_PER_S : opts->limit_ns);
}

static int sleeps_measure(struct wake *wake, struct event_price_run *run)
{
	struct epoll_event event;
	unsigned number = 0;
	int got;

	while (event_price_run_next(run)) {
		atomic_store_explicit(&wake->asleep_ns, ebb_clock_now_ns(), memory_order_relaxed);
		atomic_store_explicit(&wake->sleeps, ++number, memory_order_release);
		do {
			got = event_epoll_wait(wake->epoll_fd, &event, 1, wait_ns(wake->opts));
		} while (got < 0 && errno == EINTR);
		if (got != 1) {
			return got < 0 ? -errno : -ETIME;
		}
		event_price_run_add(run, (double)(ebb_clock_now_ns() -
						  atomic_load_explicit(&wake->written_ns,
								       memory_order_relaxed)));
	}
	return 0;
}

static int wake_open(struct wake *wake)
{
	struct epoll_event event = {.events = (uint32_t)EPOLLIN | EPOLLET};

	wake->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	wake->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (wake->event_fd < 0 || wake->epoll_fd < 0 ||
	    epoll_ctl(wake->epoll_fd, EPOLL_CTL_ADD, wake->event_fd, &event) < 0) {
		return -errno;
	}
	return 0;
}

static void wake_close(struct wake *wake)
{
	if (wake->event_fd >= 0) {
		close(wake->event_fd);
	}
	if (wake->epoll_fd >= 0) {
		close(wake->epoll_fd);
	}
}

int event_price_wake(const struct event_price_opts *opts, int waker_cpu,
		     struct event_price *ret_price)
{
	struct wake wake = {.opts = opts, .waker_cpu = waker_cpu, .epoll_fd = -1, .event_fd = -1};
	struct event_price_run run;
	pthread_t waker;
	int rc;

	wake.may_spin = waker_has_own_cpu(waker_cpu);
	rc = wake_open(&wake);
	if (rc < 0) {
		wake_close(&wake);
		return rc;
	}
	rc = event_price_run_begin(&run, opts);
	if (rc == 0) {
		rc = event_os_thread_start(&waker, "ebb-waker", waker_main, &wake);
		if (rc == 0) {
			rc = sleeps_measure(&wake, &run);
			atomic_store_explicit(&wake.end, true, memory_order_relaxed);
			pthread_join(waker, NULL);
		}
		rc = event_price_run_end(&run, rc, ret_price);
	}
	wake_close(&wake);
	return rc;
}
