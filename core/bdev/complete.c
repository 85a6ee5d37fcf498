/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion. A driver may complete inside submit(), where the callback has to wait for the end of
 * the turn; later, where it is called at once; or, in breach of rule 3, on some other thread, from
 * which the completion is carried to the owner.
 */
#include <ebb/bdev_module.h>

#include <errno.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/bdev/channel.h"

static void __attribute__((cold, noinline))
complete_twice(const struct bdev_req *req, const void *site)
{
	static struct ebb_ratelimit limit;
	const struct bdev_channel *ch = req->ch;

	ebb_violation_at(3, "ebb_bdev_io_complete (twice)", ch->bdev->name, ch->thread, ch->thread,
			 site);
	if (ebb_ratelimit_ok(&limit)) {
		ebb_error("bdev", "%s: its driver completed a %s request twice; ignored",
			  ch->bdev->name, ebb_bdev_io_type_name(req->type));
	}
}

/* On the owner's thread now. The request may have ended meanwhile, and be another one. */
static void carried_msg(void *arg)
{
	struct bdev_req *req = arg;
	int status = req->carried_status;
	bool same = req->start_ns == req->carried_start_ns;

	atomic_store_explicit(&req->carried, false, memory_order_relaxed);
	if (!same) {
		complete_twice(req, req->carried_site);
		return;
	}
	ebb_bdev_io_complete(&req->io, status);
}

static void __attribute__((cold, noinline))
complete_foreign(struct bdev_req *req, int status, const void *site)
{
	struct bdev_channel *ch = req->ch;

	ebb_violation_at(3, "ebb_bdev_io_complete", ch->bdev->name, ch->thread,
			 ebb_thread_current(), site);
	/* Pairs with itself: of two foreign completions one carries the request. */
	if (atomic_exchange_explicit(&req->carried, true, memory_order_acq_rel)) {
		return;
	}
	req->carried_status = status;
	req->carried_start_ns = req->start_ns;
	req->carried_site = site;
	ebb_msg_init(&req->msg, carried_msg, req);
	if (ebb_thread_send(ch->thread, &req->msg) < 0) {
		ebb_error("bdev", "%s: a completion came after its thread had exited",
			  ch->bdev->name);
	}
}

void ebb_bdev_io_complete(struct ebb_bdev_io *io, int status)
{
	struct bdev_req *req = bdev_req_from_io(io);
	struct bdev_channel *ch = req->ch;

	if (ebb_unlikely(ch->thread != ebb_turn.thread)) {
		complete_foreign(req, status, __builtin_return_address(0));
		return;
	}
	if (ebb_unlikely(req->state != BDEV_REQ_ACTIVE)) {
		complete_twice(req, __builtin_return_address(0));
		return;
	}
	req->status = status;
	if (ch->in_submit) {
		bdev_req_finish_later(req);
		return;
	}
	bdev_req_finish(req);
}

void bdev_req_deferred(struct ebb_deferred *deferred)
{
	bdev_req_finish(ebb_container_of(deferred, struct bdev_req, deferred));
}

static void waiters_wake(struct bdev_channel *ch);

static void kick_deferred(struct ebb_deferred *deferred)
{
	struct bdev_channel *ch = ebb_container_of(deferred, struct bdev_channel, kick);

	ch->kicked = false;
	waiters_wake(ch);
}

/* Somebody waits for what is there: he is served at the end of the turn. */
static void waiters_kick(struct bdev_channel *ch)
{
	if (!bdev_pool_empty(ch) && !ch->kicked && !ch->waking) {
		ch->kicked = true;
		ch->kick.fn = kick_deferred;
		ebb_turn_defer(&ch->kick);
	}
}

