/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST ((size_t)1024)
#define EXCERPT_MAX    48
#define LEN_MAX        (UINT64_C(256) << 20)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct bench_line *line)
{
	while (line->at < line->end && is_blank(*line->at)) {
		line->at++;
	}
}

bool bench_line_word(struct bench_line *line, struct bench_word *ret_word)
{
	skip_blanks(line);
	if (line->at == line->end) {
		return false;
	}
	ret_word->text = line->at;
	while (line->at < line->end && !is_blank(*line->at)) {
		line->at++;
	}
	ret_word->len = (size_t)(line->at - ret_word->text);
	return true;
}

bool bench_line_field(struct bench_line *line, struct bench_word *ret_word)
{
	const char *end;

	skip_blanks(line);
	if (line->at == line->end) {
		return false;
	}
	ret_word->text = line->at;
	while (line->at < line->end && *line->at != ',') {
		line->at++;
	}
	end = line->at;
	while (end > ret_word->text && is_blank(end[-1])) {
		end--;
	}
	ret_word->len = (size_t)(end - ret_word->text);
	if (line->at < line->end) {
		line->at++;
	}
	return true;
}

bool bench_word_number(const struct bench_word *word, uint64_t *ret_number)
{
	uint64_t number = 0;

	for (size_t i = 0; i < word->len; i++) {
		if (word->text[i] < '0' || word->text[i] > '9' ||
		    __builtin_mul_overflow(number, 10u, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(word->text[i] - '0'), &number)) {
			return false;
		}
	}
	*ret_number = number;
	return word->len > 0;
}

bool bench_word_is(const struct bench_word *word, const char *text)
{
	return strlen(text) == word->len && memcmp(word->text, text, word->len) == 0;
}

bool bench_times(uint64_t number, uint64_t unit, uint64_t *ret_product)
{
	return !__builtin_mul_overflow(number, unit, ret_product) && *ret_product <= INT64_MAX;
}

int bench_reader_expect(struct bench_reader *reader, const char *expected)
{
	char excerpt[EXCERPT_MAX + 1];
	size_t len = (size_t)(reader->whole.end - reader->whole.at);
	bool cut = len > EXCERPT_MAX;

	len = cut ? EXCERPT_MAX : len;
	for (size_t i = 0; i < len; i++) {
		char c = reader->whole.at[i];

		excerpt[i] = c >= ' ' && c <= '~' ? c : '?';
	}
	excerpt[len] = '\0';
	snprintf(reader->error, BENCH_TEXT_MAX, "%.60s: line %llu: \"%s%s\": expected %s",
		 reader->parsed->trace.name, (unsigned long long)reader->line, excerpt,
		 cut ? "..." : "", expected);
	return -EINVAL;
}

void bench_reader_source(struct bench_reader *reader, const struct bench_word *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < name->len; i++) {
		hash = (hash ^ (unsigned char)name->text[i]) * UINT64_C(0x100000001b3);
	}
	for (unsigned i = 0; i < reader->parsed->num_sources; i++) {
		if (reader->sources[i] == hash) {
			return;
		}
	}
	if (reader->parsed->num_sources < EBB_ARRAY_SIZE(reader->sources)) {
		reader->sources[reader->parsed->num_sources] = hash;
		reader->parsed->num_sources++;
	}
}

static int reader_grow(struct bench_reader *reader)
{
	struct bench_trace *trace = &reader->parsed->trace;
	size_t capacity = reader->capacity == 0 ? CAPACITY_FIRST : reader->capacity * 2;
	struct bench_trace_io *ios;

	if (trace->num_ios == BENCH_TRACE_IOS_MAX) {
		snprintf(reader->error, BENCH_TEXT_MAX,
			 "%.60s: line %llu: more than %zu requests: take a part of them with "
			 "--limit",
			 trace->name, (unsigned long long)reader->line, BENCH_TRACE_IOS_MAX);
		return -E2BIG;
	}
	ios = realloc(trace->ios, capacity * sizeof(*ios));
	if (ios == NULL) {
		snprintf(reader->error, BENCH_TEXT_MAX,
			 "%.60s: line %llu: out of memory: take a part of the requests with "
			 "--limit",
			 trace->name, (unsigned long long)reader->line);
		return -ENOMEM;
	}
	trace->ios = ios;
	reader->capacity = capacity;
	return 0;
}

int bench_reader_add(struct bench_reader *reader, uint64_t at_ns, uint64_t offset_bytes,
		     uint64_t len_bytes, bool write)
{
	struct bench_trace *trace = &reader->parsed->trace;
	int rc;

	if (len_bytes == 0) {
		reader->parsed->zero_length++;
		return 0;
	}
	if (len_bytes > LEN_MAX) {
		return bench_reader_expect(reader, "a request of at most 256 MiB");
	}
	if (offset_bytes > INT64_MAX - len_bytes) {
		return bench_reader_expect(reader, "an offset of less than 2^63 bytes");
	}
	if (reader->opts->limit != 0 && trace->num_ios == reader->opts->limit) {
		reader->parsed->limited = true;
		return -ECANCELED;
	}
	if (trace->num_ios == reader->capacity || trace->num_ios == BENCH_TRACE_IOS_MAX) {
		rc = reader_grow(reader);
		if (rc < 0) {
			return rc;
		}
	}
	if (trace->num_ios > 0 && at_ns < trace->ios[trace->num_ios - 1].at_ns) {
		reader->parsed->unsorted = true;
	}
	reader->parsed->num_writes += write;
	trace->ios[trace->num_ios++] = (struct bench_trace_io){
		.at_ns = at_ns,
		.offset_bytes = offset_bytes,
		.len_bytes = (uint32_t)len_bytes,
		.write = write,
	};
	return 0;
}
