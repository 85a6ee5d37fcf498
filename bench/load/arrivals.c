/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/arrivals.h"

#include <math.h>
#include <string.h>

#include "bench/load/trace.h"

#define DAY_BURST_IOS    16
#define DAY_BURST_CHANCE (1.0 / 64)

/* How busy somebody's computer is, hour by hour from midnight. */
static const double day_hours[BENCH_ARRIVALS_PIECES] = {
	0.1, 0.05, 0.05, 0.05, 0.05, 0.1, 0.3, 0.8, 1.6, 2.2, 2.0, 1.7,
	1.0, 0.9,  1.5,  1.6,  1.4,  1.1, 1.0, 1.4, 1.8, 1.5, 0.8, 0.3,
};

static void piece_add(struct bench_arrivals *arrivals, double len_ns, double expected)
{
	arrivals->pieces[arrivals->num_pieces++] =
		(struct bench_arrivals_piece){.len_ns = len_ns, .expected = expected};
	arrivals->period_ns += len_ns;
	arrivals->period_expected += expected;
}

static void day_init(struct bench_arrivals *arrivals, const struct bench_load *load)
{
	double hour_ns = (double)load->time_ns / BENCH_ARRIVALS_PIECES;
	double busy = 0;

	arrivals->burst_ios = load->burst_ios > 0 ? load->burst_ios : DAY_BURST_IOS;
	arrivals->burst_chance = DAY_BURST_CHANCE;
	/* Expected are bursts and single requests: a burst must not make the day's rate higher. */
	arrivals->gap_ns *= 1 + arrivals->burst_chance * ((double)arrivals->burst_ios - 1);
	for (unsigned i = 0; i < BENCH_ARRIVALS_PIECES; i++) {
		busy += day_hours[i] / BENCH_ARRIVALS_PIECES;
	}
	for (unsigned i = 0; i < BENCH_ARRIVALS_PIECES; i++) {
		piece_add(arrivals, hour_ns, hour_ns / arrivals->gap_ns * day_hours[i] / busy);
	}
}

/* How many requests are to be expected from the beginning of a period to a moment of it. */
static double expected_until(const struct bench_arrivals *arrivals, double at_ns)
{
	double expected = 0;

	for (unsigned i = 0; i < arrivals->num_pieces && at_ns > 0; i++) {
		const struct bench_arrivals_piece *piece = &arrivals->pieces[i];
		double part_ns = fmin(at_ns, piece->len_ns);

		expected += piece->expected * (part_ns / piece->len_ns);
		at_ns -= part_ns;
	}
	return expected;
}

/* The other way round: the moment, from the beginning of the first period. */
static double moment_of(const struct bench_arrivals *arrivals, double expected)
{
	double periods = floor(expected / arrivals->period_expected);
	double at_ns = periods * arrivals->period_ns;

	expected -= periods * arrivals->period_expected;
	for (unsigned i = 0; i < arrivals->num_pieces; i++) {
		const struct bench_arrivals_piece *piece = &arrivals->pieces[i];

		if (expected < piece->expected) {
			return at_ns + piece->len_ns * (expected / piece->expected);
		}
		expected -= piece->expected;
		at_ns += piece->len_ns;
	}
	return at_ns;
}

static void period_begin(struct bench_arrivals *arrivals, double warmup_ns)
{
	double periods = ceil(warmup_ns / arrivals->period_ns);

	arrivals->begin_ns = periods * arrivals->period_ns - warmup_ns;
	arrivals->at_ns = expected_until(arrivals, arrivals->begin_ns);
}

