/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/argv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What means nothing else to a shell, wherever it stands in a word. */
static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			    "_-+=:,./@%";

void bench_argv_add(struct bench_argv *argv, const char *format, ...)
{
	va_list arguments;
	char *word;
	int rc;

	if (argv->count == BENCH_ARGV_MAX) {
		argv->failed = true;
		return;
	}
	va_start(arguments, format);
	rc = vasprintf(&word, format, arguments);
	va_end(arguments);
	if (rc < 0) {
		argv->failed = true;
		return;
	}
	argv->words[argv->count++] = word;
	argv->words[argv->count] = NULL;
}

void bench_argv_clear(struct bench_argv *argv)
{
	for (unsigned i = 0; i < argv->count; i++) {
		free(argv->words[i]);
	}
	memset(argv, 0, sizeof(*argv));
}

struct line {
	char *text;
	size_t size;
	size_t len; /* of the whole line, also of what is cut off */
};

static void line_put(struct line *line, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++, line->len++) {
		if (line->len + 1 < line->size) {
			line->text[line->len] = text[i];
		}
	}
}

/* In single quotes all but the quote itself is plain: that one stands outside of them. */
static void line_put_quoted(struct line *line, const char *word)
{
	line_put(line, "'", 1);
	for (const char *at = word; *at != '\0'; at++) {
		if (*at == '\'') {
			line_put(line, "'\\''", 4);
		} else {
			line_put(line, at, 1);
		}
	}
	line_put(line, "'", 1);
}

int bench_argv_quote(const struct bench_argv *argv, char *text, size_t size)
{
	struct line line = {.text = text, .size = size};

	for (unsigned i = 0; i < argv->count; i++) {
		const char *word = argv->words[i];
		size_t len = strlen(word);

		if (i > 0) {
			line_put(&line, " ", 1);
		}
		if (len > 0 && strspn(word, plain) == len) {
			line_put(&line, word, len);
		} else {
			line_put_quoted(&line, word);
		}
	}
	text[line.len < size ? line.len : size - 1] = '\0';
	return line.len < size ? 0 : -EMSGSIZE;
}
