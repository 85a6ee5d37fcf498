/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/formats.h"

#include <errno.h>

/*
 * fio's "Trace file format", versions 2 and 3:
 *
 *   2:           filename action [offset length]    time passes by "wait": microseconds
 *   3: timestamp filename action [offset length]    microseconds from the beginning of the run
 */

#define EXPECTED_2 "\"filename action [offset length]\" of fio's iolog version 2"
#define EXPECTED_3 "\"microseconds filename action [offset length]\" of fio's iolog version 3"

bool bench_iolog_begins(struct bench_reader *reader, struct bench_line line)
{
	const char *const words[] = {"fio", "version", NULL, "iolog"};
	struct bench_word word;
	uint64_t version = 0;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(words); i++) {
		if (!bench_line_word(&line, &word)) {
			return false;
		}
		if (words[i] == NULL ? !bench_word_number(&word, &version)
				     : !bench_word_is(&word, words[i])) {
			return false;
		}
	}
	reader->version = version == 2 || version == 3 ? (unsigned)version : 0;
	return !bench_line_word(&line, &word);
}

static bool is_of_file(const struct bench_word *action)
{
	return bench_word_is(action, "add") || bench_word_is(action, "open") ||
	       bench_word_is(action, "close");
}

static bool is_left_out(const struct bench_word *action)
{
	return bench_word_is(action, "sync") || bench_word_is(action, "datasync") ||
	       bench_word_is(action, "trim");
}

/* An action with its two numbers. */
static int iolog_io(struct bench_reader *reader, const struct bench_word *action, uint64_t at_ns,
		    uint64_t offset, uint64_t length, const char *expected)
{
	uint64_t wait_ns;

	if (bench_word_is(action, "read")) {
		return bench_reader_add(reader, at_ns, offset, length, false);
	}
	if (bench_word_is(action, "write")) {
		return bench_reader_add(reader, at_ns, offset, length, true);
	}
	if (is_left_out(action)) {
		reader->parsed->other++;
		return 0;
	}
	if (bench_word_is(action, "wait") && reader->version == 2) {
		if (!bench_times(offset, 1000, &wait_ns) ||
		    !bench_times(reader->waited_ns + wait_ns, 1, &reader->waited_ns)) {
			return bench_reader_expect(reader, "a wait of less than 292 years in all");
		}
		return 0;
	}
	return bench_reader_expect(reader, expected);
}

int bench_iolog_line(struct bench_reader *reader, struct bench_line line)
{
	const char *expected = reader->version == 2 ? EXPECTED_2 : EXPECTED_3;
	uint64_t at_ns = reader->waited_ns;
	struct bench_word filename;
	struct bench_word action;
	struct bench_word word;
	uint64_t numbers[2];
	unsigned count = 0;

	if (reader->version == 3 &&
	    (!bench_line_word(&line, &word) || !bench_word_number(&word, &at_ns) ||
	     !bench_times(at_ns, 1000, &at_ns))) {
		return bench_reader_expect(reader, expected);
	}
	if (!bench_line_word(&line, &filename) || !bench_line_word(&line, &action)) {
		return bench_reader_expect(reader, expected);
	}
	while (bench_line_word(&line, &word)) {
		if (count == 2 || !bench_word_number(&word, &numbers[count])) {
			return bench_reader_expect(reader, expected);
		}
		count++;
	}
	if (count == 0 && is_of_file(&action)) {
		bench_reader_source(reader, &filename);
		return 0;
	}
	if (count != 2) {
		return bench_reader_expect(reader, expected);
	}
	bench_reader_source(reader, &filename);
	return iolog_io(reader, &action, at_ns, numbers[0], numbers[1], expected);
}
