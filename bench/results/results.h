/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

/*
 * What a comparison has shown, and all that a report may say. A cell is one contender under one load
 * on one target; each round of the comparison adds an outcome to it. Every report (table, JSON, CSV,
 * page) is made of this alone.
 */

#include <ebb/histogram.h>

#include "bench/load/load.h"
#include "bench/results/metric.h"
#include "bench/results/spread.h"

#define BENCH_TEXT_MAX 256

struct json_object;

/* What is measured: a bdev, whatever makes it, or another server's export. */
struct bench_target {
	char name[BENCH_TEXT_MAX]; /* as the user gave it */
	char kind[32];             /* "file", "block device", "bdev", "stand-in", "nbd", "server" */
	char driver[32];           /* of the bdev, as bdev_get_bdevs says; else "" */
	char path[BENCH_TEXT_MAX]; /* of the file or device beneath, which peers open; else "" */
	char bdev[BENCH_TEXT_MAX]; /* its bdev here; else "" */
	uint32_t block_size;       /* bytes */
	uint64_t size_bytes;
	bool sparse; /* a file with holes: reading these costs no device */
};

/* Who does the I/O: the reactors in a mode or with a plan, or a peer. */
enum bench_contender_kind {
	BENCH_CONTENDER_MODE, /* poll, interrupt, adaptive */
	BENCH_CONTENDER_PLAN, /* sleep first, then look until, then sleep */
	BENCH_CONTENDER_PEER,
};

/* What one run of it came to. */
struct bench_outcome {
	struct bench_metric_sample sample;
	struct ebb_histogram latency; /* nanoseconds; count 0: unknown */
	enum bench_stamps stamps;
	uint64_t errors;
	double companion_percent; /* CPU of whoever made the arrivals or was the device; NAN: nobody */
	char note[BENCH_TEXT_MAX]; /* what spoils this outcome, in one line; "": nothing */
};

struct bench_contender {
	char name[64]; /* "poll", "plan 30us,65us", "fio io_uring", "nbdkit over NBD" ... */
	enum bench_contender_kind kind;
	char command[2048];        /* a peer's, exactly as it was run last; "": none */
	char version[64];          /* a peer's, as it says itself; "": none, or not known */
	char note[BENCH_TEXT_MAX]; /* in what its figures differ from others'; "": in nothing */

	/* Whether it can measure @target at all; a contender that fits no target has no cells. */
	bool (*fits)(const struct bench_contender *contender, const struct bench_target *target);

	/**
	 * measure() - one run
	 * Thread: the harness, which may wait as long as the run takes.
	 * @ret_outcome: zeroed
	 * Return: 0; -EOPNOTSUPP: this contender cannot do this load on this target, now or ever;
	 *	-ECANCELED: a signal ended it, and there is no outcome; another -errno: it failed.
	 *	@error says why in one line that names the contender and the remedy.
	 */
	int (*measure)(struct bench_contender *contender, const struct bench_target *target,
		       const struct bench_load *load, struct bench_outcome *ret_outcome,
		       char error[BENCH_TEXT_MAX]);
	void (*destroy)(struct bench_contender *contender); /* may be NULL; ends its processes */
	void *context;                                      /* its own */
};

struct bench_cell {
	unsigned target;
	unsigned load;
	unsigned contender;
	unsigned num_samples;
	struct bench_metric_sample *samples; /* one for each round that was measured */
	struct ebb_histogram *latency;       /* of all rounds; NULL: unknown */
	enum bench_stamps stamps;
	uint64_t errors;
	double companion_percent;   /* the last one's */
	char note[BENCH_TEXT_MAX];  /* what spoiled an outcome, of the last such; "": nothing did */
	char error[BENCH_TEXT_MAX]; /* why there are none, or no more; "": nothing was wrong */
};

/* What a rate in percent is of: what was sustained in a closed loop, before the rounds. */
struct bench_sustained {
	double percent; /* 0: the load's rate was given as it is, and the rest says nothing */
	char by[64];    /* who did it */
	char target[BENCH_TEXT_MAX];
	unsigned runs;
	struct bench_spread iops; /* of these runs; its median is what counts */
};

#define BENCH_WARNINGS_MAX 32

struct bench_results {
	struct bench_target *targets;
	unsigned num_targets;
	struct bench_load *loads;
	unsigned num_loads;
	struct bench_sustained *sustained; /* [load] */
	struct bench_contender *contenders;
	unsigned num_contenders;
	struct bench_cell *cells; /* [target][load][contender], in this order */
	unsigned num_cells;

	unsigned rounds;             /* that were asked for */
	char started[32];            /* ISO 8601, UTC */
	uint64_t elapsed_ns;         /* of the whole comparison */
	bool interrupted;            /* by a signal: fewer rounds than asked for */
	char command[2048];          /* how ebb-bench was called */
	struct json_object *machine; /* facts (bench/machine/facts.h) */
	char warnings[BENCH_WARNINGS_MAX][BENCH_TEXT_MAX]; /* what spoils these figures */
	unsigned num_warnings;
};

/**
 * bench_results_init() - make room for a comparison
 * @results: the caller's, until bench_results_fini(). All is zero but where each cell stands and its
 *	companion's CPU, which is unknown; the caller fills in the rest.
 * Return: 0; -ENOMEM, and then there is nothing to fini.
 */
int bench_results_init(struct bench_results *results, unsigned num_targets, unsigned num_loads,
		       unsigned num_contenders);

/* Frees all of it, and puts the machine's facts. Whoever made the contenders has ended them before. */
void bench_results_fini(struct bench_results *results);

/* "mode", "plan" or "peer" */
const char *bench_results_kind_name(enum bench_contender_kind kind);

/* The cell of these three. */
struct bench_cell *bench_results_cell(const struct bench_results *results, unsigned target,
				      unsigned load, unsigned contender);

/**
 * bench_results_add() - one more round of a cell
 * Rounds are added in their order, and a contender that failed is not run again in this cell: so the
 * samples of the same index in two cells are of the same round, and may be compared as a pair.
 * Return: 0; -ENOMEM, and the cell is as it was; -ENOSPC: it holds BENCH_SAMPLES_MAX of them.
 */
int bench_results_add(struct bench_cell *cell, const struct bench_outcome *outcome);

/* One more warning, in printf()'s way; the same text is kept once. */
void bench_results_warn(struct bench_results *results, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What a cell is worth in one metric; NAN where there is no sample. */
struct bench_spread bench_results_spread(const struct bench_cell *cell, enum bench_metric metric);

/* The mean rate that a load offers; NAN where the load itself does not say it. */
double bench_results_offered_iops(const struct bench_load *load);

/**
 * bench_results_load_name() - a load in a few words
 * "randread 4k qd 32", "randrw 70/30 4k open 20k/s poisson qd 128": whatever one comparison varies is
 * in it, so that its loads have different names.
 */
void bench_results_load_name(const struct bench_load *load, char name[BENCH_TEXT_MAX]);

#endif
