/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_READER_H
#define BENCH_READER_H

/*
 * What the formats of traces have in common: a line's words and numbers, the requests that come of
 * them, and one way to complain.
 */

#include "bench/replay/parse.h"

/* What is left of a line: blanks at its ends have gone. */
struct bench_line {
	const char *at;
	const char *end;
};

struct bench_word {
	const char *text; /* not zero-terminated */
	size_t len;
};

struct bench_reader {
	const struct bench_parse_opts *opts;
	struct bench_parsed *parsed;
	struct bench_line whole; /* the line, for complaints */
	uint64_t line;           /* its number, from 1 */
	char *error;             /* BENCH_TEXT_MAX bytes */

	/* The formats' own. */
	unsigned version;   /* of an iolog */
	uint64_t waited_ns; /* of an iolog of version 2 */
	bool ended;         /* blkparse's summary has begun */
	size_t capacity;
	uint64_t sources[16]; /* hashes of the files' or devices' names */
};

/* The next word, which ends at a blank. Return: false: there is none. */
bool bench_line_word(struct bench_line *line, struct bench_word *ret_word);

/* The next word that ends at a comma, which is taken, or at the end; without blanks around. */
bool bench_line_field(struct bench_line *line, struct bench_word *ret_word);

/* Digits and nothing else. Return: false: it is no number, or has more than 64 bits. */
bool bench_word_number(const struct bench_word *word, uint64_t *ret_number);

bool bench_word_is(const struct bench_word *word, const char *text);

/* @number * @unit, if it is at most INT64_MAX. */
bool bench_times(uint64_t number, uint64_t unit, uint64_t *ret_product);

/* Complains of the line. @expected: "…: expected @expected". Return: -EINVAL. */
int bench_reader_expect(struct bench_reader *reader, const char *expected);

/* Another file or device that requests go to, if it is one. */
void bench_reader_source(struct bench_reader *reader, const struct bench_word *name);

/**
 * bench_reader_add() - one more request
 * @len_bytes: 0: it is counted, and left out
 * Return: 0; -EINVAL: it lies beyond all devices, or is too long (said); -E2BIG (said); -ENOMEM
 *	(said); -ECANCELED: there are as many as are wanted.
 */
int bench_reader_add(struct bench_reader *reader, uint64_t at_ns, uint64_t offset_bytes,
		     uint64_t len_bytes, bool write);

#endif
