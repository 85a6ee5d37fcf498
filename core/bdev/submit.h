/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_SUBMIT_H
#define CORE_BDEV_SUBMIT_H

#include "core/bdev/channel.h"

struct ebb_bdev_desc;

/* Return: 0; -EINVAL: no flags of such a request; -ENOTSUP: @bdev cannot. Thread: any. */
int bdev_submit_check_flags(const struct ebb_bdev *bdev, enum ebb_bdev_io_type type,
			    uint32_t flags);

/* A request of @ch for who comes by @desc; NULL: none is free for him. Thread: the channel's. */
struct bdev_req *bdev_submit_get(const struct ebb_bdev_desc *desc, struct bdev_channel *ch);

/*
 * Begins a request that is all filled in, or keeps it until it may begin: the channel is quiet, or
 * its rate limited, or somebody has locked what it writes. Thread: the channel's.
 */
void bdev_submit_queue(const struct ebb_bdev_desc *desc, struct bdev_channel *ch,
		       struct bdev_req *req);

/*
 * Begins a request that is all filled in, whole or in parts, unless it has to wait for who has locked
 * what it writes. It counts as outstanding then. Thread: the channel's.
 */
void bdev_submit_begin(struct bdev_channel *ch, struct bdev_req *req);

#endif
