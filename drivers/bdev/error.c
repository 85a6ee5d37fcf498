/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is injected is the same for all channels, and how often it is left to happen is counted for
 * all of them together. A channel has a copy of what is injected, so that a request that is not
 * spoilt costs one comparison; the count is one word for each type, with the generation of the
 * injection that it counts: who still has an older copy takes nothing from it.
 */
#include "drivers/bdev/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <json-c/json.h>

#include <ebb/assert.h>
#include <ebb/thread.h>

struct error_bdev {
	struct bdev_virtual virtual;
	/* Under the lock; written on the app thread, read by channels that are made. */
	struct error_injection injections[EBB_BDEV_IO_TYPE_COUNT];
	/* Generation and, in the lower half, how many are left. Pairs with itself. */
	_Atomic uint64_t left[EBB_BDEV_IO_TYPE_COUNT];
};

struct error_channel {
	struct bdev_virtual_channel ch;
	struct error_injection injections[EBB_BDEV_IO_TYPE_COUNT];
	uint64_t in_flight; /* in the base */
	struct ebb_list pending;
	struct ebb_list nomem;
	struct ebb_msg retry;
	bool retrying; /* @retry is under way */
};

/* A vector with one element in three: what is before the spoilt byte, that, and what is after it. */
#define ERROR_IOV_EMBEDDED 4

struct error_io {
	struct bdev_virtual_io vio;
	struct ebb_list link;
	uint64_t corrupt_offset; /* of a read */
	uint8_t corrupt_value;   /* 0: not at all */
	uint8_t byte;            /* what the base gets in place of the client's */
	struct iovec *alloc;     /* a vector too long for this: */
	struct iovec iov[ERROR_IOV_EMBEDDED];
};

static pthread_mutex_t injections_mutex = PTHREAD_MUTEX_INITIALIZER;

static void error_run(struct error_io *eio);

static struct error_channel *channel_of(const struct error_io *eio)
{
	return ebb_container_of(eio->vio.ch, struct error_channel, ch);
}

static struct error_bdev *bdev_of(struct bdev_virtual *virtual)
{
	return ebb_container_of(virtual, struct error_bdev, virtual);
}

/* Is that request kept from ending? */
static bool injection_holds(const struct error_injection *injection)
{
	return injection->kind == ERROR_PENDING || injection->kind == ERROR_NOMEM;
}

/* Takes one of those that are left for @type. Return: what is to happen; NULL: nothing. */
static const struct error_injection *injection_take(struct error_channel *ch, unsigned type)
{
	struct error_injection *injection = &ch->injections[type];
	_Atomic uint64_t *left;
	uint64_t word;

	if (injection->kind == ERROR_NONE || ch->in_flight < injection->queue_depth ||
	    ch->ch.draining || (ch->ch.moving && injection_holds(injection))) {
		return NULL;
	}
	left = &bdev_of(ch->ch.virtual)->left[type];
	word = atomic_load_explicit(left, memory_order_relaxed);
	do {
		if (word >> 32 != injection->generation || (uint32_t)word == 0) {
			injection->kind = ERROR_NONE; /* there will be none of this generation */
			return NULL;
		}
	} while (!atomic_compare_exchange_weak_explicit(left, &word, word - 1, memory_order_relaxed,
							memory_order_relaxed));
	return injection;
}

/* ---- corruption ---- */

static uint64_t io_bytes(const struct ebb_bdev_io *io)
{
	return io->num_blocks * io->bdev->block_size;
}

static void iov_push(struct iovec *iov, int *count, void *base, size_t len)
{
	if (len > 0) {
		iov[(*count)++] = (struct iovec){.iov_base = base, .iov_len = len};
	}
}

/* The base gets another byte at @offset; the client's memory stays as it is. Return: 0; -ENOMEM. */
static int corrupt_what_is_written(struct error_io *eio, uint64_t offset, uint8_t value)
{
	const struct iovec *from = eio->vio.iov;
	int iovcnt = eio->vio.iovcnt;
	struct iovec *to = eio->iov;
	int count = 0;
	int i;

	if (offset >= io_bytes(eio->vio.io)) {
		return 0;
	}
	if (iovcnt + 2 > ERROR_IOV_EMBEDDED) {
		to = eio->alloc = malloc(((size_t)iovcnt + 2) * sizeof(*to));
		if (to == NULL) {
			return -ENOMEM;
		}
	}
	for (i = 0; i < iovcnt; i++) {
		uint8_t *base = from[i].iov_base;
		size_t len = from[i].iov_len;

		if (offset >= len) {
			iov_push(to, &count, base, len);
			offset -= offset == UINT64_MAX ? 0 : len;
			continue;
		}
		eio->byte = base[offset] ^ value;
		iov_push(to, &count, base, offset);
		iov_push(to, &count, &eio->byte, 1);
		iov_push(to, &count, base + offset + 1, len - offset - 1);
		offset = UINT64_MAX; /* done */
	}
	eio->vio.iov = to;
	eio->vio.iovcnt = count;
	return 0;
}

