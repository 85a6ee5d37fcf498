/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request costs in ebb-bench's own loop: its worker on a bdev layer that does nothing but call
 * back. A request is put into a ring, and taken out of it again; whatever else is in the figure is the
 * harness's.
 *
 *	engine DEPTH ROUNDS     nanoseconds of CPU time an I/O, medians of ROUNDS
 *
 * "sampled" is what a fast device is measured with. "exact" has two readings of the clock in it: it is
 * for devices beside which these are nothing. "open" takes requests out of a line that is never empty.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ebb/assert.h>
#include <ebb/bdev.h>
#include <ebb/clock.h>
#include <ebb/poller.h>

#include "bench/cost/timing.h"
#include "bench/load/job.h"
#include "bench/load/stamps.h"

#define DEPTH_MAX  4096u
#define BATCH      2000000u
#define ROUNDS_MAX 999u

static struct {
	ebb_bdev_io_cb cb;
	void *arg;
} ring[DEPTH_MAX];
static unsigned ring_head, ring_tail, ring_mask;

static struct bench_worker worker;
static struct bench_line line;

int __attribute__((noinline))
ebb_bdev_read(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, void *buf,
	      uint64_t offset_blocks, uint64_t num_blocks, ebb_bdev_io_cb cb, void *arg)
{
	(void)desc;
	(void)ch;
	(void)buf;
	(void)offset_blocks;
	(void)num_blocks;
	ring[ring_tail & ring_mask].cb = cb;
	ring[ring_tail & ring_mask].arg = arg;
	ring_tail++;
	return 0;
}

int __attribute__((noinline))
ebb_bdev_write(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, const void *buf,
	       uint64_t offset_blocks, uint64_t num_blocks, uint32_t flags, ebb_bdev_io_cb cb,
	       void *arg)
{
	(void)flags;
	return ebb_bdev_read(desc, ch, (void *)(uintptr_t)buf, offset_blocks, num_blocks, cb, arg);
}

/* What the loop calls besides, and never does here. */
void ebb_bdev_queue_io_wait(struct ebb_io_channel *ch, struct ebb_bdev_io_wait *wait)
{
	(void)ch;
	(void)wait;
	ebb_assert(false);
}

void ebb_poller_run_at(struct ebb_poller *poller, uint64_t deadline_ns)
{
	(void)poller;
	(void)deadline_ns;
	ebb_assert(false);
}

void bench_worker_answer(struct bench_worker *of)
{
	(void)of;
	ebb_assert(false);
}

void bench_worker_alarm(struct bench_worker *of)
{
	(void)of;
	ebb_assert(false);
}

void bench_worker_decide_stamps(struct bench_worker *of)
{
	(void)of;
	ebb_assert(false);
}

/* Only a trace has an end. */
void bench_worker_look_finished(struct bench_worker *of)
{
	ebb_assert(of->trace == NULL);
}

/* @every: of so many requests one is stamped. Return: ns for each request. */
static double time_closed(unsigned depth, uint32_t every)
{
	double start;

	worker.line = NULL;
	worker.stamp_every = every;
	worker.stamp_left = 1;
	ring_head = 0;
	ring_tail = 0;
	for (unsigned i = 0; i < depth; i++) {
		bench_job_start(&worker.jobs[i]);
	}
	start = timing_cpu_ns();
	for (unsigned i = 0; i < BATCH; i++) {
		unsigned at = ring_head++ & ring_mask;

		ring[at].cb(ring[at].arg, 0);
	}
	return (timing_cpu_ns() - start) / BATCH;
}

/* Letting them in is the companion's, and is not counted. */
static double time_open(unsigned depth)
{
	const unsigned count = BATCH / 16;
	unsigned left = count;
	double sum = 0;

	worker.line = &line;
	worker.timed = false;
	worker.stamp_every = BENCH_STAMPS_SAMPLE;
	worker.stamp_left = 1;
	ring_head = 0;
	ring_tail = 0;
	ebb_list_init(&worker.idle);
	for (unsigned i = 0; i < depth; i++) {
		ebb_list_push_back(&worker.idle, &worker.jobs[i].wait.link);
	}
	bench_line_let_in(&line);
	bench_job_take_arrivals(&worker);
	while (left > 0) {
		unsigned part = left < BENCH_LINE_ENTRIES / 2 ? left : BENCH_LINE_ENTRIES / 2;
		double start;

		bench_line_let_in(&line);
		start = timing_cpu_ns();
		for (unsigned i = 0; i < part; i++) {
			unsigned at = ring_head++ & ring_mask;

			ring[at].cb(ring[at].arg, 0);
		}
		sum += timing_cpu_ns() - start;
		left -= part;
	}
	return sum / count;
}

static void setup(unsigned depth)
{
	/* More requests a second than can be served, from long ago. */
	struct bench_load load = {.shape = BENCH_SHAPE_EVEN, .rate_iops = 1e9};

	worker.load = (struct bench_workload){
		.io_bytes = 4096,
		.io_blocks = 1,
		.slots = 1u << 28,
		.queue_depth = depth,
		.random = true,
		.read_below = UINT64_C(7) << 29, /* 87.5 % reads: nothing of the loop is left out */
	};
	worker.jobs = aligned_alloc(EBB_CACHE_LINE, depth * sizeof(*worker.jobs));
	ebb_assert(worker.jobs != NULL);
	memset(worker.jobs, 0, depth * sizeof(*worker.jobs));
	for (unsigned i = 0; i < depth; i++) {
		worker.jobs[i].worker = &worker;
		ebb_list_init(&worker.jobs[i].wait.link);
	}
	ebb_histogram_reset(&worker.latency);
	bench_line_init(&line, &load, 0, 0, 1);
}

int main(int argc, char **argv)
{
	static double sampled[ROUNDS_MAX], exact[ROUNDS_MAX], open_loop[ROUNDS_MAX];
	unsigned depth = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
	unsigned rounds = argc == 3 ? (unsigned)atoi(argv[2]) : 0;

	if (depth == 0 || depth > DEPTH_MAX || (depth & (depth - 1)) != 0 || rounds == 0 ||
	    rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: engine DEPTH ROUNDS (DEPTH is a power of two up to %u)\n",
			DEPTH_MAX);
		return 2;
	}
	ring_mask = depth - 1;
	setup(depth);
	for (unsigned i = 0; i < rounds; i++) {
		sampled[i] = time_closed(depth, BENCH_STAMPS_SAMPLE);
		exact[i] = time_closed(depth, 1);
		open_loop[i] = time_open(depth);
	}
	printf("%.1f ns an I/O sampled, %.1f exact, %.1f open\n", timing_median(sampled, rounds),
	       timing_median(exact, rounds), timing_median(open_loop, rounds));
	return 0;
}
