/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_OPTION_H
#define BENCH_OPTION_H

/*
 * Command-line options as a table: one row names an option, says what its value must look like and
 * where it goes. The same row reads the value, words the complaint and prints the help.
 */

#include <stdbool.h>
#include <stdio.h>

#include <ebb/base.h>

#define BENCH_ERROR_MAX 256

/* The exit codes of every command. */
#define BENCH_EXIT_FAILED 1 /* the measurement failed, or I/O did */
#define BENCH_EXIT_USAGE  2 /* what was asked for cannot be measured: a bad argument */

enum bench_option_type {
	BENCH_OPTION_TEXT,    /* const char *: the argument itself */
	BENCH_OPTION_COUNT,   /* uint64_t */
	BENCH_OPTION_BYTES,   /* uint64_t: 4096, 4k, 1m, 2g, 1t (powers of 1024) */
	BENCH_OPTION_SECONDS, /* uint64_t nanoseconds: 2, 0.5, 200ms; min and max in nanoseconds */
	BENCH_OPTION_CHOICE,  /* unsigned: the index in @choices */
	BENCH_OPTION_CHOICES, /* struct bench_choices: a comma-separated list of them */
	BENCH_OPTION_FLAG,    /* bool: no value follows */
	BENCH_OPTION_COUNTS,  /* struct bench_numbers: a comma-separated list, each number once */
	BENCH_OPTION_SIZES,   /* the same, of bytes */
	BENCH_OPTION_TEXTS,   /* struct bench_texts: may be given several times, each text once */
	BENCH_OPTION_OTHER,   /* what @read makes of it */
};

#define BENCH_CHOICES_MAX 8
#define BENCH_NUMBERS_MAX 16
#define BENCH_TEXTS_MAX   16

struct bench_choices {
	unsigned count;
	unsigned index[BENCH_CHOICES_MAX];
};

struct bench_numbers {
	unsigned count;
	uint64_t number[BENCH_NUMBERS_MAX];
};

struct bench_texts {
	unsigned count;
	const char *text[BENCH_TEXTS_MAX];
};

struct bench_option {
	const char *name;  /* without the dashes; "": what has none is this one's, of type TEXTS */
	const char *value; /* what the help calls its value */
	enum bench_option_type type;
	size_t offset;
	uint64_t min;
	uint64_t max;               /* 0: no limit */
	const char *const *choices; /* NULL-terminated */
	/* OTHER: stores @text. Return: as bench_option_value_store(). */
	int (*read)(const char *text, void *field);
	const char *form; /* OTHER: what a value looks like: "give …" */
	const char *help;
};

/**
 * bench_option_parse() - read a command's arguments
 * @command: the command's name, for the complaint
 * @options, @count: its table
 * @args, @num_args: what follows the command; "--name value" and "--name=value" are both read
 * @into: the struct that the table's offsets are of
 * @error: one line, without a newline, when this fails
 * Return: 0; -EINVAL: @error says what was wrong and what would be right; -ECANCELED: --help is
 *	among the arguments.
 */
int bench_option_parse(const char *command, const struct bench_option *options, size_t count,
		       char *const *args, int num_args, void *into, char error[BENCH_ERROR_MAX]);

/* The table as the lines of a help text. */
void bench_option_help(const struct bench_option *options, size_t count, FILE *out);

#endif
