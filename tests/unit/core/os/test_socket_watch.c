/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told that a socket's file has gone, and of nothing else. */
#include "core/os/socket_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static struct os_socket_watch watch;
static char folder[80];
static char path[96];
static char other[96];
static int bound;

/* The file is a socket's that stays open, as it is in life: the file outlives its name. */
static void bind_at_path(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	bound = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(bound, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void setup(void)
{
	scratch_begin();
	snprintf(folder, sizeof(folder), "%s/d", scratch_dir());
	snprintf(path, sizeof(path), "%s/a.sock", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	ck_assert_int_eq(os_socket_watch_init(&watch), 0);
	bind_at_path();
}

static void teardown(void)
{
	os_socket_watch_fini(&watch);
	close(bound);
	scratch_end();
}

/* Has it been told since it was last asked? The kernel tells inside the call that changes it. */
static bool told(void)
{
	struct pollfd readable = {.fd = watch.fd, .events = POLLIN};
	bool ready = poll(&readable, 1, 0) > 0;

	os_socket_watch_clear(&watch);
	ck_assert_int_eq(poll(&readable, 1, 0), 0);
	return ready;
}

static void make(const char *name)
{
	int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

START_TEST(a_file_that_goes_is_told_of)
{
	ck_assert_int_eq(os_socket_watch_file(&watch, path), 0);
	ck_assert(!told());
	if (_i == 0) {
		ck_assert_int_eq(unlink(path), 0);
	} else if (_i == 1) {
		ck_assert_int_eq(rename(path, other), 0);
	} else {
		make(other);
		ck_assert_int_eq(rename(other, path), 0);
	}
	ck_assert(told());
}
END_TEST

START_TEST(others_in_its_folder_wake_nobody)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(os_socket_watch_file(&watch, path), 0);
	make(other);
	ck_assert_int_eq(unlink(other), 0);
	ck_assert_int_eq(mkdir(other, 0700), 0);
	ck_assert_int_eq(rmdir(other), 0);
	/* Nor do clients, of whom the file knows nothing. */
	ck_assert_int_eq(listen(bound, 1), 0);
	memcpy(address.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	close(client);
	ck_assert(!told());
}
END_TEST

START_TEST(a_file_that_is_not_there_cannot_be_watched)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(os_socket_watch_file(&watch, path), -ENOENT);
}
END_TEST

START_TEST(a_folder_tells_of_what_comes_and_goes)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(os_socket_watch_folder(&watch, path), 0);
	ck_assert(!told());
	make(path);
	ck_assert(told());
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(told());
	/* It is not gone for all: who was bound in it has it open. */
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert(told());
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	ck_assert(told());
}
END_TEST

START_TEST(a_folder_that_is_moved_is_told_of)
{
	char moved[96];

	snprintf(moved, sizeof(moved), "%s-moved", folder);
	ck_assert_int_eq(os_socket_watch_file(&watch, path), 0);
	ck_assert_int_eq(rename(folder, moved), 0);
	ck_assert(told());
}
END_TEST

/* It is the nearest one that is there. */
START_TEST(a_folder_that_is_not_there_is_waited_for)
{
	char deep[160];

	snprintf(deep, sizeof(deep), "%s/x/y/a.sock", folder);
	ck_assert_int_eq(os_socket_watch_folder(&watch, deep), 0);
	make(other);
	ck_assert(told());
	snprintf(deep, sizeof(deep), "%s/x", folder);
	ck_assert_int_eq(mkdir(deep, 0700), 0);
	ck_assert(told());
	/* A file in place of a folder is no end of the search. */
	snprintf(deep, sizeof(deep), "%s/other/y/a.sock", folder);
	ck_assert_int_eq(os_socket_watch_folder(&watch, deep), 0);
	ck_assert_int_eq(unlink(other), 0);
	ck_assert(told());
}
END_TEST

START_TEST(paths_of_all_forms_have_a_folder)
{
	char longest[PATH_MAX + 8];

	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(os_socket_watch_folder(&watch, "b.sock"), 0);
	make("b.sock");
	ck_assert(told());
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(os_socket_watch_folder(&watch, "/no-such.sock"), 0);
	ck_assert_int_eq(os_socket_watch_folder(&watch, "/no/such/a.sock"), 0);
	ck_assert_int_eq(os_socket_watch_folder(&watch, ""), -ENAMETOOLONG);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(os_socket_watch_folder(&watch, longest), -ENAMETOOLONG);
}
END_TEST

/* To watch another one leaves nothing of the one before, as a removed file's would. */
START_TEST(one_is_watched_at_a_time)
{
	ck_assert_int_eq(os_socket_watch_file(&watch, path), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(os_socket_watch_folder(&watch, path), 0);
	close(bound);
	ck_assert(!told());
	bind_at_path();
	ck_assert(told());
	ck_assert_int_eq(os_socket_watch_file(&watch, path), 0);
	make(other);
	ck_assert(!told());
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(told());
}
END_TEST

START_TEST(without_descriptors_there_is_none)
{
	struct rlimit limit;
	struct os_socket_watch none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(os_socket_watch_init(&none), -EMFILE);
	os_socket_watch_fini(&none);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(a_file_that_goes_is_told_of, 0, 3),
		UNIT_TEST(others_in_its_folder_wake_nobody),
		UNIT_TEST(a_file_that_is_not_there_cannot_be_watched),
		UNIT_TEST(a_folder_tells_of_what_comes_and_goes),
		UNIT_TEST(a_folder_that_is_moved_is_told_of),
		UNIT_TEST(a_folder_that_is_not_there_is_waited_for),
		UNIT_TEST(paths_of_all_forms_have_a_folder),
		UNIT_TEST(one_is_watched_at_a_time),
		UNIT_TEST(without_descriptors_there_is_none),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
