/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_POOL_H
#define CORE_BDEV_POOL_H

/* A channel's requests. Thread: the channel's, but for bdev_pool_set_size(). */

#include "core/bdev/channel.h"

/* Requests for each channel made from now on; 0: the default. Thread: app. */
void bdev_pool_set_size(uint32_t requests);

/*
 * @deferred: what the end of a deferred request runs. It is written into each request once, when it
 * is first used, and not for each I/O.
 * Return: 0; -errno: no memory.
 */
int bdev_pool_create(struct bdev_channel *ch, void (*deferred)(struct event_deferred *deferred));
void bdev_pool_destroy(struct bdev_channel *ch);

/* First use of a request, or an empty pool (NULL). */
struct bdev_req *bdev_pool_get_slow(struct bdev_channel *ch);

static inline struct bdev_req *bdev_pool_get(struct bdev_channel *ch)
{
	struct bdev_req *req = ch->free;

	if (ebb_unlikely(req == NULL)) {
		return bdev_pool_get_slow(ch);
	}
	ch->free = req->next_free;
	return req;
}

static inline void bdev_pool_put(struct bdev_channel *ch, struct bdev_req *req)
{
	req->next_free = ch->free;
	ch->free = req;
}

static inline bool bdev_pool_empty(const struct bdev_channel *ch)
{
	return ch->free == NULL && ch->pool_bump == ch->pool_size;
}

/* A request for a part of a split one: from the reserve if need be. NULL: none at all. */
struct bdev_req *bdev_pool_get_child(struct bdev_channel *ch);
void bdev_pool_put_child(struct bdev_channel *ch, struct bdev_req *child);

/*
 * Calls @fn for each request that has begun and not ended, once for one that is done in parts; not for
 * those that wait somewhere for their beginning. It takes a look at every request that was ever used.
 */
void bdev_pool_for_each_begun(struct bdev_channel *ch,
			      void (*fn)(const struct bdev_req *req, void *arg), void *arg);

#endif
