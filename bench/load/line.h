/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LINE_H
#define BENCH_LINE_H

/*
 * The line in which the requests of an open loop stand until a worker takes them: of each, the moment
 * at which it was to come.
 *
 * Either the companion lets them in when they come, and the worker takes them out: a ring of one
 * writer and one reader. Or, where there is no CPU for a companion, the worker itself looks which have
 * come by now. Both have the same stream, so nothing is lost when the ring is full: who comes meanwhile
 * is let in later, and still counts from when it was to come.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include <ebb/histogram.h>

#include "bench/load/arrivals.h"

#define BENCH_LINE_ENTRIES 4096u

struct bench_line {
	/* Of whoever lets them in: the companion, or the worker. */
	struct bench_arrivals arrivals;
	uint64_t base_ns; /* when the stream began */
	uint64_t next_ns; /* who is to come next, by the clock */
	uint64_t full_ns; /* when the ring was last full: who came before that is late by that */
	struct ebb_histogram late; /* how late they were let in, since count_ns */
	atomic_uint_least64_t count_ns;

	/* The ring. */
	_Alignas(EBB_CACHE_LINE) atomic_uint_least64_t tail; /* the writer's; pairs with _take() */
	_Alignas(EBB_CACHE_LINE)
		atomic_uint_least64_t head; /* the reader's; pairs with _let_in() */
	_Alignas(EBB_CACHE_LINE) uint64_t moments_ns[BENCH_LINE_ENTRIES];
};

/**
 * bench_line_init() - an empty line before its stream begins
 * @base_ns: when it does, of ebb_clock_now_ns()
 * @index, @count: as bench_arrivals_init()
 */
void bench_line_init(struct bench_line *line, const struct bench_load *load, uint64_t base_ns,
		     unsigned index, unsigned count);

/**
 * bench_line_let_in() - move into the ring who has come by now
 * Thread: the companion.
 * Return: how many.
 */
uint64_t bench_line_let_in(struct bench_line *line);

/**
 * bench_line_next_ns() - when there is more to let in
 * Thread: the companion.
 */
static inline uint64_t bench_line_next_ns(const struct bench_line *line)
{
	return line->next_ns;
}

/* The first of the ring. Return: false: it is empty. Thread: the worker. */
static inline bool bench_line_take(struct bench_line *line, uint64_t *ret_moment_ns)
{
	uint64_t head = atomic_load_explicit(&line->head, memory_order_relaxed);

	if (head == atomic_load_explicit(&line->tail, memory_order_acquire)) {
		return false;
	}
	*ret_moment_ns = line->moments_ns[head % BENCH_LINE_ENTRIES];
	atomic_store_explicit(&line->head, head + 1, memory_order_release);
	return true;
}

/**
 * bench_line_take_due() - who has come by @now_ns, where there is no companion
 * @idle: somebody was free to take it: how late it is counts as the generator's lateness
 * Thread: the worker.
 * Return: false: nobody.
 */
bool bench_line_take_due(struct bench_line *line, uint64_t now_ns, bool idle,
			 uint64_t *ret_moment_ns);

struct bench_line_rest {
	uint64_t all;     /* who came before the end, and was not taken */
	uint64_t counted; /* of these, who came since the beginning of the counting */
};

/**
 * bench_line_rest() - count who is left, at most @max of them
 * Thread: any, when nobody else uses @line any more.
 * Return: true: these were all; otherwise call it again, it adds to @rest.
 */
bool bench_line_rest(struct bench_line *line, uint64_t from_ns, uint64_t until_ns, unsigned max,
		     struct bench_line_rest *rest);

#endif
