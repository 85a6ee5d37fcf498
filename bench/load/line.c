/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/line.h"

#include <ebb/clock.h>

void bench_line_init(struct bench_line *line, const struct bench_load *load, uint64_t base_ns,
		     unsigned index, unsigned count)
{
	bench_arrivals_init(&line->arrivals, load, index, count);
	line->base_ns = base_ns;
	line->next_ns = base_ns + bench_arrivals_next(&line->arrivals);
	line->full_ns = 0;
	ebb_histogram_reset(&line->late);
	atomic_store(&line->count_ns, UINT64_MAX);
	atomic_store(&line->tail, 0);
	atomic_store(&line->head, 0);
}

static void line_advance(struct bench_line *line)
{
	line->next_ns = line->base_ns + bench_arrivals_next(&line->arrivals);
}

static void line_note_late(struct bench_line *line, uint64_t now_ns)
{
	if (line->next_ns > line->full_ns &&
	    line->next_ns >= atomic_load_explicit(&line->count_ns, memory_order_relaxed)) {
		ebb_histogram_add(&line->late, now_ns - line->next_ns);
	}
}

uint64_t bench_line_let_in(struct bench_line *line)
{
	uint64_t tail = atomic_load_explicit(&line->tail, memory_order_relaxed);
	uint64_t count = 0;
	uint64_t now_ns;

	/* The clock is read for each: letting many in takes time, too. */
	while (line->next_ns <= (now_ns = ebb_clock_now_ns())) {
		if (tail - atomic_load_explicit(&line->head, memory_order_acquire) ==
		    BENCH_LINE_ENTRIES) {
			line->full_ns = now_ns;
			return count;
		}
		line_note_late(line, now_ns);
		line->moments_ns[tail % BENCH_LINE_ENTRIES] = line->next_ns;
		tail++;
		count++;
		atomic_store_explicit(&line->tail, tail, memory_order_release);
		line_advance(line);
	}
	return count;
}

bool bench_line_take_due(struct bench_line *line, uint64_t now_ns, bool idle,
			 uint64_t *ret_moment_ns)
{
	if (line->next_ns > now_ns) {
		return false;
	}
	if (idle) {
		line_note_late(line, now_ns);
	}
	*ret_moment_ns = line->next_ns;
	line_advance(line);
	return true;
}

bool bench_line_rest(struct bench_line *line, uint64_t from_ns, uint64_t until_ns, unsigned max,
		     struct bench_line_rest *rest)
{
	for (; max > 0; max--) {
		uint64_t moment_ns;

		if (!bench_line_take(line, &moment_ns) &&
		    !bench_line_take_due(line, until_ns, false, &moment_ns)) {
			return true;
		}
		if (moment_ns > until_ns) {
			return true; /* let in while the end was told */
		}
		rest->all++;
		rest->counted += moment_ns >= from_ns;
	}
	return false;
}
