/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion. A driver may complete inside submit(), where the callback has to wait for the end of
 * the turn; later, where it is called at once; or, in breach of rule 3, on some other thread, from
 * which the completion is carried to the owner.
 *
 * A request's memory is used again at once, so a completion says by its handle which use it means.
 * The generation that is written there changes the moment that a handle has been used, and is what
 * the driver gets with the next request: an old handle never meets it, whether the request is free,
 * waits for its callback, is the layer's or is the driver's again.
 */
#include <ebb/bdev_module.h>

#include <pthread.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/bdev/bytes.h"
#include "core/bdev/complete.h"
#include "core/bdev/io_wait.h"
#include "core/bdev/pool.h"
#include "core/event/reactor.h"

/* @req->status is final: calls back, or goes the long way. Never inside a submit. */
static void req_finish(struct bdev_req *req);

void bdev_complete_deferred(struct event_deferred *deferred)
{
	req_finish(ebb_container_of(deferred, struct bdev_req, deferred));
}

const char *bdev_complete_name(const struct event_deferred *deferred)
{
	return deferred->fn != bdev_complete_deferred
		       ? NULL
		       : ebb_container_of(deferred, struct bdev_req, deferred)->ch->bdev->name;
}

/* As req_finish(), at the end of the turn. */
static inline void req_finish_later(struct bdev_req *req)
{
	event_turn_defer(&req->deferred);
}

static void __attribute__((cold, noinline))
complete_twice(const struct bdev_req *req, int status, const void *site)
{
	static struct ebb_ratelimit limit;
	const struct bdev_channel *ch = req->ch;

	ebb_violation_at(3, "ebb_bdev_io_complete (twice)", ch->bdev->name, ch->thread,
			 ebb_thread_current(), site);
	if (ebb_ratelimit_ok(&limit)) {
		ebb_error("bdev",
			  "%s: its driver completed a request twice, the second time with status "
			  "%d, from %p; refused",
			  ch->bdev->name, status, site);
	}
}

/* The handle of @req that its driver has is used up now. */
static inline void complete_once(struct bdev_channel *ch, struct bdev_req *req, int status)
{
	req->generation++;
	req->status = status;
	if (ch->in_submit) {
		req_finish_later(req);
		return;
	}
	event_reactor_note_io(ch);
	req_finish(req);
}

/* What is carried of all requests: this is no path that has to be fast. */
static pthread_mutex_t carried_mutex = PTHREAD_MUTEX_INITIALIZER;

/* On the owner's thread now. The request may have ended meanwhile, and be another one. */
static void carried_msg(void *arg)
{
	struct bdev_req *req = arg;
	const void *site;
	uint16_t generation;
	int status;

	pthread_mutex_lock(&carried_mutex);
	site = req->carried.site;
	generation = req->carried.generation;
	status = req->carried.status;
	req->carried.under_way = false;
	pthread_mutex_unlock(&carried_mutex);
	if (req->generation != generation) {
		complete_twice(req, status, site);
		return;
	}
	complete_once(req->ch, req, status);
}

/*
 * One at a time is carried of each request, and that one is enough. A second one with the same
 * handle is a second completion. One with an older handle is, too, for the request has been used
 * again since; and one with a newer handle takes the place of what is under way, which is.
 * Return: true: @req->msg is to be sent.
 */
static bool carry(struct bdev_req *req, uint16_t generation, int status, const void *site)
{
	bool send, newer;

	pthread_mutex_lock(&carried_mutex);
	send = !req->carried.under_way;
	newer = (int16_t)(uint16_t)(generation - req->carried.generation) > 0;
	if (send || newer) {
		req->carried.under_way = true;
		req->carried.generation = generation;
		req->carried.status = status;
		req->carried.site = site;
	}
	pthread_mutex_unlock(&carried_mutex);
	return send;
}

static void __attribute__((cold, noinline))
complete_foreign(struct bdev_req *req, uint16_t generation, int status, const void *site)
{
	struct bdev_channel *ch = req->ch;

	ebb_violation_at(3, "ebb_bdev_io_complete", ch->bdev->name, ch->thread,
			 ebb_thread_current(), site);
	if (!carry(req, generation, status, site)) {
		return;
	}
	ebb_msg_init(&req->msg, carried_msg, req);
	if (ebb_thread_send(ch->thread, &req->msg) < 0) {
		ebb_error("bdev", "%s: a completion came after its thread had exited",
			  ch->bdev->name);
	}
}

void ebb_bdev_io_complete(struct ebb_bdev_io_handle handle, int status)
{
	struct bdev_req *req = bdev_req_from_io(handle.io);
	struct bdev_channel *ch = req->ch;

	if (ebb_unlikely(ch->thread != event_turn.thread)) {
		complete_foreign(req, handle.generation, status, __builtin_return_address(0));
		return;
	}
	if (ebb_unlikely(req->generation != handle.generation)) {
		complete_twice(req, status, __builtin_return_address(0));
		return;
	}
	complete_once(ch, req, status);
}

static void parts_waited(void *arg);

/* Return: true: @parent has ended. */
static bool parts_follow(struct bdev_req *parent, enum bdev_parts_next next)
{
	if (next == BDEV_PARTS_WAIT) {
		parent->u.parent.wait.fn = parts_waited;
		parent->u.parent.wait.arg = parent;
		bdev_io_wait_queue_part(parent->ch, &parent->u.parent.wait);
	}
	return next == BDEV_PARTS_ENDED;
}

