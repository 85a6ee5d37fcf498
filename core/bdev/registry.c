/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bdevs there are: their coming and going. Both happen on the app thread; descriptors come and
 * go on any thread, so what both touch is under one lock, which no I/O path ever takes.
 *
 * A bdev goes in three steps: REMOVING, nobody can open it and its holders are told; TEARDOWN, the
 * last holder has gone, and its channels go; then the driver's destruct(). Whoever is the last to
 * let go (a descriptor or a pin) sends the message that begins the teardown.
 */
#include "core/bdev/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ebb/assert.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>

#include "core/bdev/channel.h"
#include "core/bdev/desc.h"
#include "core/bdev/stats.h"

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ebb_list bdevs = EBB_LIST_INIT(bdevs);
static struct ebb_hash bdevs_by_name;
static struct ebb_hash bdevs_by_uuid;
static bool bdevs_closed;                                /* app thread only */
static struct ebb_list watches = EBB_LIST_INIT(watches); /* app thread only */

static const uint32_t state_next[BDEV_STATE_COUNT] = {
	[BDEV_READY] = EBB_BIT(BDEV_REMOVING),
	[BDEV_REMOVING] = EBB_BIT(BDEV_TEARDOWN),
	[BDEV_TEARDOWN] = 0,
};

static const char *const state_names[BDEV_STATE_COUNT] = {
	[BDEV_READY] = "ready",
	[BDEV_REMOVING] = "removing",
	[BDEV_TEARDOWN] = "teardown",
};

static void state_set(struct ebb_bdev_internal *internal, enum bdev_state state)
{
	ebb_assert((state_next[internal->state] & EBB_BIT(state)) != 0);
	internal->state = state;
	ebb_debug("bdev", "%s: %s", internal->bdev->name, state_names[state]);
}

void bdev_registry_lock(void)
{
	pthread_mutex_lock(&registry_mutex);
}

void bdev_registry_unlock(void)
{
	pthread_mutex_unlock(&registry_mutex);
}

static bool size_possible(uint64_t num_blocks, uint32_t block_size)
{
	return num_blocks > 0 && num_blocks <= (uint64_t)INT64_MAX / block_size;
}

static const char *geometry_fault(const struct ebb_bdev *bdev)
{
	uint32_t size = bdev->block_size;
	uint32_t align = bdev->buf_align;
	uint32_t boundary = bdev->optimal_io_boundary;

	if (size < 512 || size > 65536 || (size & (size - 1)) != 0) {
		return "the block size must be a power of two from 512 to 65536";
	}
	if (!size_possible(bdev->num_blocks, size)) {
		return "the size must be at least one block and less than 2^63 bytes";
	}
	if (align > 4096 || (align & (align - 1)) != 0) {
		return "the alignment of memory must be a power of two of at most 4096";
	}
	if ((bdev->segment_align & (bdev->segment_align - 1)) != 0) {
		return "the alignment of pieces of memory must be a power of two";
	}
	if ((boundary & (boundary - 1)) != 0) {
		return "the boundary must be a power of two";
	}
	if (bdev->io_types == 0 || bdev->io_types >= EBB_BIT(EBB_BDEV_IO_TYPE_COUNT)) {
		return "the mask of request types is empty or holds unknown ones";
	}
	if (bdev->max_io_blocks != 0 && bdev->max_io_blocks > EBB_BIT(31)) {
		return "the longest request must be of at most 2^31 blocks";
	}
	return NULL;
}

static struct ebb_bdev_internal *internal_find_locked(const char *name)
{
	uint64_t hash = ebb_hash_of_name(name);
	struct ebb_bdev_internal *internal;
	struct ebb_hash_node *node;

	ebb_hash_for_each(node, &bdevs_by_name, hash)
	{
		internal = ebb_hash_entry(node, struct ebb_bdev_internal, name_node);
		if (strcmp(internal->bdev->name, name) == 0) {
			return internal;
		}
	}
	ebb_hash_for_each(node, &bdevs_by_uuid, hash)
	{
		internal = ebb_hash_entry(node, struct ebb_bdev_internal, uuid_node);
		if (strcasecmp(internal->uuid_text, name) == 0) {
			return internal;
		}
	}
	return NULL;
}

static void internal_add_locked(struct ebb_bdev_internal *internal)
{
	ebb_list_push_back(&bdevs, &internal->link);
	ebb_hash_add(&bdevs_by_name, &internal->name_node, ebb_hash_of_name(internal->bdev->name));
	ebb_hash_add(&bdevs_by_uuid, &internal->uuid_node, ebb_hash_of_name(internal->uuid_text));
}

