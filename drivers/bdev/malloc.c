/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The malloc bdev: a disk of memory, which is empty whenever ebb starts.
 *
 * A block that was never written takes no memory, and reads as zeroes; unmap and write zeroes give
 * whole pages back, unless zeroes are to keep their room. Which blocks take none, the kernel is asked
 * (malloc_status.c). What is promised is counted in full all the same: a bdev is refused if it, and
 * what the others may still come to take, do not fit into the memory that is available now. So a
 * write does not fail for want of memory, and nobody is killed for it, unless somebody else takes
 * the memory first. "prefault" takes it at once.
 *
 * Threads copy from and to the same memory without a lock. Two requests that meet on a block leave
 * there what a disk may: the one, the other, or some of both; who cannot have that keeps them apart.
 *
 * What takes time in proportion to the size is not done in one callback: long requests come in
 * parts, and to take or to give back all of the memory is the helper's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ebb/bdev_module.h>
#include <ebb/helper.h>
#include <ebb/io_channel.h>
#include <ebb/method.h>

#include "core/bdev/answer.h"
#include "core/bdev/registry.h"
#include "core/os/memory_available.h"
#include "drivers/bdev/malloc_status.h"

/* Bytes of one request: what is copied, or given back, before others have their turn. */
#define MALLOC_IO_MAX (1u << 20)

#define MALLOC_PAGE 4096u

/* Left to everybody else. */
#define MALLOC_SPARE_BYTES (64ull << 20)

struct malloc_bdev {
	struct ebb_bdev bdev;
	char *memory;
	size_t bytes;
	struct ebb_work work;      /* takes the memory, or gives it back */
	int rc;                    /* of the work */
	struct ebb_call *creating; /* NULL: nobody waits for the beginning */
	struct ebb_call *deleting; /* NULL: nobody waits for the end */
	char name[];
};

static uint64_t malloc_promised; /* bytes of all of them; app thread only */
static unsigned malloc_number;   /* of the next that is given no name; app thread only */
static unsigned malloc_run;      /* that malloc_number counts in; app thread only */

/*
 * Gives back what can be of these bytes, and clears the rest; with EBB_BDEV_NO_HOLE in @flags clears
 * all. Return: 0; -ENOTSUP with EBB_BDEV_FAST_ZERO, if more than the ends would have to be cleared:
 * nothing has changed.
 */
static int malloc_clear(char *begin, size_t len, uint32_t flags)
{
	size_t head = -(uintptr_t)begin & (MALLOC_PAGE - 1);
	size_t tail = (uintptr_t)(begin + len) & (MALLOC_PAGE - 1);
	size_t whole = len < head + tail ? 0 : len - head - tail;
	bool given_back = whole == 0;

	if (whole > 0 && (flags & EBB_BDEV_NO_HOLE) == 0) {
		/* It cannot be if it is locked in memory. */
		given_back = madvise(begin + head, whole, MADV_DONTNEED) == 0;
	}
	if (!given_back && (flags & EBB_BDEV_FAST_ZERO) != 0) {
		return -ENOTSUP;
	}
	if (!given_back || whole == 0) {
		memset(begin, 0, len);
	} else {
		memset(begin, 0, head);
		memset(begin + head + whole, 0, tail);
	}
	return 0;
}

/* Return: as memcmp() for all of the vector. */
static int malloc_compare(const char *memory, const struct ebb_bdev_io *io)
{
	int i, differs = 0;

	for (i = 0; i < io->iovcnt && differs == 0; i++) {
		differs = memcmp(memory, io->iov[i].iov_base, io->iov[i].iov_len);
		memory += io->iov[i].iov_len;
	}
	return differs;
}

static void malloc_read(const char *memory, const struct ebb_bdev_io *io)
{
	int i;

	for (i = 0; i < io->iovcnt; i++) {
		memcpy(io->iov[i].iov_base, memory, io->iov[i].iov_len);
		memory += io->iov[i].iov_len;
	}
}

