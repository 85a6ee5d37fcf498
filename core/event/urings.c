/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/urings.h"

/*
 * Which ring a request goes to.
 *
 * A reactor begins without a ring, and most get one plain ring and no other. An NVMe command needs
 * entries of twice the size. Rings of that shape take every other request too, so a reactor has
 * one ring for all its work, its home, of the one shape or of the other: it sleeps in one place,
 * and submits once a turn.
 *
 * A plain home may have requests outstanding when a big one is asked for, and some of them (a
 * receive from a silent client) will not end for hours. So it is not emptied but retired: it takes
 * no request any more, and each of those it has ends where it is. Nobody sleeps in it either. It has
 * an eventfd in the reactor's epoll set instead, which is to the reactor a source like any other,
 * and therefore keeps to the protocol of sources: allow the event, look once more, sleep. The event
 * is one bit in memory that the kernel shares, so that awake turns cost no writes of an eventfd.
 * When its last request has ended, a retired ring is closed. (The ring's own fd could stand in the
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
 * requests go home from then on, the old ones are polled out. A reactor in adaptive mode that has
 * just been woken cannot know whether it will be asleep again before its requests end; so it uses
 * the polled ring when it has been awake for a while.
 *
 * Registered files have the same place in every ring, so a driver's index holds whichever ring its
 * request goes to, also when the home changes. Buffers have the same place in the home and in the
 * polled ring; nobody keeps an index of one.
 *
 * What must never happen: a request in a ring that nobody will look at again. In the home and in
 * the polled ring it is what keeps the reactor from sleeping elsewhere; in the retired one, the
 * eventfd. tests/model/sleep.pml has the change of home.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/violation.h>

#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/uring.h"

/* A reactor in adaptive mode that has been awake for so many times its budget is busy. */
#define WARM_BUDGETS 8

static int urings_open_files(struct ebb_urings *urings)
{
	if (urings->files == NULL) {
		urings->files = malloc(EBB_URING_FILES * sizeof(*urings->files));
		if (urings->files == NULL) {
			return -ENOMEM;
		}
		memset(urings->files, 0xff, EBB_URING_FILES * sizeof(*urings->files));
	}
	return 0;
}

/* A ring that knows every file that the others do. */
static int urings_create(struct ebb_urings *urings, enum ebb_uring_shape shape,
			 struct ebb_uring **ret_uring)
{
	struct ebb_uring *uring;
	int rc = urings_open_files(urings);

	if (rc != 0) {
		return rc;
	}
	rc = ebb_uring_create(shape, &uring);
	if (rc != 0) {
		return rc;
	}
	for (unsigned i = 0; i < EBB_URING_FILES; i++) {
		if (urings->files[i] >= 0) {
			rc = ebb_uring_set_file(uring, i, urings->files[i]);
			if (rc != 0) {
				ebb_uring_close(uring);
				return rc;
			}
		}
	}
	*ret_uring = uring;
	return 0;
}

static struct ebb_urings *urings_current(const char *function)
{
	if (ebb_turn.reactor == NULL) {
		ebb_violation(4, function, "io_uring", NULL, NULL);
		return NULL;
	}
	return &ebb_turn.reactor->urings;
}

int ebb_uring_open(void)
{
	struct ebb_urings *urings = urings_current(__func__);

	if (urings == NULL) {
		return -EPERM;
	}
	return urings->home != NULL ? 0 : urings_create(urings, EBB_URING_PLAIN, &urings->home);
}

int ebb_uring_open_big(void)
{
	struct ebb_urings *urings = urings_current(__func__);
	struct ebb_uring *uring;
	int rc;

	if (urings == NULL) {
		return -EPERM;
	}
	if (urings->home != NULL && ebb_uring_is_big(urings->home)) {
		return 0;
	}
	rc = urings_create(urings, EBB_URING_BIG, &uring);
	if (rc != 0) {
		return rc;
	}
	if (urings->home != NULL) {
		rc = ebb_uring_retire(urings->home);
		if (rc != 0) {
			ebb_uring_close(uring);
			return rc;
		}
	}
	urings->retired = urings->home;
	urings->home = uring;
	urings->stirs = urings->stirs || urings->retired != NULL;
	return 0;
}

int ebb_uring_open_polled(void)
{
	struct ebb_urings *urings = urings_current(__func__);

	if (urings == NULL) {
		return -EPERM;
	}
	ebb_assert(urings->home != NULL && ebb_uring_is_big(urings->home));
	return urings->polled != NULL ? 0
				      : urings_create(urings, EBB_URING_POLLED, &urings->polled);
}

static struct io_uring_sqe *urings_prepare(struct ebb_uring_op *op, enum ebb_uring_kind kind)
{
	ebb_assert(ebb_turn.thread != NULL && ebb_turn.reactor->urings.home != NULL);
	return ebb_uring_prepare(ebb_turn.reactor->urings.home, op, kind);
}

struct io_uring_sqe *ebb_uring_sqe(struct ebb_uring_op *op)
{
	return urings_prepare(op, EBB_URING_OTHER);
}

struct io_uring_sqe *ebb_uring_sqe_file(struct ebb_uring_op *op)
{
	return urings_prepare(op, EBB_URING_FILE);
}

struct io_uring_sqe *ebb_uring_sqe_big(struct ebb_uring_op *op)
{
	ebb_assert(ebb_uring_is_big(ebb_turn.reactor->urings.home));
	return urings_prepare(op, EBB_URING_COMMAND);
}

