/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/fd_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ebb/base.h>

#include "tests/unit/unit.h"

static void limit_to(rlim_t soft)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = soft;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Takes descriptors as @user would, until one is not admitted. Return: its number. */
static int first_refused(enum os_fd_user user)
{
	int fd;

	while ((fd = dup(STDERR_FILENO)) >= 0) {
		if (!os_fd_reserve_admits(fd, user)) {
			close(fd);
			return fd;
		}
	}
	ck_abort_msg("all were taken (errno %d)", errno);
}

START_TEST(a_part_is_kept_from_clients_and_a_smaller_one_from_rpc)
{
	static const struct {
		rlim_t limit;
		int client, control;
	} rows[] = {{24, 21, 23}, {64, 56, 62}, {1024, 1008, 1019}};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		limit_to(rows[i].limit);
		ck_assert_int_eq(first_refused(OS_FD_CLIENT), rows[i].client);
		ck_assert_int_eq(first_refused(OS_FD_CONTROL), rows[i].control);
		/* The rest is the daemon's. */
		for (int fd = rows[i].control; fd < (int)rows[i].limit; fd++) {
			ck_assert_int_eq(dup(STDERR_FILENO), fd);
		}
		ck_assert_int_eq(dup(STDERR_FILENO), -1);
		ck_assert_int_eq(close_range(3, ~0u, 0), 0);
	}
}
END_TEST

/* Whoever goes leaves a low number; the kept part stays whole, whoever comes after that. */
START_TEST(who_goes_makes_room_for_one_of_his_kind)
{
	limit_to(32);
	first_refused(OS_FD_CLIENT);
	first_refused(OS_FD_CONTROL);
	close(10);
	ck_assert_int_eq(dup(STDERR_FILENO), 10);
	ck_assert(os_fd_reserve_admits(10, OS_FD_CLIENT));
	ck_assert_int_eq(first_refused(OS_FD_CLIENT), 31);
	ck_assert_int_eq(close_range(3, ~0u, 0), 0);
}
END_TEST

START_TEST(the_limit_of_now_counts)
{
	limit_to(64);
	ck_assert(os_fd_reserve_admits(55, OS_FD_CLIENT));
	limit_to(24);
	ck_assert(!os_fd_reserve_admits(55, OS_FD_CLIENT));
	ck_assert(!os_fd_reserve_admits(55, OS_FD_CONTROL));
	limit_to(2);
	ck_assert(!os_fd_reserve_admits(0, OS_FD_CLIENT));
}
END_TEST

START_TEST(the_soft_limit_is_raised_to_the_hard_one)
{
	struct rlimit limit = {.rlim_cur = 16, .rlim_max = 40};

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	os_fd_reserve_raise();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, 40);
	ck_assert_uint_eq(limit.rlim_max, 40);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(a_part_is_kept_from_clients_and_a_smaller_one_from_rpc),
		UNIT_TEST(who_goes_makes_room_for_one_of_his_kind),
		UNIT_TEST(the_limit_of_now_counts),
		UNIT_TEST(the_soft_limit_is_raised_to_the_hard_one),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
