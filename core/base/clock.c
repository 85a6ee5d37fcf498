/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/clock.h"

#include <assert.h>
#include <stdatomic.h>
#include <time.h>

#include <ebb/clock.h>

#define SCALE_MIN_NS (100 * EBB_NS_PER_US) /* below, the two readings' own time shows */
#define SCALE_MAX_NS (4 * EBB_NS_PER_S)    /* above, the machine may have been suspended */
static_assert(SCALE_MAX_NS <= UINT64_MAX >> 32, "a scale is found by one division of 64 bits");

#define PAIR_TICKS_GOOD 1000 /* a few hundred nanoseconds on any processor of today */

static uint64_t (*clock_source)(void);

static atomic_bool clock_trusts_ticks;

uint64_t ebb_clock_now_ns(void)
{
	struct timespec now;

	if (ebb_unlikely(clock_source != NULL)) {
		return clock_source();
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec;
}

void ebb_clock_set_source(uint64_t (*now_ns)(void))
{
	clock_source = now_ns;
}

void base_clock_trust_ticks(bool trusted)
{
	atomic_store_explicit(&clock_trusts_ticks, trusted, memory_order_relaxed);
}

/*
 * One moment on both clocks. A reading that was interrupted between the two is worth nothing: take
 * the tightest of a few.
 */
static uint64_t clock_read_pair(uint64_t *ret_ticks)
{
	uint64_t best_width = UINT64_MAX;
	uint64_t best_ns = 0;

	for (unsigned i = 0; i < 3 && best_width > PAIR_TICKS_GOOD; i++) {
		uint64_t before = base_ticks();
		uint64_t now_ns = ebb_clock_now_ns();
		uint64_t width = base_ticks() - before;

		if (width < best_width) {
			best_width = width;
			best_ns = now_ns;
			*ret_ticks = before + width / 2;
		}
	}
	return best_ns;
}

uint64_t base_ticker_read(struct base_ticker *ticker, uint64_t last_ns)
{
	uint64_t ticks = 0;
	uint64_t now_ns = clock_read_pair(&ticks);
	uint64_t passed_ns = now_ns - ticker->anchor_ns;
	uint64_t passed_ticks = ticks - ticker->anchor_ticks;

	now_ns = now_ns > last_ns ? now_ns : last_ns;
	ticker->limit_ticks = 0;
	if (passed_ns < SCALE_MIN_NS) {
		return now_ns; /* too close to the last anchor to learn the scale from */
	}
	if (atomic_load_explicit(&clock_trusts_ticks, memory_order_relaxed) &&
	    clock_source == NULL && passed_ns < SCALE_MAX_NS && passed_ticks >= passed_ns / 16 &&
	    passed_ticks <= passed_ns * 16) {
		ticker->scale = (passed_ns << 32) / passed_ticks;
		ticker->limit_ticks = (BASE_TICKER_ANCHOR_MAX_NS << 32) / ticker->scale;
	}
	ticker->anchor_ticks = ticks;
	ticker->anchor_ns = now_ns;
	return now_ns;
}
