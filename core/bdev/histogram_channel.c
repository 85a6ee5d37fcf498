/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/histogram_channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/io_channel.h>

#include "core/bdev/channel.h"
#include "core/bdev/teardown.h"

struct histogram_work {
	struct ebb_bdev_internal *internal; /* pinned */
	bdev_histogram_set_cb set;
	bdev_histogram_get_cb get;
	void *arg;
	int rc;
};

/* What the bdev's channels are to count by. Return: false: they are not to. */
static bool layout_get(struct ebb_bdev_internal *internal, struct bdev_histogram_layout *ret_layout)
{
	bool kept;

	bdev_table_lock();
	kept = internal->histogram != NULL;
	if (kept) {
		*ret_layout = internal->histogram->layout;
	}
	bdev_table_unlock();
	return kept;
}

static void channel_set(struct bdev_channel *ch, struct bdev_histogram *histogram)
{
	free(ch->histogram);
	ch->histogram = histogram;
	if (histogram != NULL) {
		ch->attention |= BDEV_CH_HISTOGRAM;
	} else {
		ch->attention &= (uint8_t)~BDEV_CH_HISTOGRAM;
	}
}

int bdev_histogram_channel_follow(struct bdev_channel *ch)
{
	struct bdev_histogram_layout layout;
	struct bdev_histogram *histogram = NULL;

	if (layout_get(ch->internal, &layout)) {
		if (ch->histogram != NULL &&
		    ch->histogram->layout.generation == layout.generation) {
			return 0;
		}
		histogram = bdev_histogram_create(&layout);
		if (histogram == NULL) {
			return -ENOMEM;
		}
	}
	channel_set(ch, histogram);
	return 0;
}

/* To the bdev's histogram, unless that is a newer one, or none. */
static void channel_report(struct bdev_channel *ch)
{
	struct ebb_bdev_internal *internal = ch->internal;

	bdev_table_lock();
	if (ch->histogram != NULL && internal->histogram != NULL &&
	    internal->histogram->layout.generation == ch->histogram->layout.generation) {
		bdev_histogram_move(internal->histogram, ch->histogram);
	}
	bdev_table_unlock();
}

void bdev_histogram_channel_fini(struct bdev_channel *ch)
{
	channel_report(ch);
	channel_set(ch, NULL);
}

/* The bdev's histogram from now on is @histogram, or none. */
static void internal_set(struct ebb_bdev_internal *internal, struct bdev_histogram *histogram)
{
	struct bdev_histogram *before;

	bdev_table_lock();
	before = internal->histogram;
	internal->histogram = histogram;
	if (histogram != NULL) {
		histogram->layout.generation = ++internal->histogram_generation;
	}
	bdev_table_unlock();
	free(before);
}

static struct histogram_work *work_begin(struct ebb_bdev *bdev, void *arg, int *ret_rc)
{
	struct histogram_work *work = calloc(1, sizeof(*work));

	*ret_rc = -ENOMEM;
	if (work != NULL && !bdev_pin(bdev->internal)) {
		free(work);
		work = NULL;
		*ret_rc = -ENODEV;
	}
	if (work != NULL) {
		work->internal = bdev->internal;
		work->arg = arg;
	}
	return work;
}

static void work_end(struct histogram_work *work)
{
	bdev_unpin(work->internal);
	free(work);
}

static void follow(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	(void)arg;
	ebb_for_each_channel_next(iter, bdev_histogram_channel_follow(ebb_io_channel_ctx(channel)));
}

static void set_done(void *arg, int rc)
{
	struct histogram_work *work = arg;

	(void)rc; /* without a histogram nothing can fail */
	work->set(work->arg, work->rc);
	work_end(work);
}

static void set_followed(void *arg, int rc)
{
	struct histogram_work *work = arg;

	work->rc = rc;
	if (rc < 0) {
		internal_set(work->internal, NULL);
		ebb_for_each_channel(work->internal, follow, work, set_done);
	} else {
		set_done(work, 0);
	}
}

int bdev_histogram_set(struct ebb_bdev *bdev, const struct bdev_histogram_layout *layout,
		       bdev_histogram_set_cb done, void *arg)
{
	struct bdev_histogram *histogram = NULL;
	struct histogram_work *work;
	int rc;

	if (layout != NULL) {
		histogram = bdev_histogram_create(layout);
		if (histogram == NULL) {
			return -ENOMEM;
		}
	}
	work = work_begin(bdev, arg, &rc);
	if (work == NULL) {
		free(histogram);
		return rc;
	}
	work->set = done;
	internal_set(bdev->internal, histogram);
	ebb_for_each_channel(bdev->internal, follow, work, set_followed);
	return 0;
}

static void report(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	(void)arg;
	channel_report(ebb_io_channel_ctx(channel));
	ebb_for_each_channel_next(iter, 0);
}

static void get_reported(void *arg, int rc)
{
	struct histogram_work *work = arg;
	struct bdev_histogram_layout layout;
	struct bdev_histogram *copy = NULL;

	rc = -ENODATA;
	if (layout_get(work->internal, &layout)) {
		copy = bdev_histogram_create(&layout);
		rc = copy != NULL ? 0 : -ENOMEM;
	}
	if (copy != NULL) {
		bdev_table_lock();
		/* Set by this thread only, so it is there. */
		memcpy(copy->buckets, work->internal->histogram->buckets,
		       bdev_histogram_num_buckets(&layout) * sizeof(copy->buckets[0]));
		bdev_table_unlock();
	}
	work->get(work->arg, copy, rc);
	free(copy);
	work_end(work);
}

int bdev_histogram_get(struct ebb_bdev *bdev, bdev_histogram_get_cb done, void *arg)
{
	struct histogram_work *work;
	int rc;

	work = work_begin(bdev, arg, &rc);
	if (work == NULL) {
		return rc;
	}
	work->get = done;
	ebb_for_each_channel(bdev->internal, report, work, get_reported);
	return 0;
}
