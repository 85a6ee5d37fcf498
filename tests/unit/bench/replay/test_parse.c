/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static char error[BENCH_TEXT_MAX];
static struct bench_parsed parsed;
static struct bench_parse_opts opts;

static int parse(const char *text)
{
	memset(error, 0, sizeof(error));
	return bench_parse("T", text, strlen(text), &opts, &parsed, error);
}

static void setup(void)
{
	opts = (struct bench_parse_opts){.blk_action = 'D'};
	memset(&parsed, 0, sizeof(parsed));
}

static void teardown(void)
{
	bench_parsed_fini(&parsed);
}

static void check_io(size_t index, uint64_t at_us, uint64_t offset, uint32_t len, bool write)
{
	const struct bench_trace_io *io = &parsed.trace.ios[index];

	ck_assert_uint_lt(index, parsed.trace.num_ios);
	ck_assert_uint_eq(io->at_ns, at_us * 1000);
	ck_assert_uint_eq(io->offset_bytes, offset);
	ck_assert_uint_eq(io->len_bytes, len);
	ck_assert_int_eq(io->write, write);
}

/* It is refused, by one line that names the line of the text and says @what. */
static void check_refused(const char *text, unsigned line, const char *what)
{
	char place[32];

	snprintf(place, sizeof(place), "T: line %u: ", line);
	ck_assert_int_eq(parse(text), -EINVAL);
	ck_assert_msg(strncmp(error, place, strlen(place)) == 0, "%s", error);
	ck_assert_msg(strstr(error, what) != NULL, "%s", error);
	ck_assert_ptr_null(strchr(error, '\n'));
}

START_TEST(iolog_3_has_microseconds_from_the_beginning)
{
	ck_assert_int_eq(parse("fio version 3 iolog\n"
			       "0 /dev/sda add\n"
			       "10 /dev/sda open\n"
			       "100 /dev/sda read 4096 8192\n"
			       "350 /dev/sda write 1048576 512\n"
			       "360 /dev/sda sync 0 0\n"
			       "361 /dev/sda trim 0 4096\n"
			       "400 /dev/sda close\n"),
			 0);
	ck_assert_uint_eq(parsed.trace.num_ios, 2);
	check_io(0, 0, 4096, 8192, false); /* the first comes at 0 */
	check_io(1, 250, 1048576, 512, true);
	ck_assert_uint_eq(parsed.num_writes, 1);
	ck_assert_uint_eq(parsed.other, 2);
	ck_assert_uint_eq(parsed.num_sources, 1);
	ck_assert_str_eq(parsed.format, "fio iolog version 3");
}
END_TEST

START_TEST(iolog_2_waits)
{
	ck_assert_int_eq(parse("fio version 2 iolog\n"
			       "a add\n"
			       "b add\n"
			       "a open\n"
			       "a wait 100 0\n"
			       "a read 0 4096\n"
			       "b read 4096 4096\n"
			       "a wait 500 0\n"
			       "a datasync 0 0\n"
			       "a write 8192 4096\n"),
			 0);
	ck_assert_uint_eq(parsed.trace.num_ios, 3);
	check_io(1, 0, 4096, 4096, false);
	check_io(2, 500, 8192, 4096, true);
	ck_assert_uint_eq(parsed.num_sources, 2);
	ck_assert_str_eq(parsed.format, "fio iolog version 2");
}
END_TEST

START_TEST(iolog_mistakes_are_named)
{
	check_refused("fio version 4 iolog\n", 1, "\"fio version 2 iolog\" or 3");
	check_refused("fio version 3 iolog\n0 f read 0\n", 2, "microseconds filename action");
	check_refused("fio version 3 iolog\n0 f read 0 1 2\n", 2, "microseconds filename action");
	check_refused("fio version 3 iolog\nf read 0 4096\n", 2, "microseconds filename action");
	check_refused("fio version 3 iolog\n0 f wait 5 0\n", 2, "microseconds filename action");
	check_refused("fio version 2 iolog\n\nf leap 0 4096\n", 3, "\"filename action");
	check_refused("fio version 2 iolog\nf read -1 4096\n", 2, "\"filename action");
	check_refused("fio version 2 iolog\nf\n", 2, "\"filename action");
}
END_TEST

