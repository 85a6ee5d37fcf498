/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bdev goes in three steps: REMOVING, nobody can open it and its holders are told; TEARDOWN, the
 * last holder has gone, and its channels go; then the driver's destruct(). Whoever is the last to
 * let go (a descriptor or a pin) sends the message that begins the teardown.
 */
#include "core/bdev/teardown.h"

#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>

#include "core/bdev/notify.h"

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

void bdev_teardown_begin_locked(struct ebb_bdev_internal *internal)
{
	state_set(internal, BDEV_REMOVING);
}

/* The last channel has gone. App thread. */
static void teardown_done(void *device)
{
	struct ebb_bdev_internal *internal = device;
	struct ebb_bdev *bdev = internal->bdev;

	bdev_table_lock();
	bdev_table_remove_locked(internal);
	bdev_table_unlock();
	bdev->internal = NULL;
	ebb_notify_send(&bdev_notify_unregister, bdev->name);
	bdev->ops->destruct(bdev);
	if (internal->removed != NULL) {
		internal->removed(internal->removed_arg);
	}
	free(internal->histogram);
	bdev_ranges_fini(&internal->ranges);
	free(internal);
}

static void teardown_msg(void *arg)
{
	struct ebb_bdev_internal *internal = arg;

	ebb_assert(ebb_io_device_unregister(internal, teardown_done) == 0);
}

void bdev_teardown_check_locked(struct ebb_bdev_internal *internal)
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

bool bdev_pin(struct ebb_bdev_internal *internal)
{
	bool pinned;

	bdev_table_lock();
	pinned = internal->state != BDEV_TEARDOWN;
	internal->pins += pinned;
	bdev_table_unlock();
	return pinned;
}

void bdev_unpin(struct ebb_bdev_internal *internal)
{
	bdev_table_lock();
	internal->pins--;
	bdev_teardown_check_locked(internal);
	bdev_table_unlock();
}