/* Serves those who wait now; who waits again meanwhile has another turn. */
static void waiters_wake(struct bdev_channel *ch)
{
	struct ebb_list now = EBB_LIST_INIT(now);

	if (ch->waking) {
		return;
	}
	ch->waking = true;
	ebb_list_splice_back(&now, &ch->waiters);
	while (!bdev_pool_empty(ch) && !ebb_list_empty(&now)) {
		struct ebb_bdev_io_wait *wait =
			ebb_list_entry(ebb_list_pop_front(&now), struct ebb_bdev_io_wait, link);

		wait->fn(wait->arg);
	}
	ch->waking = false;
	ebb_list_splice_back(&now, &ch->waiters);
	ebb_list_splice_back(&ch->waiters, &now);
	if (ebb_list_empty(&ch->waiters)) {
		ch->attention &= (uint8_t)~BDEV_CH_WAITERS;
	} else {
		waiters_kick(ch);
	}
}

void bdev_wait_queue(struct bdev_channel *ch, struct ebb_bdev_io_wait *wait)
{
	ebb_list_push_back(&ch->waiters, &wait->link);
	ch->attention |= BDEV_CH_WAITERS;
	waiters_kick(ch);
}

void ebb_bdev_queue_io_wait(struct ebb_io_channel *channel, struct ebb_bdev_io_wait *wait)
{
	struct bdev_channel *ch = ebb_io_channel_ctx(channel);

	if (ch->thread != ebb_turn.thread) {
		ebb_violation(2, "ebb_bdev_queue_io_wait", ch->bdev->name, ch->thread,
			      ebb_thread_current());
		return;
	}
	bdev_wait_queue(ch, wait);
}

/* Return: true: @req goes on, its end is still to come. */
static bool __attribute__((noinline)) finish_special(struct bdev_channel *ch, struct bdev_req *req)
{
	if ((req->special & BDEV_REQ_CHILD) != 0) {
		bdev_part_done(req);
		return true;
	}
	if ((req->special & BDEV_REQ_FUA) != 0 && req->status == 0) {
		req->special = BDEV_REQ_FLUSHING;
		req->io.type = EBB_BDEV_FLUSH;
		req->io.iov = NULL;
		req->io.iovcnt = 0;
		bdev_req_issue(ch, req);
		return true;
	}
	return false;
}

static inline void stat_add(const struct bdev_channel *ch, struct bdev_type_stat *stat,
			    const struct bdev_req *req)
{
	uint64_t latency_ns = ebb_turn.now_ns - req->start_ns;

	stat->ops++;
	stat->bytes += req->io.num_blocks << ch->block_shift;
	stat->latency_ns += latency_ns;
	if (latency_ns > stat->max_latency_ns) {
		stat->max_latency_ns = latency_ns;
	}
	if (latency_ns < stat->min_latency_ns) {
		stat->min_latency_ns = latency_ns;
	}
}

/* Somebody waits for a request, or for the channel to be quiet. */
static void __attribute__((noinline))
finish_attended(struct bdev_channel *ch, ebb_bdev_io_cb cb, void *arg, int status)
{
	if ((ch->attention & BDEV_CH_WAITERS) != 0) {
		waiters_wake(ch);
	}
	cb(arg, status);
	/* If that put the last reference, the channel goes by a message: it is still there. */
	if ((ch->attention & BDEV_CH_QUIESCING) != 0 && ch->outstanding == 0) {
		ch->attention &= (uint8_t)~BDEV_CH_QUIESCING;
		ebb_io_channel_quiesced(ebb_io_channel_from_ctx(ch));
	}
}

void bdev_req_finish(struct bdev_req *req)
{
	struct bdev_channel *ch = req->ch;
	struct bdev_type_stat *stat = &ch->stats[req->type];
	ebb_bdev_io_cb cb;
	void *arg;
	int status;

	if (ebb_unlikely(req->special != 0) && finish_special(ch, req)) {
		return;
	}
	cb = req->cb;
	arg = req->arg;
	status = req->status;
	if (ebb_likely(status == 0)) {
		stat_add(ch, stat, req);
	} else {
		stat->errors++;
	}
	bdev_req_put(ch, req);
	ch->outstanding--;
	/* Nothing begins to wait for this one inside its callback: it is not outstanding any more. */
	if (ebb_unlikely(ch->attention != 0)) {
		finish_attended(ch, cb, arg, status);
		return;
	}
	cb(arg, status);
}
