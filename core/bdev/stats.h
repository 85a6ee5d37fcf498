/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_STATS_H
#define CORE_BDEV_STATS_H

#include <ebb/bdev.h>

struct bdev_channel;
struct ebb_bdev_internal;

/* What is set back to nothing. */
enum bdev_stats_reset {
	BDEV_STATS_RESET_NONE,
	BDEV_STATS_RESET_ALL,
	BDEV_STATS_RESET_MAXMIN, /* the longest and the shortest latency */
	BDEV_STATS_RESET_ERROR,  /* the counts of errors */
	BDEV_STATS_RESET_COUNT,
};

/* Nothing counted. */
void bdev_stats_init(struct ebb_bdev_iostat *stat);

/* What the channel has counted in all. Thread: its owner. */
void bdev_stats_of_channel(const struct bdev_channel *ch, struct ebb_bdev_iostat *ret_stat);

/* Adds what the channel has counted since the last time to its bdev's totals. Thread: its owner. */
void bdev_stats_report(struct bdev_channel *ch);

/*
 * Resets what the channel has counted, when it has been added to the bdev's totals; and these, when
 * every channel has. Nothing is counted twice or never, whoever asks meanwhile: what is not in the
 * totals then is still in its channel. Thread: the channel's owner; any.
 */
void bdev_stats_reset_channel(struct bdev_channel *ch, enum bdev_stats_reset reset);
void bdev_stats_reset_totals(struct ebb_bdev_internal *internal, enum bdev_stats_reset reset);

/* As ebb_bdev_get_iostat(), and resets what it has got. Thread: an ebb thread. */
int bdev_stats_query(struct ebb_bdev *bdev, enum bdev_stats_reset reset, ebb_bdev_iostat_cb done,
		     void *arg);

#endif
