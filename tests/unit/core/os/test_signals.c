/* SPDX-License-Identifier: Apache-2.0 */
/* What would end a program though it has done nothing wrong does not. */
#include "core/os/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ebb/base.h>

#include "tests/unit/unit.h"

START_TEST(output_that_cannot_be_written_is_an_error)
{
	char name[] = "/tmp/ebb-test-XXXXXX";
	int file = mkstemp(name);
	struct rlimit limit;
	int ends[2];

	ck_assert_int_ge(file, 0);
	unlink(name);
	os_signals_ignore_output();
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	ck_assert_int_eq(write(ends[1], "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(write(file, "x", 1), -1);
	ck_assert_int_eq(errno, EFBIG);
}
END_TEST

START_TEST(strays_are_ignored)
{
	static const int some[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO};

	signal(SIGALRM, SIG_DFL); /* the runner's is in it */
	os_signals_ignore_stray();
	for (size_t i = 0; i < EBB_ARRAY_SIZE(some); i++) {
		ck_assert_int_eq(raise(some[i]), 0);
	}
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
		ck_assert_int_eq(raise(number), 0);
	}
}
END_TEST

static volatile sig_atomic_t profiled;

static void profile(int number)
{
	profiled = number;
}

START_TEST(who_handles_one_goes_on)
{
	signal(SIGPROF, profile);
	os_signals_ignore_stray();
	raise(SIGPROF);
	ck_assert_int_eq(profiled, SIGPROF);
}
END_TEST

/* These have a use. */
START_TEST(a_user_can_still_end_it)
{
	os_signals_ignore_output();
	os_signals_ignore_stray();
	raise(_i == 0 ? SIGQUIT : SIGTERM);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(output_that_cannot_be_written_is_an_error),
		UNIT_TEST(strays_are_ignored),
		UNIT_TEST(who_handles_one_goes_on),
		{.test = a_user_can_still_end_it, .begin = 0, .end = 1, .signal = SIGQUIT},
		{.test = a_user_can_still_end_it, .begin = 1, .end = 2, .signal = SIGTERM},
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
