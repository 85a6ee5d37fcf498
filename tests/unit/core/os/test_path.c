/* SPDX-License-Identifier: Apache-2.0 */
/* Names that mean the same from any working directory. */
#include "core/os/path.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static void path_is(const char *path, const char *absolute)
{
	char *got = os_path_absolute(path);

	ck_assert_str_eq(got, absolute);
	free(got);
}

START_TEST(from_the_root_it_stays)
{
	path_is("/dev/disk/by-id/one", "/dev/disk/by-id/one");
	path_is("/a/../b", "/a/../b");
}
END_TEST

START_TEST(others_begin_with_the_working_directory)
{
	ck_assert_int_eq(chdir("/usr"), 0);
	path_is("f", "/usr/f");
	path_is("./f", "/usr/f");
	path_is(".//./f", "/usr/f");
	path_is("../f", "/usr/../f");
	path_is(".f", "/usr/.f");
	ck_assert_int_eq(chdir("/"), 0);
	path_is("f/g", "/f/g");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(from_the_root_it_stays),
		UNIT_TEST(others_begin_with_the_working_directory),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
