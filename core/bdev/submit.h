/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_SUBMIT_H
#define CORE_BDEV_SUBMIT_H

#include "core/bdev/channel.h"

/*
 * Starts a request that is all filled in, whole or in parts. It counts as outstanding then.
 * Thread: the channel's.
 */
void bdev_submit_begin(struct bdev_channel *ch, struct bdev_req *req);

#endif
