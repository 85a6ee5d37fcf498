/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_COMPLETE_H
#define CORE_BDEV_COMPLETE_H

#include "core/bdev/parts.h"

/* The end of a request that is put off to the end of the turn: what its embedded deferral runs. */
void bdev_complete_deferred(struct event_deferred *deferred);

/* The name of the bdev whose request that is; NULL: it is none. */
const char *bdev_complete_name(const struct event_deferred *deferred);

/*
 * What @next, of bdev_parts_begin(), means for a request that is just being submitted: nothing yet,
 * a wait, or its end, at the end of the turn. Thread: the channel's.
 */
void bdev_complete_parts(struct bdev_req *parent, enum bdev_parts_next next);

/* Begins @req, which is outstanding, and of bytes. Thread: the channel's. */
void bdev_complete_bytes(struct bdev_channel *ch, struct bdev_req *req);

#endif