static void malloc_write(char *memory, const struct ebb_bdev_io *io)
{
	int i;

	for (i = 0; i < io->iovcnt; i++) {
		memcpy(memory, io->iov[i].iov_base, io->iov[i].iov_len);
		memory += io->iov[i].iov_len;
	}
}

static void malloc_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	const struct ebb_bdev_io *io = handle.io;
	const struct malloc_bdev *malloc_bdev =
		ebb_container_of(io->bdev, struct malloc_bdev, bdev);
	size_t block_size = malloc_bdev->bdev.block_size;
	char *memory = malloc_bdev->memory + io->offset_blocks * block_size;
	int status = 0;

	(void)ctx;
	switch (io->type) {
	case EBB_BDEV_READ:
		malloc_read(memory, io);
		break;
	case EBB_BDEV_WRITE:
		malloc_write(memory, io);
		break;
	case EBB_BDEV_COMPARE:
		status = malloc_compare(memory, io) != 0 ? -EILSEQ : 0;
		break;
	case EBB_BDEV_UNMAP:
	case EBB_BDEV_WRITE_ZEROES:
		status = malloc_clear(memory, io->num_blocks * block_size, io->flags);
		break;
	case EBB_BDEV_BLOCK_STATUS:
		malloc_status_answer(malloc_bdev->memory, io);
		break;
	default: /* a flush: nothing is safer than it was */
		break;
	}
	ebb_bdev_io_complete(handle, status);
}

static void memory_give_back(struct ebb_work *work)
{
	struct malloc_bdev *malloc_bdev = ebb_container_of(work, struct malloc_bdev, work);

	munmap(malloc_bdev->memory, malloc_bdev->bytes);
}

static void memory_given_back(struct ebb_work *work)
{
	struct malloc_bdev *malloc_bdev = ebb_container_of(work, struct malloc_bdev, work);

	malloc_promised -= malloc_bdev->bytes;
	if (malloc_bdev->deleting != NULL) {
		ebb_call_result(malloc_bdev->deleting, json_object_new_boolean(true));
	}
	free(malloc_bdev);
}

/* No channel is left. */
static void malloc_gone(void *device)
{
	struct malloc_bdev *malloc_bdev = device;

	ebb_work_init(&malloc_bdev->work, memory_give_back, memory_given_back);
	ebb_helper_submit(&malloc_bdev->work);
}

static void malloc_destruct(struct ebb_bdev *bdev)
{
	ebb_io_device_unregister(ebb_container_of(bdev, struct malloc_bdev, bdev), malloc_gone);
}

static const struct ebb_bdev_ops malloc_ops = {
	.submit = malloc_submit,
	.destruct = malloc_destruct,
};

static const struct ebb_io_device_ops malloc_device_ops = {
	.name = "malloc",
};

struct malloc_create_params {
	char *name;
	uint64_t num_blocks;
	uint32_t block_size;
	uint8_t uuid[16];
	uint32_t optimal_io_boundary;
	bool prefault;
};

#define MALLOC_PARAM(field, type, ...) \
	EBB_PARAM(struct malloc_create_params, field, type, __VA_ARGS__)

static const struct ebb_param malloc_create_table[] = {
	MALLOC_PARAM(name, EBB_PARAM_STRING, .optional = true,
		     .help = "name of the new bdev; Malloc0, Malloc1 and so on if not given"),
	MALLOC_PARAM(num_blocks, EBB_PARAM_UINT64, .min = 1, .help = "size, in blocks"),
	MALLOC_PARAM(block_size, EBB_PARAM_UINT32, .min = 512, .max = 65536,
		     .help = "bytes, a power of two"),
	MALLOC_PARAM(uuid, EBB_PARAM_UUID, .optional = true, .help = "made up if not given"),
	MALLOC_PARAM(optimal_io_boundary, EBB_PARAM_UINT32, .optional = true,
		     .help = "in blocks, a power of two: requests are split there; 0: nowhere"),
	MALLOC_PARAM(prefault, EBB_PARAM_BOOL, .optional = true,
		     .help = "take all of the memory now, not as blocks are written"),
};

