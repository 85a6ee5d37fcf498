/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_TABLE_H
#define CORE_BDEV_TABLE_H

/* The bdevs there are, by name and by uuid, and what the layer keeps for each. */

#include <ebb/bdev_module.h>
#include <ebb/thread.h>

#include "core/base/hash.h"
#include "core/bdev/histogram.h"
#include "core/bdev/qos.h"
#include "core/bdev/range_lock.h"
#include "core/bdev/uuid.h"

enum bdev_state {
	BDEV_READY,
	BDEV_REMOVING, /* cannot be opened; waits for its holders */
	BDEV_TEARDOWN, /* nobody holds it; being freed */
	BDEV_STATE_COUNT,
};

/*
 * One bdev as the layer knows it; also the io_device whose channels carry its requests. @state,
 * @descs, @claim, @claim_holder, @pins, @claim_refused, @freed_sent and @totals are guarded by the
 * lock below.
 */
struct ebb_bdev_internal {
	struct ebb_bdev *bdev;
	enum bdev_state state;
	struct ebb_list link;            /* the table's; app thread only writes, under the lock */
	struct base_hash_node name_node; /* the table's, like @link */
	struct base_hash_node uuid_node;
	struct ebb_list descs;
	const struct ebb_bdev_desc
		*claim;           /* the one of @descs that nobody may write beside, or NULL */
	const char *claim_holder; /* the claimer's storage; NULL: not claimed */
	unsigned pins;            /* those who need it to stay without holding it open */
	char uuid_text[BDEV_UUID_TEXT_SIZE]; /* its alias */
	bool claim_refused; /* to somebody, since others last ceased to be in the way */
	bool freed_sent;    /* @freed_msg is under way, with a pin */
	struct ebb_msg teardown_msg;
	struct ebb_msg freed_msg; /* who waits may try again */
	void (*removed)(void *arg);
	void *removed_arg;
	/* What channels have counted, as of the last time each was asked, or went. */
	struct ebb_bdev_iostat totals;
	struct bdev_qos qos;
	struct bdev_ranges ranges;
	/* What channels have counted that went, or were asked; NULL: none do. The lock's, too. */
	struct bdev_histogram *histogram;
	uint64_t histogram_generation; /* of the last one */
};

/* For all bdevs; never held on an I/O path. Thread: any. */
void bdev_table_lock(void);
void bdev_table_unlock(void);

/* Under the lock, but for bdev_table_find(). @name: or a uuid. Return: NULL: there is none. */
struct ebb_bdev_internal *bdev_table_find_locked(const char *name);
struct ebb_bdev_internal *bdev_table_find(const char *name);

/* Under the lock. To remove one that has been removed is harmless. Thread: app. */
void bdev_table_add_locked(struct ebb_bdev_internal *internal);
void bdev_table_remove_locked(struct ebb_bdev_internal *internal);

#endif
