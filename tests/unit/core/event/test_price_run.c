/* SPDX-License-Identifier: Apache-2.0 */
/* Also of price_wake.c, price_timer.c and price_read.c, on this machine: what is never so anywhere. */
#include "core/event/price_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define PLENTY_NS (3600 * EBB_NS_PER_S)

static uint64_t clock_ns;
static uint64_t clock_step_ns;

/* Each reading is later than the one before by one step. */
static uint64_t clock_stepped(void)
{
	clock_ns += clock_step_ns;
	return clock_ns;
}

static struct event_price_opts opts_make(uint64_t idle_ns, unsigned samples)
{
	return (struct event_price_opts){.idle_ns = idle_ns,
					 .samples = samples,
					 .limit_ns = PLENTY_NS};
}

static void check_spread(const struct event_price_spread *spread)
{
	ck_assert_double_le(spread->p5_ns, spread->median_ns);
	ck_assert_double_le(spread->median_ns, spread->p95_ns);
}

static void check_price(const struct event_price *price, unsigned samples)
{
	ck_assert_uint_eq(price->samples, samples);
	ck_assert_double_ge(price->late.p5_ns, 0);
	ck_assert_double_ge(price->cpu.p5_ns, 0);
	ck_assert_double_gt(price->cpu.p95_ns, 0);
	check_spread(&price->late);
	check_spread(&price->cpu);
}

static unsigned entries(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;

	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	return count;
}

START_TEST(test_spread)
{
	double values[100], one[1] = {7};
	struct event_price_spread spread;

	for (unsigned i = 0; i < 100; i++) {
		values[i] = (double)((i * 37) % 100 + 1); /* 1 to 100, not in order */
	}
	event_price_run_spread(values, 100, &spread);
	ck_assert_double_eq(spread.p5_ns, 5);
	ck_assert_double_eq(spread.median_ns, 50);
	ck_assert_double_eq(spread.p95_ns, 95);
	event_price_run_spread(one, 1, &spread);
	ck_assert_double_eq(spread.p5_ns, 7);
	ck_assert_double_eq(spread.p95_ns, 7);
}
END_TEST

/* CPU time is taken of eight sleeps together where there are many, and else of each. */
START_TEST(test_batches)
{
	struct event_price_opts opts = opts_make(0, 100);
	struct event_price_run run;
	struct event_price price;

	ck_assert_int_eq(event_price_run_begin(&run, &opts), 0);
	for (unsigned i = 0; i < 20; i++) {
		ck_assert(event_price_run_next(&run));
		event_price_run_add(&run, i);
	}
	ck_assert_uint_eq(run.num_cpu, 2);
	ck_assert_int_eq(event_price_run_end(&run, 0, &price), 0);
	check_price(&price, 20);

	opts.samples = 3;
	ck_assert_int_eq(event_price_run_begin(&run, &opts), 0);
	while (event_price_run_next(&run)) {
		event_price_run_add(&run, 1);
	}
	ck_assert_uint_eq(run.num_cpu, 3);
	ck_assert_int_eq(event_price_run_end(&run, 0, &price), 0);
	check_price(&price, 3);
}
END_TEST

/* Fewer than make one batch still have CPU time; none is -ETIME; an error is what is returned. */
START_TEST(test_ends)
{
	struct event_price_opts opts = opts_make(0, 100);
	struct event_price price = {.samples = 42};
	struct event_price_run run;

	ck_assert_int_eq(event_price_run_begin(&run, &opts), 0);
	ck_assert_int_eq(event_price_run_end(&run, 0, &price), -ETIME);
	ck_assert_int_eq(event_price_run_begin(&run, &opts), 0);
	ck_assert(event_price_run_next(&run));
	event_price_run_add(&run, 5);
	ck_assert_int_eq(event_price_run_end(&run, -EIO, &price), -EIO);
	ck_assert_uint_eq(price.samples, 42);
	ck_assert_int_eq(event_price_run_begin(&run, &opts), 0);
	ck_assert(event_price_run_next(&run));
	event_price_run_add(&run, 5);
	ck_assert_int_eq(event_price_run_end(&run, 0, &price), 0);
	check_price(&price, 1);
}
END_TEST

