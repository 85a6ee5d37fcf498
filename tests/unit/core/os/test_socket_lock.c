/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the lock's file is: what is not a dead daemon's is refused, and stays as it was. */
#include "core/os/socket_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/base.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static char path[128];
static char lock_path[136];
static char other[136];
static char error[256];

static void setup(void)
{
	scratch_begin();
	snprintf(path, sizeof(path), "%s/a.sock", scratch_dir());
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	snprintf(other, sizeof(other), "%s.other", path);
	error[0] = '\0';
}

static int take(void)
{
	return os_socket_lock_take(path, lock_path, "choose another path", error, sizeof(error));
}

static void put(const char *file, const char *text)
{
	int fd = open(file, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void holds(const char *file, const char *text)
{
	char got[256] = "";
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, got, sizeof(got) - 1), 0);
	close(fd);
	ck_assert_str_eq(got, text);
}

/* It is refused by name, with @why and the remedy. */
static void is_refused(int rc, const char *why)
{
	ck_assert_int_eq(take(), rc);
	ck_assert_msg(strstr(error, lock_path) != NULL && strstr(error, why) != NULL &&
			      strstr(error, "choose another path") != NULL,
		      "\"%s\" does not say \"%s\"", error, why);
}

START_TEST(a_dead_daemons_file_is_taken)
{
	static const char *const texts[] = {NULL, "", "1", "4194304\n", "12345"};
	char pid[32];

	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	for (size_t i = 0; i < EBB_ARRAY_SIZE(texts); i++) {
		int fd;

		if (texts[i] != NULL) {
			put(lock_path, texts[i]);
		}
		fd = take();
		ck_assert_msg(fd >= 0, "%s", error);
		holds(lock_path, pid);
		os_socket_lock_drop(fd, lock_path);
		ck_assert_int_ne(access(lock_path, F_OK), 0);
	}
}
END_TEST

START_TEST(a_file_that_holds_something_is_left_alone)
{
	static const char *const texts[] = {"a",      "12345\n\n", "\n",
					    "12345 ", "-7\n",      "12345678901",
					    "1\n2\n", "0x10\n",    "the thesis of somebody\n"};
	struct stat before;
	struct stat after;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(texts); i++) {
		put(lock_path, texts[i]);
		ck_assert_int_eq(stat(lock_path, &before), 0);
		is_refused(-EEXIST, "something other than a pid");
		holds(lock_path, texts[i]);
		ck_assert_int_eq(stat(lock_path, &after), 0);
		ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
		ck_assert_uint_eq(before.st_ino, after.st_ino);
	}
}
END_TEST

START_TEST(a_link_is_not_followed)
{
	put(other, "");
	ck_assert_int_eq(symlink(other, lock_path), 0);
	is_refused(-EEXIST, "symbolic link");
	holds(other, "");
	unlink(other); /* one that leads nowhere makes nothing there */
	is_refused(-EEXIST, "symbolic link");
	ck_assert_int_ne(access(other, F_OK), 0);
}
END_TEST

START_TEST(a_file_of_two_names_is_left_alone)
{
	put(other, "");
	ck_assert_int_eq(link(other, lock_path), 0);
	is_refused(-EEXIST, "other names");
	holds(other, "");
}
END_TEST

/* A pipe would be waited for, and to open a device may do something. */
START_TEST(what_is_no_file_is_not_opened)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	ck_assert_int_eq(mkfifo(lock_path, 0600), 0);
	is_refused(-EEXIST, "not a regular file");
	ck_assert_int_eq(unlink(lock_path), 0);

	ck_assert_int_eq(mkdir(lock_path, 0700), 0);
	is_refused(-EEXIST, "directory");
	ck_assert_int_eq(rmdir(lock_path), 0);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_uint_lt(strlen(lock_path), sizeof(address.sun_path));
	memcpy(address.sun_path, lock_path, strlen(lock_path) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	is_refused(-EEXIST, "not a regular file");
	close(fd);
}
END_TEST

START_TEST(another_users_file_is_left_alone)
{
	if (geteuid() != 0) {
		unit_skip("only root can make a file of another user's");
	}
	put(lock_path, "12345\n");
	ck_assert_int_eq(chown(lock_path, 12345, 12345), 0);
	is_refused(-EEXIST, "another user");
	holds(lock_path, "12345\n");
}
END_TEST

START_TEST(a_lock_of_another_program_is_told_apart)
{
	int fd;

	put(lock_path, "a letter\n");
	fd = open(lock_path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	is_refused(-EEXIST, "locked by another program");
	holds(lock_path, "a letter\n");
	close(fd);
}
END_TEST

START_TEST(without_descriptors_it_says_which_limit)
{
	struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};
	struct rlimit before;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit.rlim_max = before.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(take(), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_ptr_nonnull(strstr(error, "RLIMIT_NOFILE"));
	ck_assert_ptr_null(strstr(error, "choose another"));
}
END_TEST

/* The lock is the file's; its text is for people only. */
START_TEST(a_full_disk_is_no_hindrance)
{
	struct rlimit limit = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
	struct rlimit before;
	int fd;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fd = take();
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert_msg(fd >= 0, "%s", error);
	holds(lock_path, "");
	os_socket_lock_drop(fd, lock_path);
	ck_assert_int_ne(access(lock_path, F_OK), 0);
}
END_TEST

START_TEST(what_has_taken_its_place_is_not_removed)
{
	int fd = take();

	ck_assert_int_ge(fd, 0);
	unlink(lock_path);
	put(lock_path, "a letter\n");
	os_socket_lock_drop(fd, lock_path);
	holds(lock_path, "a letter\n");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, scratch_end),
		UNIT_TEST(a_dead_daemons_file_is_taken),
		UNIT_TEST(a_file_that_holds_something_is_left_alone),
		UNIT_TEST(a_link_is_not_followed),
		UNIT_TEST(a_file_of_two_names_is_left_alone),
		UNIT_TEST(what_is_no_file_is_not_opened),
		UNIT_TEST(another_users_file_is_left_alone),
		UNIT_TEST(a_lock_of_another_program_is_told_apart),
		UNIT_TEST(without_descriptors_it_says_which_limit),
		UNIT_TEST(a_full_disk_is_no_hindrance),
		UNIT_TEST(what_has_taken_its_place_is_not_removed),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
