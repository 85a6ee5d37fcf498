/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a file or block device: what is refused, and what is found out about the rest. */
#include "drivers/file/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ebb/log.h>

#include "core/os/blkdev_backing.h"
#include "core/os/blkdev_claim.h"
#include "core/os/blkdev_users.h"
#include "core/os/fd_owner.h"
#include "drivers/file/lock.h"
#include "drivers/file/size.h"

#define CLAIM_WAIT_MS 2000 /* for one that no process is seen to have */

#define PROBE_SIZE 65536u /* the largest alignment that is tried */

/* Fills in @target->error. Return: @rc. */
static int __attribute__((format(printf, 3, 4)))
target_fail(struct file_target *target, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(target->error, sizeof(target->error), format, args);
	va_end(args);
	return rc;
}

static int fail_rc(struct file_target *target, int rc, const char *what)
{
	return target_fail(target, rc, "cannot %s '%s': %s", what, target->filename, strerror(-rc));
}

static int fail_errno(struct file_target *target, const char *what)
{
	return fail_rc(target, -errno, what);
}

static int fail_no_direct(struct file_target *target)
{
	return target_fail(target, -EINVAL,
			   "the filesystem of '%s' does no direct I/O; give direct=false",
			   target->filename);
}

static bool file_in_use(const struct file_target *target, const struct stat *st, char *ret_why,
			size_t why_size)
{
	return os_blkdev_users_find("", st->st_dev, st->st_ino, ret_why, why_size) ||
	       (!target->read_only &&
		os_blkdev_backing_loop("", st->st_dev, st->st_ino, ret_why, why_size));
}

/* Before opening: a device that is in use must not even be opened for writing. */
static int target_look(struct file_target *target)
{
	char why[160];
	struct stat st;

	if (stat(target->filename, &st) < 0) {
		if (errno == ENOENT) {
			return target_fail(target, -ENOENT,
					   "file '%s' does not exist; make it first, with a "
					   "size: truncate -s 1G FILE",
					   target->filename);
		}
		return fail_errno(target, "find");
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		return target_fail(target, -EINVAL,
				   "'%s' is neither a regular file nor a block device",
				   target->filename);
	}
	target->is_block_device = S_ISBLK(st.st_mode);
	if (target->is_block_device ? os_blkdev_users_find("", st.st_rdev, 0, why, sizeof(why))
				    : file_in_use(target, &st, why, sizeof(why))) {
		return target_fail(target, -EBUSY, "'%s' is %s first", target->filename, why);
	}
	return 0;
}

static int fail_busy(struct file_target *target)
{
	char holder[96];

	if (!os_fd_owner("", target->filename, holder, sizeof(holder))) {
		snprintf(holder, sizeof(holder), "the kernel or another program");
	}
	return target_fail(target, -EBUSY, "'%s' is in use by %s; close it there first",
			   target->filename, holder);
}

static int target_open_fd(struct file_target *target)
{
	int flags = O_CLOEXEC | O_NOCTTY | (target->read_only ? O_RDONLY : O_RDWR) |
		    (target->direct ? O_DIRECT : 0);
	int fd;

	if (target->is_block_device) {
		fd = os_blkdev_claim_open("", target->filename, flags, CLAIM_WAIT_MS);
	} else {
		fd = open(target->filename, flags);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd >= 0) {
		target->fd = fd;
		return 0;
	}
	switch (fd) {
	case -EINVAL:
		return target->direct ? fail_no_direct(target) : fail_rc(target, fd, "open");
	case -EBUSY:
		return fail_busy(target);
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return target_fail(target, fd, "cannot open '%s': %s%s", target->filename,
				   strerror(-fd),
				   target->read_only ? "" : "; readonly=true needs less");
	default:
		return fail_rc(target, fd, "open");
	}
}

static int target_lock(struct file_target *target)
{
	char holder[96];
	int rc;

	if (target->is_block_device) {
		return 0;
	}
	rc = file_lock(target->fd, target->read_only, holder, sizeof(holder));
	if (rc == -EBUSY) {
		return target_fail(target, rc, "file '%s' is in use by %s; end that first%s",
				   target->filename, holder,
				   target->read_only ? "" : ", or share it all readonly=true");
	}
	if (rc < 0) {
		ebb_warn("file",
			 "%s: the filesystem has no locks (%s): nothing will stop others "
			 "from using the file too",
			 target->filename, strerror(-rc));
	}
	return 0;
}

/* Return: 0: it says that direct I/O is not possible; 1: it does not say. */
static uint32_t align_by_statx(const struct file_target *target)
{
#ifdef STATX_DIOALIGN
	struct statx st;

	if (statx(target->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) == 0 &&
	    (st.stx_mask & STATX_DIOALIGN) != 0) {
		return st.stx_dio_offset_align > st.stx_dio_mem_align ? st.stx_dio_offset_align
								      : st.stx_dio_mem_align;
	}
#endif
	return 1;
}

/* One read of the beginning, of @len bytes at memory aligned to as many. Return: as preadv2(). */
static ssize_t probe_read(const struct file_target *target, size_t len, int flags)
{
	void *buf = NULL;
	struct iovec iov;
	ssize_t got;

	if (posix_memalign(&buf, len, len) != 0) {
		errno = ENOMEM;
		return -1;
	}
	iov = (struct iovec){.iov_base = buf, .iov_len = len};
	do {
		got = preadv2(target->fd, &iov, 1, 0, flags);
	} while (got < 0 && errno == EINTR);
	free(buf);
	return got;
}

