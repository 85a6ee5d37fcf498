/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/pas_loop.h"

/*
 * The reference loop of per-I/O adaptive sleep:
 *
 *	submit; sleep as long as pas_sleep.c says; look: it has completed (the sleep was over), or look
 *	on until it has (under); learn
 *
 * Reads and writes have durations of their own, as they have times of their own. In an open loop the
 * thread sleeps until the next request is to come; if that is in the past, it was waiting in line,
 * and its latency counts from there.
 *
 * It differs from the published one in one thing: that one is in the kernel, this one makes a system
 * call for each sleep. The scheme is for one request at a time, so that other loads are refused.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>

#include <ebb/clock.h>

#include "bench/peer/pas_device.h"
#include "bench/signals.h"
#include "core/base/cpu_relax.h"
#include "core/base/timespec.h"

/* What a thread has used so far. */
static void used_read(struct bench_pas_count *count)
{
	struct timespec cpu;

	getrusage(RUSAGE_THREAD, &count->used);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	count->cpu_ns = (uint64_t)cpu.tv_sec * EBB_NS_PER_S + (uint64_t)cpu.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec time = base_timespec(ns);

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static uint64_t loop_next_offset(struct bench_pas_loop *loop)
{
	uint64_t slot = loop->workload.random
				? bench_random_below(&loop->random, loop->workload.slots)
				: loop->cursor;

	loop->cursor = slot + 1 == loop->workload.slots ? 0 : slot + 1;
	return slot * loop->workload.io_bytes;
}

static bool loop_next_writes(struct bench_pas_loop *loop)
{
	if (loop->workload.read_below == 0 || loop->workload.read_below > UINT32_MAX) {
		return loop->workload.read_below == 0;
	}
	return (uint32_t)bench_random_next(&loop->random) >= loop->workload.read_below;
}

/* One request, from its submission to its end. Return: 0; -errno (loop->error). */
static int loop_serve(struct bench_pas_loop *loop)
{
	bool write = loop_next_writes(loop);
	uint64_t offset_bytes = loop_next_offset(loop);
	struct bench_pas_sleep *sleep = &loop->sleep[write];
	int status = 0;
	bool over;
	int rc = bench_pas_device_submit(loop->device, write, offset_bytes);

	if (rc == 0) {
		sleep_ns(bench_pas_sleep_ns(sleep));
		loop->count.sleeps++;
		over = bench_pas_device_look(loop->device, &status);
		while (!over && !bench_pas_device_look(loop->device, &status)) {
			base_cpu_relax();
		}
		bench_pas_sleep_learn(sleep, over);
		rc = status;
	}
	if (rc < 0) {
		snprintf(loop->error, sizeof(loop->error),
			 "pas: %.80s: a %s of %llu bytes at byte %llu failed: %s",
			 loop->target->name, write ? "write" : "read",
			 (unsigned long long)loop->workload.io_bytes,
			 (unsigned long long)offset_bytes, strerror(-rc));
	}
	return rc;
}

/* Waits until the next request is to come. Return: when that was. */
static uint64_t loop_await(struct bench_pas_loop *loop, uint64_t now_ns)
{
	uint64_t due_ns;

	if (loop->load->shape == BENCH_SHAPE_CLOSED) {
		return now_ns;
	}
	due_ns = loop->start_ns + bench_arrivals_next(&loop->arrivals);
	if (due_ns >= loop->until_ns) {
		return due_ns;
	}
	while ((now_ns = ebb_clock_now_ns()) < due_ns && !bench_signals_seen()) {
		sleep_ns(due_ns - now_ns);
	}
	return due_ns;
}

static void loop_begin_count(struct bench_pas_loop *loop, uint64_t now_ns)
{
	loop->counting = true;
	used_read(&loop->count);
	loop->count.begin_ns = now_ns;
	loop->count.sleeps = 0;
	loop->count.offered = 0;
	loop->count.backlog = 0;
	ebb_histogram_reset(&loop->count.latency);
}

static void time_subtract(struct timeval *to, const struct timeval *from)
{
	struct timeval rest;

	timersub(to, from, &rest);
	*to = rest;
}

static void loop_end_count(struct bench_pas_loop *loop, uint64_t now_ns)
{
	struct bench_pas_count after;

	used_read(&after);
	loop->count.end_ns = now_ns;
	loop->count.cpu_ns = after.cpu_ns - loop->count.cpu_ns;
	time_subtract(&after.used.ru_utime, &loop->count.used.ru_utime);
	time_subtract(&after.used.ru_stime, &loop->count.used.ru_stime);
	after.used.ru_nvcsw -= loop->count.used.ru_nvcsw;
	after.used.ru_nivcsw -= loop->count.used.ru_nivcsw;
	loop->count.used = after.used;
	if (loop->load->shape == BENCH_SHAPE_CLOSED) {
		return;
	}
	/* What was to come by now waits in line. */
	while (loop->start_ns + bench_arrivals_next(&loop->arrivals) < now_ns) {
		loop->count.backlog++;
	}
	loop->count.offered += loop->count.backlog;
}

static void loop_do(struct bench_pas_loop *loop)
{
	uint64_t now_ns = ebb_clock_now_ns();

	while (now_ns < loop->until_ns && !bench_signals_seen()) {
		uint64_t since_ns = loop_await(loop, now_ns);

		if (since_ns >= loop->until_ns || bench_signals_seen()) {
			break;
		}
		if (!loop->counting && ebb_clock_now_ns() >= loop->from_ns) {
			loop_begin_count(loop, ebb_clock_now_ns());
		}
		loop->count.offered += since_ns >= loop->from_ns;
		loop->rc = loop_serve(loop);
		if (loop->rc < 0) {
			break;
		}
		now_ns = ebb_clock_now_ns();
		if (loop->counting) {
			ebb_histogram_add(&loop->count.latency, now_ns - since_ns);
		}
	}
	if (loop->counting) {
		loop_end_count(loop, ebb_clock_now_ns());
	}
}

int bench_pas_loop_init(struct bench_pas_loop *loop, const struct bench_target *target,
			const struct bench_load *load, unsigned index, unsigned count)
{
	char why[BENCH_LOAD_ERROR_MAX];
	int rc;

	memset(loop, 0, sizeof(*loop));
	loop->target = target;
	loop->load = load;
	rc = bench_workload_make(load, target->name, target->block_size,
				 target->size_bytes / target->block_size, &loop->workload, why);
	if (rc < 0) {
		snprintf(loop->error, sizeof(loop->error), "pas: %.240s", why);
		return rc;
	}
	loop->random.state = load->seed + index;
	bench_random_next(&loop->random);
	loop->cursor = loop->workload.slots / count * index;
	if (load->shape != BENCH_SHAPE_CLOSED) {
		bench_arrivals_init(&loop->arrivals, load, index, count);
	}
	bench_pas_sleep_init(&loop->sleep[0]);
	bench_pas_sleep_init(&loop->sleep[1]);
	return 0;
}

void bench_pas_loop_run(struct bench_pas_loop *loop)
{
	loop->from_ns = loop->start_ns + loop->load->warmup_ns;
	loop->until_ns = loop->from_ns + loop->load->time_ns;
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	loop->rc = bench_pas_device_open(loop->target, bench_load_writes(loop->load->rw),
					 loop->workload.io_bytes, &loop->device, loop->error);
	if (loop->rc == 0) {
		loop_do(loop);
	}
	bench_pas_device_close(loop->device);
	loop->device = NULL;
}
