/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

/*
 * The clock of one OS thread that reads it all the time.
 *
 * CLOCK_MONOTONIC costs some 20 ns, the processor's counter half of that. But the counter alone is
 * no clock: it stops, jumps or starts again at zero when a laptop sleeps, and it does not follow
 * the kernel's corrections. So a ticker reads the kernel's clock, counts on from there for at most
 * a millisecond, and reads it again. Whatever the counter did meanwhile shows as a distance of more
 * than that millisecond (a restart makes it "negative", hence huge), and leads to a reading. Its
 * scale is measured anew from one reading to the next, so nothing has to be calibrated at start.
 *
 * Until the counter is said to be good, every reading is the kernel's: base_clock_trust_ticks() is
 * for whoever has asked the kernel whether it takes the counter as its own clock
 * (os/clocksource.h).
 */

#include <stdbool.h>

#include <ebb/base.h>

struct base_ticker {
	uint64_t anchor_ticks;
	uint64_t anchor_ns;
	uint64_t limit_ticks; /* count on from the anchor below this; 0: never */
	uint64_t scale;       /* nanoseconds per tick, 32 bits of fraction */
};

/* So long at most is counted on from one reading of the kernel's clock. */
#define BASE_TICKER_ANCHOR_MAX_NS EBB_NS_PER_MS

/* Lets tickers count, or not, from their next reading on. Default: not. Thread: any. */
void base_clock_trust_ticks(bool trusted);

/*
 * Reads the kernel's clock. @last_ns: the last value given; time never runs backwards from there.
 */
uint64_t base_ticker_read(struct base_ticker *ticker, uint64_t last_ns);

static inline uint64_t base_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

/**
 * base_ticker_count() - the time, if it can be counted on from the last reading of the kernel's
 * clock
 * Thread: the one that owns @ticker (zeroed before its first use).
 * Return: false: it cannot, call base_ticker_read().
 */
static inline bool base_ticker_count(const struct base_ticker *ticker, uint64_t *ret_ns)
{
	uint64_t distance = base_ticks() - ticker->anchor_ticks;

	if (ebb_unlikely(distance >= ticker->limit_ticks)) {
		return false;
	}
	*ret_ns = ticker->anchor_ns + ((distance * ticker->scale) >> 32);
	return true;
}

#endif
