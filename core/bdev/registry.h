/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BDEV_REGISTRY_H
#define EBB_BDEV_REGISTRY_H

/* What the layer keeps for each bdev and each descriptor. */

#include <ebb/bdev_module.h>
#include <ebb/thread.h>

#include "core/base/hash.h"
#include "core/bdev/uuid.h"

struct ebb_bdev_desc {
	struct ebb_bdev *bdev;
	struct ebb_bdev_internal *internal;
	bool write;
	bool closed;     /* by its owner; freed when no event is under way any more */
	bool event_sent; /* @msg is under way to @thread */
	uint32_t events; /* mask of EBB_BIT(enum ebb_bdev_event) that it is about */
	ebb_bdev_event_cb event;
	void *event_arg;
	struct ebb_thread *thread; /* that opened */
	struct ebb_list link;      /* ebb_bdev_internal.descs */
	struct ebb_msg msg;
};

enum bdev_state {
	BDEV_READY,
	BDEV_REMOVING, /* cannot be opened; waits for its holders */
	BDEV_TEARDOWN, /* nobody holds it; being freed */
	BDEV_STATE_COUNT,
};

/*
 * One bdev as the layer knows it; also the io_device whose channels carry its requests. @state,
 * @descs, @pins and @totals are guarded by the registry's lock, which is never held on an I/O path.
 */
struct ebb_bdev_internal {
	struct ebb_bdev *bdev;
	enum bdev_state state;
	struct ebb_list link; /* the registry's list; app thread only writes, under the lock */
	struct ebb_hash_node name_node; /* the registry's, like @link */
	struct ebb_hash_node uuid_node;
	struct ebb_list descs;
	unsigned pins;                       /* those who need it to stay without holding it open */
	char uuid_text[BDEV_UUID_TEXT_SIZE]; /* its alias */
	struct ebb_msg teardown_msg;
	void (*removed)(void *arg);
	void *removed_arg;
	/* What channels have counted, as of the last time each was asked, or went. */
	struct ebb_bdev_iostat totals;
};

void bdev_registry_lock(void);
void bdev_registry_unlock(void);

/* Keeps @internal from being freed. Return: false: it is going already. Thread: any. */
bool bdev_pin(struct ebb_bdev_internal *internal);
void bdev_unpin(struct ebb_bdev_internal *internal);

/*
 * Somebody who waits for a bdev of a name to be registered; @appeared is called once, on the app
 * thread, after the watch has been taken off.
 */
struct bdev_watch {
	const char *name;
	void (*appeared)(struct bdev_watch *watch, struct ebb_bdev *bdev);
	struct ebb_list link;
};

/* Thread: app. */
void bdev_watch_add(struct bdev_watch *watch);
void bdev_watch_remove(struct bdev_watch *watch);

/*
 * From close to open ebb_bdev_register() answers -ESHUTDOWN. To forget: the bdevs that are left
 * can be found no more, and their names are free for the next run. Thread: app.
 */
void bdev_registry_open(void);
void bdev_registry_close(void);
void bdev_registry_forget(void);

/* Calls @fn for each holder of @bdev, under the lock. Thread: any. */
void bdev_for_each_holder(const struct ebb_bdev *bdev,
			  void (*fn)(const struct ebb_bdev_desc *desc, void *arg), void *arg);

#endif
