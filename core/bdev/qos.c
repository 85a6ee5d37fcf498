/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate limits: so many reads and writes a second, or bytes of them, for all channels of a bdev
 * together.
 *
 * **One limit is one point in time.** A request of n bytes under a limit of r a second takes n / r
 * seconds of the limit's time. "due" is when the time of all requests that were let go will be over.
 * A request is let go if due is not in the future, and moves it on by its own time, however long
 * that is: so a request that is larger than a second's worth goes too, and those after it wait the
 * longer. Nothing is counted down and nothing has to be filled up again, so a limit that nobody
 * uses costs nothing. A due far in the past is an idle time that could be made up for by a burst;
 * so it is taken to be at most one slice ago. While somebody waits, or did a moment ago, it may be
 * longer ago: what has passed then is not idleness but a timer that was late, and the rate shall
 * hold.
 *
 * Threads share due without a lock: two may both find it in the past and let a request go, but both
 * move it on, and what was too early now is waited for next.
 *
 * **A share for each.** Whoever came first after time has passed would take all there is. So each
 * channel also keeps a due of its own, which it moves on by the time of its requests times the
 * number of channels that wait: it is not in the future as long as the channel has not had more
 * than its share. While others wait, a channel that has had its share leaves the next slice to
 * them, and takes only what nobody has wanted for longer than that. So all that wait get the same;
 * one that wants less gets what it wants; and what it leaves is not lost to the others.
 *
 * **Waiting.** Requests wait in their channel, reads and writes apart, each in their order, and the
 * heads of the two take turns: what waits for the limit of reads keeps no write waiting. A channel
 * that waits has a timer of one slice; others have none. Flushes, unmaps, zeroes, compares and
 * block statuses are never limited, nor do parts of a request count: it was let go as a whole.
 *
 * A channel that is to become quiet keeps what waits, unless its bdev is claimed: then what waits
 * belongs to requests of a virtual bdev, whose channel becomes quiet at the same time by their end.
 * They go at once, and are paid for by those that come after.
 *
 * Without a limit nothing of this is on the way of a request: a channel under a limit has its short
 * way closed (bdev_channel.whole_blocks), and only the long one comes by here.
 */
#include "core/bdev/qos.h"

#include <ebb/poller.h>

#include "core/bdev/channel.h"
#include "core/bdev/table.h"

/* Times are kept in sixteenths of a nanosecond, for rates of many millions a second. */
#define QOS_UNITS_PER_NS 16u
#define QOS_SLICE        (BDEV_QOS_SLICE_US * EBB_NS_PER_US * QOS_UNITS_PER_NS)

/* So late a timer may be while somebody waits, and the rate still holds. */
#define QOS_LATE_MAX (100 * QOS_SLICE)

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void bdev_qos_channel_init(struct bdev_qos_channel *qos)
{
	ebb_list_init(&qos->queued[EBB_BDEV_READ]);
	ebb_list_init(&qos->queued[EBB_BDEV_WRITE]);
}

bool bdev_qos_limited(const struct bdev_qos *qos)
{
	unsigned type;

	for (type = 0; type < BDEV_QOS_TYPE_COUNT; type++) {
		if (bdev_qos_rate(qos, (enum bdev_qos_type)type) != 0) {
			return true;
		}
	}
	return false;
}

void bdev_qos_set(struct bdev_qos *qos, const uint64_t rates[BDEV_QOS_TYPE_COUNT])
{
	uint64_t now = event_turn.now_ns * QOS_UNITS_PER_NS;
	unsigned type;

	for (type = 0; type < BDEV_QOS_TYPE_COUNT; type++) {
		struct bdev_qos_limit *limit = &qos->limits[type];

		if (bdev_qos_rate(qos, (enum bdev_qos_type)type) != rates[type]) {
			atomic_store_explicit(&limit->due, now, memory_order_relaxed);
			atomic_store_explicit(&limit->rate, rates[type], memory_order_relaxed);
		}
	}
}

/* What @req counts for under a limit of @type: requests or bytes. */
static uint64_t req_amount(const struct bdev_channel *ch, const struct bdev_req *req,
			   enum bdev_qos_type type)
{
	if (type == BDEV_QOS_RW_IOS) {
		return 1;
	}
	if ((type == BDEV_QOS_R_BYTES && req->type != EBB_BDEV_READ) ||
	    (type == BDEV_QOS_W_BYTES && req->type != EBB_BDEV_WRITE)) {
		return 0;
	}
	return req->io.num_blocks << ch->block_shift;
}

/* The time that @req takes of the limit; 0: it does not count there, or there is no limit. */
static uint64_t req_time(const struct bdev_channel *ch, const struct bdev_req *req,
			 enum bdev_qos_type type)
{
	uint64_t rate = bdev_qos_rate(&ch->internal->qos, type);
	__uint128_t units = EBB_NS_PER_S * QOS_UNITS_PER_NS;

	if (rate == 0) {
		return 0;
	}
	return (uint64_t)(units * req_amount(ch, req, type) / rate);
}