/* Harmless on one that has been removed. */
static void internal_remove_locked(struct ebb_bdev_internal *internal)
{
	ebb_list_remove(&internal->link);
	ebb_hash_remove(&bdevs_by_name, &internal->name_node);
	ebb_hash_remove(&bdevs_by_uuid, &internal->uuid_node);
}

static struct ebb_bdev_internal *internal_find(const char *name)
{
	struct ebb_bdev_internal *internal;

	bdev_registry_lock();
	internal = internal_find_locked(name);
	bdev_registry_unlock();
	return internal;
}

struct ebb_bdev *ebb_bdev_find(const char *name)
{
	struct ebb_bdev_internal *internal = internal_find(name);

	return internal != NULL ? internal->bdev : NULL;
}

struct ebb_bdev *ebb_bdev_next(struct ebb_bdev *previous)
{
	struct ebb_list *node = previous == NULL ? bdevs.next : previous->internal->link.next;

	return node == &bdevs ? NULL : ebb_list_entry(node, struct ebb_bdev_internal, link)->bdev;
}

void bdev_watch_add(struct bdev_watch *watch)
{
	ebb_list_push_back(&watches, &watch->link);
}

void bdev_watch_remove(struct bdev_watch *watch)
{
	ebb_list_remove(&watch->link);
}

static void watches_tell(struct ebb_bdev *bdev)
{
	struct ebb_list *node, *next;
	struct ebb_list mine;

	ebb_list_init(&mine);
	ebb_list_for_each_safe(node, next, &watches) {
		struct bdev_watch *watch = ebb_list_entry(node, struct bdev_watch, link);

		if (internal_find(watch->name) == bdev->internal) {
			ebb_list_remove(node);
			ebb_list_push_back(&mine, node);
		}
	}
	while ((node = ebb_list_pop_front(&mine)) != NULL) {
		struct bdev_watch *watch = ebb_list_entry(node, struct bdev_watch, link);

		watch->appeared(watch, bdev);
	}
}

static int internal_create(struct ebb_bdev *bdev, struct ebb_bdev_internal **ret_internal)
{
	struct ebb_io_device_ops ops = bdev_channel_ops;
	struct ebb_bdev_internal *internal;
	int rc;

	internal = calloc(1, sizeof(*internal));
	if (internal == NULL) {
		return -ENOMEM;
	}
	internal->bdev = bdev;
	internal->state = BDEV_READY;
	ebb_list_init(&internal->descs);
	bdev_stats_init(&internal->totals);
	bdev_uuid_format(bdev->uuid, internal->uuid_text);
	ops.name = bdev->name;
	rc = ebb_io_device_register(internal, &ops);
	if (rc < 0) {
		free(internal);
		return rc;
	}
	*ret_internal = internal;
	return 0;
}

int ebb_bdev_register(struct ebb_bdev *bdev)
{
	struct ebb_bdev_internal *internal;
	const char *fault;
	int rc;

	ebb_assert(ebb_thread_is_app());
	ebb_assert(bdev->name != NULL && bdev->name[0] != '\0' && bdev->product_name != NULL);
	ebb_assert(bdev->ops != NULL && bdev->ops->submit != NULL && bdev->ops->destruct != NULL);
	if (bdevs_closed) {
		return -ESHUTDOWN;
	}
	fault = geometry_fault(bdev);
	if (fault != NULL) {
		ebb_error("bdev", "bdev '%s' cannot be: %s", bdev->name, fault);
		return -EINVAL;
	}
	if (bdev_uuid_is_zero(bdev->uuid)) {
		rc = bdev_uuid_make(bdev->uuid);
		if (rc < 0) {
			return rc;
		}
	}
	rc = internal_create(bdev, &internal);
	if (rc < 0) {
		return rc;
	}
	bdev_registry_lock();
	if (internal_find_locked(bdev->name) != NULL ||
	    internal_find_locked(internal->uuid_text) != NULL) {
		rc = -EEXIST;
	} else {
		bdev->internal = internal;
		internal_add_locked(internal);
	}
	bdev_registry_unlock();
	if (rc < 0) {
		ebb_io_device_unregister(internal, free);
		return rc;
	}
	watches_tell(bdev);
	return 0;
}

