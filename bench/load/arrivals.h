/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ARRIVALS_H
#define BENCH_ARRIVALS_H

/*
 * When the requests of an open loop are to come: one stream of moments, the same for one seed wherever
 * and by whomever it is made. Several workers share it by each taking every so-many'th moment.
 *
 * Where the rate changes with time (on and off, a day) the stream is Poisson on an axis on which it
 * does not: how many requests are to be expected up to a moment. Each period begins with the
 * counting, so that a run counts whole ones; what comes before that is the end of another one.
 */

#include "bench/load/load.h"
#include "bench/load/random.h"

#define BENCH_ARRIVALS_PIECES 24

/* A part of a period at one rate. */
struct bench_arrivals_piece {
	double len_ns;
	double expected; /* requests in it */
};

struct bench_arrivals {
	enum bench_shape shape;
	struct bench_random random;
	double gap_ns; /* between two requests or, if they come in bursts, between two bursts */
	uint64_t burst_ios;
	uint64_t burst_left; /* of the present burst */
	double burst_chance; /* that a request of a day is the first of a burst */
	uint64_t count;      /* requests, or bursts, so far */
	double last_ns;      /* the moment given last */
	double at_ns;        /* of a Poisson stream; where the rate changes: in requests expected */
	unsigned num_pieces;
	struct bench_arrivals_piece pieces[BENCH_ARRIVALS_PIECES];
	double period_ns;
	double period_expected;
	double begin_ns;                 /* where in the first period the stream begins */
	const struct bench_trace *trace; /* whose moments these are; NULL: of none */
	size_t trace_at;
	double trace_begin_ns; /* when it begins */
	unsigned stride;       /* every so-many'th is taken */
	unsigned skip;         /* before the next one that is */
};

/**
 * bench_arrivals_init() - a stream from its beginning
 * @load: an open loop, of which the stream begins with the warm-up
 * @index, @count: which of how many shares of it
 */
void bench_arrivals_init(struct bench_arrivals *arrivals, const struct bench_load *load,
			 unsigned index, unsigned count);

/* No request comes for years: a trace has ended. */
#define BENCH_ARRIVALS_NEVER_NS (UINT64_C(30) * 366 * 86400 * EBB_NS_PER_S)

/* Return: the next moment of this share, nanoseconds since the beginning; never less than the last. */
uint64_t bench_arrivals_next(struct bench_arrivals *arrivals);

/**
 * bench_arrivals_check() - can there be such a stream?
 * Return: NULL; or what is missing, as "a rate".
 */
const char *bench_arrivals_check(const struct bench_load *load);

#endif
