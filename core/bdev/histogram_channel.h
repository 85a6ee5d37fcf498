/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_HISTOGRAM_CHANNEL_H
#define CORE_BDEV_HISTOGRAM_CHANNEL_H

/*
 * The latency histogram of a bdev. Each channel counts in one of its own; who asks has each channel
 * move what it has counted to the bdev's, as it does when it goes.
 */

#include <ebb/bdev.h>

#include "core/bdev/histogram.h"
#include "core/bdev/table.h"

struct bdev_channel;

/* The channel is new, or histograms have been turned on or off. Return: 0; -ENOMEM. */
int bdev_histogram_channel_follow(struct bdev_channel *ch);

/* The channel goes. Thread, of both: the channel's. */
void bdev_histogram_channel_fini(struct bdev_channel *ch);

/* @rc: 0, or -ENOMEM: there is no histogram now. */
typedef void (*bdev_histogram_set_cb)(void *arg, int rc);

/**
 * bdev_histogram_set() - begin a new, empty histogram; NULL: none any more
 * @done: once, on the calling thread, never inside this call
 * Thread: app. Return: 0; -ENODEV: the bdev is going, or -ENOMEM: @done will not run.
 */
int bdev_histogram_set(struct ebb_bdev *bdev, const struct bdev_histogram_layout *layout,
		       bdev_histogram_set_cb done, void *arg);

/* @histogram: a copy, to be read only inside the call; NULL: there is none, or no memory for it. */
typedef void (*bdev_histogram_get_cb)(void *arg, const struct bdev_histogram *histogram, int rc);

/**
 * bdev_histogram_get() - what all channels have counted, those that have gone included
 * @done: once, on the calling thread, never inside this call: 0, -ENODATA: none is kept, -ENOMEM
 * Thread: app. Return: as bdev_histogram_set().
 */
int bdev_histogram_get(struct ebb_bdev *bdev, bdev_histogram_get_cb done, void *arg);

#endif
