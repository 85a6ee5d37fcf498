/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/clock.h>
#include <ebb/reactor.h>

static struct stress_flow *flows[STRESS_FLOWS];
static unsigned num_flows;

void stress_random_init(struct stress_random *random, uint64_t stream)
{
	random->state = stress_seed * 0x9e3779b97f4a7c15u + stream;
}

/* splitmix64 */
uint64_t stress_random_below(struct stress_random *random, uint64_t end)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % end;
}

void stress_random_delay(struct stress_random *random)
{
	static const uint64_t max_ns[] = {1, 500, 3000, 60000};
	uint64_t end_ns = ebb_clock_now_ns() +
			  stress_random_below(random, max_ns[stress_random_below(random, 4)]);

	while (ebb_clock_now_ns() < end_ns) {
	}
}

static void print_reactors(void)
{
	struct ebb_reactor_stats stats;

	for (unsigned i = 0; ebb_reactor_core(i) >= 0; i++) {
		if (ebb_reactor_get_stats(ebb_reactor_core(i), &stats) != 0) {
			continue;
		}
		printf("# reactor %d: mode %s, %s, %llu turns, %llu wakeups, last by %s\n",
		       stats.core, ebb_reactor_mode_name(stats.mode),
		       stats.asleep ? "asleep" : "awake", (unsigned long long)stats.turns,
		       (unsigned long long)stats.wakeups, stats.last_wake);
	}
}

