/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/ring/uring_set.h"

/*
 * Which ring a request goes to.
 *
 * A reactor begins without a ring, and most get one plain ring and no other. An NVMe command needs
 * entries of twice the size. Rings of that shape take every other request too, so a reactor has one
 * ring for all its work, its main ring, of the one shape or of the other: it sleeps in one place,
 * and submits once a turn.
 *
 * A plain main ring may have requests outstanding when a big one is asked for, and some of them (a
 * receive from a silent client) will not end for hours. So it is left to drain: it takes no request
 * any more, and each of those it has ends where it is. Nobody sleeps in it either. It has an
 * eventfd in the reactor's epoll set instead, which is to the reactor a source like any other, and
 * therefore keeps to the protocol of sources: allow the event, look once more, sleep. The event is
 * one bit in memory that the kernel shares, so that awake turns cost no writes of an eventfd. When
 * its last request has ended, a draining ring is closed. (The ring's own fd could stand in the
 * epoll set without an eventfd, but not every kernel that defers completions wakes those who wait
 * there.)
 *
 * Two rings in which one sleeps alternately would be no way out: whoever sleeps in one hears the
 * other only through the epoll set and a poll request, which costs two more entries into the kernel
 * for each completion.
 *
 * The polled ring is the third. What is outstanding there wakes nobody: the kernel asks the device
 * when the reactor enters it, and the device sends no interrupt. So a request goes there only while
 * the reactor polls, each turn enters the kernel once for as long as something is outstanding, and
 * the reactor does not sleep before all of it has ended. A change of mode needs nothing more: new
 * requests go to the main ring from then on, the old ones are polled out. A reactor in adaptive
 * mode that has just been woken cannot know whether it will be asleep again before its requests
 * end; so it uses the polled ring when it has been awake for a while.
 *
 * Registered files have the same place in every ring, so a driver's index holds whichever ring its
 * request goes to, also when the main ring changes. Buffers have the same place in the main and in
 * the polled ring; nobody keeps an index of one.
 *
 * What must never happen: a request in a ring that nobody will look at again. In the main and in
 * the polled ring it is what keeps the reactor from sleeping elsewhere; in the draining one, the
 * eventfd. tests/model/sleep.pml has the change of the main ring.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/violation.h>

#include "core/event/reactor.h"
#include "core/event/ring/uring.h"
#include "core/event/send.h"

/* A reactor in adaptive mode that has been awake for so many times its budget is busy. */
#define WARM_BUDGETS 8

static int uring_set_open_files(struct event_uring_set *set)
{
	if (set->files == NULL) {
		set->files = malloc(EVENT_URING_FILES * sizeof(*set->files));
		if (set->files == NULL) {
			return -ENOMEM;
		}
		memset(set->files, 0xff, EVENT_URING_FILES * sizeof(*set->files));
	}
	return 0;
}

/* A ring that knows every file that the others do. */
static int uring_set_create(struct event_uring_set *set, enum ebb_uring_shape shape,
			    struct event_uring **ret_uring)
{
	struct event_uring *uring;
	int rc = uring_set_open_files(set);

	if (rc != 0) {
		return rc;
	}
	rc = event_uring_create(shape, &uring);
	if (rc != 0) {
		return rc;
	}
	for (unsigned i = 0; i < EVENT_URING_FILES; i++) {
		if (set->files[i] >= 0) {
			rc = event_uring_update_file(uring, i, set->files[i]);
			if (rc != 0) {
				event_uring_close(uring);
				return rc;
			}
		}
	}
	*ret_uring = uring;
	return 0;
}

static int uring_set_open_big(struct event_uring_set *set)
{
	struct event_uring *uring;
	int rc;

	if (set->main != NULL && event_uring_is_big(set->main)) {
		return 0;
	}
	rc = uring_set_create(set, EBB_URING_BIG, &uring);
	if (rc != 0) {
		return rc;
	}
	if (set->main != NULL) {
		rc = event_uring_drain(set->main);
		if (rc != 0) {
			event_uring_close(uring);
			return rc;
		}
	}
	set->draining = set->main;
	set->main = uring;
	set->pending = set->pending || set->draining != NULL;
	return 0;
}

