/* SPDX-License-Identifier: Apache-2.0 */
/* How long the delay bdev keeps requests, by a clock that the test moves. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/clock.h>
#include <ebb/poller.h>

#include "core/event/thread.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define REQUESTS 1000

/* One request: how it ended, and when. */
struct request {
	struct fake_result result;
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t latency_ns; /* UINT64_MAX: not ended */
};

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct request requests[REQUESTS];
static uint8_t buf[FAKE_BLOCK];

static void open_all(void)
{
	ck_assert_int_eq(ebb_bdev_open("D", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
}

static void close_all(void)
{
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
}

static void create(unsigned avg_read, unsigned p99_read, unsigned avg_write, unsigned p99_write)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{'name': 'D', 'base_bdev_name': 'base', 'avg_read_latency': %u, "
		 "'p99_read_latency': %u, 'avg_write_latency': %u, 'p99_write_latency': %u}",
		 avg_read, p99_read, avg_write, p99_write);
	call_is("bdev_delay_create", text, "\"D\"");
	open_all();
}

static void setup(void)
{
	stage_begin();
	fake = fake_create("base");
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
}

static void teardown(void)
{
	close_all();
	call_is("bdev_delay_delete", "{'name': 'D'}", "true");
	fake_close(fake, NULL, NULL);
	stage_end();
}

static void ended(void *arg, int status)
{
	struct request *request = arg;

	fake_done(&request->result, status);
	request->end_ns = ebb_clock_now_ns();
	request->latency_ns = request->end_ns - request->begin_ns;
}

static void begin(struct request *request, bool write)
{
	int rc;

	*request = (struct request){.begin_ns = ebb_clock_now_ns(), .latency_ns = UINT64_MAX};
	rc = write ? ebb_bdev_write(desc, ch, buf, 0, 1, 0, ended, request)
		   : ebb_bdev_read(desc, ch, buf, 0, 1, ended, request);
	ck_assert_int_eq(rc, 0);
}

static void advance_us(uint64_t us)
{
	stage_clock_advance(us * EBB_NS_PER_US);
	stage_turn();
}

static void update(const char *type, unsigned us)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{'delay_bdev_name': 'D', 'latency_type': '%s', 'latency_us': %u}", type, us);
	call_is("bdev_delay_update_latency", text, "true");
}

/* How many timers the thread has armed. */
static unsigned timers(void)
{
	return ebb_thread_current()->timers.count;
}

/* Of each hundred exactly one; not a nanosecond early; reads by one pair, writes by the other. */
START_TEST(one_in_a_hundred_is_slow)
{
	bool write = _i == 1;
	uint64_t avg_us = write ? 30 : 10;
	uint64_t p99_us = write ? 400 : 200;
	unsigned other_slot = 0;
	unsigned last_slot = 100;

	create(10, 200, 30, 400);
	for (unsigned i = 0; i < REQUESTS; i++) {
		begin(&requests[i], write);
		stage_turn();
		ck_assert_uint_eq(requests[i].latency_ns, UINT64_MAX);
	}
	stage_clock_advance(avg_us * EBB_NS_PER_US - 1);
	stage_turn();
	for (unsigned i = 0; i < REQUESTS; i++) {
		ck_assert_uint_eq(requests[i].latency_ns, UINT64_MAX);
	}
	stage_clock_advance(1);
	stage_turn();
	stage_clock_advance((p99_us - avg_us) * EBB_NS_PER_US - 1);
	stage_turn();
	for (unsigned hundred = 0; hundred < REQUESTS; hundred += 100) {
		unsigned slow = 0;

		for (unsigned i = hundred; i < hundred + 100; i++) {
			if (requests[i].latency_ns == UINT64_MAX) {
				slow++;
				other_slot += last_slot != 100 && i - hundred != last_slot;
				last_slot = i - hundred;
			} else {
				ck_assert_uint_eq(requests[i].latency_ns, avg_us * EBB_NS_PER_US);
			}
		}
		ck_assert_uint_eq(slow, 1);
	}
	ck_assert_uint_gt(other_slot, 0); /* drawn: 1 in 10^18 that all are the same */
	stage_clock_advance(1);
	stage_turn();
	for (unsigned i = 0; i < REQUESTS; i++) {
		ck_assert_uint_le(requests[i].latency_ns, p99_us * EBB_NS_PER_US);
		ck_assert_uint_eq(requests[i].result.calls, 1);
	}
}
END_TEST

