/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/pas.h"

/* The loop on a file and on a stand-in. Each reading of the clock takes a microsecond. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "bench/load/stand_in.h"
#include "bench/peer/pas_loop.h"
#include "bench/signals.h"
#include "tests/unit/bench/load/fake_companion.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define BLOCK  4096u
#define BLOCKS 64u

static char path[] = "/tmp/ebb-pas-XXXXXX";
static struct bench_target target;
static struct bench_load load;
static struct bench_pas_loop loop;
static char error[BENCH_TEXT_MAX];
static _Atomic uint64_t clock_ns;

static uint64_t ticking_now_ns(void)
{
	return atomic_fetch_add(&clock_ns, 1000) + 1000;
}

static void setup(void)
{
	char block[BLOCK];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	memset(block, 'f', sizeof(block));
	for (unsigned i = 0; i < BLOCKS; i++) {
		ck_assert_int_eq(write(fd, block, sizeof(block)), sizeof(block));
	}
	close(fd);
	target = (struct bench_target){
		.name = "it",
		.kind = "file",
		.block_size = BLOCK,
		.size_bytes = BLOCKS * BLOCK,
	};
	snprintf(target.path, sizeof(target.path), "%s", path);
	load = (struct bench_load){
		.rw = BENCH_RW_RANDREAD,
		.block_bytes = BLOCK,
		.queue_depth = 1,
		.time_ns = EBB_NS_PER_MS,
		.seed = 1,
	};
	atomic_store(&clock_ns, EBB_NS_PER_S);
	ebb_clock_set_source(ticking_now_ns);
}

static void teardown(void)
{
	ebb_clock_set_source(NULL);
	unlink(path);
}

static void run(unsigned index, unsigned count)
{
	ck_assert_int_eq(bench_pas_loop_init(&loop, &target, &load, index, count), 0);
	loop.start_ns = atomic_load(&clock_ns);
	bench_pas_loop_run(&loop);
}

static void run_on_file(void)
{
	need_uring(0);
	run(0, 1);
}

START_TEST(it_reads_a_file)
{
	run_on_file();
	ck_assert_msg(loop.rc == 0, "%s", loop.error);
	ck_assert(loop.counting);
	ck_assert_uint_ge(loop.count.latency.count, 100);
	ck_assert_uint_eq(loop.count.sleeps, loop.count.latency.count);
	ck_assert_uint_ge(loop.count.latency.min, 1000); /* by two readings */
	ck_assert_uint_eq(loop.count.backlog, 0);
	ck_assert_double_ne(loop.sleep[0].adjust, 1); /* it has learned */
	ck_assert_double_eq(loop.sleep[1].adjust, 1); /* of what it has not done, nothing */
}
END_TEST

/* What is warm-up counts for nothing. */
START_TEST(it_counts_after_the_warm_up)
{
	load.warmup_ns = 4 * EBB_NS_PER_MS;
	run_on_file();
	ck_assert_uint_ge(loop.count.begin_ns, loop.start_ns + load.warmup_ns);
	ck_assert_uint_le(loop.count.end_ns - loop.count.begin_ns, load.time_ns + 100000);
	ck_assert_uint_le(loop.count.latency.count, 1000);
}
END_TEST

START_TEST(it_writes_all_of_a_file_in_order)
{
	char block[BLOCK];
	int fd;

	load.rw = BENCH_RW_WRITE;
	load.size_bytes = 3 * BLOCK;
	run_on_file();
	ck_assert_msg(loop.rc == 0, "%s", loop.error);
	ck_assert_double_eq(loop.sleep[0].adjust, 1);
	fd = open(path, O_RDONLY);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(read(fd, block, sizeof(block)), sizeof(block));
		ck_assert_int_eq(block[0], i < 3 ? 0 : 'f');
		ck_assert_int_eq(block[BLOCK - 1], i < 3 ? 0 : 'f');
	}
	close(fd);
}
END_TEST

/* One request every 50 us: those that were to come, come. */
START_TEST(requests_come_when_they_are_to_come)
{
	load.shape = BENCH_SHAPE_EVEN;
	load.rate_iops = 20000;
	run_on_file();
	ck_assert_msg(loop.rc == 0, "%s", loop.error);
	ck_assert_uint_ge(loop.count.offered, 18);
	ck_assert_uint_le(loop.count.offered, 21);
	ck_assert_uint_le(loop.count.latency.count + loop.count.backlog, 21);
}
END_TEST

/* More than it can do: their latencies count from when they were to come, and the rest is told. */
START_TEST(what_it_does_not_come_to_is_in_line)
{
	load.shape = BENCH_SHAPE_EVEN;
	load.rate_iops = 1e6;
	run_on_file();
	ck_assert_uint_ge(loop.count.offered, 900);
	ck_assert_uint_ge(loop.count.backlog, 200);
	ck_assert_uint_ge(loop.count.latency.max, 100000);
	ck_assert_uint_le(loop.count.latency.count + loop.count.backlog, loop.count.offered + 5);
}
END_TEST

START_TEST(loops_share_a_load)
{
	load.shape = BENCH_SHAPE_EVEN;
	load.rate_iops = 40000;
	need_uring(0);
	run(1, 2);
	ck_assert_uint_ge(loop.count.offered, 18);
	ck_assert_uint_le(loop.count.offered, 21);
}
END_TEST