static void corrupt_what_was_read(const struct ebb_bdev_io *io, uint64_t offset, uint8_t value)
{
	int i;

	for (i = 0; i < io->iovcnt; i++) {
		if (offset < io->iov[i].iov_len) {
			((uint8_t *)io->iov[i].iov_base)[offset] ^= value;
			return;
		}
		offset -= io->iov[i].iov_len;
	}
}

/* ---- requests ---- */

/* What the base had no memory for goes to it, or waits again. */
static void nomem_retry(struct error_channel *ch)
{
	struct ebb_list *node;
	struct ebb_list mine;

	ebb_list_init(&mine);
	ebb_list_splice_back(&mine, &ch->nomem);
	while ((node = ebb_list_pop_front(&mine)) != NULL) {
		error_run(ebb_list_entry(node, struct error_io, link));
	}
}

static void nomem_retry_msg(void *arg)
{
	struct error_channel *ch = arg;

	ch->retrying = false;
	nomem_retry(ch);
}

/* Waits for another one to end; with none in flight, for a turn. */
static void nomem_wait(struct error_channel *ch, struct error_io *eio)
{
	ebb_list_push_back(&ch->nomem, &eio->link);
	if (ch->in_flight == 0 && !ch->retrying) {
		ch->retrying = true;
		ebb_msg_init(&ch->retry, nomem_retry_msg, ch);
		ebb_assert(ebb_thread_send(ebb_thread_current(), &ch->retry) == 0);
	}
}

static void error_passed(struct bdev_virtual_io *vio, int status)
{
	struct error_io *eio = ebb_container_of(vio, struct error_io, vio);
	struct error_channel *ch = channel_of(eio);

	ch->in_flight--;
	free(eio->alloc);
	if (eio->corrupt_value != 0 && status == 0) {
		corrupt_what_was_read(vio->io, eio->corrupt_offset, eio->corrupt_value);
	}
	bdev_virtual_complete(vio, status);
	if (!ebb_list_empty(&ch->nomem)) {
		nomem_retry(ch);
	}
}

static void error_pass(struct error_io *eio)
{
	channel_of(eio)->in_flight++;
	bdev_virtual_pass(&eio->vio, error_passed);
}

static void error_corrupt(struct error_io *eio, const struct error_injection *injection)
{
	const struct ebb_bdev_io *io = eio->vio.io;
	int rc = 0;

	if (io->type == EBB_BDEV_READ) {
		eio->corrupt_offset = injection->corrupt_offset;
		eio->corrupt_value = injection->corrupt_value;
	} else if (io->iovcnt > 0) {
		rc = corrupt_what_is_written(eio, injection->corrupt_offset,
					     injection->corrupt_value);
	}
	if (rc < 0) {
		bdev_virtual_complete(&eio->vio, rc);
	} else {
		error_pass(eio);
	}
}

static void error_run(struct error_io *eio)
{
	struct error_channel *ch = channel_of(eio);
	const struct error_injection *injection = injection_take(ch, eio->vio.io->type);

	if (injection == NULL) {
		error_pass(eio);
		return;
	}
	switch (injection->kind) {
	case ERROR_FAILURE:
		bdev_virtual_complete(&eio->vio, -EIO);
		break;
	case ERROR_NVME_FAILURE:
		bdev_virtual_complete(&eio->vio, injection->status);
		break;
	case ERROR_PENDING:
		ebb_list_push_back(&ch->pending, &eio->link);
		break;
	case ERROR_NOMEM:
		nomem_wait(ch, eio);
		break;
	case ERROR_CORRUPT_DATA:
		error_corrupt(eio, injection);
		break;
	case ERROR_NONE:
		error_pass(eio);
		break;
	}
}

static void error_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	struct error_io *eio =
		ebb_container_of(bdev_virtual_io_begin(ctx, handle), struct error_io, vio);

	ebb_list_init(&eio->link);
	eio->corrupt_value = 0;
	eio->alloc = NULL;
	error_run(eio);
}

/* ---- channels ---- */

static void channel_learn(struct error_channel *ch)
{
	const struct error_bdev *error = bdev_of(ch->ch.virtual);
	unsigned type;

	pthread_mutex_lock(&injections_mutex);
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		ch->injections[type] = error->injections[type];
	}
	pthread_mutex_unlock(&injections_mutex);
}

static int channel_begin(struct bdev_virtual_channel *virtual_ch)
{
	struct error_channel *ch = ebb_container_of(virtual_ch, struct error_channel, ch);

	ebb_list_init(&ch->pending);
	ebb_list_init(&ch->nomem);
	channel_learn(ch);
	return 0;
}

static void channel_drain(struct bdev_virtual_channel *virtual_ch)
{
	struct error_channel *ch = ebb_container_of(virtual_ch, struct error_channel, ch);
	struct ebb_list *node;
	struct ebb_list pending;
	struct ebb_list nomem;

	ebb_list_init(&pending);
	ebb_list_init(&nomem);
	ebb_list_splice_back(&pending, &ch->pending);
	ebb_list_splice_back(&nomem, &ch->nomem);
	while ((node = ebb_list_pop_front(&pending)) != NULL) {
		bdev_virtual_complete(&ebb_list_entry(node, struct error_io, link)->vio,
				      -ECANCELED);
	}
	while ((node = ebb_list_pop_front(&nomem)) != NULL) {
		error_pass(ebb_list_entry(node, struct error_io, link));
	}
}