/* With a clock that is read three times for each sample. */
START_TEST(test_late_and_limit)
{
	struct event_price_opts opts = opts_make(EBB_NS_PER_US, 20);
	struct event_price price;

	clock_step_ns = 1500;
	ebb_clock_set_source(clock_stepped);
	ck_assert_int_eq(event_price_timer(EVENT_PRICE_NANOSLEEP, 1, &opts, &price), 0);
	ck_assert_uint_eq(price.samples, 20);
	ck_assert_double_eq(price.late.p5_ns, 500);
	ck_assert_double_eq(price.late.p95_ns, 500);
	opts.limit_ns = 4 * 3 * 1500;
	ck_assert_int_eq(event_price_timer(EVENT_PRICE_NANOSLEEP, 1, &opts, &price), 0);
	ck_assert_uint_eq(price.samples, 4);
	opts.limit_ns = 0;
	ck_assert_int_eq(event_price_timer(EVENT_PRICE_NANOSLEEP, 1, &opts, &price), -ETIME);
	ebb_clock_set_source(NULL);
}
END_TEST

START_TEST(test_timers)
{
	struct event_price_opts opts = opts_make(20 * EBB_NS_PER_US, 5);
	unsigned fds = entries("/proc/self/fd");
	struct event_price price;

	for (int timer = EVENT_PRICE_TIMERFD; timer <= EVENT_PRICE_NANOSLEEP; timer++) {
		ck_assert_int_eq(event_price_timer((enum event_price_timer)timer, 0, &opts, &price),
				 0);
		check_price(&price, 5);
	}
	ck_assert_uint_eq(entries("/proc/self/fd"), fds);
}
END_TEST

static int slack_seen;

static bool slack_look(void)
{
	slack_seen = prctl(PR_GET_TIMERSLACK);
	return false;
}

/* The slack is the one that was asked for, and afterwards what it was. */
START_TEST(test_slack)
{
	struct event_price_opts opts = opts_make(EBB_NS_PER_US, 1);
	struct event_price price;

	opts.stopped = slack_look;
	ck_assert_int_eq(prctl(PR_SET_TIMERSLACK, 12345), 0);
	ck_assert_int_eq(event_price_timer(EVENT_PRICE_NANOSLEEP, 7, &opts, &price), 0);
	ck_assert_int_eq(slack_seen, 7);
	ck_assert_int_eq(event_price_timer(EVENT_PRICE_NANOSLEEP, 0, &opts, &price), 0);
	ck_assert_int_eq(slack_seen, 12345);
	ck_assert_int_eq(prctl(PR_GET_TIMERSLACK), 12345);
}
END_TEST

static int first_cpu(void)
{
	cpu_set_t allowed;
	int cpu = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	while (!CPU_ISSET((size_t)cpu, &allowed)) {
		cpu++;
	}
	return cpu;
}

/* Woken across CPUs where there are two, and by a waker that shares the only one. */
START_TEST(test_wake)
{
	struct event_price_opts opts = opts_make(100 * EBB_NS_PER_US, 10);
	unsigned fds = entries("/proc/self/fd"), tasks;
	uint64_t begin_ns = ebb_clock_now_ns();
	int cpu = first_cpu();
	struct event_price price;
	cpu_set_t only;

	ck_assert_int_eq(event_price_wake(&opts, cpu, &price), 0);
	check_price(&price, 10);
	ck_assert_uint_ge(ebb_clock_now_ns() - begin_ns, 10 * opts.idle_ns);
	tasks = entries("/proc/self/task"); /* now: a sanitizer starts one with the first */
	CPU_ZERO(&only);
	CPU_SET((size_t)cpu, &only);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(only), &only), 0);
	ck_assert_int_eq(event_price_wake(&opts, cpu, &price), 0);
	check_price(&price, 10);
	/* The kernel may list a thread that was joined for a moment yet; not one that runs. */
	for (unsigned i = 0; i < 1000 && entries("/proc/self/task") > tasks; i++) {
		sched_yield();
	}
	ck_assert_uint_le(entries("/proc/self/task"), tasks);
	ck_assert_uint_eq(entries("/proc/self/fd"), fds);
}
END_TEST

static unsigned samples_left;