/* fio logs when a request has ended, and how long it took. */
START_TEST(latency_log_begins_a_latency_earlier)
{
	ck_assert_int_eq(parse("5, 1000000, 0, 4096, 12288\n"
			       "7, 500000, 1, 8192, 0, 0\n"
			       "7, 100, 2, 8192, 0, 0\n"
			       "9, 1000000, 0, 4096, 512, 0x4001\n"),
			 0);
	ck_assert_uint_eq(parsed.trace.num_ios, 3);
	check_io(0, 0, 12288, 4096, false);
	check_io(1, 2500, 0, 8192, true);
	check_io(2, 4000, 512, 4096, false);
	ck_assert_uint_eq(parsed.other, 1);
	ck_assert_str_eq(parsed.format, "fio latency log");
}
END_TEST

START_TEST(latency_log_with_issue_times)
{
	ck_assert_int_eq(parse("5,1000000,0,4096,0,0,4000000\n6,1000000,0,4096,0,0,4250000\n"), 0);
	check_io(1, 250, 0, 4096, false);
}
END_TEST

START_TEST(latency_log_mistakes_are_named)
{
	check_refused("5, 1000, 0, 4096\n", 1, "log_offset=1");
	check_refused("5, 1000, 0, 0, 0, 0\n", 1, "without fio's log_avg_msec");
	check_refused("5, 1000, 3, 4096, 0\n", 1, "0|1|2");
	check_refused("5, 1000, 0, 4096, 0\n5, 1000, 0, x, 0\n", 2, "0|1|2");
	check_refused("5, 1000, 0, 4096, 0, 0xg\n", 1, "0|1|2");
	check_refused("5, 1000, 0, 4096, 0, 0, 1, 1\n", 1, "0|1|2");
}
END_TEST

#define BLKPARSE                                                                        \
	"  8,0    3        1     0.000001000   697  Q   R 223490 + 8 [kjournald]\n"     \
	"  8,0    3        2     0.000001829   697  G   R 223490 + 8 [kjournald]\n"     \
	"  8,0    3        3     0.000003000   697  D   R 223490 + 8 [kjournald]\n"     \
	"  8,0    1        4     0.000002000   697  D  WS 16 + 16 [name with blanks]\n" \
	"  8,0    1        5     0.000004000     0  C  WS 16 + 16 [0]\n"                \
	"  8,0    1        6     0.000005000     0  m   N cfq something went by\n"      \
	"  8,0    1        7     0.000005000     0  D  FN [kworker/0:1]\n"              \
	"  8,0    1        8     0.000005000     0  D FWS [kworker/0:1]\n"              \
	"  8,0    1        9     0.000005000     0  D  DS 0 + 4096 [fstrim]\n"          \
	"CPU0 (8,0):\n"                                                                 \
	" Reads Queued:           0,        0KiB\t Writes Queued:           8,       32KiB\n"

START_TEST(blkparse_takes_one_action)
{
	ck_assert_int_eq(parse(BLKPARSE), 0);
	ck_assert_uint_eq(parsed.trace.num_ios, 2);
	check_io(0, 0, 16 * 512, 8192, true); /* by time, whatever the order of lines */
	check_io(1, 1, 223490 * 512, 4096, false);
	ck_assert(parsed.unsorted);
	ck_assert_uint_eq(parsed.other, 3);
	ck_assert_str_eq(parsed.format, "blkparse text");
	bench_parsed_fini(&parsed);
	opts.blk_action = 'Q';
	ck_assert_int_eq(parse(BLKPARSE), 0);
	ck_assert_uint_eq(parsed.trace.num_ios, 1);
}
END_TEST

START_TEST(blkparse_mistakes_are_named)
{
	check_refused("8,0 3 1 0.000003000 697 D R 223490 + 8\n8,0 3\n", 2, "blkparse's text");
	check_refused("8,0 3 1 0.3 697 D R 223490 + 8\n", 1, "blkparse's text");
	check_refused("8,0 3 1 0.000003000 697 D R 223490 8\n", 1, "blkparse's text");
	check_refused("8,0 3 1 0.000003000 697 D R\n", 1, "blkparse's text");
	check_refused("8,0 3 1 0.000003000 697 D R 1 + 8\nnonsense\n", 2, "blkparse's text");
}
END_TEST

START_TEST(lines_may_end_as_they_like)
{
	ck_assert_int_eq(parse("# taken on a Monday\r\n\r\nfio version 3 iolog\r\n"
			       "  \t0 f read 0 4096 \r\n# amid\r\n\t 5 f write 4096 4096"),
			 0);
	ck_assert_uint_eq(parsed.trace.num_ios, 2);
	check_io(1, 5, 4096, 4096, true);
}
END_TEST