/* Moves @due on by @time, from no earlier than @earliest. */
static void due_move(_Atomic uint64_t *due, uint64_t earliest, uint64_t time)
{
	uint64_t seen = atomic_load_explicit(due, memory_order_relaxed);

	while (seen < earliest &&
	       !atomic_compare_exchange_weak_explicit(due, &seen, earliest, memory_order_relaxed,
						      memory_order_relaxed)) {
	}
	atomic_fetch_add_explicit(due, time, memory_order_relaxed);
}

/* How long ago a limit's due may be. Without a wait that has just been, it is idleness. */
static uint64_t due_earliest(const struct bdev_qos *shared, uint32_t waiting, uint64_t now)
{
	uint64_t waited = atomic_load_explicit(&shared->waited, memory_order_relaxed);

	return now - (waiting > 0 || now < waited + QOS_SLICE ? QOS_LATE_MAX : QOS_SLICE);
}

/* @anyway: it goes, also if it is too early. Return: true: @req has been counted, and goes. */
static bool req_admit(struct bdev_channel *ch, const struct bdev_req *req, bool anyway)
{
	struct bdev_qos *shared = &ch->internal->qos;
	struct bdev_qos_channel *mine = &ch->qos;
	uint64_t now = event_turn.now_ns * QOS_UNITS_PER_NS;
	uint32_t waiting = atomic_load_explicit(&shared->waiting, memory_order_relaxed);
	uint32_t others = waiting - (mine->waiting && waiting > 0);
	uint64_t earliest = due_earliest(shared, waiting, now);
	uint64_t my_earliest = now - (mine->waiting ? QOS_LATE_MAX : QOS_SLICE);
	uint64_t times[BDEV_QOS_TYPE_COUNT];
	unsigned type;

	for (type = 0; type < BDEV_QOS_TYPE_COUNT; type++) {
		uint64_t due =
			atomic_load_explicit(&shared->limits[type].due, memory_order_relaxed);

		times[type] = req_time(ch, req, (enum bdev_qos_type)type);
		if (times[type] == 0) {
			continue;
		}
		if (!anyway &&
		    (due > now || (others > 0 && mine->due[type] > now && due > now - QOS_SLICE))) {
			return false;
		}
	}
	for (type = 0; type < BDEV_QOS_TYPE_COUNT; type++) {
		if (times[type] != 0) {
			due_move(&shared->limits[type].due, earliest, times[type]);
			mine->due[type] =
				later(mine->due[type], my_earliest) + times[type] * (others + 1);
		}
	}
	return true;
}

static bool nothing_queued(const struct bdev_qos_channel *mine)
{
	return ebb_list_empty(&mine->queued[EBB_BDEV_READ]) &&
	       ebb_list_empty(&mine->queued[EBB_BDEV_WRITE]);
}

/* A share that was not wanted before is not saved up. */
static void wait_begin(struct bdev_channel *ch)
{
	uint64_t now = event_turn.now_ns * QOS_UNITS_PER_NS;
	struct bdev_qos_channel *mine = &ch->qos;
	unsigned type;

	for (type = 0; type < BDEV_QOS_TYPE_COUNT; type++) {
		mine->due[type] = later(mine->due[type], now - QOS_SLICE);
	}
	mine->waiting = true;
	atomic_fetch_add_explicit(&ch->internal->qos.waiting, 1, memory_order_relaxed);
	ebb_poller_resume(mine->poller);
}

bool bdev_qos_hold(struct bdev_channel *ch, struct bdev_req *req)
{
	struct bdev_qos_channel *mine = &ch->qos;
	struct ebb_list *queue;

	if (!mine->active || req->type > EBB_BDEV_WRITE) {
		return false;
	}
	queue = &mine->queued[req->type];
	if (ebb_list_empty(queue) && req_admit(ch, req, false)) {
		return false;
	}
	ebb_list_push_back(queue, &req->link);
	if (!mine->waiting) {
		wait_begin(ch);
	}
	return true;
}

static void wait_end(struct bdev_channel *ch)
{
	uint64_t now = event_turn.now_ns * QOS_UNITS_PER_NS;

	ch->qos.waiting = false;
	atomic_store_explicit(&ch->internal->qos.waited, now, memory_order_relaxed);
	atomic_fetch_sub_explicit(&ch->internal->qos.waiting, 1, memory_order_relaxed);
	ebb_poller_pause(ch->qos.poller);
}

static struct bdev_req *queue_pop(struct bdev_channel *ch, bool anyway)
{
	struct bdev_qos_channel *mine = &ch->qos;
	unsigned i;

	for (i = 0; i < 2; i++) {
		unsigned type = mine->turn ^ i;
		struct bdev_req *req;

		if (ebb_list_empty(&mine->queued[type])) {
			continue;
		}
		req = ebb_list_first(&mine->queued[type], struct bdev_req, link);
		if (mine->active && !req_admit(ch, req, anyway)) {
			continue;
		}
		ebb_list_remove(&req->link);
		mine->turn = (uint8_t)(type ^ 1);
		if (nothing_queued(mine)) {
			wait_end(ch);
		}
		return req;
	}
	return NULL;
}

struct bdev_req *bdev_qos_next(struct bdev_channel *ch)
{
	return queue_pop(ch, false);
}

struct bdev_req *bdev_qos_take(struct bdev_channel *ch)
{
	return queue_pop(ch, true);
}
