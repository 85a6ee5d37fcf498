/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/formats.h"

#include <errno.h>
#include <string.h>

/*
 * blkparse's default format:
 *
 *   8,0    3    11     0.009507758   697  D   R 223490 + 8 [kjournald]
 *   device cpu  seq    seconds       pid  action rwbs sector + sectors [process]
 *
 * One action's lines are taken, for each request has one line of each. A summary follows, which
 * begins with "CPU0 (8,0):" or "Total (8,0):".
 */

#define EXPECTED "\"8,0 cpu sequence seconds pid action rwbs sector + sectors\" of blkparse's text"

#define SECTOR_BYTES 512

static bool is_device(const struct bench_word *word)
{
	const char *comma = memchr(word->text, ',', word->len);
	struct bench_word major = {.text = word->text};
	struct bench_word minor;
	uint64_t number;

	if (comma == NULL) {
		return false;
	}
	major.len = (size_t)(comma - word->text);
	minor.text = comma + 1;
	minor.len = word->len - major.len - 1;
	return bench_word_number(&major, &number) && bench_word_number(&minor, &number);
}

/* "0.009507758": nanoseconds have nine digits. */
static bool time_read(const struct bench_word *word, uint64_t *ret_ns)
{
	const char *dot = memchr(word->text, '.', word->len);
	struct bench_word seconds = {.text = word->text};
	struct bench_word fraction;
	uint64_t whole_ns;
	uint64_t ns;

	if (dot == NULL) {
		return false;
	}
	seconds.len = (size_t)(dot - word->text);
	fraction.text = dot + 1;
	fraction.len = word->len - seconds.len - 1;
	if (fraction.len != 9 || !bench_word_number(&fraction, &ns) ||
	    !bench_word_number(&seconds, &whole_ns) ||
	    !bench_times(whole_ns, EBB_NS_PER_S, &whole_ns)) {
		return false;
	}
	return bench_times(whole_ns + ns, 1, ret_ns);
}

bool bench_blkparse_begins(struct bench_line line)
{
	struct bench_word word;
	uint64_t number;

	return bench_line_word(&line, &word) && is_device(&word) && bench_line_word(&line, &word) &&
	       bench_word_number(&word, &number);
}

/* The rest of the line of an action that is wanted, from its rwbs on. */
static int blkparse_io(struct bench_reader *reader, struct bench_line line, uint64_t at_ns)
{
	struct bench_word rwbs;
	struct bench_word word[3];
	uint64_t sector;
	uint64_t sectors;
	bool write;

	if (!bench_line_word(&line, &rwbs)) {
		return bench_reader_expect(reader, EXPECTED);
	}
	write = memchr(rwbs.text, 'W', rwbs.len) != NULL;
	if (memchr(rwbs.text, 'D', rwbs.len) != NULL ||
	    (!write && memchr(rwbs.text, 'R', rwbs.len) == NULL)) {
		reader->parsed->other++; /* a discard, a flush, a passthrough command */
		return 0;
	}
	for (unsigned i = 0; i < 3; i++) {
		if (!bench_line_word(&line, &word[i])) {
			return bench_reader_expect(reader, EXPECTED);
		}
		if (i == 0 && word[0].text[0] == '[') {
			reader->parsed->other++; /* a flush that is marked as a write: no sectors */
			return 0;
		}
	}
	if (!bench_word_number(&word[0], &sector) || !bench_word_is(&word[1], "+") ||
	    !bench_word_number(&word[2], &sectors) || !bench_times(sector, SECTOR_BYTES, &sector) ||
	    !bench_times(sectors, SECTOR_BYTES, &sectors)) {
		return bench_reader_expect(reader, EXPECTED);
	}
	return bench_reader_add(reader, at_ns, sector, sectors, write);
}

static bool is_summary(const struct bench_word *word)
{
	return word->len > 3 ? memcmp(word->text, "CPU", 3) == 0 || bench_word_is(word, "Total")
			     : false;
}

int bench_blkparse_line(struct bench_reader *reader, struct bench_line line)
{
	struct bench_word device;
	struct bench_word word;
	uint64_t number;
	uint64_t at_ns;

	if (reader->ended) {
		return 0;
	}
	if (!bench_line_word(&line, &device)) {
		return bench_reader_expect(reader, EXPECTED);
	}
	if (is_summary(&device)) {
		reader->ended = true;
		return 0;
	}
	if (!is_device(&device) || !bench_line_word(&line, &word) ||
	    !bench_word_number(&word, &number) || !bench_line_word(&line, &word) ||
	    !bench_word_number(&word, &number) || !bench_line_word(&line, &word) ||
	    !time_read(&word, &at_ns) || !bench_line_word(&line, &word) ||
	    !bench_word_number(&word, &number) || !bench_line_word(&line, &word)) {
		return bench_reader_expect(reader, EXPECTED);
	}
	if (word.len != 1 || word.text[0] != reader->opts->blk_action) {
		return 0; /* another action, or a message */
	}
	bench_reader_source(reader, &device);
	return blkparse_io(reader, line, at_ns);
}