static bool stop_soon(void)
{
	return samples_left-- == 0;
}

/* What was measured until somebody wants the end is what there is. */
START_TEST(test_stopped)
{
	struct event_price_opts opts = opts_make(EBB_NS_PER_US, 1000);
	struct event_price price;

	opts.stopped = stop_soon;
	samples_left = 3;
	ck_assert_int_eq(event_price_wake(&opts, first_cpu(), &price), 0);
	check_price(&price, 3);
	samples_left = 0;
	ck_assert_int_eq(event_price_wake(&opts, first_cpu(), &price), -ETIME);
}
END_TEST

static int disk_open(size_t len)
{
	const char *path = scratch_path("disk");
	static char data[16384];
	int fd;

	memset(data, 'x', sizeof(data));
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0) {
		unit_skip("no O_DIRECT in /var/tmp: %s", strerror(errno));
	}
	return fd;
}

START_TEST(test_read)
{
	struct event_price_opts opts = opts_make(EBB_NS_PER_US, 6);
	unsigned fds = entries("/proc/self/fd");
	struct event_price_read price;
	int fd;

	need_uring(0);
	fd = disk_open(16384);
	ck_assert_int_eq(event_price_read(fd, 16384, &opts, &price), 0);
	check_price(&price.slept, 6);
	check_price(&price.looked, 6);
	check_spread(&price.interrupt);
	ck_assert_double_gt(price.slept.late.p5_ns, 0);
	ck_assert_double_le(price.interrupt.p95_ns, price.slept.late.p95_ns);
	/* Who sleeps does not look at the clock meanwhile; who looks may. */
	clock_step_ns = 1000;
	ebb_clock_set_source(clock_stepped);
	ck_assert_int_eq(event_price_read(fd, 16384, &opts, &price), 0);
	ebb_clock_set_source(NULL);
	ck_assert_double_eq(price.slept.late.p95_ns, 1000);
	ck_assert_double_ge(price.looked.late.p5_ns, 1000);
	ck_assert_double_le(price.interrupt.p95_ns, 0);
	close(fd);
	ck_assert_uint_eq(entries("/proc/self/fd"), fds);
}
END_TEST

static void burn(uint64_t time_ns)
{
	uint64_t begin_ns = ebb_clock_now_ns();

	while (ebb_clock_now_ns() - begin_ns < time_ns) {
	}
}

static bool burn_between(void)
{
	burn(EBB_NS_PER_MS);
	return false;
}

/* What the thread does between the reads of one way, the other way's reads too, is not in its CPU. */
START_TEST(test_read_cpu)
{
	struct event_price_opts opts = opts_make(EBB_NS_PER_US, 80);
	struct event_price_read price;
	int fd;

	need_uring(0);
	fd = disk_open(16384);
	opts.stopped = burn_between;
	ck_assert_int_eq(event_price_read(fd, 16384, &opts, &price), 0);
	ck_assert_double_lt(price.slept.cpu.p5_ns, (double)EBB_NS_PER_MS / 2);
	close(fd);
}
END_TEST

START_TEST(test_read_fails)
{
	struct event_price_opts opts = opts_make(EBB_NS_PER_US, 2);
	struct event_price_read price;
	int fd;

	need_uring(0);
	fd = disk_open(4096);
	ck_assert_int_eq(event_price_read(fd, 4095, &opts, &price), -EINVAL);
	ck_assert_int_eq(event_price_read(-1, 4096, &opts, &price), -EBADF);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(truncate(scratch_path("disk"), 0), 0);
	ck_assert_int_eq(event_price_read(fd, 4096, &opts, &price), -EIO);
	opts.stopped = stop_soon;
	samples_left = 0;
	ck_assert_int_eq(event_price_read(fd, 4096, &opts, &price), -ETIME);
	close(fd);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(test_spread),
		UNIT_TEST(test_batches),
		UNIT_TEST(test_ends),
		UNIT_TEST(test_late_and_limit),
		UNIT_TEST(test_timers),
		UNIT_TEST(test_slack),
		UNIT_TEST(test_wake),
		UNIT_TEST(test_stopped),
		UNIT_TEST(test_read),
		UNIT_TEST(test_read_cpu),
		UNIT_TEST(test_read_fails),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
