/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/ping.h"

#include <ebb/assert.h>

#include "bench/wake/batch.h"
#include "bench/harness.h"
#include "core/event/turn.h"

/*
 * One message goes each way, as a request and its reply do in the framework. Batches and the end
 * are timed by the time of the turn, which has been read anyway.
 */

struct ping {
	/* Read by both sides. */
	struct ebb_thread *a;
	struct ebb_thread *b;
	struct ebb_msg there;
	struct ebb_msg back;

	/* Written by @a: on lines of its own, or @b would fetch them with every message. */
	struct bench_harness_call call EBB_CACHE_ALIGNED;
	uint64_t time_ns;
	uint64_t begin_ns;
	uint64_t batch_ns; /* when the present batch began */
	unsigned trips;    /* in it, so far */
	struct bench_batches batches;
};

static void ping_send(struct ebb_thread *to, struct ebb_msg *msg)
{
	int rc = ebb_thread_send(to, msg);

	ebb_assert(rc == 0);
}

/* On @b. */
static void ping_there(void *arg)
{
	struct ping *ping = arg;

	ping_send(ping->a, &ping->back);
}

/* On @a. */
static void ping_back(void *arg)
{
	struct ping *ping = arg;

	ping->trips++;
	if (ping->trips == ping->batches.trips) {
		bench_batches_add(&ping->batches, event_turn.now_ns - ping->batch_ns);
		ping->batch_ns = event_turn.now_ns;
		ping->trips = 0;
	}
	/* However little of the CPU there was, one batch is waited for. */
	if (event_turn.now_ns - ping->begin_ns < ping->time_ns || ping->batches.ns.count == 0) {
		ping_send(ping->b, &ping->there);
	} else {
		bench_harness_call_done(&ping->call);
	}
}

static void ping_begin(void *arg)
{
	struct ping *ping = arg;

	ping->begin_ns = event_turn.now_ns;
	ping->batch_ns = event_turn.now_ns;
	ping_send(ping->b, &ping->there);
}

double bench_ping(struct ebb_thread *a, struct ebb_thread *b, unsigned batch_trips,
		  uint64_t time_ns)
{
	struct ping ping = {.a = a, .b = b, .time_ns = time_ns};

	bench_batches_init(&ping.batches, batch_trips);
	ebb_msg_init(&ping.there, ping_there, &ping);
	ebb_msg_init(&ping.back, ping_back, &ping);
	bench_harness_call(&ping.call, a, ping_begin, &ping);
	return bench_batches_trip_ns(&ping.batches) / 2;
}
