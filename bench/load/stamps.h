/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STAMPS_H
#define BENCH_STAMPS_H

/*
 * Which requests are worth a reading of the clock at each of their ends.
 *
 * A turn of a reactor may take longer than the device does, so the turn's own time is no time stamp:
 * a request that begins and ends in one turn would have taken nothing. But two readings cost what a
 * fast device takes for a request. So all requests are stamped where that costs little beside the
 * time between two completions, and elsewhere every BENCH_STAMPS_SAMPLE'th on average, at random
 * distances, so that the sample does not fall into step with the queue depth.
 */

#include <ebb/base.h>

#define BENCH_STAMPS_SAMPLE 64
#define BENCH_STAMPS_COSTS  40 /* of one reading, between two completions: two are 5 % */

/**
 * bench_stamps_every() - one of how many requests is stamped
 * @interval_ns: between two completions of one worker, on average; UINT64_MAX: none were seen
 * @clock_cost_ns: of one reading
 * Return: 1 or BENCH_STAMPS_SAMPLE.
 */
static inline uint32_t bench_stamps_every(uint64_t interval_ns, uint64_t clock_cost_ns)
{
	return interval_ns >= BENCH_STAMPS_COSTS * clock_cost_ns ? 1 : BENCH_STAMPS_SAMPLE;
}

/* What a reading of ebb_clock_now_ns() costs here, measured; some 100 us. */
uint64_t bench_stamps_clock_cost_ns(void);

#endif
