/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics. A channel counts for itself, without a lock. When somebody asks, each channel in turn
 * adds what it has counted since it was last asked to the bdev's totals, as it does when it goes:
 * so every request is in the totals once, however askers and channels come and go meanwhile, and
 * the answer is the totals when every channel has been asked.
 */
#include "core/bdev/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/io_channel.h>
#include <ebb/thread.h>
#include <ebb/violation.h>

#include "core/bdev/channel.h"
#include "core/bdev/teardown.h"

struct stats_query {
	struct ebb_bdev_internal *internal;
	enum bdev_stats_reset reset;
	ebb_bdev_iostat_cb done;
	void *arg;
};

void bdev_stats_init(struct ebb_bdev_iostat *stat)
{
	unsigned type;

	memset(stat, 0, sizeof(*stat));
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		stat->min_latency_ns[type] = UINT64_MAX;
	}
}

/* A flush is of all blocks, and a block status of none. */
static bool type_has_bytes(unsigned type)
{
	return type != EBB_BDEV_FLUSH && type != EBB_BDEV_BLOCK_STATUS;
}

static void stat_extremes(struct ebb_bdev_iostat *into, unsigned type,
			  const struct bdev_type_stat *stat)
{
	if (stat->max_latency_ns > into->max_latency_ns[type]) {
		into->max_latency_ns[type] = stat->max_latency_ns;
	}
	if (stat->min_latency_ns < into->min_latency_ns[type]) {
		into->min_latency_ns[type] = stat->min_latency_ns;
	}
}

void bdev_stats_of_channel(const struct bdev_channel *ch, struct ebb_bdev_iostat *ret_stat)
{
	unsigned type;

	bdev_stats_init(ret_stat);
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		const struct bdev_type_stat *stat = &ch->stats[type];

		ret_stat->ops[type] = stat->ops;
		ret_stat->bytes[type] = type_has_bytes(type) ? stat->bytes : 0;
		ret_stat->latency_ns[type] = stat->latency_ns;
		ret_stat->errors[type] = stat->errors;
		stat_extremes(ret_stat, type, stat);
	}
}

void bdev_stats_report(struct bdev_channel *ch)
{
	struct ebb_bdev_iostat *totals = &ch->internal->totals;
	unsigned type;

	bdev_table_lock();
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		const struct bdev_type_stat *stat = &ch->stats[type];
		const struct bdev_type_stat *before = &ch->reported[type];

		totals->ops[type] += stat->ops - before->ops;
		if (type_has_bytes(type)) {
			totals->bytes[type] += stat->bytes - before->bytes;
		}
		totals->latency_ns[type] += stat->latency_ns - before->latency_ns;
		totals->errors[type] += stat->errors - before->errors;
		stat_extremes(totals, type, stat);
	}
	bdev_table_unlock();
	memcpy(ch->reported, ch->stats, sizeof(ch->reported));
}

static void type_reset(struct bdev_type_stat *stat, enum bdev_stats_reset reset)
{
	if (reset == BDEV_STATS_RESET_ALL) {
		*stat = (struct bdev_type_stat){.min_latency_ns = UINT64_MAX};
	} else if (reset == BDEV_STATS_RESET_MAXMIN) {
		stat->max_latency_ns = 0;
		stat->min_latency_ns = UINT64_MAX;
	} else if (reset == BDEV_STATS_RESET_ERROR) {
		stat->errors = 0;
	}
}

void bdev_stats_reset_channel(struct bdev_channel *ch, enum bdev_stats_reset reset)
{
	unsigned type;

	bdev_stats_report(ch);
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		type_reset(&ch->stats[type], reset);
		type_reset(&ch->reported[type], reset);
	}
}

static void totals_reset_locked(struct ebb_bdev_iostat *totals, enum bdev_stats_reset reset)
{
	unsigned type;

	if (reset == BDEV_STATS_RESET_ALL) {
		bdev_stats_init(totals);
		return;
	}
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		if (reset == BDEV_STATS_RESET_MAXMIN) {
			totals->max_latency_ns[type] = 0;
			totals->min_latency_ns[type] = UINT64_MAX;
		} else if (reset == BDEV_STATS_RESET_ERROR) {
			totals->errors[type] = 0;
		}
	}
}

void bdev_stats_reset_totals(struct ebb_bdev_internal *internal, enum bdev_stats_reset reset)
{
	bdev_table_lock();
	totals_reset_locked(&internal->totals, reset);
	bdev_table_unlock();
}

static void query_channel(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	const struct stats_query *query = arg;

	bdev_stats_reset_channel(ebb_io_channel_ctx(channel), query->reset);
	ebb_for_each_channel_next(iter, 0);
}

static void query_done(void *arg, int rc)
{
	struct stats_query *query = arg;
	struct ebb_bdev_iostat stat;

	bdev_table_lock();
	stat = query->internal->totals;
	totals_reset_locked(&query->internal->totals, query->reset);
	bdev_table_unlock();
	query->done(query->arg, &stat, rc);
	bdev_unpin(query->internal);
	free(query);
}

int bdev_stats_query(struct ebb_bdev *bdev, enum bdev_stats_reset reset, ebb_bdev_iostat_cb done,
		     void *arg)
{
	struct stats_query *query = malloc(sizeof(*query));
	if (query == NULL) {
		return -ENOMEM;
	}
	*query = (struct stats_query){.internal = bdev->internal,
				      .reset = reset,
				      .done = done,
				      .arg = arg};
	if (!bdev_pin(query->internal)) {
		free(query);
		return -ENODEV;
	}
	ebb_for_each_channel(query->internal, query_channel, query, query_done);
	return 0;
}

EBB_REPORTS int ebb_bdev_get_iostat(struct ebb_bdev *bdev, ebb_bdev_iostat_cb done, void *arg)
{
	if (ebb_thread_current() == NULL) {
		ebb_violation(4, "ebb_bdev_get_iostat", ebb_bdev_name(bdev), NULL, NULL);
		return -EPERM;
	}
	return bdev_stats_query(bdev, BDEV_STATS_RESET_NONE, done, arg);
}
