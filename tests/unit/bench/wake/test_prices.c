/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/prices.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "bench/machine/pin.h"
#include "bench/wake/prices_report.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

static struct bench_prices prices;

static struct bench_prices_opts opts_make(void)
{
	return (struct bench_prices_opts){
		.cpu = bench_pin_cpu(0),
		.waker_cpu = bench_pin_cpu(1) >= 0 ? bench_pin_cpu(1) : bench_pin_cpu(0),
		.samples = 2,
		.idle_ns = 10 * EBB_NS_PER_US,
		.device_fd = -1,
	};
}

static const struct bench_price_result *result(unsigned kind)
{
	return &prices.results[kind][0];
}

static void check_spread(const struct event_price_spread *spread)
{
	ck_assert_double_le(spread->p5_ns, spread->median_ns);
	ck_assert_double_le(spread->median_ns, spread->p95_ns);
}

static char *text_make(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	bench_prices_report_text(&prices, out);
	fclose(out);
	return text;
}

/* All that needs no device, at the one depth that was wanted; the thread may be where it was. */
START_TEST(test_measure)
{
	struct bench_prices_opts opts = opts_make();
	cpu_set_t before, after;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	bench_prices_measure(&opts, &prices);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(after), &after), 0);
	ck_assert(CPU_EQUAL(&before, &after));
	for (unsigned kind = 0; kind < BENCH_PRICE_READ_SLEPT; kind++) {
		ck_assert_str_eq(result(kind)->why, "");
		ck_assert(result(kind)->has_late && result(kind)->has_cpu);
		ck_assert_uint_eq(result(kind)->samples, 2);
		ck_assert_double_ge(result(kind)->late.p5_ns, 0);
		check_spread(&result(kind)->late);
		check_spread(&result(kind)->cpu);
	}
	ck_assert(!result(BENCH_PRICE_INTERRUPT)->has_late);
	ck_assert_ptr_nonnull(strstr(result(BENCH_PRICE_INTERRUPT)->why, "--device"));
	for (unsigned kind = 0; kind < BENCH_PRICE_KINDS; kind++) {
		ck_assert(!prices.results[kind][1].has_late);
		ck_assert_str_eq(prices.results[kind][1].why, "");
	}
}
END_TEST

START_TEST(test_device)
{
	struct bench_prices_opts opts = opts_make();
	static char data[8192];
	char path[256], error[256];
	FILE *file;

	need_uring(0);
	snprintf(path, sizeof(path), "%s", scratch_path("disk"));
	file = fopen(path, "w");
	memset(data, 'x', sizeof(data));
	ck_assert_uint_eq(fwrite(data, 1, sizeof(data), file), sizeof(data));
	fclose(file);
	if (bench_prices_device_open(path, &opts.device_fd, &opts.device_bytes, error,
				     sizeof(error)) == -EINVAL) {
		unit_skip("%s", error);
	}
	ck_assert_int_ge(opts.device_fd, 0);
	ck_assert_uint_eq(opts.device_bytes, 8192);
	bench_prices_measure(&opts, &prices);
	ck_assert(result(BENCH_PRICE_READ_SLEPT)->has_late);
	ck_assert(result(BENCH_PRICE_READ_LOOKED)->has_cpu);
	ck_assert(result(BENCH_PRICE_INTERRUPT)->has_late);
	ck_assert(!result(BENCH_PRICE_INTERRUPT)->has_cpu);
	check_spread(&result(BENCH_PRICE_INTERRUPT)->late);

	ck_assert_int_eq(truncate(path, 0), 0); /* a device that fails: no figure, but why */
	bench_prices_measure(&opts, &prices);
	ck_assert(!result(BENCH_PRICE_READ_SLEPT)->has_late);
	ck_assert(!result(BENCH_PRICE_INTERRUPT)->has_late);
	ck_assert_str_eq(result(BENCH_PRICE_INTERRUPT)->why, "Input/output error");
	close(opts.device_fd);
}
END_TEST

