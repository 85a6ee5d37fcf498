/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/replay/parse.h"
#include "tests/unit/unit.h"

static struct bench_trace make(const char *name, uint64_t seed)
{
	const struct bench_sample *sample = bench_sample_find(name);
	struct bench_trace trace;

	ck_assert_ptr_nonnull(sample);
	ck_assert_int_eq(bench_sample_make(sample, seed, &trace), 0);
	return trace;
}

static char *print(const struct bench_trace *trace, size_t *ret_len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(bench_sample_print(trace, out), 0);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

static uint64_t checksum(const char *text, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++) {
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	}
	return hash;
}

START_TEST(each_is_read_back_as_it_was_made)
{
	const struct bench_parse_opts opts = {.blk_action = 'D'};
	const struct bench_sample *sample = NULL;
	unsigned count = 0;

	while ((sample = bench_sample_next(sample)) != NULL) {
		struct bench_trace trace = make(bench_sample_name(sample), 1);
		struct bench_parsed parsed;
		char error[BENCH_TEXT_MAX] = "";
		size_t len;
		char *text = print(&trace, &len);
		uint64_t first_ns = trace.ios[0].at_ns;

		ck_assert_msg(bench_parse("T", text, len, &opts, &parsed, error) == 0, "%s", error);
		ck_assert_uint_eq(parsed.trace.num_ios, trace.num_ios);
		ck_assert(!parsed.unsorted);
		ck_assert_uint_eq(parsed.zero_length + parsed.other, 0);
		for (size_t i = 0; i < trace.num_ios; i++) {
			ck_assert_uint_eq(parsed.trace.ios[i].at_ns, trace.ios[i].at_ns - first_ns);
			ck_assert_uint_eq(parsed.trace.ios[i].offset_bytes,
					  trace.ios[i].offset_bytes);
			ck_assert_uint_eq(parsed.trace.ios[i].len_bytes, trace.ios[i].len_bytes);
			ck_assert_int_eq(parsed.trace.ios[i].write, trace.ios[i].write);
		}
		ck_assert_uint_gt(parsed.num_writes, 0);
		ck_assert_uint_lt(parsed.num_writes, trace.num_ios);
		ck_assert_uint_gt(strlen(bench_sample_help(sample)), 0);
		bench_parsed_fini(&parsed);
		free(trace.ios);
		free(text);
		count++;
	}
	ck_assert_uint_eq(count, 4);
}
END_TEST

/* The same on every machine: these figures are of no machine in particular. */
START_TEST(the_same_seed_makes_the_same_bytes)
{
	struct bench_trace one = make("laptop-day", 1);
	struct bench_trace again = make("laptop-day", 1);
	struct bench_trace other = make("laptop-day", 2);
	size_t len;
	size_t len_again;
	size_t len_other;
	char *text = print(&one, &len);
	char *text_again = print(&again, &len_again);
	char *text_other = print(&other, &len_other);

	ck_assert_uint_eq(len, len_again);
	ck_assert_int_eq(memcmp(text, text_again, len), 0);
	ck_assert(len != len_other || memcmp(text, text_other, len) != 0);
	ck_assert_uint_eq(checksum(text, len), UINT64_C(6709330720438931471));
	ck_assert_uint_eq(checksum(text_other, len_other), UINT64_C(2186821302437604487));
	free(one.ios);
	free(again.ios);
	free(other.ios);
	free(text);
	free(text_again);
	free(text_other);
}
END_TEST

static size_t between(const struct bench_trace *trace, uint64_t begin_ms, uint64_t end_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < trace->num_ios; i++) {
		count += trace->ios[i].at_ns >= begin_ms * EBB_NS_PER_MS &&
			 trace->ios[i].at_ns < end_ms * EBB_NS_PER_MS;
	}
	return count;
}

START_TEST(a_laptop_is_asleep_twice_and_busy_at_its_boot)
{
	struct bench_trace trace = make("laptop-day", 7);

	ck_assert_uint_eq(between(&trace, 3500, 4500), 0);
	ck_assert_uint_eq(between(&trace, 8500, 9400), 0);
	/* 2500 reads a second for 0.4 s alone; chance moves that by some 3 %. */
	ck_assert_uint_gt(between(&trace, 0, 400), 900);
	ck_assert_uint_lt(between(&trace, 6000, 7500), 60);
	free(trace.ios);
}
END_TEST

/* A journal is written round and round: 2 MiB at 3 GiB, and then there is nothing up to the indexes. */
START_TEST(a_journal_begins_again)
{
	struct bench_trace trace = make("mail-server", 3);
	const uint64_t mib = UINT64_C(1) << 20;
	uint64_t journal_bytes = 0;

	for (size_t i = 0; i < trace.num_ios; i++) {
		const struct bench_trace_io *io = &trace.ios[i];

		if (io->offset_bytes >= 3072 * mib && io->offset_bytes < 3200 * mib) {
			ck_assert_uint_le(io->offset_bytes + io->len_bytes, 3074 * mib);
			journal_bytes += io->len_bytes;
		}
	}
	ck_assert_uint_gt(journal_bytes, 2 * mib);
	free(trace.ios);
}
END_TEST

START_TEST(an_unknown_name_is_none)
{
	ck_assert_ptr_null(bench_sample_find("desktop"));
	ck_assert_ptr_null(bench_sample_find(""));
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	struct bench_trace trace = make("vm-boot", 1);
	FILE *full = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(full);
	ck_assert_int_eq(bench_sample_print(&trace, full), -ENOSPC);
	fclose(full);
	free(trace.ios);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(each_is_read_back_as_it_was_made),
		UNIT_TEST(the_same_seed_makes_the_same_bytes),
		UNIT_TEST(a_laptop_is_asleep_twice_and_busy_at_its_boot),
		UNIT_TEST(a_journal_begins_again),
		UNIT_TEST(an_unknown_name_is_none),
		UNIT_TEST(a_full_disk_is_told),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
