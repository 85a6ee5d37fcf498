/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/clocksource.h"

#include <stdlib.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

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

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(only_the_counter_itself_is_trusted),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
