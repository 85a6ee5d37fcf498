/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/file_replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ebb/base.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static char error[512];
static bool fsync_fails;
static bool rename_fails;
static unsigned fsyncs;
static unsigned fsyncs_at_rename;

/* In place of the library's. */
int fsync(int fd)
{
	(void)fd;
	fsyncs++;
	errno = EIO;
	return fsync_fails ? -1 : 0;
}

int rename(const char *from, const char *to)
{
	fsyncs_at_rename = fsyncs;
	errno = ENOSPC;
	return rename_fails ? -1 : renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static int replace(const char *name, const char *text)
{
	error[0] = '\0';
	return os_file_replace(scratch_path(name), text, strlen(text), error, sizeof(error));
}

static void file_is(const char *name, const char *expected)
{
	char text[128];
	FILE *file = fopen(scratch_path(name), "r");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	ck_assert_str_eq(text, expected);
}

/* How many files there are in the folder. */
static unsigned num_files(void)
{
	DIR *dir = opendir(scratch_dir());
	struct dirent *entry;
	unsigned num = 0;

	while ((entry = readdir(dir)) != NULL) {
		num += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	}
	closedir(dir);
	return num;
}

START_TEST(a_new_file_has_the_usual_mode)
{
	struct stat st;

	umask(027);
	ck_assert_int_eq(replace("new", "text"), 0);
	file_is("new", "text");
	ck_assert_int_eq(stat(scratch_path("new"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_uint_eq(num_files(), 1);
	/* On the disk before it is renamed, and its name after that. */
	ck_assert_uint_eq(fsyncs_at_rename, 1);
	ck_assert_uint_eq(fsyncs, 2);
}
END_TEST

START_TEST(mode_and_owner_are_kept)
{
	struct stat st;
	uid_t owner = geteuid() == 0 ? 12345 : geteuid();

	scratch_text("f", "old, and longer than the new one");
	ck_assert_int_eq(chmod(scratch_path("f"), 0604), 0);
	ck_assert_int_eq(chown(scratch_path("f"), owner, getegid()), 0);
	ck_assert_int_eq(replace("f", "new"), 0);
	file_is("f", "new");
	ck_assert_int_eq(stat(scratch_path("f"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0604);
	ck_assert_uint_eq(st.st_uid, owner);
	ck_assert_uint_eq(num_files(), 1);
}
END_TEST

START_TEST(a_link_stays_a_link)
{
	struct stat st;

	scratch_text("folder/target", "old");
	scratch_link("link", "folder/target");
	ck_assert_int_eq(replace("link", "new"), 0);
	ck_assert_int_eq(lstat(scratch_path("link"), &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	file_is("folder/target", "new");
	ck_assert_uint_eq(num_files(), 2);
}
END_TEST

START_TEST(a_name_without_a_folder_is_here)
{
	ck_assert_int_eq(chdir(scratch_dir()), 0);
	ck_assert_int_eq(os_file_replace("here", "text", 4, error, sizeof(error)), 0);
	file_is("here", "text");
}
END_TEST

/* @what is in the error, the file is as it was, and nothing is beside it. */
static void failed(int rc, int expected, const char *what)
{
	ck_assert_int_eq(rc, expected);
	ck_assert_msg(strstr(error, scratch_path("f")) != NULL && strstr(error, what) != NULL, "%s",
		      error);
	file_is("f", "old");
	ck_assert_uint_eq(num_files(), 1);
}

START_TEST(a_full_disk_leaves_it_as_it_was)
{
	const struct rlimit limit = {.rlim_cur = 8, .rlim_max = 8};

	scratch_text("f", "old");
	/* Writes end there as on a full disk: with what still fits, then with an error. */
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	failed(replace("f", "longer than eight"), -EFBIG, "too large");
}
END_TEST

START_TEST(what_is_not_on_the_disk_is_not_renamed)
{
	scratch_text("f", "old");
	fsync_fails = true;
	failed(replace("f", "new"), -EIO, "Input/output error");
	ck_assert_uint_eq(fsyncs_at_rename, 0);
}
END_TEST

START_TEST(a_rename_that_fails_leaves_no_litter)
{
	scratch_text("f", "old");
	rename_fails = true;
	failed(replace("f", "new"), -ENOSPC, "No space left");
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	scratch_text("f/inside", "old");
	ck_assert_int_eq(replace("f", "new"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "it is a directory, where only a regular file"));
	scratch_link("nowhere", "missing");
	ck_assert_int_eq(replace("nowhere", "new"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "leads nowhere"));
	ck_assert_int_eq(replace("missing/file", "new"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "cannot make a file in"));
	ck_assert_uint_eq(num_files(), 2);
}
END_TEST

/* As /dev/stdout leads to, wherever that is. */
START_TEST(what_has_no_name_is_called_what_it_is)
{
	int pipe_fds[2], pair[2], file, device = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char path[32];

	ck_assert_int_eq(pipe(pipe_fds), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	scratch_text("f", "old");
	file = open(scratch_path("f"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(unlink(scratch_path("f")), 0);

	const struct {
		int fd, rc;
		const char *what;
	} cases[] = {
		{pipe_fds[1], -EINVAL, "it is a pipe, where"},
		{pair[0], -EINVAL, "it is a socket, where"},
		{device, -EINVAL, "it is a device, where"},
		{file, -ENOENT, "it leads to a file that has been removed"},
	};

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", cases[i].fd);
		ck_assert_int_eq(os_file_replace(path, "x", 1, error, sizeof(error)), cases[i].rc);
		ck_assert_msg(strstr(error, cases[i].what) != NULL, "%s", error);
		close(cases[i].fd);
	}
	ck_assert_uint_eq(num_files(), 0);
}
END_TEST

/* Which user and group, and what modes of file and folder, make which error. */
START_TEST(without_permission_it_is_refused)
{
	static const struct {
		uid_t owner;
		mode_t file_mode, folder_mode;
		int rc;
		const char *what;
	} cases[] = {
		{12345, 0666, 0755, -EACCES, "cannot make a file in"},
		{12345, 0444, 0777, -EACCES, "Permission denied"},
		{0, 0666, 0777, -EPERM, "its owner (user 0, group 0) cannot be kept"},
	};

	if (geteuid() != 0) {
		unit_skip("it takes root to be several users");
	}
	scratch_text("f", "old");
	for (size_t i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(chown(scratch_path("f"), cases[i].owner, cases[i].owner), 0);
		ck_assert_int_eq(chmod(scratch_path("f"), cases[i].file_mode), 0);
		ck_assert_int_eq(chmod(scratch_dir(), cases[i].folder_mode), 0);
		ck_assert_int_eq(seteuid(12345), 0);
		failed(replace("f", "new"), cases[i].rc, cases[i].what);
		ck_assert_int_eq(seteuid(0), 0);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(a_new_file_has_the_usual_mode),
		UNIT_TEST(mode_and_owner_are_kept),
		UNIT_TEST(a_link_stays_a_link),
		UNIT_TEST(a_name_without_a_folder_is_here),
		UNIT_TEST(a_full_disk_leaves_it_as_it_was),
		UNIT_TEST(what_is_not_on_the_disk_is_not_renamed),
		UNIT_TEST(a_rename_that_fails_leaves_no_litter),
		UNIT_TEST(what_is_no_file_is_refused),
		UNIT_TEST(what_has_no_name_is_called_what_it_is),
		UNIT_TEST(without_permission_it_is_refused),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
