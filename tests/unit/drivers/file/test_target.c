/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are refused, and what is said about it; and who else is kept out meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/file/target.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

static void setup(void)
{
	stage_begin();
	scratch_begin();
}

static void teardown(void)
{
	scratch_end();
	stage_end();
}

static const char *create(const char *name, const char *path, const char *options)
{
	char params[600];

	snprintf(params, sizeof(params), "{'name': '%s', 'filename': '%s'%s}", name, path, options);
	return call_text("bdev_uring_create", params);
}

static void refused(const char *path, const char *options, const char *with)
{
	const char *text = create("f", path, options);

	ck_assert_msg(strncmp(text, "error ", 6) == 0 && strstr(text, with) != NULL,
		      "'%s' is not in: %s", with, text);
	call_is("bdev_get_bdevs", "{}", "[]");
}

static void drop(const char *name)
{
	char params[64];

	snprintf(params, sizeof(params), "{'name': '%s'}", name);
	call_is("bdev_aio_delete", params, "true");
}

START_TEST(what_is_no_disk_is_refused)
{
	refused("/nonexistent/x", "", "file '/nonexistent/x' does not exist; make it first");
	refused("/tmp", "", "'/tmp' is neither a regular file nor a block device");
	refused("/dev/null", "", "'/dev/null' is neither a regular file nor a block device");
	refused("", "", "filename: must not be empty");
}
END_TEST

START_TEST(what_has_no_size_is_refused)
{
	refused(scratch_sparse("empty", 0), "", "has 0 bytes, less than one block");
	refused(scratch_sparse("empty", 0), ", 'direct': false",
		"has 0 bytes, less than one block");
	refused(scratch_sparse("small", 4095), ", 'block_size': 4096",
		"has 4095 bytes, less than one block of 4096; give it a size: truncate -s 1G FILE");
}
END_TEST

START_TEST(impossible_block_sizes_are_refused)
{
	const char *path = scratch_sparse("disk", 1 << 20);

	refused(path, ", 'block_size': 1000", "block_size");
	refused(path, ", 'block_size': 256", "block_size");
	refused(path, ", 'block_size': 131072", "block_size");
}
END_TEST

START_TEST(an_odd_end_is_refused_for_direct_io)
{
	const char *path = scratch_sparse("odd", 3 * 4096 + 77);

	refused(path, ", 'block_size': 4096",
		"odd' has 12365 bytes, no multiple of its blocks of 4096, as direct I/O needs: "
		"truncate -s 16384 FILE, or give direct=false");
	refused(path, ", 'block_size': 4096, 'readonly': true", "truncate -s 16384 FILE");
	ck_assert_str_eq(create("f", path, ", 'block_size': 4096, 'direct': false"), "\"f\"");
	call_has("bdev_get_bdevs", "{'name': 'f'}", "\"num_blocks\":4");
	drop("f");
	/* The remedy is one. */
	ck_assert_int_eq(truncate(path, 16384), 0);
	ck_assert_str_eq(create("f", path, ", 'block_size': 4096"), "\"f\"");
	drop("f");
}
END_TEST

START_TEST(the_block_size_is_found_out)
{
	const char *path = scratch_sparse("disk", 1 << 20);

	ck_assert_str_eq(create("f", path, ""), "\"f\"");
	ck_assert(strstr(call_text("bdev_get_bdevs", "{'name': 'f'}"), "\"block_size\":512") ||
		  strstr(call_text("bdev_get_bdevs", "{'name': 'f'}"), "\"block_size\":4096"));
	call_has("bdev_get_bdevs", "{'name': 'f'}", "\"driver_specific\":{\"uring\":{\"filename\"");
	drop("f");
	ck_assert_str_eq(create("f", path, ", 'direct': false"), "\"f\"");
	call_has("bdev_get_bdevs", "{'name': 'f'}", "\"block_size\":512,\"num_blocks\":2048");
	drop("f");
}
END_TEST

