/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coming and going of bdevs, and changes of their size. They happen on the app thread;
 * descriptors come and go on any thread, so what both touch is under one lock (table.h), which no
 * I/O path ever takes.
 */
#include "core/bdev/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/violation.h>
#include <ebb/wanted.h>

#include "core/bdev/channel.h"
#include "core/bdev/desc.h"
#include "core/bdev/notify.h"
#include "core/bdev/qos_channel.h"
#include "core/bdev/settings.h"
#include "core/bdev/stats.h"
#include "core/bdev/teardown.h"
#include "core/event/app_only.h"

static const char *last_fault;                           /* app thread only */
static bool bdevs_closed;                                /* app thread only */
static unsigned bdevs_run;                               /* app thread only */
static struct ebb_list waiters = EBB_LIST_INIT(waiters); /* app thread only */

static bool size_possible(uint64_t num_blocks, uint32_t block_size)
{
	return num_blocks > 0 && num_blocks <= (uint64_t)INT64_MAX / block_size;
}

/* What is missing of @bdev; NULL: nothing. */
static const char *bdev_lacks(const struct ebb_bdev *bdev)
{
	if (bdev->name == NULL || bdev->name[0] == '\0') {
		return "it has no name";
	}
	if (bdev->product_name == NULL) {
		return "it has no product name";
	}
	if (bdev->ops == NULL || bdev->ops->submit == NULL || bdev->ops->destruct == NULL) {
		return "its driver has no submit() or no destruct()";
	}
	return NULL;
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
	if ((bdev->zero_flags & ~(EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO)) != 0 ||
	    ((bdev->zero_flags != 0 || bdev->zeroes_unmap) &&
	     (bdev->io_types & EBB_BIT(EBB_BDEV_WRITE_ZEROES)) == 0)) {
		return "the flags of zeroes hold unknown ones, or it has no write zeroes";
	}
	if (bdev->max_io_blocks != 0 && bdev->max_io_blocks > EBB_BIT(31)) {
		return "the longest request must be of at most 2^31 blocks";
	}
	return NULL;
}

const char *bdev_registry_fault(void)
{
	return last_fault;
}

void bdev_registry_wait(struct bdev_registry_waiter *waiter)
{
	ebb_list_push_back(&waiters, &waiter->link);
}

void bdev_registry_wait_first(struct bdev_registry_waiter *waiter)
{
	ebb_list_push_front(&waiters, &waiter->link);
}

void bdev_registry_stop_waiting(struct bdev_registry_waiter *waiter)
{
	ebb_list_remove(&waiter->link);
}

static const struct bdev_registry_waiter *waiter_for(const char *name)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &waiters) {
		const struct bdev_registry_waiter *waiter =
			ebb_list_entry(node, struct bdev_registry_waiter, link);

		if (waiter->makes != NULL && strcmp(waiter->makes, name) == 0 &&
		    ebb_wanted_find(waiter->method, name) != NULL) {
			return waiter;
		}
	}
	return NULL;
}

EBB_REPORTS const char *ebb_bdev_waits_for(const char *name)
{
	const struct bdev_registry_waiter *waiter;

	if (!event_app_only(__func__, name, __builtin_return_address(0))) {
		return NULL;
	}
	waiter = waiter_for(name);
	return waiter != NULL ? waiter->name : NULL;
}

static void watches_tell(struct ebb_bdev *bdev)
{
	struct ebb_list *node, *next;
	struct ebb_list mine;

	ebb_list_init(&mine);
	ebb_list_for_each_safe(node, next, &waiters) {
		struct bdev_registry_waiter *waiter =
			ebb_list_entry(node, struct bdev_registry_waiter, link);

		if (bdev_table_find(waiter->name) == bdev->internal) {
			ebb_list_remove(node);
			ebb_list_push_back(&mine, node);
		}
	}
	while ((node = ebb_list_pop_front(&mine)) != NULL) {
		struct bdev_registry_waiter *waiter =
			ebb_list_entry(node, struct bdev_registry_waiter, link);

		waiter->appeared(waiter, bdev);
	}
}

