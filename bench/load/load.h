/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

/*
 * What is asked of a device in a run, whoever asks it: the reactors, a peer, a trace.
 *
 * In a closed loop each completion submits the next request, so a slow device is asked less. In an
 * open loop requests come when they come: a latency counts from the moment at which the request was
 * to come, also where the one before it held it up.
 */

#include <stdbool.h>

#include <ebb/base.h>

/* Of a line that says what is wrong. */
#define BENCH_LOAD_ERROR_MAX 256

enum bench_rw {
	BENCH_RW_READ,
	BENCH_RW_WRITE,
	BENCH_RW_RANDREAD,
	BENCH_RW_RANDWRITE,
	BENCH_RW_RANDRW,
	BENCH_RW_COUNT,
};

/* The names that --rw takes, NULL-terminated. */
extern const char *const bench_load_rw_names[];

/* The workload's name, as --rw takes it. */
const char *bench_load_rw_name(enum bench_rw rw);

/* True if some of the requests write. */
bool bench_load_writes(enum bench_rw rw);

/* How requests come in an open loop. */
enum bench_shape {
	BENCH_SHAPE_CLOSED,  /* they do not: queue_depth are kept in flight */
	BENCH_SHAPE_POISSON, /* independently, at the mean rate */
	BENCH_SHAPE_EVEN,    /* at equal distances */
	BENCH_SHAPE_BURST,   /* burst_ios at once, at the mean rate */
	BENCH_SHAPE_ON_OFF,  /* Poisson for on_ns, nothing for off_ns; the rate is that while on */
	BENCH_SHAPE_DAY,     /* a day in the time of the run: night, morning, noon, evening */
	BENCH_SHAPE_TRACE,   /* those of a trace, each at its own time: bench/load/trace.h */
	BENCH_SHAPE_COUNT,
};

/* The names that --shape takes, NULL-terminated; "closed" is among them. */
extern const char *const bench_load_shape_names[];

struct bench_trace;

struct bench_load {
	enum bench_rw rw;
	uint64_t read_percent; /* of randrw */
	uint64_t block_bytes;
	/* Of each core. Closed: kept in flight; open: at most in flight, others wait in line. */
	uint64_t queue_depth;
	uint64_t size_bytes; /* of the device, from its start; 0: all */

	enum bench_shape shape;
	double rate_iops;   /* 0 in a closed loop */
	uint64_t burst_ios; /* also of the bursts of a day; 0 there: 16 */
	uint64_t on_ns;
	uint64_t off_ns;

	/*
	 * BENCH_SHAPE_TRACE: what is asked for; borrowed. No request is longer than block_bytes, and
	 * all lie in the device, in whole blocks; rw is randrw if some write. The run ends when the
	 * last one is answered, or after time_ns.
	 */
	const struct bench_trace *trace;

	uint64_t time_ns; /* counted */
	uint64_t warmup_ns;
	uint64_t seed;
	bool verify; /* every block carries its address and generation */
};

/* How exact the latencies of a run are. */
enum bench_stamps {
	BENCH_STAMPS_EXACT,   /* the clock was read for each submission and completion */
	BENCH_STAMPS_SAMPLED, /* so it was for a sample, and only this is in the latencies */
	BENCH_STAMPS_FOREIGN, /* another program's own */
	BENCH_STAMPS_NONE,
	BENCH_STAMPS_COUNT,
};

/* "exact", "sampled", "foreign", "none" */
const char *bench_load_stamps_name(enum bench_stamps stamps);

#endif
