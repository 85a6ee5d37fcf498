/* SPDX-License-Identifier: Apache-2.0 */

/* The bdev of the NBD tests: memory, and requests that can be held and failed. */

#include "tests/unit/drivers/nbd/served.h"

#include <check.h>

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>

#include "tests/unit/drivers/nbd/disk.h"

static uint8_t disk_memory[DISK_SIZE];

static atomic_bool hold;
static atomic_uint held_count;
static atomic_uint flushes;
static atomic_uint fua_writes;
static atomic_uint zero_flags;
static atomic_int fail_status;
static atomic_bool gone;
static _Atomic(struct ebb_thread *) channel_thread;
static struct ebb_list held =
	EBB_LIST_INIT(held); /* one thread's: holding tests have one reactor */

struct held_io {
	struct ebb_bdev_io_handle handle;
	struct ebb_list link;
};

/* A block that begins with a zero is a hole. */
static void disk_status(const struct ebb_bdev_io *io)
{
	uint64_t i;

	for (i = io->offset_blocks; i < io->offset_blocks + io->num_blocks; i++) {
		bool hole = disk_memory[i * DISK_BLOCK_SIZE] == 0;

		if (!ebb_bdev_extents_add(io->extents, 1,
					  hole ? EBB_BDEV_EXTENT_HOLE | EBB_BDEV_EXTENT_ZERO : 0)) {
			return;
		}
	}
}

static void disk_answer(struct ebb_bdev_io_handle handle, int status)
{
	const struct ebb_bdev_io *io = handle.io;
	uint64_t at = io->offset_blocks * DISK_BLOCK_SIZE;
	int i;

	if (status == 0 && (io->type == EBB_BDEV_READ || io->type == EBB_BDEV_WRITE)) {
		for (i = 0; i < io->iovcnt; i++) {
			if (io->type == EBB_BDEV_READ) {
				memcpy(io->iov[i].iov_base, disk_memory + at, io->iov[i].iov_len);
			} else {
				memcpy(disk_memory + at, io->iov[i].iov_base, io->iov[i].iov_len);
			}
			at += io->iov[i].iov_len;
		}
	} else if (status == 0 && io->type == EBB_BDEV_UNMAP) {
		memset(disk_memory + at, DISK_UNMAPPED, io->num_blocks * DISK_BLOCK_SIZE);
	} else if (status == 0 && io->type == EBB_BDEV_WRITE_ZEROES) {
		memset(disk_memory + at, 0, io->num_blocks * DISK_BLOCK_SIZE);
	} else if (status == 0 && io->type == EBB_BDEV_BLOCK_STATUS) {
		disk_status(io);
	}
	ebb_bdev_io_complete(handle, status);
}

static void disk_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	const struct ebb_bdev_io *io = handle.io;
	struct held_io *held_io;

	(void)ctx;
	if (io->type == EBB_BDEV_FLUSH) {
		atomic_fetch_add(&flushes, 1);
	}
	if ((io->flags & EBB_BDEV_FUA) != 0) {
		atomic_fetch_add(&fua_writes, 1);
	}
	if (io->type == EBB_BDEV_WRITE_ZEROES) {
		atomic_store(&zero_flags, io->flags);
	}
	if (atomic_load(&hold)) {
		held_io = malloc(sizeof(*held_io));
		ck_assert_ptr_nonnull(held_io);
		held_io->handle = handle;
		ebb_list_push_back(&held, &held_io->link);
		atomic_fetch_add(&held_count, 1);
		return;
	}
	disk_answer(handle, atomic_load(&fail_status));
}

static void disk_destruct(struct ebb_bdev *bdev)
{
	(void)ebb_io_device_unregister(bdev->io_device, NULL);
}

static const struct ebb_bdev_ops disk_ops = {.submit = disk_submit, .destruct = disk_destruct};

static char disk_device;