/* Finds io_align: what the kernel says, and then what works. */
static int target_align(struct file_target *target)
{
	uint32_t align = align_by_statx(target);
	int logical = 0;

	target->io_align = 512;
	if (!target->direct) {
		return 0;
	}
	if (align == 0) {
		return fail_no_direct(target);
	}
	if (target->is_block_device && ioctl(target->fd, BLKSSZGET, &logical) == 0 &&
	    (uint32_t)logical > align) {
		align = (uint32_t)logical;
	}
	if (align > target->io_align) {
		target->io_align = align;
	}
	while (probe_read(target, target->io_align, 0) < 0) {
		if (errno != EINVAL) {
			return fail_errno(target, "read");
		}
		target->io_align *= 2;
		if (target->io_align > PROBE_SIZE) {
			return fail_no_direct(target);
		}
	}
	return 0;
}

/* The last block is not whole, and cannot be served. */
static int fail_tail(struct file_target *target)
{
	uint64_t rest = target->bytes % target->block_size;

	if (target->is_block_device) {
		return target_fail(target, -EINVAL,
				   "'%s' has %" PRIu64 " bytes, no multiple of block_size %u; "
				   "leave block_size out",
				   target->filename, target->bytes, target->block_size);
	}
	return target_fail(target, -EINVAL,
			   "'%s' has %" PRIu64 " bytes, no multiple of its blocks of %u, as direct "
			   "I/O needs: truncate -s %" PRIu64 " FILE, or give direct=false",
			   target->filename, target->bytes, target->block_size,
			   target->bytes - rest + target->block_size);
}

static int target_geometry(struct file_target *target)
{
	int rc;

	rc = file_size_ask(target, &target->bytes);
	if (rc < 0) {
		return fail_rc(target, rc, "ask the size of");
	}
	if (target->block_size == 0) {
		target->block_size = target->io_align;
	}
	if (target->block_size < target->io_align) {
		return target_fail(target, -EINVAL,
				   "block_size %u is less than direct I/O on '%s' can do; "
				   "give %u, or leave it out",
				   target->block_size, target->filename, target->io_align);
	}
	target->num_blocks = file_size_blocks(target, target->bytes);
	if (target->num_blocks == 0) {
		return target_fail(target, -EINVAL,
				   "'%s' has %" PRIu64 " bytes, less than one block of %u; "
				   "give it a size: truncate -s 1G FILE",
				   target->filename, target->bytes, target->block_size);
	}
	if (target->num_blocks * target->block_size < target->bytes) {
		return fail_tail(target);
	}
	return 0;
}

/* A block device's limit, as sysfs has it; a partition has its disk's. 0: it cannot. */
static unsigned long long queue_limit(const struct file_target *target, const char *name)
{
	static const char *const places[] = {"queue", "../queue"};
	unsigned long long max_bytes = 0;
	char path[128];
	struct stat st;
	size_t i;

	if (fstat(target->fd, &st) < 0) {
		return 0;
	}
	for (i = 0; i < 2 && max_bytes == 0; i++) {
		FILE *file;

		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s", major(st.st_rdev),
			 minor(st.st_rdev), places[i], name);
		file = fopen(path, "re");
		if (file != NULL) {
			if (fscanf(file, "%llu", &max_bytes) != 1) {
				max_bytes = 0;
			}
			fclose(file);
		}
	}
	return max_bytes;
}

static void target_features(struct file_target *target)
{
	off_t end = lseek(target->fd, 0, SEEK_END);

	/* Anything but "not supported" will do: an empty cache may be flushed, too. */
	target->nowait = target->direct &&
			 (probe_read(target, target->io_align, RWF_NOWAIT) >= 0 || errno == EAGAIN);
	if (target->read_only) {
		return;
	}
	if (target->is_block_device) {
		target->can_unmap =
			target->fallocate && queue_limit(target, "discard_max_bytes") > 0;
		target->fast_zeroes =
			target->fallocate && queue_limit(target, "write_zeroes_max_bytes") > 0;
		target->zeroes_unmap = target->can_unmap && target->fast_zeroes;
		return;
	}
	/* Past the end of the file there is nothing to lose. */
	target->fast_zeroes =
		end >= 0 &&
		fallocate(target->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, end, 4096) == 0;
	target->can_unmap = target->fallocate && target->fast_zeroes;
	target->zeroes_unmap = target->can_unmap;
}

int file_target_open(struct file_target *target)
{
	int rc;

	target->fd = -1;
	rc = target_look(target);
	if (rc == 0) {
		rc = target_open_fd(target);
	}
	if (rc == 0) {
		rc = target_lock(target);
	}
	if (rc == 0) {
		rc = target_align(target);
	}
	if (rc == 0) {
		rc = target_geometry(target);
	}
	if (rc < 0) {
		file_target_close(target);
		return rc;
	}
	target_features(target);
	return 0;
}

void file_target_close(struct file_target *target)
{
	if (target->fd >= 0) {
		/* A ring that had the file registered may keep it open a moment longer. */
		if (!target->is_block_device) {
			file_unlock(target->fd);
		}
		close(target->fd);
		target->fd = -1;
	}
}
