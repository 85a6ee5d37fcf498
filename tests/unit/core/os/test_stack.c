/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/stack.h"

#include <sys/resource.h>

#include <ebb/base.h>

#include "tests/unit/unit.h"

#define KIB ((size_t)1024)

START_TEST(a_soft_limit_is_raised_as_far_as_is_needed)
{
	struct rlimit limit = {.rlim_cur = 128 * KIB, .rlim_max = 4096 * KIB};

	ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
	ck_assert(os_stack_ensure("test", 512 * KIB));
	ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, 512 * KIB);
	ck_assert(os_stack_ensure("test", 256 * KIB));
	ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, 512 * KIB);
}
END_TEST

START_TEST(a_hard_limit_that_is_too_low_is_an_error)
{
	struct rlimit limit = {.rlim_cur = 128 * KIB, .rlim_max = 256 * KIB};

	ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
	ck_assert(!os_stack_ensure("test", 512 * KIB));
	ck_assert(os_stack_ensure("test", 256 * KIB));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(a_soft_limit_is_raised_as_far_as_is_needed),
		UNIT_TEST(a_hard_limit_that_is_too_low_is_an_error),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