/* Return: false: the call has ended with an error. */
static bool malloc_params_good(struct ebb_call *call, const struct malloc_create_params *params)
{
	uint32_t boundary = params->optimal_io_boundary;

	if (params->name != NULL && params->name[0] == '\0') {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "name: must not be empty");
	} else if ((params->block_size & (params->block_size - 1)) != 0) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "block_size: %u is no power of two",
			       params->block_size);
	} else if ((boundary & (boundary - 1)) != 0) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "optimal_io_boundary: %u is no power of two", boundary);
	} else {
		return true;
	}
	return false;
}

/* Will there be memory for all that is promised, with so much more? Return: false: told so. */
static bool malloc_fits(struct ebb_call *call, const struct malloc_create_params *params,
			const char *name)
{
	uint64_t resident = os_memory_resident("");
	uint64_t unwritten = malloc_promised > resident ? malloc_promised - resident : 0;
	uint64_t available = os_memory_available("");
	uint64_t taken = unwritten + MALLOC_SPARE_BYTES;
	uint64_t left = available > taken ? available - taken : 0;

	if (params->num_blocks <= left / params->block_size) {
		return true;
	}
	ebb_call_error(call, -ENOMEM,
		       "bdev '%s' does not fit into memory: %llu blocks of %u bytes, where %llu "
		       "MiB are available and %llu MiB of these are kept for other malloc bdevs "
		       "and for the rest of the system; make it smaller, delete others, or free "
		       "memory",
		       name, (unsigned long long)params->num_blocks, params->block_size,
		       (unsigned long long)(available >> 20), (unsigned long long)(taken >> 20));
	return false;
}

/* All of the memory is there, or is going to be. */
static void malloc_register(struct malloc_bdev *malloc_bdev, struct ebb_call *call)
{
	int rc = malloc_bdev->rc;

	if (rc == 0) {
		rc = ebb_io_device_register(malloc_bdev, &malloc_device_ops);
	}
	if (rc < 0) {
		bdev_answer_created(call, malloc_bdev->name, rc);
		malloc_gone(malloc_bdev);
		return;
	}
	rc = ebb_bdev_register(&malloc_bdev->bdev);
	bdev_answer_created(call, malloc_bdev->name, rc);
	if (rc < 0) {
		malloc_destruct(&malloc_bdev->bdev);
	}
}

static void memory_take(struct ebb_work *work)
{
	struct malloc_bdev *malloc_bdev = ebb_container_of(work, struct malloc_bdev, work);

	malloc_bdev->rc = madvise(malloc_bdev->memory, malloc_bdev->bytes, MADV_POPULATE_WRITE) < 0
				  ? -errno
				  : 0;
}

static void memory_taken(struct ebb_work *work)
{
	struct malloc_bdev *malloc_bdev = ebb_container_of(work, struct malloc_bdev, work);

	malloc_register(malloc_bdev, malloc_bdev->creating);
}

/* Return: NULL: out of memory. */
static struct malloc_bdev *malloc_alloc(const struct malloc_create_params *params, const char *name)
{
	size_t name_size = strlen(name) + 1;
	struct malloc_bdev *malloc_bdev = calloc(1, sizeof(*malloc_bdev) + name_size);

