/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

/*
 * What a program of unit tests is: a table of tests, and a main() that hands it to unit_main().
 *
 *	int main(int argc, char **argv)
 *	{
 *		const struct unit_test tests[] = {
 *			UNIT_FIXTURE(setup, teardown),
 *			UNIT_TEST(what_is_pushed_is_popped),
 *			UNIT_LOOP(any_length, 0, 40),
 *			UNIT_SIGNAL(popping_nothing_asserts, SIGABRT),
 *			UNIT_END,
 *		};
 *
 *		return unit_main(argc, argv, tests);
 *	}
 */

#include <check.h>

/* A sanitizer brings a heap of its own, which a test must not replace. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNIT_HEAP_IS_TAKEN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNIT_HEAP_IS_TAKEN
#endif

/* A row of the table: a test, or fixtures for the rows after it, or the end. */
struct unit_test {
	const TTest *test;
	int begin, end; /* the values of _i; end is excluded */
	int signal;     /* that must end the test; 0: none */
	int exit_code;  /* with which the test must end */
	void (*setup)(void);
	void (*teardown)(void);
};

#define UNIT_LOOP(name, from, to)                            \
	{                                                    \
		.test = (name), .begin = (from), .end = (to) \
	}
#define UNIT_TEST(name) UNIT_LOOP(name, 0, 1)
#define UNIT_SIGNAL(name, number)                            \
	{                                                    \
		.test = (name), .end = 1, .signal = (number) \
	}
#define UNIT_EXIT(name, code)                                 \
	{                                                     \
		.test = (name), .end = 1, .exit_code = (code) \
	}
#define UNIT_FIXTURE(before, after)                              \
	{                                                        \
		.setup = (before), .teardown = (after), .end = 1 \
	}
#define UNIT_END         \
	{                \
		.end = 0 \
	}

/**
 * unit_main() - run the tests of a table, or those whose names are arguments
 * @tests: ends with UNIT_END
 * Prints TAP, a line for each test and value of _i. Each runs between the fixtures of the row
 * UNIT_FIXTURE above it, in a process of its own (CK_FORK=no: in this one), for a minute at most.
 * Return: main()'s.
 */
int unit_main(int argc, char **argv, const struct unit_test *tests);

/**
 * unit_skip() - end the running test, which cannot run here; it is counted as skipped
 * @format: as printf(), why
 * Called by the test or its setup, on their OS thread. The teardown runs, but not if this was the
 * setup, nor does the test then.
 */
_Noreturn void unit_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