/* ---- injection ---- */

static void learn_channel(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	(void)arg;
	channel_learn(ebb_io_channel_ctx(channel));
	ebb_for_each_channel_next(iter, 0);
}

void bdev_error_inject(struct bdev_virtual *virtual, uint32_t types,
		       const struct error_injection *injection, uint32_t num,
		       void (*done)(void *arg, int rc), void *arg)
{
	struct error_bdev *error = bdev_of(virtual);
	unsigned type;

	pthread_mutex_lock(&injections_mutex);
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		struct error_injection *now = &error->injections[type];
		uint32_t generation = now->generation + 1;

		if ((types & EBB_BIT(type)) != 0) {
			*now = *injection;
			now->generation = generation;
			atomic_store_explicit(&error->left[type], (uint64_t)generation << 32 | num,
					      memory_order_relaxed);
		}
	}
	pthread_mutex_unlock(&injections_mutex);
	ebb_for_each_channel(virtual, learn_channel, arg, done);
}

static void resume_channel(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	struct error_channel *ch = ebb_io_channel_ctx(channel);
	struct ebb_list *node;
	struct ebb_list pending;

	(void)arg;
	channel_learn(ch);
	ebb_list_init(&pending);
	ebb_list_splice_back(&pending, &ch->pending);
	while ((node = ebb_list_pop_front(&pending)) != NULL) {
		error_run(ebb_list_entry(node, struct error_io, link));
	}
	ebb_for_each_channel_next(iter, 0);
}

void bdev_error_resume_pending(struct bdev_virtual *virtual, void (*done)(void *arg, int rc),
			       void *arg)
{
	struct error_bdev *error = bdev_of(virtual);
	unsigned type;

	pthread_mutex_lock(&injections_mutex);
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		if (error->injections[type].kind == ERROR_PENDING) {
			error->injections[type].kind = ERROR_NONE;
		}
	}
	pthread_mutex_unlock(&injections_mutex);
	ebb_for_each_channel(virtual, resume_channel, arg, done);
}

static void error_dump_info(const struct ebb_bdev *bdev, struct json_object *into)
{
	const struct bdev_virtual *virtual = ebb_container_of(bdev, const struct bdev_virtual,
							      bdev);
	const char *base = ebb_bdev_name(ebb_bdev_desc_bdev(virtual->base));
	struct json_object *disk = json_object_new_object();

	json_object_object_add(disk, "base_bdev", json_object_new_string(base));
	json_object_object_add(into, "error_disk", disk);
}

static const struct ebb_bdev_ops error_ops = {
	.submit = error_submit,
	.leaving = bdev_virtual_leaving,
	.destruct = bdev_virtual_destruct,
	.dump_info = error_dump_info,
};

const struct bdev_virtual_kind bdev_error_kind = {
	.kind = "error",
	.method = "bdev_error_create",
	.base_param = "base_name",
	.product_name = "Error Injection Disk",
	.ops = &error_ops,
	.size = sizeof(struct error_bdev),
	.io_size = sizeof(struct error_io),
	.channel_size = sizeof(struct error_channel),
	.channel_begin = channel_begin,
	.channel_drain = channel_drain,
};

int bdev_error_of_nvme(uint32_t sct, uint32_t sc)
{
	/* NVMe Base 2.0, 3.3.3.2.1 "Status Field", as an NVMe drive's answers are seen. */
	static const struct {
		uint32_t status;
		int error;
	} rows[] = {
		{0x001, -EOPNOTSUPP}, {0x002, -EOPNOTSUPP}, {0x007, -ETIMEDOUT},
		{0x00b, -EOPNOTSUPP}, {0x109, -EOPNOTSUPP}, {0x015, -EACCES},
		{0x01d, -EBUSY},      {0x020, -EROFS},      {0x021, -EREMOTEIO},
		{0x024, -EREMOTEIO},  {0x080, -EREMOTEIO},  {0x081, -ENOSPC},
		{0x082, -EREMOTEIO},  {0x083, -EBADE},      {0x084, -EBUSY},
		{0x180, -EOPNOTSUPP}, {0x181, -EILSEQ},     {0x182, -EROFS},
		{0x183, -EOPNOTSUPP}, {0x282, -EILSEQ},     {0x283, -EILSEQ},
		{0x284, -EILSEQ},     {0x285, -EILSEQ},     {0x286, -EACCES},
		{0x287, -ENODATA},    {0x301, -ENOLINK},    {0x302, -ENOLINK},
		{0x303, -ENOLINK},    {0x360, -ENOLINK},    {0x370, -ENOLINK},
	};
	size_t i;

	for (i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		if (rows[i].status == (sct << 8 | sc)) {
			return rows[i].error;
		}
	}
	return -EIO;
}