/* What has kept somebody from claiming it has gone. With a pin. */
static void claim_freed(void *arg)
{
	struct ebb_bdev_internal *internal = arg;
	bool ready;

	bdev_table_lock();
	ebb_msg_init(&internal->freed_msg, claim_freed, internal);
	internal->freed_sent = false;
	internal->claim_refused = false;
	ready = internal->state == BDEV_READY;
	bdev_table_unlock();
	if (ready) {
		watches_tell(internal->bdev);
	}
	bdev_unpin(internal);
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
	ebb_msg_init(&internal->freed_msg, claim_freed, internal);
	bdev_stats_init(&internal->totals);
	bdev_ranges_init(&internal->ranges);
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

/* For people, also of one that has none. */
static const char *name_of(const struct ebb_bdev *bdev)
{
	return bdev->name != NULL ? bdev->name : "a bdev";
}

EBB_REPORTS int ebb_bdev_register(struct ebb_bdev *bdev)
{
	struct ebb_bdev_internal *internal;
	const char *fault;
	int rc;

	if (!event_app_only(__func__, name_of(bdev), __builtin_return_address(0))) {
		return -EPERM;
	}
	if (bdevs_closed) {
		return -ESHUTDOWN;
	}
	fault = bdev_lacks(bdev);
	if (fault == NULL) {
		fault = geometry_fault(bdev);
	}
	last_fault = fault;
	if (fault != NULL) {
		ebb_error("bdev", "bdev '%s' cannot be: %s", name_of(bdev), fault);
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
	bdev_table_lock();
	if (bdev_table_find_locked(bdev->name) != NULL ||
	    bdev_table_find_locked(internal->uuid_text) != NULL || waiter_for(bdev->name) != NULL) {
		rc = -EEXIST;
	} else {
		bdev->internal = internal;
		bdev_table_add_locked(internal);
	}
	bdev_table_unlock();
	if (rc < 0) {
		ebb_io_device_unregister(internal, free);
		return rc;
	}
	ebb_notify_send(&bdev_notify_register, bdev->name);
	bdev_settings_recall(bdev);
	watches_tell(bdev);
	return 0;
}

void bdev_registry_open(void)
{
	bdevs_closed = false;
	bdevs_run++;
}

unsigned bdev_registry_run(void)
{
	return bdevs_run;
}

void bdev_registry_close(void)
{
	bdevs_closed = true;
}

void bdev_registry_forget(void)
{
	struct ebb_bdev *bdev;

	bdev_table_lock();
	/* What is left of them goes when their holders go, if they ever do. */
	while ((bdev = ebb_bdev_next(NULL)) != NULL) {
		bdev_table_remove_locked(bdev->internal);
	}
	bdev_table_unlock();
}

EBB_REPORTS int ebb_bdev_unregister(struct ebb_bdev *bdev, void (*done)(void *arg), void *arg)
{
	struct ebb_bdev_internal *internal = bdev->internal;
	int rc = 0;

	if (!event_app_only(__func__, name_of(bdev), __builtin_return_address(0))) {
		return -EPERM;
	}
	if (internal == NULL) {
		return -ENODEV;
	}
	bdev_table_lock();
	if (internal->state != BDEV_READY) {
		rc = -EBUSY;
	} else {
		bdev_teardown_begin_locked(internal);
		internal->removed = done;
		internal->removed_arg = arg;
		bdev_desc_tell_all(internal, EBB_BDEV_EVENT_REMOVE);
		bdev_teardown_check_locked(internal);
	}
	bdev_table_unlock();
	if (rc == 0) {
		/* It is freed by a message to this thread. */
		bdev_settings_absent(bdev);
		bdev_qos_lift(internal);
		if (bdev->ops->leaving != NULL) {
			bdev->ops->leaving(bdev);
		}
	}
	return rc;
}

EBB_REPORTS int ebb_bdev_resize(struct ebb_bdev *bdev, uint64_t num_blocks)
{
	struct ebb_bdev_internal *internal = bdev->internal;
	int rc = 0;

	if (!event_app_only(__func__, name_of(bdev), __builtin_return_address(0))) {
		return -EPERM;
	}
	if (internal == NULL) {
		return -ENODEV;
	}
	if (!size_possible(num_blocks, bdev->block_size)) {
		return -EINVAL;
	}
	bdev_table_lock();
	if (internal->state != BDEV_READY) {
		rc = -EBUSY;
	} else if (num_blocks != ebb_bdev_num_blocks(bdev)) {
		/* Pairs with submit.c, on any thread: an old size or the new one will do. */
		__atomic_store_n(&bdev->num_blocks, num_blocks, __ATOMIC_RELAXED);
		bdev_desc_tell_all(internal, EBB_BDEV_EVENT_RESIZE);
		ebb_notify_send(&bdev_notify_resize, bdev->name);
	}
	bdev_table_unlock();
	return rc;
}
