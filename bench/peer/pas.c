/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/pas.h"

/*
 * The contender: a loop of pas_loop.c on each CPU of the reactors, which sleep meanwhile.
 */

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/clock.h>

#include "bench/load/companion.h"
#include "bench/machine/pin.h"
#include "bench/peer/pas_device.h"
#include "bench/peer/pas_loop.h"
#include "bench/peer/place.h"
#include "bench/signals.h"

static int pas_refuse(char error[BENCH_TEXT_MAX], const char *why)
{
	snprintf(error, BENCH_TEXT_MAX, "pas: %s", why);
	return -EOPNOTSUPP;
}

/* Return: 0; -EOPNOTSUPP (@error). */
static int pas_check(const struct bench_target *target, const struct bench_load *load,
		     char error[BENCH_TEXT_MAX])
{
	if (!bench_pas_device_fits(target, error)) {
		return -EOPNOTSUPP;
	}
	if (load->queue_depth != 1) {
		return pas_refuse(error, "it waits for one request after the other: give --qd 1");
	}
	if (load->verify) {
		return pas_refuse(error, "it does not verify what it reads");
	}
	return 0;
}

static uint64_t timeval_ns(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * EBB_NS_PER_S + (uint64_t)time->tv_usec * EBB_NS_PER_US;
}

/* The kernel's division into user and system, of the exact time. */
static void count_add_cpu(struct bench_count *sum, const struct bench_pas_count *count)
{
	double user = (double)timeval_ns(&count->used.ru_utime);
	double system = (double)timeval_ns(&count->used.ru_stime);
	double part = user + system > 0 ? user / (user + system) : 0;
	uint64_t user_ns = (uint64_t)((double)count->cpu_ns * part);

	sum->user_ns += user_ns;
	sum->system_ns += count->cpu_ns - user_ns;
	sum->voluntary += (uint64_t)count->used.ru_nvcsw;
	sum->involuntary += (uint64_t)count->used.ru_nivcsw;
	sum->wakeups += count->sleeps;
}

static void outcome_make(const struct bench_pas_loop *loops, unsigned num_loops,
			 struct bench_outcome *ret_outcome)
{
	const struct bench_load *load = loops[0].load;
	static struct bench_count sum; /* too large for a stack; the harness's only */
	uint64_t begin_ns = UINT64_MAX, end_ns = 0;
	bool open = load->shape != BENCH_SHAPE_CLOSED;

	sum = (struct bench_count){
		.io_bytes = load->block_bytes,
		.joules = NAN,
		.offered = open ? 0 : NAN,
		.backlog = open ? 0 : NAN,
		.late_p50_ns = NAN,
		.late_p99_ns = NAN,
	};
	ebb_histogram_reset(&sum.latency);
	for (unsigned i = 0; i < num_loops; i++) {
		const struct bench_pas_count *count = &loops[i].count;

		if (!loops[i].counting) {
			continue;
		}
		begin_ns = count->begin_ns < begin_ns ? count->begin_ns : begin_ns;
		end_ns = count->end_ns > end_ns ? count->end_ns : end_ns;
		ebb_histogram_merge(&sum.latency, &count->latency);
		count_add_cpu(&sum, count);
		sum.offered += (double)count->offered;
		sum.backlog += (double)count->backlog;
	}
	sum.ios = sum.latency.count;
	ret_outcome->stamps = BENCH_STAMPS_EXACT;
	ret_outcome->latency = sum.latency;
	if (end_ns > begin_ns) {
		sum.elapsed_ns = end_ns - begin_ns;
		bench_metric_sample_make(&sum, &ret_outcome->sample);
	}
}

static void *loop_main(void *arg)
{
	bench_pas_loop_run(arg);
	return NULL;
}

