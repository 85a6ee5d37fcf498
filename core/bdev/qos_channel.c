/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/qos_channel.h"

#include <errno.h>

#include <ebb/poller.h>

#include "core/bdev/channel.h"
#include "core/bdev/submit.h"

/* Lets go what may. Return: true: something. */
static bool channel_let_go(struct bdev_channel *ch)
{
	struct bdev_req *req;
	bool any = false;

	while (!ch->holding && (req = bdev_qos_next(ch)) != NULL) {
		bdev_submit_begin(ch, req);
		any = true;
	}
	return any;
}

static int qos_poll(void *arg)
{
	return channel_let_go(arg) ? 1 : 0;
}

void bdev_qos_channel_flush(struct bdev_channel *ch)
{
	struct bdev_req *req;

	while ((req = bdev_qos_take(ch)) != NULL) {
		bdev_submit_begin(ch, req);
	}
}

void bdev_qos_channel_hurry(struct ebb_io_channel *channel)
{
	struct bdev_channel *ch = ebb_io_channel_ctx(channel);

	/* One that is to become quiet has done so itself, or keeps what waits for later. */
	if (!ch->holding) {
		bdev_qos_channel_flush(ch);
	}
}

/* Those that wait for a limit that is none any more, and for the channel to go on, too. */
static void channel_hold_queued(struct bdev_channel *ch)
{
	struct ebb_list younger;
	struct ebb_list *node;
	struct bdev_req *req;

	ebb_list_init(&younger);
	while ((node = ebb_list_pop_front(&ch->held)) != NULL) {
		ebb_list_push_back(&younger, node);
	}
	while ((req = bdev_qos_next(ch)) != NULL) {
		ebb_list_push_back(&ch->held, &req->link);
		ch->num_held++;
	}
	while ((node = ebb_list_pop_front(&younger)) != NULL) {
		ebb_list_push_back(&ch->held, node);
	}
}

int bdev_qos_channel_follow(struct bdev_channel *ch)
{
	bool limited = bdev_qos_limited(&ch->internal->qos);

	if (limited && ch->qos.poller == NULL) {
		ch->qos.poller = ebb_poller_register(qos_poll, ch, BDEV_QOS_SLICE_US);
		if (ch->qos.poller == NULL) {
			return -ENOMEM;
		}
		ebb_poller_pause(ch->qos.poller);
	}
	ch->qos.active = limited;
	bdev_channel_set_short_way(ch);
	channel_let_go(ch);
	if (!limited) {
		channel_hold_queued(ch);
		ebb_poller_unregister(&ch->qos.poller);
	}
	return 0;
}

void bdev_qos_channel_fini(struct bdev_channel *ch)
{
	ebb_assert(!ch->qos.waiting);
	ebb_poller_unregister(&ch->qos.poller);
}

static void follow(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	(void)arg;
	ebb_for_each_channel_next(iter, bdev_qos_channel_follow(ebb_io_channel_ctx(channel)));
}

void bdev_qos_apply(struct ebb_bdev_internal *internal, const uint64_t rates[BDEV_QOS_TYPE_COUNT],
		    ebb_channel_done done, void *arg)
{
	bdev_qos_set(&internal->qos, rates);
	ebb_for_each_channel(internal, follow, arg, done);
}

void bdev_qos_lift(struct ebb_bdev_internal *internal)
{
	static const uint64_t none[BDEV_QOS_TYPE_COUNT];

	if (bdev_qos_limited(&internal->qos)) {
		bdev_qos_apply(internal, none, NULL, NULL);
	}
}