void stress_fail(const char *format, ...)
{
	static atomic_flag failed = ATOMIC_FLAG_INIT;
	va_list args;

	if (atomic_flag_test_and_set(&failed)) {
		for (;;) {
			pause(); /* somebody else is failing, and ends the process */
		}
	}
	printf("not ok - stress, seed %llu: ", (unsigned long long)stress_seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	print_reactors();
	for (unsigned i = 0; i < num_flows; i++) {
		uint64_t under_way = stress_flow_under_way(flows[i]);

		if (under_way != 0 && !flows[i]->heartbeat) {
			printf("# flow %s %u: %llu of %llu under way\n", flows[i]->name,
			       flows[i]->index, (unsigned long long)under_way,
			       (unsigned long long)atomic_load(&flows[i]->begun));
		}
	}
	fflush(stdout);
	if (getenv("STRESS_ABORT") != NULL) {
		abort();
	}
	_exit(1);
}

void stress_flow_init(struct stress_flow *flow, const char *name, unsigned index)
{
	if (num_flows == STRESS_FLOWS) {
		stress_fail("STRESS_FLOWS is too small");
	}
	memset(flow, 0, sizeof(*flow));
	flow->name = name;
	flow->index = index;
	flows[num_flows] = flow;
	num_flows++;
}

bool stress_flows_check(uint64_t now_ns)
{
	bool quiet = stress_phase_quiet(stress_phase_now());
	bool rest = true;

	for (unsigned i = 0; i < num_flows; i++) {
		struct stress_flow *flow = flows[i];
		uint64_t ended = atomic_load(&flow->ended);
		bool waits = flow->heartbeat ? atomic_load(&flow->open)
					     : atomic_load(&flow->begun) != ended;

		if (!waits || ended != flow->seen_ended || flow->seen_ns == 0 ||
		    (flow->driven && quiet)) {
			flow->seen_ended = ended;
			flow->seen_ns = now_ns;
		} else if (now_ns - flow->seen_ns > stress_limit_ns) {
			stress_fail("%s %u has not moved for %llu ms, after %llu", flow->name,
				    flow->index,
				    (unsigned long long)((now_ns - flow->seen_ns) / EBB_NS_PER_MS),
				    (unsigned long long)ended);
		}
		rest &= flow->heartbeat || !waits;
	}
	return rest;
}

uint64_t stress_flows_ended(const char *name)
{
	uint64_t ended = 0;

	for (unsigned i = 0; i < num_flows; i++) {
		if (strcmp(flows[i]->name, name) == 0) {
			ended += atomic_load(&flows[i]->ended);
		}
	}
	return ended;
}

/* One line for each name, with the sum over its flows. */
void stress_flows_print(void)
{
	for (unsigned i = 0; i < num_flows; i++) {
		unsigned first = 0;

		while (strcmp(flows[first]->name, flows[i]->name) != 0) {
			first++;
		}
		if (first == i) {
			printf("# %-24s %12llu\n", flows[i]->name,
			       (unsigned long long)stress_flows_ended(flows[i]->name));
		}
	}
	print_reactors();
}

void stress_flows_fini(void)
{
	num_flows = 0;
}

/* ---- streams ---- */

static _Thread_local bool lane_sending;

static void parcel_run(void *arg)
{
	struct stress_parcel *parcel = arg;
	struct stress_stream *stream = parcel->stream;
	uint64_t ended = atomic_load_explicit(&stream->flow.ended, memory_order_relaxed);
	uint64_t passed_ns = ebb_clock_now_ns() - parcel->sent_ns;

	if (lane_sending) {
		stress_fail("%s %u: a message runs inside its sender", stream->flow.name,
			    stream->flow.index);
	}
	if (ebb_thread_current() != stream->target) {
		stress_fail("%s %u: a message runs on another thread", stream->flow.name,
			    stream->flow.index);
	}
	if (parcel->seq != ended) {
		stress_fail("%s %u: message %llu runs where %llu is next", stream->flow.name,
			    stream->flow.index, (unsigned long long)parcel->seq,
			    (unsigned long long)ended);
	}
	if (passed_ns > stress_limit_ns) {
		stress_fail("%s %u: message %llu ran after %llu ms", stream->flow.name,
			    stream->flow.index, (unsigned long long)parcel->seq,
			    (unsigned long long)(passed_ns / EBB_NS_PER_MS));
	}
	/* Pairs with the load in stress_stream_send(), which uses the parcel again. */
	atomic_store_explicit(&stream->flow.ended, ended + 1, memory_order_release);
	if (stream->after != NULL) {
		stream->after(stream);
	}
}

void stress_stream_init(struct stress_stream *stream, const char *name, unsigned index,
			enum stress_form form, uint32_t window)
{
	stress_flow_init(&stream->flow, name, index);
	stream->form = form;
	stream->window = window;
	stream->target = NULL;
	stream->after = NULL;
	stream->parcels = calloc(window, sizeof(*stream->parcels));
	if (stream->parcels == NULL) {
		stress_fail("out of memory");
	}
}

void stress_stream_fini(struct stress_stream *stream)
{
	free(stream->parcels);
	stream->parcels = NULL;
}

int stress_stream_send(struct stress_stream *stream)
{
	uint64_t seq = atomic_load_explicit(&stream->flow.begun, memory_order_relaxed);
	struct stress_parcel *parcel = &stream->parcels[seq % stream->window];
	enum stress_form form = stream->form;
	int rc = 0;

	if (seq - atomic_load_explicit(&stream->flow.ended, memory_order_acquire) >=
	    stream->window) {
		return -EAGAIN;
	}
	parcel->stream = stream;
	parcel->seq = seq;
	parcel->sent_ns = ebb_clock_now_ns();
	atomic_store_explicit(&stream->flow.begun, seq + 1, memory_order_relaxed);
	if (form == STRESS_MIXED) {
		form = seq % 2 == 0 ? STRESS_MSG : STRESS_CALL;
	}
	lane_sending = true;
	switch (form) {
	case STRESS_MSG:
		ebb_msg_init(&parcel->msg, parcel_run, parcel);
		rc = ebb_thread_send(stream->target, &parcel->msg);
		break;
	case STRESS_CALL:
		rc = ebb_thread_send_msg(stream->target, parcel_run, parcel);
		break;
	default:
		rc = ebb_thread_send_critical(stream->target, parcel_run, parcel);
		break;
	}
	lane_sending = false;
	if (rc != 0) {
		atomic_store_explicit(&stream->flow.begun, seq, memory_order_relaxed);
	}
	return rc;
}
