/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/matrix.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static void closed_add(const struct bench_compare_options *options, struct bench_load load,
		       struct bench_matrix_row *rows, unsigned *count)
{
	for (unsigned i = 0; i < options->queue_depth.count; i++) {
		load.shape = BENCH_SHAPE_CLOSED;
		load.queue_depth = options->queue_depth.number[i];
		rows[(*count)++] = (struct bench_matrix_row){.load = load};
	}
}

static uint64_t depth_max(const struct bench_compare_options *options)
{
	uint64_t max = 0;

	for (unsigned i = 0; i < options->queue_depth.count; i++) {
		if (options->queue_depth.number[i] > max) {
			max = options->queue_depth.number[i];
		}
	}
	return max;
}

static void open_add(const struct bench_compare_options *options, struct bench_load load,
		     enum bench_shape shape, struct bench_matrix_row *rows, unsigned *count)
{
	load.shape = shape;
	load.queue_depth = depth_max(options);
	load.burst_ios = shape == BENCH_SHAPE_BURST ? options->burst_ios : 0;
	load.on_ns = shape == BENCH_SHAPE_ON_OFF ? options->on_ns : 0;
	load.off_ns = shape == BENCH_SHAPE_ON_OFF ? options->off_ns : 0;
	for (unsigned i = 0; i < options->rates.count; i++) {
		const struct bench_rate *rate = &options->rates.rate[i];

		load.rate_iops = rate->percent ? 0 : rate->value;
		rows[(*count)++] =
			(struct bench_matrix_row){.load = load,
						  .percent = rate->percent ? rate->value : 0};
	}
}

/* All shapes, of one size and mix. */
static void shapes_add(const struct bench_compare_options *options, const struct bench_load *load,
		       struct bench_matrix_row *rows, unsigned *count)
{
	for (unsigned i = 0; i < options->shapes.count; i++) {
		if (options->shapes.index[i] == BENCH_SHAPE_CLOSED) {
			closed_add(options, *load, rows, count);
		} else {
			open_add(options, *load, options->shapes.index[i], rows, count);
		}
	}
}

static unsigned count_max(const struct bench_compare_options *options)
{
	return options->rw.count * options->read_percent.count * options->block_bytes.count *
	       options->shapes.count * (options->queue_depth.count + options->rates.count);
}

int bench_matrix_make(const struct bench_compare_options *options,
		      struct bench_matrix_row **ret_rows)
{
	struct bench_matrix_row *rows = calloc(count_max(options), sizeof(*rows));
	struct bench_load load = {
		.size_bytes = options->size_bytes,
		.time_ns = options->time_ns,
		.warmup_ns = options->warmup_ns,
		.seed = options->seed,
		.verify = options->verify,
	};
	unsigned count = 0;

	if (rows == NULL) {
		return -ENOMEM;
	}
	for (unsigned rw = 0; rw < options->rw.count; rw++) {
		bool mixes = options->rw.index[rw] == BENCH_RW_RANDRW;
		unsigned num_mixes = mixes ? options->read_percent.count : 1;

		load.rw = options->rw.index[rw];
		for (unsigned mix = 0; mix < num_mixes; mix++) {
			load.read_percent = mixes ? options->read_percent.number[mix] : 0;
			for (unsigned bs = 0; bs < options->block_bytes.count; bs++) {
				load.block_bytes = options->block_bytes.number[bs];
				shapes_add(options, &load, rows, &count);
			}
		}
	}
	*ret_rows = rows;
	return (int)count;
}

bool bench_matrix_same_capacity(const struct bench_load *a, const struct bench_load *b)
{
	return a->rw == b->rw && a->read_percent == b->read_percent &&
	       a->block_bytes == b->block_bytes && a->queue_depth == b->queue_depth;
}

double bench_matrix_rate(double capacity_iops, double percent)
{
	double rate = capacity_iops * percent / 100;
	double unit;

	if (rate < 1) {
		return 1;
	}
	unit = pow(10, floor(log10(rate)) - 2);
	return unit > 1 ? round(rate / unit) * unit : fmax(round(rate), 1);
}

struct bench_load bench_matrix_largest(const struct bench_matrix_row *rows, unsigned count)
{
	struct bench_load largest = rows[0].load;

	for (unsigned i = 1; i < count; i++) {
		const struct bench_load *load = &rows[i].load;

		if (load->block_bytes > largest.block_bytes) {
			largest.block_bytes = load->block_bytes;
		}
		if (load->queue_depth > largest.queue_depth) {
			largest.queue_depth = load->queue_depth;
		}
		if (bench_load_writes(load->rw)) {
			largest.rw = load->rw;
		}
	}
	return largest;
}