EBB_REPORTS int ebb_uring_open(enum ebb_uring_shape shape)
{
	struct event_uring_set *set;

	if (event_turn.reactor == NULL) {
		ebb_violation(4, __func__, "io_uring", NULL, NULL);
		return -EPERM;
	}
	set = &event_turn.reactor->urings;
	if (shape == EBB_URING_BIG) {
		return uring_set_open_big(set);
	}
	if (shape == EBB_URING_POLLED) {
		if (set->main == NULL || !event_uring_is_big(set->main)) {
			return -EINVAL;
		}
		return set->polled != NULL ? 0 : uring_set_create(set, shape, &set->polled);
	}
	return set->main != NULL ? 0 : uring_set_create(set, shape, &set->main);
}

/* @site: the caller of the public function. */
static void __attribute__((cold, noinline))
uring_refuse(const char *function, const char *why, const void *site)
{
	ebb_violation_at(4, function, why, NULL, event_turn.thread, site);
}

/* Has the calling thread a ring? Otherwise that has been reported. */
static bool uring_is_open(const char *function, const void *site)
{
	if (ebb_unlikely(event_turn.thread == NULL)) {
		uring_refuse(function, "io_uring, off an ebb thread", site);
		return false;
	}
	if (ebb_unlikely(event_turn.reactor->urings.main == NULL)) {
		uring_refuse(function, "io_uring, before ebb_uring_open()", site);
		return false;
	}
	return true;
}

EBB_REPORTS struct io_uring_sqe *ebb_uring_sqe(struct ebb_uring_op *op, enum ebb_uring_kind kind)
{
	struct event_uring *main;

	if (!uring_is_open(__func__, __builtin_return_address(0))) {
		return NULL;
	}
	main = event_turn.reactor->urings.main;
	if (ebb_unlikely(kind == EBB_URING_COMMAND && !event_uring_is_big(main))) {
		uring_refuse(__func__, "io_uring, before ebb_uring_open(EBB_URING_BIG)",
			     __builtin_return_address(0));
		return NULL;
	}
	return event_uring_prepare(main, op, kind);
}

static bool reactor_is_warm(const struct event_reactor *reactor)
{
	return reactor->mode == EBB_REACTOR_POLL ||
	       (reactor->mode == EBB_REACTOR_ADAPTIVE &&
		(event_turn.now_ns - reactor->awake_since_ns) / WARM_BUDGETS >
			reactor->plan.look_ns);
}

EBB_REPORTS struct io_uring_sqe *ebb_uring_sqe_polled(struct ebb_uring_op *op)
{
	struct event_uring *polled;

	if (!uring_is_open(__func__, __builtin_return_address(0))) {
		return NULL;
	}
	polled = event_turn.reactor->urings.polled;
	if (polled == NULL || !reactor_is_warm(event_turn.reactor)) {
		return NULL;
	}
	return event_uring_prepare(polled, op, EBB_URING_COMMAND);
}

uint64_t ebb_uring_result(void)
{
	return event_turn.reactor != NULL ? event_turn.reactor->urings.result : 0;
}

uint16_t ebb_uring_tag(void)
{
	return event_turn.reactor != NULL ? event_turn.reactor->urings.tag : 0;
}

EBB_REPORTS void ebb_uring_cancel(struct ebb_uring_op *op)
{
	struct event_uring_set *set;

	if (!uring_is_open(__func__, __builtin_return_address(0))) {
		return;
	}
	set = &event_turn.reactor->urings;
	if (set->draining != NULL) {
		event_uring_prepare_cancel(set->draining, op);
	}
	event_uring_prepare_cancel(set->main, op);
}

/* In every ring, or in none. */
static int uring_set_set_file(struct event_uring_set *set, unsigned index, int fd)
{
	int rc = event_uring_update_file(set->main, index, fd);

	if (rc == 0 && set->polled != NULL) {
		rc = event_uring_update_file(set->polled, index, fd);
		if (rc != 0) {
			event_uring_update_file(set->main, index, -1);
		}
	}
	return rc;
}

