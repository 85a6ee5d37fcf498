/* SPDX-License-Identifier: Apache-2.0 */
/* A completion callback that takes long is reported by its bdev (rule 5). */
#include <string.h>

#include <ebb/thread.h>

#include "core/event/reactor.h"
#include "core/event/reading.h"
#include "core/event/watchdog.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fakes[2];
static struct ebb_bdev_desc *descs[2];
static struct ebb_io_channel *channels[2];
static struct fake_result results[8];
static char buf[FAKE_BLOCK] __attribute__((aligned(4096)));
static uint64_t slow_ms;

/* Whatever takes time by the test's clock is on the CPU. */
static void read_clock(int fd, struct os_thread_times *ret_times)
{
	(void)fd;
	*ret_times = (struct os_thread_times){.cpu_ns = ebb_clock_now_ns(), .has_queue = true};
}

static bool read_clock_of(pid_t tid, struct os_thread_times *ret_times)
{
	(void)tid;
	read_clock(-1, ret_times);
	return true;
}

static void ask_nobody(int cpu, uint64_t since_ns, uint64_t now_ns, struct event_evidence *ret)
{
	(void)cpu;
	(void)since_ns;
	(void)now_ns;
	*ret = (struct event_evidence){.stopped = false};
}

static const struct event_reading_source readings = {
	.read = read_clock,
	.read_of = read_clock_of,
	.ask = ask_nobody,
};

static void setup(void)
{
	static const char *const names[] = {"disk0", "disk1"};

	stage_begin();
	event_reading_set_source(&readings);
	for (unsigned i = 0; i < 2; i++) {
		fakes[i] = fake_create(names[i]);
		fake_open(fakes[i], &descs[i], &channels[i]);
	}
	memset(results, 0, sizeof(results));
	slow_ms = 15;
}

static void teardown(void)
{
	for (unsigned i = 0; i < 2; i++) {
		fake_close(fakes[i], descs[i], channels[i]);
	}
	stage_end();
}

static void done_quickly(void *arg, int status)
{
	stage_clock_advance(EBB_NS_PER_MS / 10);
	fake_done(arg, status);
}

static void done_slowly(void *arg, int status)
{
	stage_clock_advance(slow_ms * EBB_NS_PER_MS);
	fake_done(arg, status);
}

static void read_one(unsigned disk, ebb_bdev_io_cb cb, unsigned result)
{
	ck_assert_int_eq(ebb_bdev_read(descs[disk], channels[disk], buf, 0, 1, cb,
				       &results[result]),
			 0);
}

/* Deferred to the end of the turn, by itself. */
START_TEST(test_alone)
{
	read_one(1, done_slowly, 0);
	stage_turns(2);
	ck_assert_uint_eq(results[0].calls, 1);
	ck_assert_uint_eq(log_count("bdev \"disk1\": its user's completion callback ran 15.0 ms"),
			  1);
}
END_TEST

/* Of several nobody knows which: they are measured one by one from there on, for a second. */
START_TEST(test_one_of_several)
{
	for (unsigned round = 0; round < 2; round++) {
		read_one(0, done_quickly, 0);
		read_one(1, done_slowly, 1);
		read_one(0, done_quickly, 2);
		stage_turns(2);
	}
	ck_assert_uint_eq(log_count("a batch of I/O completion callbacks, the first of bdev "
				    "\"disk0\""),
			  1);
	ck_assert_uint_eq(log_count("bdev \"disk1\": its user's completion callback ran 15.0 ms"),
			  1);
	ck_assert_uint_eq(log_count("bdev \"disk0\": its user's"), 0);
	stage_clock_advance(2 * EBB_NS_PER_S);
	stage_turn();
	read_one(0, done_quickly, 0);
	read_one(1, done_slowly, 1);
	stage_turns(2);
	ck_assert_uint_eq(log_count("a batch of I/O completion callbacks"), 2);
}
END_TEST

static void complete_held(void *arg)
{
	(void)arg;
	fake_complete_all(fakes[0], 0);
}

/* At once, in the driver's callback. */
START_TEST(test_in_driver)
{
	fakes[0]->mode = FAKE_HOLD;
	read_one(0, done_slowly, 0);
	stage_turn();
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), complete_held, NULL), 0);
	stage_turns(2);
	ck_assert_uint_eq(results[0].calls, 1);
	ck_assert_uint_eq(log_count("callback complete_held, the last part of it a completion "
				    "callback of bdev \"disk0\", ran 15.0 ms"),
			  1);
}
END_TEST

static void take_long(void *arg)
{
	(void)arg;
	stage_clock_advance(20 * EBB_NS_PER_MS);
}

/* What ran before is not blamed for what runs now. */
START_TEST(test_not_the_last_one)
{
	read_one(0, done_quickly, 0);
	stage_turns(2);
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), take_long, NULL), 0);
	stage_turns(2);
	ck_assert_uint_eq(log_count("callback take_long of thread 'app_thread' ran 20.0 ms"), 1);
	ck_assert_uint_eq(log_count("disk0"), 0);
}
END_TEST

static void done_stuck(void *arg, int status)
{
	stage_clock_advance(1500 * EBB_NS_PER_MS);
	event_watchdog_expired();
	fake_done(arg, status);
}

START_TEST(test_stuck)
{
	read_one(1, done_stuck, 0);
	stage_turns(2);
	ck_assert_uint_eq(log_count("is stuck: in I/O completions of thread 'app_thread', a "
				    "completion callback of bdev \"disk1\" since 1500 ms"),
			  1);
}
END_TEST

/* The channel has gone when what was noted of it is looked at. */
START_TEST(test_channel_gone)
{
	read_one(0, done_quickly, 0);
	stage_turns(2);
	ck_assert_uint_ne(atomic_load(&event_reactors[0].batch), 0);
	fake_close(fakes[0], descs[0], channels[0]);
	ck_assert_uint_eq(atomic_load(&event_reactors[0].batch), 0);
	ck_assert_ptr_null(atomic_load(&event_reactors[0].io_ctx));
	fakes[0] = fake_create("disk0");
	fake_open(fakes[0], &descs[0], &channels[0]);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),    UNIT_TEST(test_alone),
		UNIT_TEST(test_one_of_several),   UNIT_TEST(test_in_driver),
		UNIT_TEST(test_not_the_last_one), UNIT_TEST(test_stuck),
		UNIT_TEST(test_channel_gone),     UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