/* The last channel has gone. App thread. */
static void teardown_done(void *device)
{
	struct ebb_bdev_internal *internal = device;
	struct ebb_bdev *bdev = internal->bdev;

	bdev_registry_lock();
	internal_remove_locked(internal);
	bdev_registry_unlock();
	bdev->internal = NULL;
	bdev->ops->destruct(bdev);
	if (internal->removed != NULL) {
		internal->removed(internal->removed_arg);
	}
	free(internal);
}

static void teardown_msg(void *arg)
{
	struct ebb_bdev_internal *internal = arg;

	ebb_assert(ebb_io_device_unregister(internal, teardown_done) == 0);
}

/* Under the lock. Begins the teardown when nobody holds the bdev. */
static void teardown_check(struct ebb_bdev_internal *internal)
{
	if (internal->state != BDEV_REMOVING || internal->pins > 0 ||
	    !ebb_list_empty(&internal->descs)) {
		return;
	}
	state_set(internal, BDEV_TEARDOWN);
	ebb_msg_init(&internal->teardown_msg, teardown_msg, internal);
	if (ebb_thread_send(ebb_thread_app(), &internal->teardown_msg) < 0) {
		ebb_error("bdev",
			  "bdev '%s' was let go of after the app thread had exited; left behind",
			  internal->bdev->name);
	}
}

void bdev_registry_open(void)
{
	bdevs_closed = false;
}

void bdev_registry_close(void)
{
	bdevs_closed = true;
}

void bdev_registry_forget(void)
{
	bdev_registry_lock();
	/* What is left of them goes when their holders go, if they ever do. */
	while (!ebb_list_empty(&bdevs)) {
		internal_remove_locked(ebb_list_first(&bdevs, struct ebb_bdev_internal, link));
	}
	bdev_registry_unlock();
}

int ebb_bdev_unregister(struct ebb_bdev *bdev, void (*done)(void *arg), void *arg)
{
	struct ebb_bdev_internal *internal = bdev->internal;
	int rc = 0;

	ebb_assert(ebb_thread_is_app());
	bdev_registry_lock();
	if (internal->state != BDEV_READY) {
		rc = -EBUSY;
	} else {
		state_set(internal, BDEV_REMOVING);
		internal->removed = done;
		internal->removed_arg = arg;
		bdev_desc_tell_all(internal, EBB_BDEV_EVENT_REMOVE);
		teardown_check(internal);
	}
	bdev_registry_unlock();
	return rc;
}

int ebb_bdev_resize(struct ebb_bdev *bdev, uint64_t num_blocks)
{
	struct ebb_bdev_internal *internal = bdev->internal;
	int rc = 0;

	ebb_assert(ebb_thread_is_app());
	if (!size_possible(num_blocks, bdev->block_size)) {
		return -EINVAL;
	}
	bdev_registry_lock();
	if (internal->state != BDEV_READY) {
		rc = -EBUSY;
	} else if (num_blocks != ebb_bdev_num_blocks(bdev)) {
		/* Pairs with submit.c, on any thread: an old size or the new one will do. */
		__atomic_store_n(&bdev->num_blocks, num_blocks, __ATOMIC_RELAXED);
		bdev_desc_tell_all(internal, EBB_BDEV_EVENT_RESIZE);
	}
	bdev_registry_unlock();
	return rc;
}

bool bdev_pin(struct ebb_bdev_internal *internal)
{
	bool pinned;

	bdev_registry_lock();
	pinned = internal->state != BDEV_TEARDOWN;
	internal->pins += pinned;
	bdev_registry_unlock();
	return pinned;
}

void bdev_unpin(struct ebb_bdev_internal *internal)
{
	bdev_registry_lock();
	internal->pins--;
	teardown_check(internal);
	bdev_registry_unlock();
}

int bdev_desc_link(struct ebb_bdev_desc *desc, const char *name)
{
	struct ebb_bdev_internal *internal;
	int rc = 0;

	bdev_registry_lock();
	internal = internal_find_locked(name);
	if (internal == NULL || internal->state != BDEV_READY) {
		rc = -ENODEV;
	} else if (desc->write && internal->bdev->read_only) {
		rc = -EROFS;
	} else {
		desc->internal = internal;
		desc->bdev = internal->bdev;
		ebb_list_push_back(&internal->descs, &desc->link);
	}
	bdev_registry_unlock();
	return rc;
}

void bdev_desc_unlink_locked(struct ebb_bdev_desc *desc)
{
	ebb_list_remove(&desc->link);
	teardown_check(desc->internal);
}
