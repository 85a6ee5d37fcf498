/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_QOS_CHANNEL_H
#define CORE_BDEV_QOS_CHANNEL_H

/* How a channel comes under a bdev's rate limits, and out of them. */

#include <ebb/io_channel.h>

#include "core/bdev/table.h"

struct bdev_channel;

/**
 * bdev_qos_channel_follow() - the limits are other ones, or the channel is new
 * Requests that wait go if they may now; all of them, without a limit.
 * Thread: the channel's. Return: 0; -ENOMEM: the channel is as it was.
 */
int bdev_qos_channel_follow(struct bdev_channel *ch);

/* Lets all that waits go at once. Thread: the channel's. */
void bdev_qos_channel_flush(struct bdev_channel *ch);

/* The channel goes; nothing waits in it. Thread: the channel's. */
void bdev_qos_channel_fini(struct bdev_channel *ch);

/**
 * bdev_qos_apply() - set other limits, and have every channel follow
 * @rates: as for bdev_qos_set()
 * @done: on the calling thread, never inside this call: 0, or -ENOMEM: a channel cannot; NULL: none
 * Thread: app.
 */
void bdev_qos_apply(struct ebb_bdev_internal *internal, const uint64_t rates[BDEV_QOS_TYPE_COUNT],
		    ebb_channel_done done, void *arg);

/* The bdev goes, or the process ends: what waits shall keep nobody from letting go. Thread: app. */
void bdev_qos_lift(struct ebb_bdev_internal *internal);

/*
 * Lets go at once what waits in a bdev's channel, whoever has submitted it: its holder leaves, and
 * nobody shall wait for him at the rate of a limit. What comes later pays for it. Thread: the
 * channel's.
 */
void bdev_qos_channel_hurry(struct ebb_io_channel *channel);

#endif
