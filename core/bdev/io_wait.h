/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_IO_WAIT_H
#define CORE_BDEV_IO_WAIT_H

/* Those who wait for a free request of a channel. Thread: the channel's. */

#include "core/bdev/channel.h"

/* Queues @wait, before all clients, and makes sure that it will be served. */
void bdev_io_wait_queue_part(struct bdev_channel *ch, struct ebb_bdev_io_wait *wait);

/* Serves those who wait now; who waits again meanwhile has another turn. */
void bdev_io_wait_wake(struct bdev_channel *ch);

#endif
