/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/remedy.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

START_TEST(limits_have_one)
{
	ck_assert_str_eq(os_remedy(EMFILE), "; raise RLIMIT_NOFILE (ulimit -n)");
	ck_assert_str_eq(os_remedy_or(EMFILE, "x"), "raise RLIMIT_NOFILE (ulimit -n)");
	ck_assert_ptr_nonnull(strstr(os_remedy(EAGAIN), "ulimit -u"));
	ck_assert_ptr_nonnull(strstr(os_remedy(ENOMEM), "ulimit -v"));
	ck_assert_ptr_nonnull(strstr(os_remedy(EFBIG), "ulimit -f"));
}
END_TEST

START_TEST(others_have_what_the_caller_says)
{
	ck_assert_str_eq(os_remedy(EACCES), "");
	ck_assert_str_eq(os_remedy_or(EACCES, "choose another path"), "choose another path");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(limits_have_one),
		UNIT_TEST(others_have_what_the_caller_says),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
