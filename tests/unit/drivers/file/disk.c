/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/file/disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ebb/io_channel.h>
#include <ebb/memory.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

struct disk disk;

struct ended {
	bool done;
	int status;
};

void disk_begin(void)
{
	stage_begin();
	scratch_begin();
	disk.buf = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
	ck_assert_ptr_nonnull(disk.buf);
}

void disk_end(void)
{
	ebb_mem_free(disk.buf, EBB_MEM_ALLOC_MAX);
	scratch_end();
	stage_end();
}

static void on_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	(void)bdev;
	(void)arg;
	disk.resizes += event == EBB_BDEV_EVENT_RESIZE;
}

void disk_open(const char *path, const char *options)
{
	char params[512];
	int rc;

	disk.path = path;
	snprintf(params, sizeof(params), "{'name': 'f', 'filename': '%s'%s%s}", path,
		 strstr(options, "block_size") == NULL ? ", 'block_size': 4096" : "", options);
	call_is("bdev_uring_create", params, "\"f\"");
	rc = ebb_bdev_open("f", strstr(options, "readonly") == NULL, on_event, NULL, &disk.desc);
	ck_assert_int_eq(rc, 0);
	disk.ch = ebb_bdev_channel_get(disk.desc);
	ck_assert_ptr_nonnull(disk.ch);
}

void disk_close(void)
{
	ebb_io_channel_put(disk.ch);
	ebb_bdev_close(disk.desc);
	call_is("bdev_uring_delete", "{'name': 'f'}", "true");
}

static void on_end(void *arg, int status)
{
	struct ended *ended = arg;

	ck_assert(!ended->done);
	ended->done = true;
	ended->status = status;
}

static int result(struct ended *ended, int rc)
{
	if (rc < 0) {
		return rc;
	}
	stage_until(&ended->done);
	return ended->status;
}

int disk_write(const void *memory, uint64_t block, uint64_t num)
{
	struct ended ended = {.done = false};

	return result(&ended,
		      ebb_bdev_write(disk.desc, disk.ch, memory, block, num, 0, on_end, &ended));
}

int disk_read(void *memory, uint64_t block, uint64_t num)
{
	struct ended ended = {.done = false};

	return result(&ended,
		      ebb_bdev_read(disk.desc, disk.ch, memory, block, num, on_end, &ended));
}

int disk_zeroes(uint64_t block, uint64_t num, uint32_t flags)
{
	struct ended ended = {.done = false};

	return result(&ended,
		      ebb_bdev_write_zeroes(disk.desc, disk.ch, block, num, flags, on_end, &ended));
}

int disk_unmap(uint64_t block, uint64_t num)
{
	struct ended ended = {.done = false};

	return result(&ended, ebb_bdev_unmap(disk.desc, disk.ch, block, num, on_end, &ended));
}

int disk_flush(void)
{
	struct ended ended = {.done = false};

	return result(&ended, ebb_bdev_flush(disk.desc, disk.ch, on_end, &ended));
}

int disk_status_into(uint64_t block, uint64_t num, struct ebb_bdev_extent *extent, uint32_t max)
{
	struct ended ended = {.done = false};

	disk.extents = (struct ebb_bdev_extents){.max = max, .extent = extent};
	return result(&ended, ebb_bdev_block_status(disk.desc, disk.ch, block, num, &disk.extents,
						    on_end, &ended));
}

int disk_status(uint64_t block, uint64_t num, uint32_t max)
{
	ck_assert_uint_le(max, EBB_ARRAY_SIZE(disk.extent));
	return disk_status_into(block, num, disk.extent, max);
}

void disk_fill(size_t len, unsigned seed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		disk.buf[i] = (char)(1 + (i * 31 + (i >> 8) + seed) % 255);
	}
}

static int file_fd(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

uint64_t disk_allocated(const char *path)
{
	int fd = file_fd(path, O_RDONLY);
	struct stat st;

	/* Where blocks are found late, this is when. */
	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	close(fd);
	return (uint64_t)st.st_blocks * 512;
}

bool disk_is_zero(const char *path, uint64_t offset, uint64_t len)
{
	int fd = file_fd(path, O_RDONLY);
	char *got = malloc(len);
	bool zero;

	ck_assert_int_eq(pread(fd, got, len, (off_t)offset), (ssize_t)len);
	zero = got[0] == 0 && memcmp(got, got + 1, len - 1) == 0;
	free(got);
	close(fd);
	return zero;
}

uint64_t disk_length(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

void disk_set_length(const char *path, uint64_t bytes)
{
	int fd = file_fd(path, O_RDWR);

	ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
	close(fd);
}
