/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/stand_in.h"

/* The bdev on a reactor that is stepped; the test is the companion. */

#include <errno.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>
#include <ebb/poller.h>

#include "bench/load/stand_in_device.h"
#include "core/bdev/pool.h"
#include "tests/unit/bench/load/fake_companion.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define SERVICE_NS 10000
#define BLOCK      4096u
#define MANY       3000u

static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *channel;
static char error[256];
static bool gone;

static void note_gone(void *arg)
{
	(void)arg;
	gone = true;
}

static void create(const char *name, bool interrupt)
{
	const struct bench_stand_in_opts opts = {
		.name = name,
		.service_ns = SERVICE_NS,
		.size_bytes = 64 * BLOCK,
		.block_size = BLOCK,
		.interrupt = interrupt,
	};

	ck_assert_int_eq(bench_stand_in_create(&opts, error, sizeof(error)), 0);
}

static void open_it(void)
{
	ck_assert_int_eq(ebb_bdev_open("s", true, NULL, NULL, &desc), 0);
	channel = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(channel);
	fake_companion_run(); /* takes the memory */
}

static void close_it(void)
{
	ebb_io_channel_put(channel);
	ebb_bdev_close(desc);
}

static void delete_it(void)
{
	gone = false;
	ck_assert_int_eq(bench_stand_in_delete("s", note_gone, NULL), 0);
	stage_turns(4);
	ck_assert(gone);
	ck_assert(!fake_companion_has_duty());
}

static void setup(void)
{
	stage_begin();
	create("s", true);
}

static void teardown(void)
{
	stage_end();
}

/* The device sees what was submitted, and all of it is due. */
static void serve(void)
{
	fake_companion_run();
	stage_clock_advance(SERVICE_NS);
	fake_companion_run();
	stage_turns(2);
}

START_TEST(it_is_a_bdev)
{
	const struct bench_stand_in_opts opts = {.name = "s"};

	call_has("bdev_get_bdevs", "{'name': 's'}",
		 "\"product_name\":\"Stand-in\",\"block_size\":4096,\"num_blocks\":64");
	call_has("bdev_get_bdevs", "{'name': 's'}",
		 "\"stand_in\":{\"service_ns\":10000,\"jitter_ns\":0,\"distribution\":\"none\","
		 "\"depth\":1024,\"interrupt\":true}");
	fake_companion_has_cpu = false;
	ck_assert_int_eq(bench_stand_in_create(&opts, error, sizeof(error)), -EOPNOTSUPP);
	fake_companion_has_cpu = true;
	ck_assert_int_eq(bench_stand_in_delete("t", NULL, NULL), -ENODEV);
	delete_it();
	ck_assert_int_eq(bench_stand_in_delete("s", NULL, NULL), -ENODEV);
	create("s", true);
	delete_it();
}
END_TEST

START_TEST(a_name_is_had_once)
{
	call_is("bdev_null_create", "{'name': 'n', 'num_blocks': 1, 'block_size': 512}", "\"n\"");
	delete_it();
	{
		const struct bench_stand_in_opts opts = {.name = "n", .size_bytes = BLOCK};

		ck_assert_int_eq(bench_stand_in_create(&opts, error, sizeof(error)), -EEXIST);
		ck_assert_str_eq(error, "stand-in: bdev 'n' cannot be made: File exists");
	}
	stage_turns(2);
	ck_assert(!fake_companion_has_duty());
	call_is("bdev_null_delete", "{'name': 'n'}", "true");
}
END_TEST

START_TEST(it_reads_writes_and_flushes)
{
	static char out[2 * BLOCK], in[2 * BLOCK];
	struct fake_result result = {0};

	open_it();
	memset(out, 'o', sizeof(out));
	ck_assert_int_eq(ebb_bdev_write(desc, channel, out, 62, 2, EBB_BDEV_FUA, fake_done,
					&result),
			 0);
	ck_assert_int_eq(ebb_bdev_flush(desc, channel, fake_done, &result), 0);
	fake_companion_run();
	stage_clock_advance(SERVICE_NS - 1);
	fake_companion_run();
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 0);
	stage_clock_advance(1);
	fake_companion_run();
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 2);
	ck_assert_int_eq(result.status, 0);
	ck_assert_int_eq(ebb_bdev_read(desc, channel, in, 62, 2, fake_done, &result), 0);
	serve();
	ck_assert_uint_eq(result.calls, 3);
	ck_assert_mem_eq(in, out, sizeof(in));
	close_it();
	delete_it();
}
END_TEST