START_TEST(numbers_are_not_cut)
{
	check_refused("fio version 3 iolog\n18446744073709551616 f read 0 1\n", 2, "microseconds");
	check_refused("fio version 3 iolog\n18446744073709551615 f read 0 1\n", 2, "microseconds");
	check_refused("fio version 3 iolog\n0 f read 9223372036854775807 1\n", 2, "less than 2^63");
	check_refused("fio version 3 iolog\n0 f read 0 268435457\n", 2, "at most 256 MiB");
	check_refused("fio version 2 iolog\nf wait 9223372036854775807 0\n", 2, "292 years");
	check_refused("8,0 3 1 0.000003000 697 D R 36028797018963968 + 8\n", 1, "blkparse's");
	check_refused("8,0 3 1 99999999999.000000000 697 D R 1 + 8\n", 1, "blkparse's");
	check_refused("9223372036855, 1000, 0, 4096, 0\n", 1, "0|1|2");
}
END_TEST

START_TEST(unsorted_times_are_sorted_and_equal_ones_keep_their_order)
{
	ck_assert_int_eq(parse("fio version 3 iolog\n30 f read 1 1\n10 f read 2 1\n10 f read 3 1\n"
			       "20 f read 4 1\n10 f read 5 1\n"),
			 0);
	ck_assert(parsed.unsorted);
	check_io(0, 0, 2, 1, false);
	check_io(1, 0, 3, 1, false);
	check_io(2, 0, 5, 1, false);
	check_io(3, 10, 4, 1, false);
	check_io(4, 20, 1, 1, false);
}
END_TEST

START_TEST(requests_for_nothing_are_left_out)
{
	ck_assert_int_eq(parse("fio version 3 iolog\n0 f read 0 0\n9 f read 0 4096\n"), 0);
	ck_assert_uint_eq(parsed.trace.num_ios, 1);
	ck_assert_uint_eq(parsed.zero_length, 1);
	check_io(0, 0, 0, 4096, false);
}
END_TEST

START_TEST(the_limit_ends_it)
{
	opts.limit = 2;
	ck_assert_int_eq(parse("fio version 3 iolog\n0 f read 0 1\n1 f read 0 1\n"), 0);
	ck_assert(!parsed.limited);
	bench_parsed_fini(&parsed);
	ck_assert_int_eq(parse("fio version 3 iolog\n0 f read 0 1\n1 f read 0 1\n2 f read 0 1\n"),
			 0);
	ck_assert_uint_eq(parsed.trace.num_ios, 2);
	ck_assert(parsed.limited);
}
END_TEST

START_TEST(what_is_no_trace_is_refused)
{
	char garbage[64];
	char line[5000];

	check_refused("hello\n", 1, "\"fio version 2 iolog\" or 3");
	memset(garbage, '\x01', sizeof(garbage));
	ck_assert_int_eq(bench_parse("T", garbage, sizeof(garbage), &opts, &parsed, error),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "\"????"));
	memset(garbage, '\0', sizeof(garbage));
	ck_assert_int_eq(bench_parse("T", garbage, sizeof(garbage), &opts, &parsed, error),
			 -EINVAL);
	memset(line, '7', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	check_refused(line, 1, "at most 4096 bytes");
	ck_assert_int_eq(parse(""), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "no request that reads or writes"));
	ck_assert_int_eq(parse("fio version 2 iolog\nf add\n"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "no request that reads or writes"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(iolog_3_has_microseconds_from_the_beginning),
		UNIT_TEST(iolog_2_waits),
		UNIT_TEST(iolog_mistakes_are_named),
		UNIT_TEST(latency_log_begins_a_latency_earlier),
		UNIT_TEST(latency_log_with_issue_times),
		UNIT_TEST(latency_log_mistakes_are_named),
		UNIT_TEST(blkparse_takes_one_action),
		UNIT_TEST(blkparse_mistakes_are_named),
		UNIT_TEST(lines_may_end_as_they_like),
		UNIT_TEST(numbers_are_not_cut),
		UNIT_TEST(unsorted_times_are_sorted_and_equal_ones_keep_their_order),
		UNIT_TEST(requests_for_nothing_are_left_out),
		UNIT_TEST(the_limit_ends_it),
		UNIT_TEST(what_is_no_trace_is_refused),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