	if (malloc_bdev == NULL) {
		return NULL;
	}
	malloc_bdev->bytes = params->num_blocks * params->block_size;
	malloc_bdev->memory = mmap(NULL, malloc_bdev->bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (malloc_bdev->memory == MAP_FAILED) {
		free(malloc_bdev);
		return NULL;
	}
	(void)madvise(malloc_bdev->memory, malloc_bdev->bytes, MADV_DONTDUMP);
	malloc_promised += malloc_bdev->bytes;
	memcpy(malloc_bdev->name, name, name_size);
	malloc_bdev->bdev = (struct ebb_bdev){
		.name = malloc_bdev->name,
		.product_name = "Malloc disk",
		.block_size = params->block_size,
		.num_blocks = params->num_blocks,
		.io_types = EBB_BIT(EBB_BDEV_IO_TYPE_COUNT) - 1,
		.fua = true,
		.zero_flags = EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO,
		.zeroes_unmap = true,
		.max_io_blocks = MALLOC_IO_MAX / params->block_size,
		.max_unmap_blocks = MALLOC_IO_MAX / params->block_size,
		.max_write_zeroes_blocks = MALLOC_IO_MAX / params->block_size,
		.optimal_io_boundary = params->optimal_io_boundary,
		.ops = &malloc_ops,
		.io_device = malloc_bdev,
	};
	memcpy(malloc_bdev->bdev.uuid, params->uuid, sizeof(params->uuid));
	return malloc_bdev;
}

static void malloc_create_call(struct ebb_call *call, void *arg)
{
	const struct malloc_create_params *params = arg;
	struct malloc_bdev *malloc_bdev;
	const char *name = params->name;
	unsigned number;
	char made_up[32];

	if (!malloc_params_good(call, params)) {
		return;
	}
	if (malloc_run != bdev_registry_run()) {
		malloc_run = bdev_registry_run();
		malloc_number = 0;
	}
	number = malloc_number;
	if (name == NULL) {
		do {
			snprintf(made_up, sizeof(made_up), "Malloc%u", number++);
		} while (ebb_bdev_find(made_up) != NULL);
		name = made_up;
		ebb_call_took_effect(call, "name", json_object_new_string(name));
	}
	if (!malloc_fits(call, params, name)) {
		return;
	}
	malloc_bdev = malloc_alloc(params, name);
	if (malloc_bdev != NULL && params->name == NULL) {
		malloc_number = number;
	}
	if (malloc_bdev == NULL) {
		bdev_answer_created(call, name, -ENOMEM);
	} else if (params->prefault) {
		malloc_bdev->creating = call;
		ebb_work_init(&malloc_bdev->work, memory_take, memory_taken);
		ebb_helper_submit(&malloc_bdev->work);
	} else {
		malloc_register(malloc_bdev, call);
	}
}

struct malloc_delete_params {
	char *name;
	bool force;
};

static const struct ebb_param malloc_delete_table[] = {
	EBB_PARAM(struct malloc_delete_params, name, EBB_PARAM_STRING, .help = "of a malloc bdev"),
	BDEV_ANSWER_PARAM_FORCE(struct malloc_delete_params),
};

static void malloc_delete_call(struct ebb_call *call, void *arg)
{
	const struct malloc_delete_params *params = arg;
	struct ebb_bdev *bdev =
		bdev_answer_delete(call, params->name, &malloc_ops, "malloc", params->force);

	if (bdev != NULL) {
		ebb_container_of(bdev, struct malloc_bdev, bdev)->deleting = call;
	}
}

static struct ebb_method malloc_create_method = {
	.name = "bdev_malloc_create",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "make a block device of memory, empty at each start",
	.params = malloc_create_table,
	.num_params = EBB_ARRAY_SIZE(malloc_create_table),
	.params_size = sizeof(struct malloc_create_params),
	.fn = malloc_create_call,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "bdev",
	.object = "name",
};

static struct ebb_method malloc_delete_method = {
	.name = "bdev_malloc_delete",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "take a malloc block device away, with all that is in it",
	.params = malloc_delete_table,
	.num_params = EBB_ARRAY_SIZE(malloc_delete_table),
	.params_size = sizeof(struct malloc_delete_params),
	.fn = malloc_delete_call,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "bdev",
	.object = "name",
	.undoes = "bdev_malloc_create",
};

EBB_METHOD_REGISTER(malloc_create_method)
EBB_METHOD_REGISTER(malloc_delete_method)