START_TEST(names_are_unique)
{
	const char *one = scratch_sparse("one", 1 << 20);
	const char *two = scratch_sparse("two", 1 << 20);

	ck_assert_str_eq(create("f", one, ""), "\"f\"");
	ck_assert_ptr_nonnull(strstr(create("f", two, ""), "error -17: bdev 'f' exists already"));
	call_has("bdev_null_delete", "{'name': 'f'}", "error -22: bdev 'f' is no null bdev");
	drop("f");
	call_has("bdev_uring_delete", "{'name': 'f'}", "error -19: bdev 'f' not found");
	ck_assert_str_eq(create("f", two, ""), "\"f\"");
	drop("f");
}
END_TEST

/* Two that race for one name: one is told so, and its file is let go again. */
START_TEST(a_race_for_a_name_has_one_winner)
{
	const char *one = scratch_sparse("one", 1 << 20);
	const char *two = scratch_sparse("two", 1 << 20);
	struct call calls[2];
	char params[400];
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(params, sizeof(params), "{'name': 'f', 'filename': '%s'}",
			 i == 0 ? one : two);
		call_begin(&calls[i], "bdev_uring_create", params);
	}
	for (i = 0; i < 2; i++) {
		stage_until(&calls[i].done);
	}
	ck_assert(!calls[0].failed);
	ck_assert(calls[1].failed);
	ck_assert_int_eq(calls[1].error.code, -EEXIST);
	call_end(&calls[0]);
	call_end(&calls[1]);
	drop("f");
	ck_assert_str_eq(create("f", two, ""), "\"f\"");
	drop("f");
}
END_TEST

START_TEST(a_file_is_taken_once)
{
	const char *path = scratch_sparse("disk", 1 << 20);
	const char *text;

	ck_assert_str_eq(create("one", path, ""), "\"one\"");
	text = create("two", path, "");
	ck_assert_msg(strstr(text, "error -16: ") != NULL &&
			      strstr(text, "is in use by another bdev of this process") != NULL,
		      "%s", text);
	ck_assert_ptr_nonnull(strstr(create("two", path, ", 'readonly': true"), "error -16: "));
	drop("one");
	/* Readers do not mind each other; a writer minds them, and they him. */
	ck_assert_str_eq(create("one", path, ", 'readonly': true"), "\"one\"");
	ck_assert_str_eq(create("two", path, ", 'readonly': true"), "\"two\"");
	ck_assert_ptr_nonnull(strstr(create("three", path, ""), "error -16: "));
	drop("two");
	drop("one");
}
END_TEST

