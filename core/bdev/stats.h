/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_STATS_H
#define CORE_BDEV_STATS_H

#include <ebb/bdev.h>

struct bdev_channel;

/* Nothing counted. */
void bdev_stats_init(struct ebb_bdev_iostat *stat);

/* What the channel has counted in all. Thread: its owner. */
void bdev_stats_of_channel(const struct bdev_channel *ch, struct ebb_bdev_iostat *ret_stat);

/* Adds what the channel has counted since the last time to its bdev's totals. Thread: its owner. */
void bdev_stats_report(struct bdev_channel *ch);

#endif
