/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor that is given up where there is no other. */
#include "core/os/fd_spare.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* The lowest that is free, which is not taken. */
static int lowest(void)
{
	int fd = dup(STDERR_FILENO);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

START_TEST(one_is_enough_for_all)
{
	int before = lowest();

	os_fd_spare_get();
	os_fd_spare_get();
	ck_assert_int_eq(lowest(), before + 1);
	os_fd_spare_put();
	ck_assert_int_eq(lowest(), before + 1);
	os_fd_spare_put();
	ck_assert_int_eq(lowest(), before);
	os_fd_spare_keep(); /* nobody wants it */
	ck_assert_int_eq(lowest(), before);
}
END_TEST

START_TEST(it_is_there_where_no_other_is)
{
	struct rlimit limit = {0};
	int fd;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)lowest() + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	os_fd_spare_get();
	ck_assert_int_lt(dup(STDERR_FILENO), 0);
	ck_assert_int_eq(errno, EMFILE);
	os_fd_spare_give_up();
	os_fd_spare_give_up(); /* by another, too late */
	fd = dup(STDERR_FILENO);
	ck_assert_int_ge(fd, 0);
	os_fd_spare_keep(); /* it cannot be had */
	close(fd);
	os_fd_spare_keep();
	ck_assert_int_lt(dup(STDERR_FILENO), 0);
	os_fd_spare_put();
	lowest();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(one_is_enough_for_all),
		UNIT_TEST(it_is_there_where_no_other_is),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
