/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

/*
 * Check knows no skipped tests, so it prints nothing here: each test is run by a runner of its own,
 * and its line of TAP made from the result.
 *
 * A skip leaves the test by a long jump to the function that called it, which returns to Check as
 * if the test had passed; why is written into memory that the test's process shares with this one.
 */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNIT_TIMEOUT_S 60 /* of a busy machine */

struct unit_skipped {
	bool set;
	bool torn_down;
	char why[256];
};

static struct unit_skipped *skipped; /* shared */
static const struct unit_test *running;
static const struct unit_test *fixture;
static jmp_buf skip_jump;
static pthread_t skip_thread;
static pid_t unit_pid;
static volatile bool can_skip;

void unit_skip(const char *format, ...)
{
	va_list args;

	if (!can_skip || !pthread_equal(skip_thread, pthread_self())) {
		fprintf(stderr, "unit_skip() outside the test and its setup\n");
		abort();
	}
	va_start(args, format);
	vsnprintf(skipped->why, sizeof(skipped->why), format, args);
	va_end(args);
	skipped->set = true;
	longjmp(skip_jump, 1);
}

static void unit_setup(void)
{
	if (fixture == NULL || fixture->setup == NULL) {
		return;
	}
	skip_thread = pthread_self();
	if (setjmp(skip_jump) == 0) {
		can_skip = true;
		fixture->setup();
	}
	can_skip = false;
}

static bool was_set_up;

static bool must_die(const struct unit_test *row)
{
	return row->signal != 0 || row->exit_code != 0;
}

static void unit_body(int index)
{
	was_set_up = !skipped->set;
	if (!was_set_up) {
		return;
	}
	skip_thread = pthread_self();
	if (setjmp(skip_jump) == 0) {
		can_skip = true;
		if (must_die(running) && getpid() == unit_pid) {
			unit_skip("it takes a process of its own (CK_FORK)");
		}
		running->test->fn(index);
	}
	can_skip = false;
}

static void unit_teardown(void)
{
	if (was_set_up && fixture != NULL && fixture->teardown != NULL) {
		fixture->teardown();
	}
	skipped->torn_down = true;
}

static void print_line(const char *text)
{
	for (; *text != '\0'; text++) {
		putchar(*text == '\n' ? ' ' : *text == '#' ? '*' : *text);
	}
	putchar('\n');
}

/* For Check one that should have been ended by a signal has failed when it is skipped. */
static bool was_skipped(TestResult *result)
{
	return skipped->set && skipped->torn_down &&
	       (tr_rtype(result) == CK_PASS || must_die(running));
}

/* Return: true: it has passed, or was skipped. */
static bool unit_report(TestResult *result, unsigned number, int index)
{
	bool skip = was_skipped(result);
	bool passed = skip || tr_rtype(result) == CK_PASS;

	printf("%s %u - %s", passed ? "ok" : "not ok", number, running->test->name);
	if (running->end - running->begin > 1) {
		printf("[%d]", index);
	}
	if (skip) {
		printf(" # SKIP ");
		print_line(skipped->why);
	} else if (passed) {
		printf("\n");
	} else {
		printf(": %s:%d: ", tr_lfile(result), tr_lno(result));
		print_line(tr_msg(result));
	}
	fflush(stdout);
	return passed;
}

static void unit_add(TCase *tcase, const TTest *test, int index)
{
	if (running->signal != 0) {
		tcase_add_loop_test_raise_signal(tcase, test, running->signal, index, index + 1);
	} else {
		tcase_add_loop_exit_test(tcase, test, running->exit_code, index, index + 1);
	}
}

/* Return: true: it has passed, or was skipped. */
static bool unit_run(unsigned number, int index)
{
	TTest test = {
		.name = running->test->name,
		.fn = unit_body,
		.file = running->test->file,
		.line = running->test->line,
	};
	Suite *suite = suite_create(test.name);
	TCase *tcase = tcase_create(test.name);
	SRunner *runner = srunner_create(suite);
	TestResult **results;
	bool passed;

	*skipped = (struct unit_skipped){0};
	tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
	tcase_add_checked_fixture(tcase, unit_setup, unit_teardown);
	unit_add(tcase, &test, index);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_SILENT);
	results = srunner_results(runner);
	passed = unit_report(results[0], number, index);
	free(results);
	srunner_free(runner);
	return passed;
}

static bool is_end(const struct unit_test *row)
{
	return row->test == NULL && row->end == 0;
}

static bool is_wanted(const struct unit_test *row, int argc, char **argv)
{
	bool wanted = argc < 2;

	for (int i = 1; row->test != NULL && i < argc; i++) {
		wanted = wanted || strcmp(argv[i], row->test->name) == 0;
	}
	return wanted && row->test != NULL;
}

/* Return: false: an argument is no test's name, which has been said. */
static bool check_names(const struct unit_test *tests, int argc, char **argv)
{
	bool known = true;

	for (int i = 1; i < argc; i++) {
		const struct unit_test *row = tests;

		while (!is_end(row) &&
		       (row->test == NULL || strcmp(row->test->name, argv[i]) != 0)) {
			row++;
		}
		if (is_end(row)) {
			fprintf(stderr, "no test is named %s\n", argv[i]);
			known = false;
		}
	}
	return known;
}

static unsigned count_wanted(const struct unit_test *tests, int argc, char **argv)
{
	unsigned count = 0;

	for (; !is_end(tests); tests++) {
		if (is_wanted(tests, argc, argv)) {
			count += (unsigned)(tests->end - tests->begin);
		}
	}
	return count;
}

int unit_main(int argc, char **argv, const struct unit_test *tests)
{
	unsigned number = 0, num_failed = 0;
	unsigned num_wanted = count_wanted(tests, argc, argv);

	if (!check_names(tests, argc, argv)) {
		return EXIT_FAILURE;
	}
	unit_pid = getpid();
	skipped = mmap(NULL, sizeof(*skipped), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (skipped == MAP_FAILED) {
		perror("mmap");
		return EXIT_FAILURE;
	}
	printf("1..%u\n", num_wanted);
	fflush(stdout);
	for (running = tests; !is_end(running); running++) {
		if (running->test == NULL) {
			fixture = running;
			continue;
		}
		for (int i = running->begin; i < running->end && is_wanted(running, argc, argv);
		     i++) {
			num_failed += !unit_run(++number, i);
		}
	}
	munmap(skipped, sizeof(*skipped));
	return num_wanted > 0 && num_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