START_TEST(test_device_refused)
{
	static const struct {
		const char *path;
		int rc;
		const char *says;
	} cases[] = {
		{"/dev/null", -ENOTBLK, "wake: --device /dev/null: give a file or a block device"},
		{"/", -ENOTBLK, "wake: --device /: give a file or a block device"},
		{"/nonexistent", -ENOENT, "wake: --device /nonexistent: No such file or directory"},
	};
	char error[256];
	uint64_t bytes;
	int fd;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(bench_prices_device_open(cases[i].path, &fd, &bytes, error,
							  sizeof(error)),
				 cases[i].rc);
		ck_assert_str_eq(error, cases[i].says);
	}
	scratch_sparse("small", 4095);
	ck_assert_int_lt(bench_prices_device_open(scratch_path("small"), &fd, &bytes, error,
						  sizeof(error)),
			 0);
}
END_TEST

static bool always(void)
{
	return true;
}

/* Nothing is printed of what a signal kept from being measured, and nothing of no samples. */
START_TEST(test_nothing)
{
	struct bench_prices_opts opts = opts_make();
	struct json_object *array;
	char *text;

	opts.stopped = always;
	bench_prices_measure(&opts, &prices);
	text = text_make();
	ck_assert_ptr_null(strstr(text, "eventfd"));
	free(text);
	opts = opts_make();
	opts.samples = 0;
	bench_prices_measure(&opts, &prices);
	array = bench_prices_report_json(&prices);
	ck_assert_uint_eq(json_object_array_length(array), 0);
	json_object_put(array);
}
END_TEST

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(object, name, &value), "no %s", name);
	return value;
}

START_TEST(test_reports)
{
	struct bench_price_result *wake = &prices.results[BENCH_PRICE_WAKE_EVENTFD][3];
	struct bench_price_result *read = &prices.results[BENCH_PRICE_INTERRUPT][3];
	struct json_object *array, *object;
	char *text;

	memset(&prices, 0, sizeof(prices));
	prices.waker_cpu = 1;
	wake->has_late = wake->has_cpu = true;
	wake->samples = 3;
	wake->late = (struct event_price_spread){1234, 56789, 234567};
	wake->cpu = (struct event_price_spread){900, 1000, 1100};
	snprintf(read->why, sizeof(read->why), "no device");
	prices.results[BENCH_PRICE_READ_SLEPT][3] = *wake;
	text = text_make();
	ck_assert_ptr_nonnull(strstr(text, "CPU of a read "));
	ck_assert_ptr_nonnull(strstr(text, "CPU of a sleep and wakeup "));
	ck_assert_ptr_nonnull(strstr(text, "a sleep on CPU 0, woken from CPU 1"));
	ck_assert_ptr_nonnull(strstr(text, " 56.8 (1.23-235)\n"));
	ck_assert_ptr_nonnull(strstr(text, " 1.00 (0.90-1.10)\n"));
	ck_assert_ptr_nonnull(strstr(text, " 1 s\n"));
	ck_assert_ptr_null(strstr(text, "100 ms"));
	ck_assert_ptr_null(strstr(text, "timerfd"));
	ck_assert_ptr_nonnull(strstr(text, "device_interrupt: unavailable: no device\n"));
	free(text);

	array = bench_prices_report_json(&prices);
	ck_assert_uint_eq(json_object_array_length(array), 3);
	object = json_object_array_get_idx(array, 0);
	ck_assert_str_eq(json_object_get_string(member(object, "name")), "wake_eventfd");
	ck_assert_uint_eq(json_object_get_uint64(member(object, "idle_ns")), EBB_NS_PER_S);
	ck_assert_uint_eq(json_object_get_uint64(member(object, "samples")), 3);
	ck_assert_double_eq(json_object_get_double(member(object, "late_median_ns")), 56789);
	ck_assert_double_eq(json_object_get_double(member(object, "cpu_p95_ns")), 1100);
	ck_assert_ptr_null(member(object, "unavailable"));
	object = json_object_array_get_idx(array, 2);
	ck_assert_ptr_null(member(object, "late_median_ns"));
	ck_assert_ptr_null(member(object, "cpu_p5_ns"));
	ck_assert_str_eq(json_object_get_string(member(object, "unavailable")), "no device");
	json_object_put(array);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(test_measure),
		UNIT_TEST(test_device),
		UNIT_TEST(test_device_refused),
		UNIT_TEST(test_nothing),
		UNIT_TEST(test_reports),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
