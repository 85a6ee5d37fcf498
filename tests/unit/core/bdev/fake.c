/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/bdev/fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <ebb/memory.h>

#include "tests/unit/core/bdev/stage.h"

static unsigned callbacks;

static void fake_note(struct fake *fake, const struct ebb_bdev_io *io)
{
	struct fake_record *record = &fake->records[fake->num_records++];
	uintptr_t align = ebb_bdev_buf_align(&fake->bdev);
	int i;

	ck_assert_uint_lt(fake->num_records, FAKE_MAX);
	*record = (struct fake_record){
		.type = io->type,
		.flags = io->flags,
		.offset_blocks = io->offset_blocks,
		.num_blocks = io->num_blocks,
		.iovcnt = io->iovcnt,
		.aligned = true,
		.pool = true,
	};
	for (i = 0; i < io->iovcnt; i++) {
		uintptr_t both = (uintptr_t)io->iov[i].iov_base | io->iov[i].iov_len;

		record->pool =
			record->pool && ebb_mem_contains(io->iov[i].iov_base, io->iov[i].iov_len);
		fake->misaligned += ((uintptr_t)io->iov[i].iov_base & (align - 1)) != 0;
		record->aligned = record->aligned && (both & (align - 1)) == 0;
	}
}

/* A block of zeroes is a hole. */
static void fake_block_status(const uint8_t *memory, const struct ebb_bdev_io *io)
{
	static const uint8_t zeroes[FAKE_BLOCK];
	uint64_t i;

	ck_assert_uint_eq(io->extents->count, 0);
	for (i = 0; i < io->num_blocks; i++) {
		bool zero = memcmp(memory + i * FAKE_BLOCK, zeroes, FAKE_BLOCK) == 0;

		if (!ebb_bdev_extents_add(io->extents, 1,
					  zero ? EBB_BDEV_EXTENT_HOLE | EBB_BDEV_EXTENT_ZERO : 0)) {
			return;
		}
	}
}

/* Does what the request says to the memory. Return: its status. */
static int fake_perform(struct fake *fake, const struct ebb_bdev_io *io)
{
	uint8_t *memory = &fake->memory[io->offset_blocks * FAKE_BLOCK];
	bool differs = false;
	size_t done = 0;
	int i;

	for (i = 0; i < io->iovcnt; i++) {
		if (io->type == EBB_BDEV_READ) {
			memcpy(io->iov[i].iov_base, memory + done, io->iov[i].iov_len);
		} else if (io->type == EBB_BDEV_COMPARE) {
			differs = differs || memcmp(memory + done, io->iov[i].iov_base,
						    io->iov[i].iov_len) != 0;
		} else {
			memcpy(memory + done, io->iov[i].iov_base, io->iov[i].iov_len);
		}
		done += io->iov[i].iov_len;
	}
	if (io->type <= EBB_BDEV_WRITE || io->type == EBB_BDEV_COMPARE) {
		ck_assert_uint_eq(done, io->num_blocks * FAKE_BLOCK);
	} else {
		ck_assert_uint_eq(done, 0);
	}
	if (io->type == EBB_BDEV_WRITE_ZEROES || io->type == EBB_BDEV_UNMAP) {
		memset(memory, 0, io->num_blocks * FAKE_BLOCK);
	}
	if (io->type == EBB_BDEV_BLOCK_STATUS) {
		fake_block_status(memory, io);
	}
	return differs ? -EILSEQ : 0;
}

static void fake_complete(struct fake *fake, struct ebb_bdev_io_handle handle, int status)
{
	if (status == 0) {
		status = fake_perform(fake, handle.io);
	}
	ebb_bdev_io_complete(handle, status);
}

static void fake_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	struct ebb_bdev_io *io = handle.io;
	struct fake *fake = ebb_container_of(io->bdev, struct fake, bdev);

	ck_assert_ptr_eq(*(struct fake **)ctx, fake);
	memset(ebb_bdev_io_ctx(io), 0xa5, fake->bdev.io_ctx_size);
	ck_assert_ptr_eq(ebb_bdev_io_from_ctx(ebb_bdev_io_ctx(io)), io);
	fake_note(fake, io);
	if (fake->mode == FAKE_AT_ONCE) {
		fake_complete(fake, handle, fake->status);
		return;
	}
	ck_assert_uint_lt(fake->num_held, FAKE_MAX);
	fake->held[fake->num_held++] = handle;
	if (fake->num_held > fake->most_held) {
		fake->most_held = fake->num_held;
	}
}

void fake_complete_one(struct fake *fake, int status)
{
	struct ebb_bdev_io_handle handle = fake->held[0];

	ck_assert_uint_gt(fake->num_held, 0);
	fake->num_held--;
	for (unsigned i = 0; i < fake->num_held; i++) {
		fake->held[i] = fake->held[i + 1];
	}
	fake_complete(fake, handle, status);
}

void fake_complete_all(struct fake *fake, int status)
{
	while (fake->num_held > 0) {
		fake_complete_one(fake, status);
	}
}

static void fake_destruct(struct ebb_bdev *bdev)
{
	struct fake *fake = ebb_container_of(bdev, struct fake, bdev);

	fake->destructed++;
	ebb_io_device_unregister(fake, NULL);
}

static int fake_channel_create(void *device, void *ctx)
{
	*(void **)ctx = device;
	return 0;
}

static void fake_channel_destroy(void *device, void *ctx)
{
	ck_assert_ptr_eq(*(void **)ctx, device);
}

struct fake *fake_create(const char *name)
{
	static const struct ebb_bdev_ops ops = {.submit = fake_submit, .destruct = fake_destruct};
	static const struct ebb_io_device_ops device_ops = {
		.name = "fake",
		.ctx_size = sizeof(void *),
		.create = fake_channel_create,
		.destroy = fake_channel_destroy,
	};
	struct fake *fake = calloc(1, sizeof(*fake));

	ck_assert_ptr_nonnull(fake);
	fake->bdev = (struct ebb_bdev){
		.name = name,
		.product_name = "Fake",
		.block_size = FAKE_BLOCK,
		.num_blocks = FAKE_BLOCKS,
		.io_types = EBB_BIT(EBB_BDEV_IO_TYPE_COUNT) - 1,
		.io_ctx_size = 24,
		.ops = &ops,
		.io_device = fake,
	};
	ck_assert_int_eq(ebb_io_device_register(fake, &device_ops), 0);
	return fake;
}

void fake_open(struct fake *fake, struct ebb_bdev_desc **ret_desc, struct ebb_io_channel **ret_ch)
{
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open(fake->bdev.name, true, NULL, NULL, ret_desc), 0);
	*ret_ch = ebb_bdev_channel_get(*ret_desc);
	ck_assert_ptr_nonnull(*ret_ch);
}

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

void fake_close(struct fake *fake, struct ebb_bdev_desc *desc, struct ebb_io_channel *ch)
{
	bool gone = false;

	if (ch != NULL) {
		ebb_io_channel_put(ch);
	}
	if (desc != NULL) {
		ebb_bdev_close(desc);
	}
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, set_true, &gone), 0);
	stage_until(&gone);
	ck_assert_uint_eq(fake->destructed, 1);
	stage_turns(4);
	free(fake);
}

void fake_done(void *arg, int status)
{
	struct fake_result *result = arg;

	result->calls++;
	result->status = status;
	result->order = ++callbacks;
}