void bench_arrivals_init(struct bench_arrivals *arrivals, const struct bench_load *load,
			 unsigned index, unsigned count)
{
	memset(arrivals, 0, sizeof(*arrivals));
	arrivals->shape = load->shape;
	arrivals->random.state = load->seed * BENCH_RANDOM_SALT;
	arrivals->gap_ns = (double)EBB_NS_PER_S / load->rate_iops;
	arrivals->stride = count;
	arrivals->skip = index;
	if (load->shape == BENCH_SHAPE_BURST) {
		arrivals->burst_ios = load->burst_ios;
		arrivals->gap_ns *= (double)load->burst_ios;
	} else if (load->shape == BENCH_SHAPE_ON_OFF) {
		piece_add(arrivals, (double)load->on_ns, (double)load->on_ns / arrivals->gap_ns);
		if (load->off_ns > 0) {
			piece_add(arrivals, (double)load->off_ns, 0);
		}
		period_begin(arrivals, (double)load->warmup_ns);
	} else if (load->shape == BENCH_SHAPE_TRACE) {
		arrivals->trace = load->trace;
		arrivals->trace_begin_ns = (double)load->warmup_ns;
	} else if (load->shape == BENCH_SHAPE_DAY) {
		day_init(arrivals, load);
		period_begin(arrivals, (double)load->warmup_ns);
	}
}

/* In (0, 1]. */
static double random_fraction(struct bench_random *random)
{
	return ((double)(bench_random_next(random) >> 11) + 1) * 0x1p-53;
}

static double moment_next(struct bench_arrivals *arrivals)
{
	double expected = -log(random_fraction(&arrivals->random));

	if (arrivals->num_pieces > 0) {
		arrivals->at_ns += expected;
		return moment_of(arrivals, arrivals->at_ns) - arrivals->begin_ns;
	}
	arrivals->at_ns += expected * arrivals->gap_ns;
	return arrivals->at_ns;
}

static double trace_next(struct bench_arrivals *arrivals)
{
	const struct bench_trace *trace = arrivals->trace;

	if (arrivals->trace_at == trace->num_ios) {
		return (double)BENCH_ARRIVALS_NEVER_NS;
	}
	return arrivals->trace_begin_ns + (double)trace->ios[arrivals->trace_at++].at_ns;
}

/* Of all shares. */
static double stream_next(struct bench_arrivals *arrivals)
{
	if (arrivals->burst_left > 0) {
		arrivals->burst_left--;
		return arrivals->last_ns;
	}
	switch (arrivals->shape) {
	case BENCH_SHAPE_EVEN:
		arrivals->last_ns = (double)++arrivals->count * arrivals->gap_ns;
		break;
	case BENCH_SHAPE_BURST:
		arrivals->last_ns = (double)++arrivals->count * arrivals->gap_ns;
		arrivals->burst_left = arrivals->burst_ios - 1;
		break;
	case BENCH_SHAPE_TRACE:
		arrivals->last_ns = trace_next(arrivals);
		break;
	case BENCH_SHAPE_DAY:
		arrivals->last_ns = moment_next(arrivals);
		if (random_fraction(&arrivals->random) <= arrivals->burst_chance) {
			arrivals->burst_left = arrivals->burst_ios - 1;
		}
		break;
	default:
		arrivals->last_ns = moment_next(arrivals);
		break;
	}
	return arrivals->last_ns;
}

uint64_t bench_arrivals_next(struct bench_arrivals *arrivals)
{
	for (; arrivals->skip > 0; arrivals->skip--) {
		stream_next(arrivals);
	}
	arrivals->skip = arrivals->stride - 1;
	return (uint64_t)stream_next(arrivals);
}

const char *bench_arrivals_check(const struct bench_load *load)
{
	if (load->shape == BENCH_SHAPE_TRACE) {
		return load->trace == NULL || load->trace->num_ios == 0 ? "a trace" : NULL;
	}
	if (!(load->rate_iops > 0)) {
		return "a rate";
	}
	if (load->shape == BENCH_SHAPE_BURST && load->burst_ios == 0) {
		return "the number of requests in a burst";
	}
	if (load->shape == BENCH_SHAPE_ON_OFF && load->on_ns == 0) {
		return "how long it is on";
	}
	if (load->shape == BENCH_SHAPE_DAY && load->time_ns == 0) {
		return "the length of the run";
	}
	return NULL;
}