/* It counts from when the base is done, whose status it is. */
START_TEST(the_bases_time_comes_before)
{
	create(10, 10, 10, 10);
	fake->mode = FAKE_HOLD;
	begin(&requests[0], false);
	begin(&requests[1], true);
	advance_us(50);
	fake_complete_one(fake, 0);
	advance_us(3);
	fake_complete_one(fake, -ENOSPC);
	advance_us(6);
	ck_assert_uint_eq(requests[0].result.calls, 0);
	advance_us(1);
	ck_assert_uint_eq(requests[0].latency_ns, 60 * EBB_NS_PER_US);
	ck_assert_int_eq(requests[0].result.status, 0);
	ck_assert_uint_eq(requests[1].result.calls, 0);
	advance_us(3);
	ck_assert_uint_eq(requests[1].latency_ns, 63 * EBB_NS_PER_US);
	ck_assert_int_eq(requests[1].result.status, -ENOSPC);
}
END_TEST

START_TEST(only_reads_and_writes_are_kept)
{
	struct fake_result result = {0};

	create(1000, 1000, 1000, 1000);
	ck_assert_int_eq(ebb_bdev_flush(desc, ch, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_unmap(desc, ch, 0, 1, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 0, 1, 0, fake_done, &result), 0);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 3);
}
END_TEST

START_TEST(no_latency_is_none)
{
	create(0, 0, 0, 0);
	begin(&requests[0], false);
	begin(&requests[1], true);
	stage_turns(2);
	ck_assert_uint_eq(requests[0].result.calls + requests[1].result.calls, 2);
}
END_TEST

/* What is kept ends as it would have; what comes after that is not kept behind it. */
START_TEST(latencies_can_be_changed)
{
	create(1000, 1000, 7, 7);
	begin(&requests[0], false);
	stage_turn();
	update("avg_read", 20);
	update("p99_read", 20);
	begin(&requests[1], false);
	stage_turn();
	advance_us(19);
	ck_assert_uint_eq(requests[1].result.calls, 0);
	advance_us(1);
	ck_assert_uint_eq(requests[1].latency_ns, 20 * EBB_NS_PER_US);
	ck_assert_uint_eq(requests[0].result.calls, 0);
	update("avg_read", 5000);
	update("p99_read", 5000);
	begin(&requests[1], false);
	stage_turn();
	advance_us(979);
	ck_assert_uint_eq(requests[0].result.calls, 0);
	advance_us(1);
	ck_assert_uint_eq(requests[0].latency_ns, 1000 * EBB_NS_PER_US);
	advance_us(4019);
	ck_assert_uint_eq(requests[1].result.calls, 0);
	advance_us(1);
	ck_assert_uint_eq(requests[1].result.calls, 1);
	update("avg_write", 9);
	update("p99_write", 8);
	call_has("bdev_get_bdevs", "{'name': 'D'}",
		 "\"avg_read_latency\":5000,\"p99_read_latency\":5000,\"avg_write_latency\":9,"
		 "\"p99_write_latency\":8}");
}
END_TEST

/* A timer is armed for what is kept, one for all of it, and none for nothing. */
START_TEST(nothing_kept_is_nothing_armed)
{
	unsigned before = timers();

	create(10, 20, 30, 40);
	ck_assert_uint_eq(timers(), before);
	for (unsigned i = 0; i < 150; i++) {
		begin(&requests[i], i % 2 == 0);
	}
	stage_turn();
	ck_assert_uint_eq(timers(), before + 1);
	advance_us(39);
	advance_us(1);
	for (unsigned i = 0; i < 150; i++) {
		ck_assert_uint_eq(requests[i].result.calls, 1);
	}
	ck_assert_uint_eq(timers(), before);
	stage_advance_ms(3000);
	ck_assert_uint_eq(timers(), before);
}
END_TEST

/* The process stands still for a while, right after the turn has read the clock. */
static uint64_t stopped_at_ns;
static unsigned readings;

static uint64_t stopping_clock(void)
{
	return stopped_at_ns + (readings++ == 0 ? 0 : 30 * EBB_NS_PER_US);
}