START_TEST(an_error_names_the_request)
{
	need_uring(0);
	ck_assert_int_eq(truncate(path, 0), 0);
	run(0, 1);
	ck_assert_int_eq(loop.rc, -EIO);
	ck_assert_msg(strstr(loop.error, "pas: it: a read of 4096 bytes at byte ") == loop.error,
		      "%s", loop.error);
	unlink(path);
	run(0, 1);
	ck_assert_int_eq(loop.rc, -ENOENT);
	ck_assert_str_eq(loop.error, "pas: it: it cannot be opened: No such file or directory");
	ck_assert(!loop.counting);
}
END_TEST

/* ---- a stand-in ---- */

static _Atomic bool companion_ends;

static void *companion_main(void *arg)
{
	while (!atomic_load(&companion_ends)) {
		fake_companion_run();
	}
	return arg;
}

/* A signal ends the loop when so many have been answered. */
static void *watch_main(void *arg)
{
	static struct ebb_histogram lateness;
	uint64_t answered = 0;

	while (answered < 20) {
		bench_stand_in_lateness("s", &lateness);
		answered += lateness.count;
	}
	kill(getpid(), SIGINT);
	return arg;
}

/* By the real clock, but for however long it takes. */
START_TEST(it_asks_a_stand_in_by_its_queue)
{
	const struct bench_stand_in_opts opts = {
		.name = "s",
		.service_ns = 20000,
		.size_bytes = BLOCKS * BLOCK,
	};
	pthread_t companion, watch;

	bench_signals_install(NULL);
	stage_begin();
	ck_assert_int_eq(bench_stand_in_create(&opts, error, sizeof(error)), 0);
	ebb_clock_set_source(NULL);
	ck_assert_int_eq(pthread_create(&companion, NULL, companion_main, NULL), 0);
	ck_assert_int_eq(pthread_create(&watch, NULL, watch_main, NULL), 0);
	target.path[0] = '\0';
	snprintf(target.bdev, sizeof(target.bdev), "s");
	load.rw = BENCH_RW_RANDRW;
	load.read_percent = 50;
	load.time_ns = 3600 * EBB_NS_PER_S;
	atomic_store(&clock_ns, ebb_clock_now_ns());
	run(0, 1);
	pthread_join(watch, NULL);
	atomic_store(&companion_ends, true);
	pthread_join(companion, NULL);
	ck_assert_msg(loop.rc == 0, "%s", loop.error);
	ck_assert_uint_ge(loop.count.latency.count, 20);
	ck_assert_uint_ge(loop.count.latency.min, opts.service_ns);
	stage_clock_restore();
	ck_assert_int_eq(bench_stand_in_delete("s", NULL, NULL), 0);
	stage_turns(4);
	stage_end();
}
END_TEST

/* ---- what it cannot do ---- */

static void check_refused(const char *why)
{
	struct bench_contender pas;
	static struct bench_outcome outcome;

	ck_assert_int_eq(bench_pas_make(&pas, error), 0);
	ck_assert_str_eq(pas.name, "pas");
	ck_assert_int_eq(pas.kind, BENCH_CONTENDER_PEER);
	ck_assert_int_eq(pas.measure(&pas, &target, &load, &outcome, error), -EOPNOTSUPP);
	ck_assert_msg(strstr(error, why) != NULL, "%s", error);
}

START_TEST(what_it_cannot_do_is_refused)
{
	struct bench_contender pas;

	load.queue_depth = 2;
	check_refused("pas: it waits for one request after the other: give --qd 1");
	load.queue_depth = 1;
	load.verify = true;
	check_refused("pas: it does not verify");
	load.verify = false;
	bench_pas_make(&pas, error);
	ck_assert(pas.fits(&pas, &target));
	snprintf(target.path, sizeof(target.path), "/dev/null");
	check_refused("pas: /dev/null is neither a file nor a block device");
	ck_assert(!pas.fits(&pas, &target));
	target.path[0] = '\0';
	check_refused("pas: it is neither a file, a block device nor a stand-in");
	ck_assert(!pas.fits(&pas, &target));
}
END_TEST

START_TEST(a_load_that_does_not_fit_is_refused)
{
	load.block_bytes = 1000;
	ck_assert_int_eq(bench_pas_loop_init(&loop, &target, &load, 0, 1), -EINVAL);
	ck_assert_msg(strncmp(loop.error, "pas: ", 5) == 0, "%s", loop.error);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(it_reads_a_file),
		UNIT_TEST(it_counts_after_the_warm_up),
		UNIT_TEST(it_writes_all_of_a_file_in_order),
		UNIT_TEST(requests_come_when_they_are_to_come),
		UNIT_TEST(what_it_does_not_come_to_is_in_line),
		UNIT_TEST(loops_share_a_load),
		UNIT_TEST(an_error_names_the_request),
		UNIT_TEST(it_asks_a_stand_in_by_its_queue),
		UNIT_TEST(what_it_cannot_do_is_refused),
		UNIT_TEST(a_load_that_does_not_fit_is_refused),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
