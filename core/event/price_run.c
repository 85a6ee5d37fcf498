/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/price_run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include <ebb/assert.h>
#include <ebb/clock.h>

#include "core/base/timespec.h"

#define BATCH          8u
#define BATCHES_MIN    10u
#define CLOCK_READINGS 5u

static uint64_t cpu_now_ns(void)
{
	struct timespec time;
	int rc = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);

	ebb_assert(rc == 0);
	return (uint64_t)time.tv_sec * EBB_NS_PER_S + (uint64_t)time.tv_nsec;
}

/* The least that was seen: everything else has something more in it. */
static uint64_t clock_cost(void)
{
	uint64_t least_ns = UINT64_MAX;

	for (unsigned i = 0; i < CLOCK_READINGS; i++) {
		uint64_t begin_ns = cpu_now_ns();
		uint64_t cost_ns = cpu_now_ns() - begin_ns;

		least_ns = cost_ns < least_ns ? cost_ns : least_ns;
	}
	return least_ns;
}

void event_price_run_pause(uint64_t time_ns)
{
	const struct timespec time = base_timespec(time_ns);

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

int event_price_run_begin(struct event_price_run *run, const struct event_price_opts *opts)
{
	ebb_assert(opts->samples > 0);
	*run = (struct event_price_run){
		.opts = opts,
		.batch = opts->samples >= BATCH * BATCHES_MIN ? BATCH : 1,
		.late_ns = calloc(opts->samples, sizeof(double)),
		.cpu_ns = calloc(opts->samples, sizeof(double)),
	};
	if (run->late_ns == NULL || run->cpu_ns == NULL) {
		free(run->late_ns);
		free(run->cpu_ns);
		return -ENOMEM;
	}
	run->clock_cost_ns = clock_cost();
	run->begin_ns = ebb_clock_now_ns();
	return 0;
}

bool event_price_run_next(struct event_price_run *run)
{
	const struct event_price_opts *opts = run->opts;

	if (run->num_late == opts->samples || (opts->stopped != NULL && opts->stopped()) ||
	    ebb_clock_now_ns() - run->begin_ns > opts->limit_ns) {
		return false;
	}
	if (run->in_batch == 0) {
		run->batch_cpu_ns = cpu_now_ns();
	}
	return true;
}

void event_price_run_add(struct event_price_run *run, double late_ns)
{
	double cpu_ns;

	run->late_ns[run->num_late++] = late_ns;
	run->in_batch++;
	if (run->in_batch < run->batch) {
		return;
	}
	cpu_ns = (double)(cpu_now_ns() - run->batch_cpu_ns) - (double)run->clock_cost_ns;
	run->cpu_ns[run->num_cpu++] = fmax(cpu_ns, 0) / run->batch;
	run->in_batch = 0;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

/* The value that @percent of them do not exceed. */
static double percentile(const double *sorted, unsigned count, double percent)
{
	unsigned rank = (unsigned)ceil(percent / 100 * count);

	return sorted[rank == 0 ? 0 : rank - 1];
}

void event_price_run_spread(double *values, unsigned count, struct event_price_spread *ret_spread)
{
	ebb_assert(count > 0);
	qsort(values, count, sizeof(values[0]), compare);
	ret_spread->p5_ns = percentile(values, count, 5);
	ret_spread->median_ns = percentile(values, count, 50);
	ret_spread->p95_ns = percentile(values, count, 95);
}

int event_price_run_end(struct event_price_run *run, int rc, struct event_price *ret_price)
{
	if (rc == 0 && run->num_cpu == 0 && run->in_batch > 0) {
		/* It ended before the first batch was full. */
		run->batch = run->in_batch;
		run->cpu_ns[run->num_cpu++] =
			fmax((double)(cpu_now_ns() - run->batch_cpu_ns), 0) / run->batch;
	}
	if (rc == 0 && run->num_late == 0) {
		rc = -ETIME;
	}
	if (rc == 0) {
		ret_price->samples = run->num_late;
		event_price_run_spread(run->late_ns, run->num_late, &ret_price->late);
		event_price_run_spread(run->cpu_ns, run->num_cpu, &ret_price->cpu);
	}
	free(run->late_ns);
	free(run->cpu_ns);
	return rc;
}
