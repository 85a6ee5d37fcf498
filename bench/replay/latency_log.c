/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/formats.h"

#include <errno.h>

/*
 * fio's latency logs (write_lat_log with log_offset=1): time in ms, latency in ns, direction (0 read,
 * 1 write, 2 trim), block size, offset, and since 2020 priority and issue time in ns. The time is
 * that of the completion, so a request came its latency earlier; where the issue time is logged, it
 * came then.
 */

#define EXPECTED "\"ms, latency ns, 0|1|2, block size, offset\" of fio's latency log"

#define FIELDS_MIN 5
#define FIELDS_MAX 7

enum field {
	FIELD_TIME,
	FIELD_LATENCY,
	FIELD_DIRECTION,
	FIELD_LENGTH,
	FIELD_OFFSET,
	FIELD_PRIORITY,
	FIELD_ISSUED,
};

/* 4 numbers are a log without offsets: whoever has it is told how to get them. */
bool bench_latency_log_begins(struct bench_line line)
{
	struct bench_word word;
	uint64_t number;
	unsigned count = 0;

	while (count < FIELDS_MIN - 1 && bench_line_field(&line, &word)) {
		if (!bench_word_number(&word, &number)) {
			return false;
		}
		count++;
	}
	return count == FIELDS_MIN - 1;
}

/* "0x4001" where log_prio is set; what it is does not matter here. */
static bool is_priority(const struct bench_word *word)
{
	uint64_t number;

	if (word->len < 3 || word->text[0] != '0' || word->text[1] != 'x') {
		return bench_word_number(word, &number);
	}
	for (size_t i = 2; i < word->len; i++) {
		char c = word->text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
			return false;
		}
	}
	return true;
}

int bench_latency_log_line(struct bench_reader *reader, struct bench_line line)
{
	uint64_t number[FIELDS_MAX] = {0};
	struct bench_word word;
	unsigned count = 0;
	uint64_t at_ns;

	while (bench_line_field(&line, &word)) {
		if (count == FIELDS_MAX ||
		    !(count == FIELD_PRIORITY ? is_priority(&word)
					      : bench_word_number(&word, &number[count]))) {
			return bench_reader_expect(reader, EXPECTED);
		}
		count++;
	}
	if (count == FIELDS_MIN - 1) {
		return bench_reader_expect(reader,
					   "an offset as well: log with fio's log_offset=1");
	}
	if (count < FIELDS_MIN || number[FIELD_DIRECTION] > 2 ||
	    !bench_times(number[FIELD_TIME], EBB_NS_PER_MS, &at_ns)) {
		return bench_reader_expect(reader, EXPECTED);
	}
	if (number[FIELD_LENGTH] == 0 && number[FIELD_OFFSET] == 0) {
		return bench_reader_expect(reader, "a line for each request: log without fio's "
						   "log_avg_msec");
	}
	if (number[FIELD_DIRECTION] == 2) {
		reader->parsed->other++;
		return 0;
	}
	if (number[FIELD_ISSUED] != 0) {
		if (!bench_times(number[FIELD_ISSUED], 1, &at_ns)) {
			return bench_reader_expect(reader, EXPECTED);
		}
	} else {
		at_ns -= number[FIELD_LATENCY] < at_ns ? number[FIELD_LATENCY] : at_ns;
	}
	return bench_reader_add(reader, at_ns, number[FIELD_OFFSET], number[FIELD_LENGTH],
				number[FIELD_DIRECTION] == 1);
}
