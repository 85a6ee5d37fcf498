/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/replay/formats.h"

#define LINE_MAX_BYTES 4096

static const struct format {
	const char *name;
	int (*line)(struct bench_reader *reader, struct bench_line line);
} formats[] = {
	{"fio iolog version 2", bench_iolog_line},
	{"fio iolog version 3", bench_iolog_line},
	{"fio latency log", bench_latency_log_line},
	{"blkparse text", bench_blkparse_line},
};

static const struct format *format_of(struct bench_reader *reader, struct bench_line line)
{
	if (bench_iolog_begins(reader, line)) {
		return reader->version == 0 ? NULL : &formats[reader->version - 2];
	}
	if (bench_latency_log_begins(line)) {
		return &formats[2];
	}
	return bench_blkparse_begins(line) ? &formats[3] : NULL;
}

/* The next line, without its end and what is blank at its sides. Return: false: no more. */
static bool line_next(const char **text, const char *end, struct bench_line *ret_line)
{
	const char *newline;

	if (*text == end) {
		return false;
	}
	newline = memchr(*text, '\n', (size_t)(end - *text));
	ret_line->at = *text;
	ret_line->end = newline != NULL ? newline : end;
	*text = newline != NULL ? newline + 1 : end;
	while (ret_line->at < ret_line->end && strchr(" \t\r", *ret_line->at) != NULL &&
	       *ret_line->at != '\0') {
		ret_line->at++;
	}
	while (ret_line->end > ret_line->at && strchr(" \t\r", ret_line->end[-1]) != NULL &&
	       ret_line->end[-1] != '\0') {
		ret_line->end--;
	}
	return true;
}

static int lines_read(struct bench_reader *reader, const char *text, const char *end)
{
	const struct format *format = NULL;
	struct bench_line line;
	int rc = 0;

	while (rc == 0 && line_next(&text, end, &line)) {
		reader->line++;
		reader->whole = line;
		if (line.at == line.end || *line.at == '#') {
			continue;
		}
		if (line.end - line.at > LINE_MAX_BYTES) {
			return bench_reader_expect(reader, "a line of at most 4096 bytes");
		}
		if (format != NULL) {
			rc = format->line(reader, line);
			continue;
		}
		format = format_of(reader, line);
		if (format == NULL) {
			return bench_reader_expect(reader,
						   "\"fio version 2 iolog\" or 3, a line of "
						   "fio's latency log, or blkparse's text");
		}
		reader->parsed->format = format->name;
		if (reader->version == 0) {
			rc = format->line(reader, line);
		}
	}
	return rc == -ECANCELED ? 0 : rc; /* as many as are wanted */
}

/* Stable: requests of one time keep their order. Return: 0; -ENOMEM. */
static int trace_sort(struct bench_trace *trace)
{
	struct bench_trace_io *from = trace->ios;
	struct bench_trace_io *to = calloc(trace->num_ios, sizeof(*to));
	size_t num = trace->num_ios;

	if (to == NULL) {
		return -ENOMEM;
	}
	for (size_t width = 1; width < num; width *= 2) {
		struct bench_trace_io *swap = from;

		for (size_t begin = 0; begin < num; begin += 2 * width) {
			size_t middle = begin + width < num ? begin + width : num;
			size_t end = begin + 2 * width < num ? begin + 2 * width : num;
			size_t left = begin;
			size_t right = middle;

			for (size_t i = begin; i < end; i++) {
				bool take_left =
					right == end ||
					(left < middle && from[left].at_ns <= from[right].at_ns);

				to[i] = take_left ? from[left++] : from[right++];
			}
		}
		from = to;
		to = swap;
	}
	trace->ios = from;
	free(to);
	return 0;
}

/* Orders the requests; the first comes at 0. */
static int parsed_finish(struct bench_parsed *parsed, char error[BENCH_TEXT_MAX])
{
	struct bench_trace *trace = &parsed->trace;
	uint64_t first_ns;

	if (trace->num_ios == 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "%.60s: no request that reads or writes: give fio's iolog or latency log, "
			 "or blkparse's text",
			 trace->name);
		return -EINVAL;
	}
	if (parsed->unsorted && trace_sort(trace) < 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "%.60s: out of memory: take a part of the requests with --limit",
			 trace->name);
		return -ENOMEM;
	}
	first_ns = trace->ios[0].at_ns;
	for (size_t i = 0; i < trace->num_ios; i++) {
		trace->ios[i].at_ns -= first_ns;
	}
	return 0;
}

int bench_parse(const char *name, const char *text, size_t len, const struct bench_parse_opts *opts,
		struct bench_parsed *ret_parsed, char error[BENCH_TEXT_MAX])
{
	struct bench_parsed parsed = {.trace.name = name};
	struct bench_reader reader = {.opts = opts, .parsed = &parsed, .error = error};
	int rc = lines_read(&reader, text, text + len);

	if (rc == 0) {
		rc = parsed_finish(&parsed, error);
	}
	if (rc < 0) {
		bench_parsed_fini(&parsed);
		return rc;
	}
	*ret_parsed = parsed;
	return 0;
}

void bench_parsed_fini(struct bench_parsed *parsed)
{
	free(parsed->trace.ios);
	parsed->trace.ios = NULL;
	parsed->trace.num_ios = 0;
}
