/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/jitter.h"

/*
 * All distributions have the same mean, so that a device has its speed whatever its jitter is.
 *
 * Log-normal and Pareto are given by mean T and standard deviation J. With c = J / T, a log-normal
 * one has s^2 = ln(1 + c^2) and the median T exp(-s^2 / 2). A Pareto one has c^2 = 1 / (a (a - 2)),
 * so a = 1 + sqrt(1 + 1 / c^2), and its least value is T (a - 1) / a: most requests take a little less
 * than T, and few take much longer.
 */

#include <errno.h>
#include <math.h>
#include <stddef.h>

#define JITTER_MAX 10 /* times the mean */

const char *const bench_jitter_names[] = {
	[BENCH_JITTER_NONE] = "none",
	[BENCH_JITTER_UNIFORM] = "uniform",
	[BENCH_JITTER_LOG_NORMAL] = "log-normal",
	[BENCH_JITTER_PARETO] = "pareto",
	[BENCH_JITTER_COUNT] = NULL,
};

int bench_jitter_draw_init(struct bench_jitter_draw *draw, enum bench_jitter distribution,
			   uint64_t service_ns, uint64_t jitter_ns, uint64_t seed)
{
	uint64_t times = distribution == BENCH_JITTER_UNIFORM ? 1 : JITTER_MAX;
	double ratio;

	*draw = (struct bench_jitter_draw){
		.distribution = jitter_ns == 0 ? BENCH_JITTER_NONE : distribution,
		.service_ns = service_ns,
		.jitter_ns = jitter_ns,
		.random.state = seed,
	};
	if (draw->distribution == BENCH_JITTER_NONE) {
		return 0;
	}
	if (jitter_ns > times * service_ns) {
		return -EINVAL;
	}
	ratio = (double)jitter_ns / (double)service_ns;
	if (distribution == BENCH_JITTER_LOG_NORMAL) {
		double variance = log(1 + ratio * ratio);

		draw->scale = log((double)service_ns) - variance / 2;
		draw->shape = sqrt(variance);
	} else if (distribution == BENCH_JITTER_PARETO) {
		double alpha = 1 + sqrt(1 + 1 / (ratio * ratio));

		draw->scale = (double)service_ns * (alpha - 1) / alpha;
		draw->shape = 1 / alpha;
	}
	return 0;
}

/* In (0, 1]. */
static double draw_unit(struct bench_jitter_draw *draw)
{
	return (double)((bench_random_next(&draw->random) >> 11) + 1) * 0x1p-53;
}

/* A normal one, by Box and Muller. */
static double draw_normal(struct bench_jitter_draw *draw)
{
	double radius = sqrt(-2 * log(draw_unit(draw)));

	return radius * cos(2 * M_PI * draw_unit(draw));
}

uint64_t bench_jitter_draw_next(struct bench_jitter_draw *draw)
{
	double ns;

	switch (draw->distribution) {
	case BENCH_JITTER_UNIFORM:
		return draw->service_ns - draw->jitter_ns +
		       bench_random_below(&draw->random, 2 * draw->jitter_ns + 1);
	case BENCH_JITTER_LOG_NORMAL:
		ns = exp(draw->scale + draw->shape * draw_normal(draw));
		break;
	case BENCH_JITTER_PARETO:
		ns = draw->scale * pow(draw_unit(draw), -draw->shape);
		break;
	default:
		return draw->service_ns;
	}
	return ns < (double)BENCH_JITTER_TIME_MAX_NS ? (uint64_t)ns : BENCH_JITTER_TIME_MAX_NS;
}
