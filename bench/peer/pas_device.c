/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/pas_device.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/load/stand_in.h"

#define PAS_ALIGN 4096

struct bench_pas_device {
	struct bench_stand_in_queue *queue; /* NULL: it is a file */
	struct io_uring ring;
	int fd;
	bool fixed_buffer;
	struct iovec buffer;
};

bool bench_pas_device_fits(const struct bench_target *target, char error[BENCH_TEXT_MAX])
{
	struct stat info;

	if (target->bdev[0] != '\0' && bench_stand_in_find(target->bdev) != NULL) {
		return true;
	}
	if (target->path[0] == '\0') {
		snprintf(error, BENCH_TEXT_MAX,
			 "pas: %.80s is neither a file, a block device nor a stand-in: give one of "
			 "these",
			 target->name);
		return false;
	}
	if (stat(target->path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode)) {
		snprintf(error, BENCH_TEXT_MAX,
			 "pas: %.80s is neither a file nor a block device: give the drive's block "
			 "device",
			 target->path);
		return false;
	}
	return true;
}

static int device_fail(struct bench_pas_device *device, int rc, const struct bench_target *target,
		       const char *what, char error[BENCH_TEXT_MAX])
{
	bench_pas_device_close(device);
	snprintf(error, BENCH_TEXT_MAX, "pas: %.80s: %s: %s", target->name, what, strerror(-rc));
	return rc;
}

static int file_open(const char *path, bool write)
{
	int flags = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC;
	int fd = open(path, flags | O_DIRECT);

	if (fd < 0 && errno == EINVAL) {
		fd = open(path, flags); /* a file system without direct I/O */
	}
	return fd < 0 ? -errno : fd;
}

/* Registered files and buffers spare the kernel some work, where it takes them. */
static int ring_open(struct bench_pas_device *device)
{
	int rc = io_uring_queue_init(4, &device->ring, 0);

	if (rc < 0) {
		return rc;
	}
	rc = io_uring_register_files(&device->ring, &device->fd, 1);
	if (rc < 0) {
		io_uring_queue_exit(&device->ring);
		return rc;
	}
	device->fixed_buffer = io_uring_register_buffers(&device->ring, &device->buffer, 1) == 0;
	return 0;
}

int bench_pas_device_open(const struct bench_target *target, bool write, uint64_t block_bytes,
			  struct bench_pas_device **ret_device, char error[BENCH_TEXT_MAX])
{
	struct bench_stand_in_device *stand_in;
	struct bench_pas_device *device;
	int rc;

	if (!bench_pas_device_fits(target, error)) {
		return -EOPNOTSUPP;
	}
	device = calloc(1, sizeof(*device));
	if (device == NULL) {
		return device_fail(NULL, -ENOMEM, target, "no memory", error);
	}
	device->fd = -1;
	device->ring.ring_fd = -1;
	device->buffer.iov_len = block_bytes;
	if (posix_memalign(&device->buffer.iov_base, PAS_ALIGN, block_bytes) != 0) {
		return device_fail(device, -ENOMEM, target, "no memory", error);
	}
	memset(device->buffer.iov_base, 0, block_bytes);
	stand_in = target->bdev[0] != '\0' ? bench_stand_in_find(target->bdev) : NULL;
	if (stand_in != NULL) {
		rc = bench_stand_in_device_open_queue(stand_in, &device->queue);
		if (rc < 0) {
			return device_fail(device, rc, target, "no queue", error);
		}
		*ret_device = device;
		return 0;
	}
	device->fd = file_open(target->path, write);
	if (device->fd < 0) {
		return device_fail(device, device->fd, target, "it cannot be opened", error);
	}
	rc = ring_open(device);
	if (rc < 0) {
		device->ring.ring_fd = -1;
		return device_fail(device, rc, target, "no io_uring can be had", error);
	}
	*ret_device = device;
	return 0;
}

void bench_pas_device_close(struct bench_pas_device *device)
{
	if (device == NULL) {
		return;
	}
	if (device->queue != NULL) {
		bench_stand_in_queue_close(device->queue);
	}
	if (device->ring.ring_fd >= 0) {
		io_uring_queue_exit(&device->ring);
	}
	if (device->fd >= 0) {
		close(device->fd);
	}
	free(device->buffer.iov_base);
	free(device);
}

static int ring_submit(struct bench_pas_device *device, bool write, uint64_t offset_bytes)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&device->ring);
	void *memory = device->buffer.iov_base;
	unsigned len = (unsigned)device->buffer.iov_len;
	int rc;

	if (device->fixed_buffer && write) {
		io_uring_prep_write_fixed(sqe, 0, memory, len, offset_bytes, 0);
	} else if (device->fixed_buffer) {
		io_uring_prep_read_fixed(sqe, 0, memory, len, offset_bytes, 0);
	} else if (write) {
		io_uring_prep_write(sqe, 0, memory, len, offset_bytes);
	} else {
		io_uring_prep_read(sqe, 0, memory, len, offset_bytes);
	}
	sqe->flags |= IOSQE_FIXED_FILE;
	do {
		rc = io_uring_submit(&device->ring);
	} while (rc == -EINTR || rc == -EAGAIN || rc == -EBUSY);
	return rc < 0 ? rc : 0;
}

int bench_pas_device_submit(struct bench_pas_device *device, bool write, uint64_t offset_bytes)
{
	const struct bench_stand_in_request request = {
		.op = write ? BENCH_STAND_IN_WRITE : BENCH_STAND_IN_READ,
		.iov = &device->buffer,
		.iovcnt = 1,
		.offset_bytes = offset_bytes,
	};

	return device->queue != NULL ? bench_stand_in_queue_submit(device->queue, &request)
				     : ring_submit(device, write, offset_bytes);
}

bool bench_pas_device_look(struct bench_pas_device *device, int *ret_status)
{
	struct bench_stand_in_answer answer;
	struct io_uring_cqe *cqe;

	if (device->queue != NULL) {
		*ret_status = 0;
		return bench_stand_in_queue_reap(device->queue, &answer);
	}
	if (io_uring_peek_cqe(&device->ring, &cqe) != 0) {
		return false;
	}
	if (cqe->res < 0) {
		*ret_status = cqe->res;
	} else {
		*ret_status = (size_t)cqe->res == device->buffer.iov_len ? 0 : -EIO;
	}
	io_uring_cqe_seen(&device->ring, cqe);
	return true;
}