static bool reactor_is_warm(const struct ebb_reactor *reactor)
{
	return reactor->mode == EBB_REACTOR_POLL ||
	       (reactor->mode == EBB_REACTOR_ADAPTIVE &&
		ebb_turn.now_ns - reactor->awake_since_ns > WARM_BUDGETS * reactor->spin_ns);
}

struct io_uring_sqe *ebb_uring_sqe_polled(struct ebb_uring_op *op)
{
	struct ebb_uring *polled = ebb_turn.reactor->urings.polled;

	ebb_assert(ebb_turn.thread != NULL);
	if (polled == NULL || !reactor_is_warm(ebb_turn.reactor)) {
		return NULL;
	}
	return ebb_uring_prepare(polled, op, EBB_URING_COMMAND);
}

uint64_t ebb_uring_result(void)
{
	return ebb_turn.reactor->urings.result;
}

void ebb_uring_cancel(struct ebb_uring_op *op)
{
	struct ebb_urings *urings = &ebb_turn.reactor->urings;

	if (urings->retired != NULL) {
		ebb_uring_prepare_cancel(urings->retired, op);
	}
	ebb_uring_prepare_cancel(urings->home, op);
}

/* In every ring, or in none. */
static int urings_set_file(struct ebb_urings *urings, unsigned index, int fd)
{
	int rc = ebb_uring_set_file(urings->home, index, fd);

	if (rc == 0 && urings->polled != NULL) {
		rc = ebb_uring_set_file(urings->polled, index, fd);
		if (rc != 0) {
			ebb_uring_set_file(urings->home, index, -1);
		}
	}
	return rc;
}

int ebb_uring_file_register(int fd)
{
	struct ebb_urings *urings = &ebb_turn.reactor->urings;

	if (fd < 0) {
		return -EBADF;
	}
	for (unsigned i = 0; i < EBB_URING_FILES; i++) {
		int rc;

		if (urings->files[i] >= 0) {
			continue;
		}
		rc = urings_set_file(urings, i, fd);
		if (rc != 0) {
			return rc;
		}
		urings->files[i] = fd;
		return (int)i;
	}
	return -ENFILE;
}

void ebb_uring_file_unregister(int index)
{
	struct ebb_urings *urings = &ebb_turn.reactor->urings;

	urings->files[index] = -1;
	urings_set_file(urings, (unsigned)index, -1);
	if (urings->retired != NULL) {
		ebb_uring_set_file(urings->retired, (unsigned)index, -1);
	}
}

int ebb_uring_buf_index(const void *addr, size_t len_bytes)
{
	struct ebb_urings *urings = &ebb_turn.reactor->urings;
	int index = ebb_uring_find_buf(urings->home, addr, len_bytes);

	if (index >= 0 && urings->polled != NULL &&
	    ebb_uring_find_buf(urings->polled, addr, len_bytes) < 0) {
		return -1;
	}
	return index;
}

/* ---- what the reactor's loop calls ---- */

static void retired_ended(void *arg)
{
	struct ebb_reactor *reactor = arg;

	ebb_uring_close(reactor->urings.retired);
	reactor->urings.retired = NULL;
}

void ebb_urings_reap(struct ebb_urings *urings)
{
	ebb_uring_reap(urings->home);
	if (ebb_unlikely(urings->polled != NULL)) {
		ebb_uring_reap(urings->polled);
	}
	if (ebb_unlikely(urings->retired != NULL)) {
		ebb_uring_reap(urings->retired);
		if (!ebb_uring_busy(urings->retired)) {
			ebb_uring_end(urings->retired, retired_ended);
		}
	}
	urings->stirs = urings->retired != NULL || ebb_uring_stirs(urings->home) ||
			(urings->polled != NULL && ebb_uring_stirs(urings->polled));
}

void __attribute__((noinline)) ebb_urings_submit(struct ebb_urings *urings)
{
	ebb_uring_submit(urings->home);
	if (ebb_unlikely(urings->polled != NULL)) {
		ebb_uring_submit(urings->polled);
	}
	if (ebb_unlikely(urings->retired != NULL)) {
		ebb_uring_submit(urings->retired);
	}
}

bool ebb_urings_may_sleep(struct ebb_urings *urings)
{
	if (urings->retired != NULL) {
		ebb_uring_submit(urings->retired); /* its eventfd tells what comes of it */
	}
	return urings->polled == NULL || !ebb_uring_busy(urings->polled);
}

int ebb_urings_arm(struct ebb_urings *urings)
{
	return urings->retired == NULL ? 0 : ebb_uring_arm(urings->retired);
}

void ebb_urings_disarm(struct ebb_urings *urings)
{
	if (urings->retired != NULL) {
		ebb_uring_disarm(urings->retired);
	}
}

bool ebb_urings_busy(const struct ebb_urings *urings)
{
	return ebb_uring_busy(urings->home);
}

bool ebb_urings_sleep(struct ebb_urings *urings)
{
	return ebb_uring_sleep(urings->home);
}

void ebb_urings_close(struct ebb_urings *urings)
{
	struct ebb_uring *const all[] = {urings->retired, urings->polled, urings->home};

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(all); i++) {
		if (all[i] != NULL) {
			ebb_uring_close(all[i]);
		}
	}
	free(urings->files);
	memset(urings, 0, sizeof(*urings));
}
