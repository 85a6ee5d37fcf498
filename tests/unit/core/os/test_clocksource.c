/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/clocksource.h"

#include <stdlib.h>

#include <check.h>

#include "tests/unit/core/base/scratch.h"

#define NAME "sys/devices/system/clocksource/clocksource0/current_clocksource"

#if defined(__x86_64__)
#define TSC true
#else
#define TSC false
#endif

START_TEST(only_the_counter_itself_is_trusted)
{
	ck_assert(!os_clocksource_is_tsc(scratch_dir()));
	scratch_text(NAME, "tsc\n");
	ck_assert(os_clocksource_is_tsc(scratch_dir()) == TSC);
	scratch_text(NAME, "tsc-early\n");
	ck_assert(!os_clocksource_is_tsc(scratch_dir()));
	scratch_text(NAME, "hpet\n");
	ck_assert(!os_clocksource_is_tsc(scratch_dir()));
	scratch_text(NAME, "");
	ck_assert(!os_clocksource_is_tsc(scratch_dir()));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("os_clocksource");
	TCase *tcase = tcase_create("clocksource");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, scratch_begin, scratch_end);
	tcase_add_test(tcase, only_the_counter_itself_is_trusted);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