/* Runs a shell command; its output, and its status. */
static int run(const char *command, char *ret_output, size_t size)
{
	FILE *pipe = popen(command, "re");
	size_t got;
	int status;

	ck_assert_ptr_nonnull(pipe);
	got = fread(ret_output, 1, size - 1, pipe);
	ret_output[got] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(qemus_tools_are_kept_out)
{
	const char *path = scratch_sparse("disk", 1 << 20);
	char command[400], output[1000];

	need_program("qemu-io");
	ck_assert_str_eq(create("f", path, ""), "\"f\"");
	snprintf(command, sizeof(command), "qemu-io -f raw -c 'write 0 512' %s 2>&1", path);
	ck_assert_int_ne(run(command, output, sizeof(output)), 0);
	ck_assert_msg(strstr(output, "Failed to get") != NULL, "%s", output);
	snprintf(command, sizeof(command), "qemu-img convert -f raw -O raw %s %s.copy 2>&1", path,
		 path);
	ck_assert_int_ne(run(command, output, sizeof(output)), 0);
	ck_assert_msg(strstr(output, "Failed to get shared") != NULL, "%s", output);
	drop("f");
	snprintf(command, sizeof(command), "qemu-io -f raw -c 'write 0 512' %s 2>&1", path);
	ck_assert_int_eq(run(command, output, sizeof(output)), 0);

	/* Read-only: readers may come too. */
	ck_assert_str_eq(create("f", path, ", 'readonly': true"), "\"f\"");
	ck_assert_int_ne(run(command, output, sizeof(output)), 0);
	snprintf(command, sizeof(command), "qemu-io -r -f raw -c 'read 0 512' %s 2>&1", path);
	ck_assert_int_eq(run(command, output, sizeof(output)), 0);
	drop("f");
}
END_TEST

START_TEST(what_qemu_has_is_refused)
{
	char command[800], answer[4], path[256], said[256];
	const char *text;
	FILE *qemu;
	int fd;

	need_program("qemu-io");
	snprintf(path, sizeof(path), "%s", scratch_sparse("disk", 1 << 20));
	snprintf(said, sizeof(said), "%s", scratch_path("said"));

	/* It answers when it has the file, and ends when its input does. */
	snprintf(command, sizeof(command), "mkfifo %s; qemu-io -f raw %s >%s 2>&1", said, path,
		 said);
	qemu = popen(command, "we");
	ck_assert_ptr_nonnull(qemu);
	ck_assert_int_ge(fputs("read 0 512\n", qemu), 0);
	ck_assert_int_eq(fflush(qemu), 0);
	while (access(said, F_OK) < 0) {
		stage_turn();
	}
	/* Whatever it prints comes after it has opened the file. */
	fd = open(said, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(read(fd, answer, sizeof(answer)), sizeof(answer));
	text = create("f", path, "");
	ck_assert_msg(strstr(text, "error -16: file '") != NULL &&
			      strstr(text, "is in use by qemu-io (process ") != NULL,
		      "%s", text);
	pclose(qemu);
	close(fd);
	ck_assert_str_eq(create("f", path, ""), "\"f\"");
	drop("f");
}
END_TEST

START_TEST(a_filesystem_without_direct_io_is_named)
{
	static const char path[] = "/dev/shm/ebb-test-no-direct";
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct statfs fs;
	const char *text;
	int direct;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	ck_assert_int_eq(fstatfs(fd, &fs), 0);
	direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	text = create("f", path, "");
	if (direct < 0) {
		ck_assert_msg(strstr(text, "does no direct I/O; give direct=false") != NULL, "%s",
			      text);
	} else {
		ck_assert_str_eq(text, "\"f\"");
		drop("f");
		close(direct);
	}
	ck_assert_str_eq(create("f", path, ", 'direct': false"), "\"f\"");
	drop("f");
	close(fd);
	unlink(path);
}
END_TEST

START_TEST(a_device_in_use_is_refused)
{
	struct file_target target = {.direct = true};
	struct stat root, dev;
	char path[64];

	/* The disk that the root filesystem is on, if it is one and has a name. */
	ck_assert_int_eq(stat("/", &root), 0);
	snprintf(path, sizeof(path), "/dev/block/%u:%u", (unsigned)(root.st_dev >> 8),
		 (unsigned)(root.st_dev & 0xff));
	if (stat(path, &dev) < 0 && stat(strcpy(path, "/dev/vda"), &dev) < 0) {
		unit_skip("the root filesystem is on no disk that has a name");
	}
	if (!S_ISBLK(dev.st_mode) || dev.st_rdev != root.st_dev) {
		unit_skip("the root filesystem is on no disk");
	}
	target.filename = path;
	ck_assert_int_eq(file_target_open(&target), -EBUSY);
	ck_assert_ptr_nonnull(strstr(target.error, "mounted on /"));
	refused(path, "", "is mounted on /");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(what_is_no_disk_is_refused),
		UNIT_TEST(what_has_no_size_is_refused),
		UNIT_TEST(impossible_block_sizes_are_refused),
		UNIT_TEST(an_odd_end_is_refused_for_direct_io),
		UNIT_TEST(the_block_size_is_found_out),
		UNIT_TEST(names_are_unique),
		UNIT_TEST(a_race_for_a_name_has_one_winner),
		UNIT_TEST(a_file_is_taken_once),
		UNIT_TEST(qemus_tools_are_kept_out),
		UNIT_TEST(what_qemu_has_is_refused),
		UNIT_TEST(a_filesystem_without_direct_io_is_named),
		UNIT_TEST(a_device_in_use_is_refused),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