static void parts_go_on(struct bdev_req *parent)
{
	if (parts_follow(parent, bdev_parts_go_on(parent))) {
		req_finish(parent);
	}
}

static void parts_waited(void *arg)
{
	parts_go_on(arg);
}

void bdev_complete_parts(struct bdev_req *parent, enum bdev_parts_next next)
{
	if (parts_follow(parent, next)) {
		req_finish_later(parent);
	}
}

/* Hands the step that @req is now to the driver. */
static void bytes_issue(struct bdev_channel *ch, struct bdev_req *req)
{
	if (bdev_parts_needed(ch, req)) {
		bdev_complete_parts(req, bdev_parts_begin(ch, req));
	} else {
		bdev_req_issue(ch, req);
	}
}

/* Return: true: @req has ended. */
static bool bytes_follow(struct bdev_req *req, enum bdev_bytes_next next)
{
	if (next == BDEV_BYTES_ISSUE) {
		bytes_issue(req->ch, req);
	}
	return next == BDEV_BYTES_ENDED;
}

static void bytes_granted(struct bdev_range_lock *lock)
{
	struct bdev_req *req = bdev_bytes_of_lock(lock);

	if (bytes_follow(req, bdev_bytes_go_on(req))) {
		req_finish_later(req);
	}
}

void bdev_complete_bytes(struct bdev_channel *ch, struct bdev_req *req)
{
	if (bytes_follow(req, bdev_bytes_begin(ch, req, bytes_granted))) {
		req_finish_later(req);
	}
}

/* Return: true: @req has ended; then others may have its memory. */
static bool bytes_go_on(struct bdev_channel *ch, struct bdev_req *req)
{
	struct bdev_req *other;

	if (!bytes_follow(req, bdev_bytes_go_on(req))) {
		return false;
	}
	while ((other = bdev_bytes_next_waiting(ch)) != NULL) {
		if (other->status == 0) {
			bdev_complete_bytes(ch, other);
		} else {
			req_finish_later(other);
		}
	}
	return true;
}

/* Return: true: @req goes on, its end is still to come. */
static bool __attribute__((noinline)) finish_special(struct bdev_channel *ch, struct bdev_req *req)
{
	if ((req->special & BDEV_REQ_CHILD) != 0) {
		parts_go_on(bdev_parts_end_child(req));
		return true;
	}
	if ((req->special & BDEV_REQ_FUA) != 0 && req->status == 0) {
		req->special = BDEV_REQ_FLUSHING | (req->special & BDEV_REQ_BYTES);
		req->io.type = EBB_BDEV_FLUSH;
		req->io.flags = 0;
		req->io.iov = NULL;
		req->io.iovcnt = 0;
		bdev_req_issue(ch, req);
		return true;
	}
	return (req->special & BDEV_REQ_BYTES) != 0 && !bytes_go_on(ch, req);
}

static inline void stat_add(const struct bdev_channel *ch, struct bdev_type_stat *stat,
			    const struct bdev_req *req)
{
	uint64_t latency_ns = event_turn.now_ns - req->start_ns;

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

/*
 * Somebody waits for a request, or for the channel to be quiet, or latencies are counted. @req is
 * free already, and nobody has taken it yet.
 */
static void __attribute__((noinline))
finish_attended(struct bdev_channel *ch, const struct bdev_req *req, ebb_bdev_io_cb cb, void *arg,
		int status)
{
	if ((ch->attention & BDEV_CH_HISTOGRAM) != 0) {
		bdev_histogram_count(ch->histogram, req->type, event_turn.now_ns - req->start_ns);
	}
	if ((ch->attention & BDEV_CH_RANGES) != 0) {
		bdev_range_request_ended(ch, req);
	}
	if ((ch->attention & BDEV_CH_WAITERS) != 0) {
		bdev_io_wait_wake(ch);
	}
	cb(arg, status);
	/* If that put the last reference, the channel goes by a message: it is still there. */
	if ((ch->attention & BDEV_CH_QUIESCING) != 0 && ch->outstanding == 0) {
		ch->attention &= (uint8_t)~BDEV_CH_QUIESCING;
		ebb_io_channel_quiesced(ebb_io_channel_from_ctx(ch));
	}
}

static void req_finish(struct bdev_req *req)
{
	struct bdev_channel *ch = req->ch;
	struct bdev_type_stat *stat;
	ebb_bdev_io_cb cb;
	void *arg;
	int status;

	if (ebb_unlikely(req->special != 0) && finish_special(ch, req)) {
		return;
	}
	stat = &ch->stats[req->type];
	cb = req->cb;
	arg = req->arg;
	status = req->status;
	if (ebb_likely(status == 0)) {
		stat_add(ch, stat, req);
	} else {
		stat->errors++;
	}
	bdev_pool_put(ch, req);
	ch->outstanding--;
	/*
	 * Nothing begins to wait for this one inside its callback: it is not outstanding any more.
	 */
	if (ebb_unlikely(ch->attention != 0)) {
		finish_attended(ch, req, cb, arg, status);
		return;
	}
	cb(arg, status);
}
