/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller.h"

/* The pollers' other face: what a thread's pollers do when their reactor sleeps, moves or polls. */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/reactor.h"
#include "core/event/thread.h"

int ebb_pollers_arm(struct ebb_thread *thread)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &thread->active) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		if (poller->wake.arm != NULL && poller->wake.arm(poller->arg) != 0) {
			return -EAGAIN;
		}
	}
	return 0;
}

/*
 * The expiry is spent. The reactor's clock may run a little behind the kernel's, so that nothing is
 * due yet: the next sleep must arm the same deadline again.
 */
static void timer_fired(struct ebb_source *source)
{
	ebb_container_of(source, struct ebb_thread, timer_source)->timer_armed_ns = 0;
}

static int timer_open(struct ebb_thread *thread)
{
	struct ebb_reactor *reactor = ebb_turn.reactor;
	int rc;

	thread->timer_source = (struct ebb_source){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.events = EPOLLIN | EPOLLET,
		.name = "timer",
		.fired = timer_fired,
	};
	if (thread->timer_source.fd < 0) {
		return -errno;
	}
	rc = ebb_source_add(&reactor->sources, reactor->epoll_fd, &thread->timer_source);
	if (rc != 0) {
		close(thread->timer_source.fd);
		thread->timer_source.fd = -1;
	}
	return rc;
}

void ebb_pollers_open_timer(struct ebb_thread *thread)
{
	if (thread->timer_source.fd < 0) {
		timer_open(thread);
	}
}

static int timer_arm(struct ebb_thread *thread, uint64_t deadline_ns)
{
	struct itimerspec expiry = {
		.it_value.tv_sec = (time_t)(deadline_ns / EBB_NS_PER_S),
		.it_value.tv_nsec = (long)(deadline_ns % EBB_NS_PER_S),
	};

	if (timerfd_settime(thread->timer_source.fd, TFD_TIMER_ABSTIME, &expiry, NULL) != 0) {
		return -errno;
	}
	thread->timer_armed_ns = deadline_ns;
	return 0;
}

int ebb_pollers_arm_timer(struct ebb_thread *thread)
{
	uint64_t next_ns = ebb_timer_next_ns(&thread->timers);
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

void ebb_pollers_disarm_timer(struct ebb_thread *thread)
{
	if (thread->timer_armed_ns != 0) {
		timer_arm(thread, 0);
	}
}

static int poller_set_interrupt(struct ebb_poller *poller, bool on)
{
	if (!poller->has_wake || poller->wake.set_interrupt == NULL) {
		return 0;
	}
	return poller->wake.set_interrupt(poller->arg, on);
}

/* Active and paused pollers alike have a source to change; timed ones never have. */
static int pollers_set_interrupt_list(struct ebb_list *list, bool on)
{
	struct ebb_list *node;
	int rc = 0;

	ebb_list_for_each(node, list) {
		rc = poller_set_interrupt(ebb_list_entry(node, struct ebb_poller, link), on);
		if (rc != 0) {
			break;
		}
	}
	if (rc != 0) {
		for (node = node->prev; node != list; node = node->prev) {
			poller_set_interrupt(ebb_list_entry(node, struct ebb_poller, link), !on);
		}
	}
	return rc;
}

int ebb_pollers_set_interrupt(struct ebb_thread *thread, bool on)
{
	struct ebb_thread *outer = ebb_turn.thread;
	int rc;

	ebb_thread_enter(thread);
	rc = pollers_set_interrupt_list(&thread->active, on);
	if (rc == 0) {
		rc = pollers_set_interrupt_list(&thread->idle, on);
		if (rc != 0) {
			pollers_set_interrupt_list(&thread->active, !on);
		}
	}
	ebb_thread_enter(outer);
	return rc;
}

void ebb_pollers_detach(struct ebb_thread *thread)
{
	struct ebb_reactor *reactor = ebb_turn.reactor;
	struct ebb_list *node;

	ebb_list_for_each(node, &thread->active) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		ebb_source_remove(&reactor->sources, reactor->epoll_fd, &poller->source);
		ebb_list_remove(&poller->fired_link);
	}
	if (thread->timer_source.fd >= 0) {
		ebb_source_remove(&reactor->sources, reactor->epoll_fd, &thread->timer_source);
		close(thread->timer_source.fd);
		thread->timer_source.fd = -1;
		thread->timer_armed_ns = 0;
	}
}

static int poller_attach(struct ebb_poller *poller, bool interruptible)
{
	struct ebb_reactor *reactor = ebb_turn.reactor;
	bool paused = poller->state == EBB_POLLER_PAUSED;
	int rc = 0;

	if (poller->has_wake && poller->wake.fd >= 0 && !paused) {
		rc = ebb_source_add(&reactor->sources, reactor->epoll_fd, &poller->source);
	}
	if (rc == 0 && interruptible != reactor->interruptible) {
		rc = poller_set_interrupt(poller, reactor->interruptible);
	}
	return rc;
}

void ebb_pollers_attach(struct ebb_thread *thread, bool interruptible)
{
	struct ebb_list *const lists[] = {&thread->active, &thread->idle};
	struct ebb_list *node;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(lists); i++) {
		ebb_list_for_each(node, lists[i]) {
			struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);
			int rc = poller_attach(poller, interruptible);

			if (rc != 0) {
				ebb_error("poller",
					  "poller '%s' of thread '%s' loses its wake source on "
					  "reactor %d, and keeps that awake: %s",
					  poller->name, thread->name, ebb_turn.reactor->core,
					  strerror(-rc));
				poller->has_wake = false;
				ebb_poller_set_blocks(poller, lists[i] == &thread->active);
			}
		}
	}
}

void ebb_pollers_for_each(struct ebb_thread *thread,
			  void (*fn)(const struct ebb_poller_stats *stats, void *arg), void *arg)
{
	struct ebb_list *const lists[] = {&thread->active, &thread->idle};
	struct ebb_poller_stats stats;
	struct ebb_list *node;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(lists); i++) {
		ebb_list_for_each(node, lists[i]) {
			const struct ebb_poller *poller =
				ebb_list_entry(node, struct ebb_poller, link);

			if (!poller->internal) {
				ebb_poller_describe(poller, &stats);
				fn(&stats, arg);
			}
		}
	}
}

void ebb_poller_for_each(void (*fn)(const struct ebb_poller_stats *stats, void *arg), void *arg)
{
	if (ebb_turn.thread == NULL) {
		ebb_violation(4, __func__, "pollers", NULL, NULL);
		return;
	}
	ebb_pollers_for_each(ebb_turn.thread, fn, arg);
}