/* Runs a loop on each CPU of the place. Return: 0; -errno (@error). */
static int loops_run(struct bench_pas_loop *loops, const struct bench_place *place,
		     char error[BENCH_TEXT_MAX])
{
	uint64_t start_ns = ebb_clock_now_ns();
	pthread_t threads[CPU_SETSIZE];
	unsigned num_begun = 0;
	int rc = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((size_t)cpu, &place->cpus)) {
			continue;
		}
		loops[num_begun].start_ns = start_ns;
		rc = bench_pin_thread_create(&threads[num_begun], cpu, loop_main,
					     &loops[num_begun]);
		if (rc < 0) {
			snprintf(error, BENCH_TEXT_MAX, "pas: there is no OS thread on CPU %d: %s",
				 cpu, strerror(-rc));
			break;
		}
		num_begun++;
	}
	for (unsigned i = 0; i < num_begun; i++) {
		pthread_join(threads[i], NULL);
		if (rc == 0 && loops[i].rc < 0) {
			rc = loops[i].rc;
			memcpy(error, loops[i].error, BENCH_TEXT_MAX);
		}
	}
	return rc;
}

static int pas_measure_on(const struct bench_target *target, const struct bench_load *load,
			  const struct bench_place *place, struct bench_outcome *ret_outcome,
			  char error[BENCH_TEXT_MAX])
{
	struct bench_pas_loop *loops = calloc(place->num_cpus, sizeof(*loops));
	int rc = 0;

	if (loops == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "pas: out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < place->num_cpus && rc == 0; i++) {
		rc = bench_pas_loop_init(&loops[i], target, load, i, place->num_cpus);
		if (rc < 0) {
			memcpy(error, loops[i].error, BENCH_TEXT_MAX);
		}
	}
	if (rc == 0) {
		rc = loops_run(loops, place, error);
		outcome_make(loops, place->num_cpus, ret_outcome);
		ret_outcome->errors = rc < 0;
	}
	if (rc == 0 && ret_outcome->latency.count == 0 && bench_signals_seen()) {
		rc = -ECANCELED;
		snprintf(error, BENCH_TEXT_MAX, "a signal came before it counted");
	}
	free(loops);
	return rc;
}

static int pas_measure(struct bench_contender *contender, const struct bench_target *target,
		       const struct bench_load *load, struct bench_outcome *ret_outcome,
		       char error[BENCH_TEXT_MAX])
{
	struct bench_companion_usage before, after;
	struct bench_place place;
	int rc = pas_check(target, load, error);

	(void)contender;
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		ret_outcome->sample.metric[metric] = NAN;
	}
	ret_outcome->companion_percent = NAN;
	if (rc == 0) {
		rc = bench_place_quiet(error);
	}
	if (rc < 0) {
		return rc;
	}
	bench_place_get(&place);
	bench_companion_get_usage(&before);
	rc = pas_measure_on(target, load, &place, ret_outcome, error);
	bench_companion_get_usage(&after);
	if (after.running) {
		ret_outcome->companion_percent = (double)(after.cpu_ns - before.cpu_ns) * 100 /
						 (double)(load->warmup_ns + load->time_ns);
	}
	return rc;
}

static bool pas_fits(const struct bench_contender *contender, const struct bench_target *target)
{
	char error[BENCH_TEXT_MAX];

	(void)contender;
	return bench_pas_device_fits(target, error);
}

int bench_pas_make(struct bench_contender *ret_contender, char error[BENCH_TEXT_MAX])
{
	(void)error;
	memset(ret_contender, 0, sizeof(*ret_contender));
	snprintf(ret_contender->name, sizeof(ret_contender->name), "pas");
	ret_contender->kind = BENCH_CONTENDER_PEER;
	snprintf(ret_contender->command, sizeof(ret_contender->command), "ebb-bench's own loop");
	snprintf(ret_contender->version, sizeof(ret_contender->version), "FAST '26");
	snprintf(ret_contender->note, sizeof(ret_contender->note),
		 "here each sleep is a system call; as published, it is in the kernel");
	ret_contender->fits = pas_fits;
	ret_contender->measure = pas_measure;
	return 0;
}
