/* SPDX-License-Identifier: Apache-2.0 */
/* An abort for want of memory is an error, and any other one is what it was. */
#include "core/os/shortage.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/need.h"
#include "tests/unit/unit.h"

static void take_all(void)
{
	struct rlimit limit = {0};

	need_address_space();
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = 1; /* what there is stays */
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

START_TEST(a_shortage_is_seen)
{
	ck_assert(!os_shortage_of(4096));
	ck_assert(os_shortage_of((size_t)1 << 60));
	take_all();
	ck_assert(os_shortage_of(4096));
}
END_TEST

START_TEST(to_end_for_want_of_memory_is_an_error)
{
	signal(_i, SIG_DFL);
	os_shortage_exit("test");
	take_all();
	raise(_i);
}
END_TEST

START_TEST(to_be_ended_by_somebody_is_what_it_was)
{
	signal(_i, SIG_DFL);
	os_shortage_exit("test");
	kill(getpid(), _i);
}
END_TEST

START_TEST(to_end_for_another_reason_is_what_it_was)
{
	char *volatile page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	signal(_i, SIG_DFL);
	os_shortage_exit("test");
	if (_i == SIGABRT) {
		abort();
	}
	*page = 1;
}
END_TEST

static volatile sig_atomic_t handled;

static void handle(int number)
{
	handled = number;
}

START_TEST(who_handles_it_goes_on)
{
	signal(SIGSEGV, handle);
	os_shortage_exit("test");
	raise(SIGSEGV);
	ck_assert_int_eq(handled, SIGSEGV);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(a_shortage_is_seen),
		{.test = to_end_for_want_of_memory_is_an_error,
		 .begin = SIGABRT,
		 .end = SIGABRT + 1,
		 .exit_code = 1},
		{.test = to_end_for_want_of_memory_is_an_error,
		 .begin = SIGSEGV,
		 .end = SIGSEGV + 1,
		 .exit_code = 1},
		{.test = to_be_ended_by_somebody_is_what_it_was,
		 .begin = SIGABRT,
		 .end = SIGABRT + 1,
		 .signal = SIGABRT},
		{.test = to_be_ended_by_somebody_is_what_it_was,
		 .begin = SIGSEGV,
		 .end = SIGSEGV + 1,
		 .signal = SIGSEGV},
		{.test = to_end_for_another_reason_is_what_it_was,
		 .begin = SIGABRT,
		 .end = SIGABRT + 1,
		 .signal = SIGABRT},
		{.test = to_end_for_another_reason_is_what_it_was,
		 .begin = SIGSEGV,
		 .end = SIGSEGV + 1,
		 .signal = SIGSEGV},
		UNIT_TEST(who_handles_it_goes_on),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
