/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BATCH_H
#define BENCH_BATCH_H

/*
 * Round trips are timed in batches, so that the clock is no part of what is timed, and the median
 * batch is what counts: on a machine that does other things too, a mean over the whole time says
 * how often the measurement was interrupted. Both sides of a comparison are treated alike.
 */

#include <math.h>

#include <ebb/histogram.h>

struct bench_batches {
	struct ebb_histogram ns; /* of each batch */
	unsigned trips;          /* in each batch */
};

/* @trips: so many that they take far longer than the clock, and far less than a time slice */
static inline void bench_batches_init(struct bench_batches *batches, unsigned trips)
{
	ebb_histogram_reset(&batches->ns);
	batches->trips = trips;
}

static inline void bench_batches_add(struct bench_batches *batches, uint64_t batch_ns)
{
	ebb_histogram_add(&batches->ns, batch_ns);
}

/* Return: nanoseconds for each trip of the median batch; NAN: there was no batch. */
static inline double bench_batches_trip_ns(const struct bench_batches *batches)
{
	if (batches->ns.count == 0) {
		return NAN;
	}
	return (double)ebb_histogram_percentile(&batches->ns, 50) / batches->trips;
}

/* In a batch of two threads that spin, and of such that sleep. */
#define BENCH_TRIPS_SPINNING 64u
#define BENCH_TRIPS_SLEEPING 8u

#endif
