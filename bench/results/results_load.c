/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/results.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/load/trace.h"

/* A name as it grows; what does not fit is cut off. */
static void name_add(char name[BENCH_TEXT_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void name_add(char name[BENCH_TEXT_MAX], const char *format, ...)
{
	size_t used = strlen(name);
	va_list args;

	va_start(args, format);
	vsnprintf(name + used, BENCH_TEXT_MAX - used, format, args);
	va_end(args);
}

/* As --bs takes it. */
static void name_add_bytes(char name[BENCH_TEXT_MAX], uint64_t bytes)
{
	static const char *const units[] = {"", "k", "m", "g"};
	unsigned unit = 0;

	while (unit + 1 < EBB_ARRAY_SIZE(units) && bytes > 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	name_add(name, " %llu%s", (unsigned long long)bytes, units[unit]);
}

static void name_add_rate(char name[BENCH_TEXT_MAX], double iops)
{
	if (iops >= 1e6) {
		name_add(name, " %.7gM/s", iops / 1e6);
	} else if (iops >= 1e3) {
		name_add(name, " %.7gk/s", iops / 1e3);
	} else {
		name_add(name, " %.7g/s", iops);
	}
}

static void name_add_time(char name[BENCH_TEXT_MAX], uint64_t ns)
{
	double number = (double)ns;

	if (ns < EBB_NS_PER_MS) {
		name_add(name, "%.9gus", number / 1e3);
	} else if (ns < EBB_NS_PER_S) {
		name_add(name, "%.9gms", number / 1e6);
	} else {
		name_add(name, "%.9gs", number / 1e9);
	}
}

void bench_results_load_name(const struct bench_load *load, char name[BENCH_TEXT_MAX])
{
	name[0] = '\0';
	if (load->shape == BENCH_SHAPE_TRACE) {
		name_add(name, "trace %.160s qd %llu", load->trace->name,
			 (unsigned long long)load->queue_depth);
		return;
	}
	name_add(name, "%s", bench_load_rw_name(load->rw));
	if (load->rw == BENCH_RW_RANDRW) {
		name_add(name, " %u/%u", (unsigned)load->read_percent,
			 100 - (unsigned)load->read_percent);
	}
	name_add_bytes(name, load->block_bytes);
	if (load->shape != BENCH_SHAPE_CLOSED) {
		name_add(name, " open");
		name_add_rate(name, load->rate_iops);
		name_add(name, " %s", bench_load_shape_names[load->shape]);
	}
	if (load->shape == BENCH_SHAPE_BURST) {
		name_add(name, " of %llu", (unsigned long long)load->burst_ios);
	}
	if (load->shape == BENCH_SHAPE_ON_OFF) {
		name_add(name, " ");
		name_add_time(name, load->on_ns);
		name_add(name, ",");
		name_add_time(name, load->off_ns);
	}
	name_add(name, " qd %llu%s", (unsigned long long)load->queue_depth,
		 load->verify ? " verified" : "");
}

double bench_results_offered_iops(const struct bench_load *load)
{
	uint64_t period_ns = load->on_ns + load->off_ns;

	switch (load->shape) {
	case BENCH_SHAPE_POISSON:
	case BENCH_SHAPE_EVEN:
	case BENCH_SHAPE_BURST:
		return load->rate_iops;
	case BENCH_SHAPE_ON_OFF:
		/* Of a part of a period it depends on where that part begins. */
		if (period_ns == 0 || load->time_ns % period_ns != 0) {
			return NAN;
		}
		return load->rate_iops * (double)load->on_ns / (double)period_ns;
	default:
		return NAN;
	}
}
