/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/fio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char line[4096];
static char error[BENCH_TEXT_MAX];
static struct bench_target target = {.path = "/etc/passwd", .size_bytes = 65536};
static const struct bench_place place = {.num_cpus = 1, .list = "3", .client_cpu = -1};
static struct bench_load load;

static void setup(void)
{
	load = (struct bench_load){
		.rw = BENCH_RW_RANDREAD,
		.block_bytes = 4096,
		.queue_depth = 8,
		.time_ns = 100 * EBB_NS_PER_MS,
		.warmup_ns = 10 * EBB_NS_PER_MS,
		.seed = 7,
	};
}

static int make(enum bench_fio_engine engine)
{
	struct bench_argv argv = {0};
	int rc = bench_fio_argv(engine, &target, &load, &place, &argv, error);

	line[0] = '\0';
	if (rc == 0) {
		ck_assert_int_eq(bench_argv_quote(&argv, line, sizeof(line)), 0);
		strcat(line, " ");
	}
	bench_argv_clear(&argv);
	return rc;
}

/* @word is one of the command's words. */
static bool has(const char *word)
{
	char padded[256];

	snprintf(padded, sizeof(padded), " %s ", word);
	return strstr(line, padded) != NULL;
}

START_TEST(test_the_same_load)
{
	static const char *const words[] = {
		"--filename=/etc/passwd", "--ioengine=io_uring", "--direct=1",
		"--rw=randread",          "--bs=4096",           "--iodepth=8",
		"--size=65536",           "--runtime=100000us",  "--ramp_time=10000us",
		"--randseed=7",           "--readonly",          "--cpus_allowed=3",
		"--registerfiles=1",      "--fixedbufs=1",
	};

	ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(words); i++) {
		ck_assert_msg(has(words[i]), "%s: %s", words[i], line);
	}
	ck_assert_ptr_null(strstr(line, "rate"));
	load.size_bytes = 8192;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
	ck_assert(has("--size=8192"));
}
END_TEST

START_TEST(test_only_who_writes_may)
{
	static const enum bench_rw writing[] = {BENCH_RW_WRITE, BENCH_RW_RANDWRITE,
						BENCH_RW_RANDRW};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(writing); i++) {
		load.rw = writing[i];
		load.read_percent = 99;
		ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
		ck_assert(!has("--readonly"));
	}
	load.read_percent = 100;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
	ck_assert(has("--readonly") && has("--rw=randread"));
	load.read_percent = 0;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
	ck_assert(!has("--readonly") && has("--rw=randwrite"));
}
END_TEST

START_TEST(test_rate)
{
	load.shape = BENCH_SHAPE_POISSON;
	load.rate_iops = 1000;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
	ck_assert(has("--rate_iops=1000") && has("--rate_process=poisson"));

	load.shape = BENCH_SHAPE_EVEN;
	load.rw = BENCH_RW_WRITE;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
	ck_assert(has("--rate_iops=,1000") && has("--rate_process=linear"));

	/* Together the two directions have the rate; none may be 0, which is no limit. */
	load.rw = BENCH_RW_RANDRW;
	load.read_percent = 70;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
	ck_assert(has("--rate_iops=700,300"));
	load.rate_iops = 1;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
	ck_assert(has("--rate_iops=1,1"));
}
END_TEST

START_TEST(test_what_it_cannot)
{
	load.shape = BENCH_SHAPE_BURST;
	ck_assert_int_eq(make(BENCH_FIO_LIBAIO), -EOPNOTSUPP);
	ck_assert_str_eq(error, "fio libaio: it has no arrivals of the shape burst: give --shape "
				"poisson or even");
	setup();
	load.verify = true;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(error, "--verify"));
}
END_TEST

START_TEST(test_engine_and_target)
{
	struct bench_target drive = {.path = "/dev/null"}; /* a character device, too */
	struct bench_target bdev = {.path = ""};
	struct bench_target gone = {.path = "/nonexistent/file"};
	struct bench_target file = target;

	ck_assert_int_eq(make(BENCH_FIO_IO_URING_CMD), -EOPNOTSUPP);
	ck_assert_int_eq(make(BENCH_FIO_LIBAIO), 0);
	ck_assert(!has("--fixedbufs=1"));
	target = drive;
	ck_assert_int_eq(make(BENCH_FIO_LIBAIO), -EOPNOTSUPP);
	ck_assert_int_eq(make(BENCH_FIO_IO_URING_CMD), 0);
	ck_assert(has("--cmd_type=nvme") && !has("--direct=1"));
	target = bdev;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), -EOPNOTSUPP);
	target = gone;
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), -ENOENT);
	ck_assert_str_eq(error, "fio io_uring: /nonexistent/file: No such file or directory");
	target = file;
}
END_TEST

/* fio takes a colon for the end of a name. */
START_TEST(test_names_with_colons)
{
	char folder[] = "/tmp/fio:test.XXXXXX";
	struct bench_target file = target;
	char wanted[128];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(target.path, sizeof(target.path), "%s", folder);
	snprintf(wanted, sizeof(wanted), "'--filename=/tmp/fio\\:%s'", folder + 9);
	ck_assert_int_eq(make(BENCH_FIO_IO_URING), 0);
	ck_assert_msg(has(wanted), "%s", line);
	rmdir(folder);
	target = file;
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),           UNIT_TEST(test_the_same_load),
		UNIT_TEST(test_only_who_writes_may), UNIT_TEST(test_rate),
		UNIT_TEST(test_what_it_cannot),      UNIT_TEST(test_engine_and_target),
		UNIT_TEST(test_names_with_colons),   UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
