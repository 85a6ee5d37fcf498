/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/os/blkdev_backing.h"
#include "core/os/blkdev_users.h"
#include "core/os/path.h"
#include "drivers/nvme/host/topology.h"

bool bench_target_user(const char *root, const struct stat *st, char ret_why[BENCH_TEXT_MAX])
{
	if (S_ISBLK(st->st_mode)) {
		return os_blkdev_users_find(root, st->st_rdev, 0, ret_why, BENCH_TEXT_MAX);
	}
	return os_blkdev_users_find(root, st->st_dev, st->st_ino, ret_why, BENCH_TEXT_MAX) ||
	       os_blkdev_backing_loop(root, st->st_dev, st->st_ino, ret_why, BENCH_TEXT_MAX);
}

bool bench_target_sparse(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool sparse = false;
	off_t size, hole;

	if (fd < 0) {
		return false; /* who opens it to measure it says why that cannot be */
	}
	size = lseek(fd, 0, SEEK_END);
	hole = lseek(fd, 0, SEEK_HOLE); /* there is one at the end of each file */
	sparse = size > 0 && hole >= 0 && hole < size;
	close(fd);
	return sparse;
}

static int missing(const char *text, int err, bool bdev, char error[BENCH_TEXT_MAX])
{
	const char *remedy = "";

	if (err == ENOENT && bdev) {
		remedy = "; give one that is there, or the name of a bdev, which has no slash";
	} else if (err == ENOENT) {
		remedy = "; give a file or device that is there (to make a file: fio --name=fill "
			 "--filename=FILE --size=1g --rw=write), or a bdev with --bdev-json FILE";
	} else if (err == EACCES) {
		remedy = "; run this as root, or as who may use it";
	}
	snprintf(error, BENCH_TEXT_MAX, "compare: %.60s: %s%s", text, strerror(err), remedy);
	return -err;
}

static int refuse(const char *text, int rc, char error[BENCH_TEXT_MAX], const char *why)
{
	snprintf(error, BENCH_TEXT_MAX, "compare: %.80s: %s", text, why);
	return rc;
}

static int file_check(const char *text, const struct stat *st, struct bench_target *target,
		      char error[BENCH_TEXT_MAX])
{
	if (st->st_size < 512) {
		return refuse(text, -EINVAL, error,
			      "too short, and a file is never made longer: give one that is filled "
			      "(fio --name=fill --filename=FILE --size=1g --rw=write)");
	}
	snprintf(target->kind, sizeof(target->kind), "file");
	target->size_bytes = (uint64_t)st->st_size;
	target->sparse = bench_target_sparse(target->path);
	return 0;
}

/* A drive's namespace by its character device: @st becomes that of its block device. */
static int namespace_check(const char *text, struct stat *st, struct bench_target *target,
			   char error[BENCH_TEXT_MAX])
{
	struct host_sysfs_ns ns;

	if (host_topology_find("", text, &ns) < 0) {
		return refuse(text, -EINVAL, error,
			      "no device that stores blocks; give a file, a block device or an "
			      "NVMe namespace (/dev/ng0n1)");
	}
	st->st_mode = S_IFBLK;
	st->st_rdev = ns.dev;
	snprintf(target->driver, sizeof(target->driver), "nvme");
	return 0;
}

static int kind_find(const char *text, struct stat *st, struct bench_target *target,
		     char error[BENCH_TEXT_MAX])
{
	if (S_ISREG(st->st_mode)) {
		return file_check(text, st, target, error);
	}
	if (S_ISDIR(st->st_mode)) {
		return refuse(text, -EISDIR, error, "a folder; give a file in it");
	}
	snprintf(target->kind, sizeof(target->kind), "block device");
	if (S_ISBLK(st->st_mode)) {
		return 0;
	}
	if (S_ISCHR(st->st_mode)) {
		return namespace_check(text, st, target, error);
	}
	return refuse(text, -EINVAL, error, "neither a file nor a block device; give one of these");
}

static int path_set(const char *text, struct bench_target *target, char error[BENCH_TEXT_MAX])
{
	char *path = os_path_absolute(text);
	bool fits = path != NULL && strlen(path) < sizeof(target->path);

	if (fits) {
		snprintf(target->path, sizeof(target->path), "%s", path);
	}
	free(path);
	return fits ? 0
		    : refuse(text, -ENAMETOOLONG, error,
			     "the path is longer than 255 bytes; give a shorter one");
}

int bench_target_resolve(const char *text, bool bdev, bool write, struct bench_target *ret_target,
			 char error[BENCH_TEXT_MAX])
{
	struct bench_target target = {.sparse = false};
	char why[BENCH_TEXT_MAX];
	struct stat st;
	int rc;

	if (strlen(text) >= sizeof(target.name)) {
		return refuse(text, -ENAMETOOLONG, error,
			      "the name is longer than 255 bytes; give a shorter one");
	}
	snprintf(target.name, sizeof(target.name), "%s", text);
	if (bdev && strchr(text, '/') == NULL) {
		snprintf(target.kind, sizeof(target.kind), "bdev");
		snprintf(target.bdev, sizeof(target.bdev), "%s", text);
		*ret_target = target;
		return 0;
	}
	if (stat(text, &st) < 0 || access(text, write ? R_OK | W_OK : R_OK) < 0) {
		return missing(text, errno, bdev, error);
	}
	rc = path_set(text, &target, error);
	rc = rc == 0 ? kind_find(text, &st, &target, error) : rc;
	if (rc < 0) {
		return rc;
	}
	if (write && bench_target_user("", &st, why)) {
		snprintf(error, BENCH_TEXT_MAX,
			 "compare: %.60s: nothing is written to what is in use: %.120s", text, why);
		return -EBUSY;
	}
	*ret_target = target;
	return 0;
}
