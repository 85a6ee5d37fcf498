/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

/* What unit_main() prints of tests that pass, fail and are skipped: tables within the tests. */

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char output[4096];

static void inner_setup(void)
{
	printf("setup\n");
	fflush(stdout);
}

static void inner_teardown(void)
{
	printf("teardown\n");
	fflush(stdout);
}

static void skipping_setup(void)
{
	unit_skip("no %s", "room");
}

static void failing_teardown(void)
{
	ck_abort_msg("torn");
}

static void *skip_elsewhere(void *arg)
{
	unit_skip("elsewhere");
	return arg;
}

START_TEST(passes)
{
	printf("body %d\n", _i);
	fflush(stdout);
}
END_TEST

START_TEST(skips)
{
	unit_skip("no disk\n# at all");
}
END_TEST

START_TEST(fails)
{
	ck_abort_msg("because #1");
}
END_TEST

START_TEST(skips_on_another_thread)
{
	pthread_t thread;

	pthread_create(&thread, NULL, skip_elsewhere, NULL);
	pthread_join(thread, NULL);
}
END_TEST

static void end_badly(void)
{
	_exit(5);
}

START_TEST(skips_and_ends_badly)
{
	atexit(end_badly);
	unit_skip("as if something had leaked");
}
END_TEST

START_TEST(raises)
{
	raise(SIGUSR1);
}
END_TEST

START_TEST(exits)
{
	exit(3);
}
END_TEST

/* What unit_main() prints, in output. Return: what it returns. */
static int run(const struct unit_test *tests, const char *wanted)
{
	char *argv[] = {(char *)"test", (char *)wanted, NULL};
	int fds[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		_exit(unit_main(wanted == NULL ? 1 : 2, argv, tests));
	}
	close(fds[1]);
	while ((got = read(fds[0], output + len, sizeof(output) - 1 - len)) > 0) {
		len += (size_t)got;
	}
	output[len] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(passing_tests_run_between_their_fixtures)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(passes, 3, 5), UNIT_FIXTURE(inner_setup, inner_teardown),
		UNIT_TEST(passes),       UNIT_FIXTURE(NULL, NULL),
		UNIT_TEST(passes),       UNIT_END,
	};

	ck_assert_int_eq(run(tests, NULL), 0);
	ck_assert_str_eq(output, "1..4\n"
				 "body 3\nok 1 - passes[3]\n"
				 "body 4\nok 2 - passes[4]\n"
				 "setup\nbody 0\nteardown\nok 3 - passes\n"
				 "body 0\nok 4 - passes\n");
}
END_TEST

START_TEST(a_failure_has_its_place)
{
	const struct unit_test tests[] = {UNIT_TEST(fails), UNIT_TEST(passes), UNIT_END};

	ck_assert_int_eq(run(tests, NULL), 1);
	ck_assert_ptr_nonnull(strstr(output, "\nnot ok 1 - fails: "));
	ck_assert_ptr_nonnull(strstr(output, "test_unit.c:"));
	ck_assert_ptr_nonnull(strstr(output, ": because *1\nbody 0\nok 2 - passes\n"));
}
END_TEST

START_TEST(a_skip_says_why_and_tears_down)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(inner_setup, inner_teardown),
		UNIT_TEST(skips),
		UNIT_TEST(passes),
		UNIT_END,
	};

	setenv("CK_FORK", _i == 0 ? "yes" : "no", 1);
	ck_assert_int_eq(run(tests, NULL), 0);
	ck_assert_str_eq(output, "1..2\n"
				 "setup\nteardown\nok 1 - skips # SKIP no disk * at all\n"
				 "setup\nbody 0\nteardown\nok 2 - passes\n");
}
END_TEST

START_TEST(a_skip_in_the_setup_leaves_out_all_else)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(skipping_setup, inner_teardown),
		UNIT_TEST(passes),
		UNIT_SIGNAL(raises, SIGUSR1),
		UNIT_END,
	};

	setenv("CK_FORK", _i == 0 ? "yes" : "no", 1);
	ck_assert_int_eq(run(tests, NULL), 0);
	ck_assert_str_eq(output, "1..2\n"
				 "ok 1 - passes # SKIP no room\n"
				 "ok 2 - raises # SKIP no room\n");
}
END_TEST

START_TEST(a_skip_hides_no_failure)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(inner_setup, failing_teardown),
		UNIT_TEST(skips),
		UNIT_SIGNAL(skips, SIGUSR1),
		UNIT_FIXTURE(NULL, NULL),
		UNIT_TEST(skips_on_another_thread),
		UNIT_TEST(skips_and_ends_badly),
		UNIT_END,
	};

	ck_assert_int_eq(run(tests, NULL), 1);
	ck_assert_ptr_nonnull(strstr(output, "\nnot ok 1 - skips: "));
	ck_assert_ptr_nonnull(strstr(output, "\nnot ok 2 - skips: "));
	ck_assert_ptr_nonnull(strstr(output, "\nnot ok 3 - skips_on_another_thread: "));
	ck_assert_ptr_nonnull(strstr(output, "\nnot ok 4 - skips_and_ends_badly: "));
	ck_assert_ptr_null(strstr(output, "SKIP"));
}
END_TEST

START_TEST(an_end_that_is_wanted_passes)
{
	const struct unit_test tests[] = {
		UNIT_SIGNAL(raises, SIGUSR1), UNIT_SIGNAL(raises, SIGUSR2),
		UNIT_SIGNAL(passes, SIGUSR1), UNIT_SIGNAL(skips, SIGUSR1),
		UNIT_EXIT(exits, 3),          UNIT_EXIT(exits, 4),
		UNIT_EXIT(skips, 3),          UNIT_END,
	};

	ck_assert_int_eq(run(tests, NULL), 1);
	ck_assert_ptr_nonnull(strstr(output, "\nok 1 - raises\n"));
	ck_assert_ptr_nonnull(strstr(output, "\nnot ok 2 - raises: "));
	ck_assert_ptr_nonnull(strstr(output, "\nnot ok 3 - passes: "));
	ck_assert_ptr_nonnull(strstr(output, "\nok 4 - skips # SKIP "));
	ck_assert_ptr_nonnull(strstr(output, "\nok 5 - exits\n"));
	ck_assert_ptr_nonnull(strstr(output, "\nnot ok 6 - exits: "));
	ck_assert_ptr_nonnull(strstr(output, "\nok 7 - skips # SKIP "));
}
END_TEST

START_TEST(one_test_can_be_named)
{
	const struct unit_test tests[] = {UNIT_TEST(fails), UNIT_TEST(passes), UNIT_END};

	ck_assert_int_eq(run(tests, "passes"), 0);
	ck_assert_str_eq(output, "1..1\nbody 0\nok 1 - passes\n");
	ck_assert_int_eq(run(tests, "pass"), 1);
	ck_assert_str_eq(output, "no test is named pass\n");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(passing_tests_run_between_their_fixtures),
		UNIT_TEST(a_failure_has_its_place),
		UNIT_LOOP(a_skip_says_why_and_tears_down, 0, 2),
		UNIT_LOOP(a_skip_in_the_setup_leaves_out_all_else, 0, 2),
		UNIT_TEST(a_skip_hides_no_failure),
		UNIT_TEST(an_end_that_is_wanted_passes),
		UNIT_TEST(one_test_can_be_named),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
