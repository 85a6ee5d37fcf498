/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/source.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define COUNT 40 /* more than the table begins with */

static struct base_handle_table table;
static struct event_source sources[COUNT];
static int epoll_fd;

static void setup(void)
{
	memset(&table, 0, sizeof(table));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_ge(epoll_fd, 0);
	for (unsigned i = 0; i < COUNT; i++) {
		sources[i] = (struct event_source){
			.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK),
			.events = EPOLLIN,
			.name = "unit",
		};
		ck_assert_int_ge(sources[i].fd, 0);
	}
}

static void teardown(void)
{
	for (unsigned i = 0; i < COUNT; i++) {
		close(sources[i].fd);
	}
	close(epoll_fd);
	base_handle_table_fini(&table);
}

static int add(unsigned i)
{
	return event_source_add(&table, epoll_fd, &sources[i]);
}

static unsigned wait_events(struct epoll_event *events)
{
	int count = epoll_wait(epoll_fd, events, COUNT, 0);

	ck_assert_int_ge(count, 0);
	return (unsigned)count;
}

START_TEST(test_each_its_own)
{
	struct epoll_event events[COUNT];
	bool seen[COUNT] = {false};
	unsigned count;

	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(add(i), 0);
		ck_assert(event_source_added(&sources[i]));
	}
	count = wait_events(events);
	ck_assert_uint_eq(count, COUNT);
	for (unsigned i = 0; i < count; i++) {
		struct event_source *source = base_handle_find(&table, events[i].data.u64);

		ck_assert_ptr_nonnull(source);
		ck_assert(!seen[source - sources]);
		seen[source - sources] = true;
	}
}
END_TEST

/* An event in hand when its source is removed meets nothing, not even the next in that place. */
START_TEST(test_stale_event)
{
	struct epoll_event events[COUNT];
	uint32_t index;

	ck_assert_int_eq(add(0), 0);
	ck_assert_uint_eq(wait_events(events), 1);
	index = base_handle_index(sources[0].handle);
	event_source_remove(&table, epoll_fd, &sources[0]);
	ck_assert(!event_source_added(&sources[0]));
	ck_assert_ptr_null(base_handle_find(&table, events[0].data.u64));
	ck_assert_int_eq(add(1), 0);
	ck_assert_uint_eq(base_handle_index(sources[1].handle), index);
	ck_assert_ptr_null(base_handle_find(&table, events[0].data.u64));
	/* Nor the same source, added anew: that event was of its life before. */
	event_source_remove(&table, epoll_fd, &sources[1]);
	ck_assert_int_eq(add(0), 0);
	ck_assert_ptr_null(base_handle_find(&table, events[0].data.u64));
	ck_assert_uint_eq(wait_events(events), 1);
	ck_assert_ptr_eq(base_handle_find(&table, events[0].data.u64), &sources[0]);
}
END_TEST

START_TEST(test_remove)
{
	struct epoll_event events[COUNT];

	event_source_remove(&table, epoll_fd, &sources[0]);
	ck_assert_int_eq(add(0), 0);
	event_source_remove(&table, epoll_fd, &sources[0]);
	event_source_remove(&table, epoll_fd, &sources[0]);
	ck_assert_uint_eq(wait_events(events), 0);
}
END_TEST

/* The owner has closed the fd first: out of the set it is, and the place is free all the same. */
START_TEST(test_remove_closed)
{
	uint32_t index;

	ck_assert_int_eq(add(0), 0);
	index = base_handle_index(sources[0].handle);
	close(sources[0].fd);
	event_source_remove(&table, epoll_fd, &sources[0]);
	ck_assert(!event_source_added(&sources[0]));
	ck_assert_int_eq(add(1), 0);
	ck_assert_uint_eq(base_handle_index(sources[1].handle), index);
}
END_TEST

START_TEST(test_refused)
{
	struct event_source bad = {.fd = -1, .events = EPOLLIN};
	uint32_t index;

	ck_assert_int_eq(add(0), 0);
	index = base_handle_index(sources[0].handle);
	ck_assert_int_eq(event_source_add(&table, epoll_fd, &bad), -EBADF);
	ck_assert(!event_source_added(&bad));
	ck_assert_int_eq(add(1), 0);
	ck_assert_uint_ne(base_handle_index(sources[1].handle), index);
	/* Twice the same fd: the second is told so, and the first stays. */
	bad.fd = sources[0].fd;
	ck_assert_int_eq(event_source_add(&table, epoll_fd, &bad), -EEXIST);
	ck_assert(event_source_added(&sources[0]));
	/* What is refused takes no room. */
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(event_source_add(&table, epoll_fd, &bad), -EEXIST);
	}
	ck_assert_uint_le(table.num_slots, 16);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_each_its_own),
		UNIT_TEST(test_stale_event),
		UNIT_TEST(test_remove),
		UNIT_TEST(test_remove_closed),
		UNIT_TEST(test_refused),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