static struct ebb_bdev disk = {
	.name = "disk",
	.product_name = "test disk",
	.block_size = DISK_BLOCK_SIZE,
	.num_blocks = DISK_SIZE / DISK_BLOCK_SIZE,
	.io_types = EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_WRITE) | EBB_BIT(EBB_BDEV_FLUSH) |
		    EBB_BIT(EBB_BDEV_UNMAP) | EBB_BIT(EBB_BDEV_WRITE_ZEROES) |
		    EBB_BIT(EBB_BDEV_BLOCK_STATUS),
	.zero_flags = EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO,
	.fua = true,
	.ops = &disk_ops,
	.io_device = &disk_device,
};

static int disk_channel_create(void *device, void *ctx)
{
	(void)device;
	(void)ctx;
	atomic_store(&channel_thread, ebb_thread_current());
	return 0;
}

static void disk_channel_destroy(void *device, void *ctx)
{
	(void)device;
	(void)ctx;
}

static const struct ebb_io_device_ops device_ops = {
	.name = "test disk",
	.ctx_size = 16,
	.create = disk_channel_create,
	.destroy = disk_channel_destroy,
};

void disk_register(void)
{
	ck_assert_int_eq(ebb_io_device_register(&disk_device, &device_ops), 0);
	ck_assert_int_eq(ebb_bdev_register(&disk), 0);
}

static void disk_unregistered(void *arg)
{
	(void)arg;
	atomic_store(&gone, true);
}

static void remove_on_app(void *arg)
{
	(void)arg;
	ck_assert_int_eq(ebb_bdev_unregister(&disk, disk_unregistered, NULL), 0);
}

void disk_remove(void)
{
	served_on(ebb_thread_app(), remove_on_app, NULL);
}

struct fill {
	size_t at;
	uint8_t value;
	size_t len;
};

static void fill_on_app(void *arg)
{
	const struct fill *fill = arg;

	memset(disk_memory + fill->at, fill->value, fill->len);
}

void disk_fill(size_t at, uint8_t value, size_t len)
{
	struct fill fill = {.at = at, .value = value, .len = len};

	served_on(ebb_thread_app(), fill_on_app, &fill);
}

void disk_hold(bool on)
{
	atomic_store(&hold, on);
}

unsigned disk_held(void)
{
	return atomic_load(&held_count);
}

struct release {
	int status;
	bool backwards;
	unsigned count;
};

static void release_on_thread(void *arg)
{
	const struct release *release = arg;
	unsigned i;

	for (i = 0; i < release->count && !ebb_list_empty(&held); i++) {
		struct ebb_list *link = release->backwards ? held.prev : held.next;

		struct held_io *held_io = ebb_list_entry(link, struct held_io, link);
		struct ebb_bdev_io_handle handle = held_io->handle;

		ebb_list_remove(link);
		atomic_fetch_sub(&held_count, 1);
		free(held_io);
		disk_answer(handle, release->status);
	}
}

void disk_release(int status, bool backwards)
{
	struct release release = {.status = status, .backwards = backwards, .count = UINT_MAX};

	atomic_store(&hold, false);
	served_on(disk_thread(), release_on_thread, &release);
}

void disk_release_some(int status, unsigned count)
{
	struct release release = {.status = status, .count = count};

	served_on(disk_thread(), release_on_thread, &release);
}

void disk_fail(int status)
{
	atomic_store(&fail_status, status);
}

unsigned disk_flushes(void)
{
	return atomic_load(&flushes);
}

unsigned disk_fua_writes(void)
{
	return atomic_load(&fua_writes);
}

unsigned disk_zero_flags(void)
{
	return atomic_load(&zero_flags);
}

bool disk_gone(void)
{
	return atomic_load(&gone);
}

struct ebb_thread *disk_thread(void)
{
	return atomic_load(&channel_thread);
}

static unsigned wanted_held;

static bool held_as_wanted(void)
{
	return disk_held() == wanted_held;
}

void disk_wait_held(unsigned count)
{
	wanted_held = count;
	client_wait(held_as_wanted, "requests reach the bdev");
}