EBB_REPORTS int ebb_uring_file_register(int fd)
{
	struct event_uring_set *set;

	if (!uring_is_open(__func__, __builtin_return_address(0))) {
		return -EPERM;
	}
	if (fd < 0) {
		return -EBADF;
	}
	set = &event_turn.reactor->urings;
	for (unsigned i = 0; i < EVENT_URING_FILES; i++) {
		int rc;

		if (set->files[i] >= 0) {
			continue;
		}
		rc = uring_set_set_file(set, i, fd);
		if (rc != 0) {
			return rc;
		}
		set->files[i] = fd;
		return (int)i;
	}
	return -ENFILE;
}

EBB_REPORTS void ebb_uring_file_unregister(int index)
{
	struct event_uring_set *set;

	if (!uring_is_open(__func__, __builtin_return_address(0))) {
		return;
	}
	set = &event_turn.reactor->urings;
	if (index < 0 || index >= EVENT_URING_FILES || set->files[index] < 0) {
		ebb_violation(4, __func__, "io_uring, a file that is not registered", NULL,
			      event_turn.thread);
		return;
	}
	/* What has been prepared in this turn is to find its file still there. */
	event_uring_set_submit(set);
	set->files[index] = -1;
	uring_set_set_file(set, (unsigned)index, -1);
	if (set->draining != NULL) {
		event_uring_update_file(set->draining, (unsigned)index, -1);
	}
}

int ebb_uring_buf_index(const void *addr, size_t len_bytes)
{
	struct event_uring_set *set;
	int index;

	if (ebb_unlikely(event_turn.reactor == NULL || event_turn.reactor->urings.main == NULL)) {
		return -1; /* registered with no ring */
	}
	set = &event_turn.reactor->urings;
	index = event_uring_find_buf(set->main, addr, len_bytes);
	if (index >= 0 && set->polled != NULL &&
	    event_uring_find_buf(set->polled, addr, len_bytes) < 0) {
		return -1;
	}
	return index;
}

/* ---- what the reactor's loop calls ---- */

static void draining_ended(void *arg)
{
	struct event_reactor *reactor = arg;

	event_uring_close(reactor->urings.draining);
	reactor->urings.draining = NULL;
}

/* The message comes after the last one that the pool may have sent to the ring. */
static void uring_set_end_draining(struct event_uring_set *set)
{
	if (event_uring_end(set->draining)) {
		ebb_msg_init(&set->close_msg, draining_ended, event_turn.reactor);
		event_reactor_send(event_turn.reactor, &set->close_msg);
	}
}

void event_uring_set_reap(struct event_uring_set *set)
{
	event_uring_reap(set->main);
	if (ebb_unlikely(set->polled != NULL)) {
		event_uring_reap(set->polled);
	}
	if (ebb_unlikely(set->draining != NULL)) {
		event_uring_reap(set->draining);
		if (!event_uring_busy(set->draining)) {
			uring_set_end_draining(set);
		}
	}
	set->pending = set->draining != NULL || event_uring_pending(set->main) ||
		       (set->polled != NULL && event_uring_pending(set->polled));
}

void __attribute__((noinline)) event_uring_set_submit(struct event_uring_set *set)
{
	event_uring_submit(set->main);
	if (ebb_unlikely(set->polled != NULL)) {
		event_uring_submit(set->polled);
	}
	if (ebb_unlikely(set->draining != NULL)) {
		event_uring_submit(set->draining);
	}
}

bool event_uring_set_may_sleep(struct event_uring_set *set)
{
	if (set->draining != NULL) {
		event_uring_submit(set->draining); /* its eventfd tells what comes of it */
	}
	return set->polled == NULL || !event_uring_busy(set->polled);
}

int event_uring_set_arm(struct event_uring_set *set)
{
	return set->draining == NULL ? 0 : event_uring_arm(set->draining);
}

void event_uring_set_disarm(struct event_uring_set *set)
{
	if (set->draining != NULL) {
		event_uring_disarm(set->draining);
	}
}

void event_uring_set_close(struct event_uring_set *set)
{
	struct event_uring *const all[] = {set->draining, set->polled, set->main};

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(all); i++) {
		if (all[i] != NULL) {
			event_uring_close(all[i]);
		}
	}
	free(set->files);
	memset(set, 0, sizeof(*set));
}
