/* SPDX-License-Identifier: Apache-2.0 */
/* Who has a file open, told from a made-up /proc. */
#include "core/os/fd_owner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static char holder[96];

static void setup(void)
{
	scratch_begin();
	scratch_text("disk", "data");
	scratch_text("other", "data");
	scratch_text("proc/77/comm", "reader\n");
	scratch_link("proc/77/fd/0", scratch_path("other"));
	scratch_link("proc/77/fd/9", "socket:[1234]");
	scratch_text("proc/self/fd/nothing", "");
}

static bool look(void)
{
	return os_fd_owner(scratch_dir(), scratch_path("disk"), holder, sizeof(holder));
}

START_TEST(nobody_is_nobody)
{
	ck_assert(!look());
	ck_assert_str_eq(holder, "another process");
}
END_TEST

START_TEST(a_process_is_named_with_its_number)
{
	scratch_link("proc/77/fd/3", scratch_path("disk"));
	ck_assert(look());
	ck_assert_str_eq(holder, "reader (pid 77)");
}
END_TEST

START_TEST(another_name_of_the_file_is_the_file)
{
	scratch_link("byname", scratch_path("disk"));
	scratch_link("proc/77/fd/3", scratch_path("byname"));
	ck_assert(look());
}
END_TEST

START_TEST(a_process_that_ends_meanwhile_has_no_name)
{
	scratch_link("proc/78/fd/3", scratch_path("disk"));
	ck_assert(look());
	ck_assert_str_eq(holder, "a process (pid 78)");
}
END_TEST

START_TEST(this_process_comes_last)
{
	char link[64];

	snprintf(link, sizeof(link), "proc/%ld/fd/5", (long)getpid());
	scratch_link(link, scratch_path("disk"));
	ck_assert(look());
	ck_assert_str_eq(holder, "this process itself");
	scratch_link("proc/77/fd/3", scratch_path("disk"));
	ck_assert(look());
	ck_assert_str_eq(holder, "reader (pid 77)");
}
END_TEST

START_TEST(a_file_that_is_not_there_has_no_holder)
{
	ck_assert(!os_fd_owner(scratch_dir(), scratch_path("no"), holder, sizeof(holder)));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, scratch_end),
		UNIT_TEST(nobody_is_nobody),
		UNIT_TEST(a_process_is_named_with_its_number),
		UNIT_TEST(another_name_of_the_file_is_the_file),
		UNIT_TEST(a_process_that_ends_meanwhile_has_no_name),
		UNIT_TEST(this_process_comes_last),
		UNIT_TEST(a_file_that_is_not_there_has_no_holder),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