/* What ends then was due by the turn's clock, by which clients count. */
START_TEST(a_stop_ends_nothing_early)
{
	create(10, 10, 10, 10);
	begin(&requests[0], false);
	stage_turn();
	advance_us(5);
	begin(&requests[1], false);
	stage_turn();
	stage_clock_advance(5 * EBB_NS_PER_US);
	stopped_at_ns = ebb_clock_now_ns();
	ebb_clock_set_source(stopping_clock);
	stage_turn();
	ck_assert_uint_eq(requests[0].result.calls, 1);
	ck_assert_uint_eq(requests[1].result.calls, 0);
	stage_clock_restore();
	advance_us(30);
	ck_assert_uint_eq(requests[1].result.calls, 1);
}
END_TEST

/* Many that are due at once, and their clients who ask again at once. */
static unsigned again_left;

static void again(void *arg, int status)
{
	ended(arg, status);
	if (again_left > 0) {
		again_left--;
		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, again, arg), 0);
	}
}

START_TEST(clients_ask_again_in_the_callback)
{
	unsigned ends = 0;

	create(10, 10, 10, 10);
	again_left = 640;
	for (unsigned i = 0; i < 64; i++) {
		requests[i] = (struct request){0};
		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, again, &requests[i]), 0);
	}
	stage_turn();
	for (unsigned round = 0; round < 11; round++) {
		advance_us(9);
		advance_us(1);
		stage_turn();
	}
	for (unsigned i = 0; i < 64; i++) {
		ends += requests[i].result.calls;
	}
	ck_assert_uint_eq(ends, 64 + 640);
}
END_TEST

/* By its deletion, or its base's: what is kept has been done, and ends so. */
START_TEST(what_is_kept_ends_with_the_bdev)
{
	struct call call;

	create(3600000000u, 3600000000u, 3600000000u, 3600000000u);
	begin(&requests[0], false);
	begin(&requests[1], true);
	stage_turns(4);
	ck_assert_uint_eq(requests[0].result.calls, 0);
	if (_i == 0) {
		call_begin(&call, "bdev_delay_delete", "{'name': 'D'}");
	} else {
		ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, NULL, NULL), 0);
	}
	stage_turns(8);
	ck_assert_uint_eq(requests[0].result.calls, 1);
	ck_assert_uint_eq(requests[1].result.calls, 1);
	ck_assert_int_eq(requests[0].result.status, 0);
	begin(&requests[0], false);
	stage_turns(2);
	ck_assert_uint_eq(requests[0].result.calls, 1);
	close_all();
	stage_turns(8);
	if (_i == 0) {
		ck_assert(call.done);
		call_end(&call);
	} else {
		free(fake);
		call_is("bdev_delay_delete", "{'name': 'D'}", "true");
		fake = fake_create("base");
		ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	}
	create(1, 1, 1, 1);
}
END_TEST

START_TEST(what_cannot_be)
{
	create(1, 1, 1, 1);
	call_has("bdev_delay_create",
		 "{'name': 'E', 'base_bdev_name': 'base', 'avg_read_latency': 2, "
		 "'p99_read_latency': 1, 'avg_write_latency': 0, 'p99_write_latency': 0}",
		 "error -22: delay bdev 'E': a p99 latency cannot be less than the average one");
	call_has("bdev_delay_create",
		 "{'name': 'E', 'base_bdev_name': 'base', 'avg_read_latency': 0, "
		 "'p99_read_latency': 86400000001, 'avg_write_latency': 0, "
		 "'p99_write_latency': 0}",
		 "error -32602: ");
	call_has("bdev_delay_update_latency",
		 "{'delay_bdev_name': 'base', 'latency_type': 'avg_read', 'latency_us': 1}",
		 "error -32602: delay_bdev_name: there is no delay bdev 'base'");
	call_has("bdev_delay_update_latency",
		 "{'delay_bdev_name': 'D', 'latency_type': 'max_read', 'latency_us': 1}",
		 "error -32602: ");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(one_in_a_hundred_is_slow, 0, 2),
		UNIT_TEST(the_bases_time_comes_before),
		UNIT_TEST(only_reads_and_writes_are_kept),
		UNIT_TEST(no_latency_is_none),
		UNIT_TEST(latencies_can_be_changed),
		UNIT_TEST(nothing_kept_is_nothing_armed),
		UNIT_TEST(a_stop_ends_nothing_early),
		UNIT_TEST(clients_ask_again_in_the_callback),
		UNIT_LOOP(what_is_kept_ends_with_the_bdev, 0, 2),
		UNIT_TEST(what_cannot_be),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