/* In order: those that wait for room in the queue do not go before those that have it. */
START_TEST(what_the_queue_cannot_hold_waits)
{
	static struct fake_result results[MANY];
	static char buf[BLOCK];

	static_assert(MANY > BENCH_STAND_IN_QUEUE_SIZE, "nothing waits");
	bdev_pool_set_size(MANY);
	open_it();
	for (unsigned i = 0; i < MANY; i++) {
		ck_assert_int_eq(ebb_bdev_read(desc, channel, buf, 0, 1, fake_done, &results[i]),
				 0);
	}
	for (unsigned i = 0; i < 4 * MANY && results[MANY - 1].calls == 0; i++) {
		serve();
	}
	for (unsigned i = 0; i < MANY; i++) {
		ck_assert_uint_eq(results[i].calls, 1);
		ck_assert_int_eq(results[i].status, 0);
	}
	bdev_pool_set_size(0);
	close_it();
	delete_it();
}
END_TEST

START_TEST(each_thread_has_a_channel)
{
	struct ebb_thread *app = ebb_thread_current();
	struct ebb_thread *other = stage_thread("other");
	struct fake_result results[2] = {0};
	struct ebb_io_channel *others;
	static char buf[BLOCK];

	open_it();
	ck_assert_int_eq(ebb_bdev_read(desc, channel, buf, 0, 1, fake_done, &results[0]), 0);
	stage_enter(other);
	others = ebb_bdev_channel_get(desc);
	ck_assert_int_eq(ebb_bdev_read(desc, others, buf, 0, 1, fake_done, &results[1]), 0);
	serve();
	ck_assert_uint_eq(results[0].calls, 1);
	ck_assert_uint_eq(results[1].calls, 1);
	ebb_io_channel_put(others);
	stage_turns(2);
	stage_enter(app);
	fake_companion_run();
	ck_assert_int_eq(ebb_bdev_read(desc, channel, buf, 0, 1, fake_done, &results[0]), 0);
	serve();
	ck_assert_uint_eq(results[0].calls, 2);
	stage_thread_exit(other);
	close_it();
	delete_it();
}
END_TEST

static void close_on_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	(void)bdev;
	ck_assert_int_eq(event, EBB_BDEV_EVENT_REMOVE);
	*(bool *)arg = true;
}

/* It goes while a request is under way: that is answered at once. */
START_TEST(it_goes_while_a_request_is_under_way)
{
	struct fake_result result = {0};
	static char buf[BLOCK];
	bool told = false;

	ck_assert_int_eq(ebb_bdev_open("s", true, close_on_event, &told, &desc), 0);
	channel = ebb_bdev_channel_get(desc);
	fake_companion_run();
	ck_assert_int_eq(ebb_bdev_read(desc, channel, buf, 0, 1, fake_done, &result), 0);
	fake_companion_run();
	gone = false;
	ck_assert_int_eq(bench_stand_in_delete("s", note_gone, NULL), 0);
	stage_turns(2);
	ck_assert(told);
	ck_assert_uint_eq(result.calls, 0);
	fake_companion_run(); /* the clock has not moved */
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert(!gone);
	close_it();
	stage_turns(4);
	ck_assert(gone);
	ck_assert(!fake_companion_has_duty());
}
END_TEST

static void note_blocks(const struct ebb_poller_stats *stats, void *arg)
{
	if (strcmp(stats->name, "stand_in") == 0) {
		*(int *)arg = stats->blocks_sleep;
	}
}

START_TEST(without_interrupts_it_keeps_its_reactor_awake)
{
	int blocks = -1;

	open_it();
	ebb_poller_for_each(note_blocks, &blocks);
	ck_assert_int_eq(blocks, false);
	close_it();
	delete_it();
	create("s", false);
	open_it();
	ebb_poller_for_each(note_blocks, &blocks);
	ck_assert_int_eq(blocks, true);
	close_it();
	delete_it();
}
END_TEST

START_TEST(its_device_is_found_by_its_name)
{
	struct ebb_histogram lateness;

	ck_assert_ptr_nonnull(bench_stand_in_find("s"));
	ck_assert_ptr_null(bench_stand_in_find("t"));
	ck_assert_int_eq(bench_stand_in_lateness("t", &lateness), -ENODEV);
	delete_it();
	ck_assert_ptr_null(bench_stand_in_find("s"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(it_is_a_bdev),
		UNIT_TEST(a_name_is_had_once),
		UNIT_TEST(it_reads_writes_and_flushes),
		UNIT_TEST(what_the_queue_cannot_hold_waits),
		UNIT_TEST(each_thread_has_a_channel),
		UNIT_TEST(it_goes_while_a_request_is_under_way),
		UNIT_TEST(without_interrupts_it_keeps_its_reactor_awake),
		UNIT_TEST(its_device_is_found_by_its_name),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
