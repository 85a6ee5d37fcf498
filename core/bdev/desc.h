/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_DESC_H
#define CORE_BDEV_DESC_H

/* Descriptors: who holds a bdev open. */

#include "core/bdev/table.h"

struct ebb_bdev_desc {
	struct ebb_bdev *bdev;
	struct ebb_bdev_internal *internal;
	bool write;
	_Atomic bool claims; /* it is the one that has claimed the bdev; written under the lock */
	bool closed;         /* by its owner; freed when no event is under way any more */
	bool event_sent;     /* @msg is under way to @thread */
	uint32_t events;     /* mask of EBB_BIT(enum ebb_bdev_event) that it is about */
	ebb_bdev_event_cb event;
	void *event_arg;
	const char *export_name;    /* as which it is served; the holder's; NULL: it is not */
	unsigned num_clients;       /* of the export */
	struct ebb_thread *thread;  /* that opened */
	struct ebb_list link;       /* ebb_bdev_internal.descs */
	struct base_hash_node node; /* of all that are open, by address */
	struct ebb_msg msg;
};

/*
 * So many clients use @desc by its export @name, which lives as long as @desc is open: who would take
 * the bdev from them is told. Thread: the one that opened.
 */
void bdev_desc_set_clients(struct ebb_bdev_desc *desc, const char *name, unsigned num_clients);

/* Is it one? Whoever uses one that he has closed does not know. Thread: any. */
bool bdev_desc_is_open(const struct ebb_bdev_desc *desc);

/* Gives up the claim of @desc, if it has one; it stays open as it is. Under the lock. */
void bdev_desc_release_locked(struct ebb_bdev_desc *desc);

/* Tells each holder, on its thread. Under the lock. */
void bdev_desc_tell_all(struct ebb_bdev_internal *internal, enum ebb_bdev_event event);

/* Calls @fn for each holder of @bdev, under the lock. Thread: any. */
void bdev_desc_for_each(const struct ebb_bdev *bdev,
			void (*fn)(const struct ebb_bdev_desc *desc, void *arg), void *arg);

#endif
