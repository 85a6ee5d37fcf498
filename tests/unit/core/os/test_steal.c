/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/steal.h"

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

START_TEST(test_read)
{
	uint64_t ns[3] = {7, 7, 7};

	ck_assert(!os_steal_read(scratch_dir(), ns, 3));
	scratch_text("proc/stat", "cpu  9 9 9 9 9 9 9 900 9 9\n"
				  "cpu0 1 2 3 4 5 6 7 80 9 10\n"
				  "cpu2 1 2 3 4 5 6 7 3 9 10\n"
				  "cpu5 1 2 3 4 5 6 7 3 9 10\n"
				  "intr 1 2 3 4\n"
				  "cpu1 1 2 3 4 5 6 7 11 9 10\n");
	ck_assert(os_steal_read(scratch_dir(), ns, 3));
	ck_assert_uint_eq(ns[0], 80 * os_steal_tick_ns());
	ck_assert_uint_eq(ns[1], 7);
	ck_assert_uint_eq(ns[2], 3 * os_steal_tick_ns());
}
END_TEST

/* A kernel that does not tell. */
START_TEST(test_old)
{
	uint64_t ns[1] = {7};

	scratch_text("proc/stat", "cpu  9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7\n");
	ck_assert(!os_steal_read(scratch_dir(), ns, 1));
	ck_assert_uint_eq(ns[0], 7);
	scratch_text("proc/stat", "");
	ck_assert(!os_steal_read(scratch_dir(), ns, 1));
}
END_TEST

START_TEST(test_real)
{
	static uint64_t ns[1024];

	ck_assert(os_steal_read("", ns, 1024));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(test_read),
		UNIT_TEST(test_old),
		UNIT_TEST(test_real),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
