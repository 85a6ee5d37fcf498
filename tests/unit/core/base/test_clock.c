/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/clock.h"

#include <time.h>

#include <ebb/clock.h>

#include "core/os/clocksource.h"
#include "tests/unit/unit.h"

static struct base_ticker ticker;
static uint64_t last_ns;

static uint64_t moved_ns;

static uint64_t moved_clock(void)
{
	return moved_ns;
}

static uint64_t kernel_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t tick(void)
{
	if (!base_ticker_count(&ticker, &last_ns)) {
		last_ns = base_ticker_read(&ticker, last_ns);
	}
	return last_ns;
}

/* Reads until @ns of the kernel's clock have passed; checks that the time never runs backwards. */
static void tick_for(uint64_t ns)
{
	uint64_t end_ns = kernel_ns() + ns;

	while (kernel_ns() < end_ns) {
		uint64_t before_ns = last_ns;

		ck_assert_uint_ge(tick(), before_ns);
	}
}

static void setup(void)
{
	base_clock_trust_ticks(os_clocksource_is_tsc(""));
	ticker = (struct base_ticker){0};
	last_ns = 0;
}

START_TEST(test_source)
{
	moved_ns = 12345;
	ebb_clock_set_source(moved_clock);
	ck_assert_uint_eq(ebb_clock_now_ns(), 12345);
	ck_assert_uint_eq(tick(), 12345);
	moved_ns += 1;
	ck_assert_uint_eq(tick(), 12346);
	moved_ns += EBB_NS_PER_S;
	ck_assert_uint_eq(tick(), 12346 + EBB_NS_PER_S);
	/* A source that goes back does not take the time with it. */
	moved_ns -= EBB_NS_PER_S;
	ck_assert_uint_eq(tick(), 12346 + EBB_NS_PER_S);
	ebb_clock_set_source(NULL);
	ck_assert_uint_ne(ebb_clock_now_ns(), moved_ns);
}
END_TEST

START_TEST(test_clock_is_monotonic)
{
	uint64_t before_ns = kernel_ns();
	uint64_t now_ns = ebb_clock_now_ns();

	ck_assert_uint_ge(now_ns, before_ns);
	ck_assert_uint_le(now_ns, kernel_ns());
}
END_TEST

START_TEST(test_never_backwards)
{
	tick_for(20 * EBB_NS_PER_MS);
}
END_TEST

/*
 * The ticker stays near the kernel's clock. A reading that the machine interrupted proves nothing,
 * and a few anchors may have been taken badly for the same reason: the most must be near.
 */
START_TEST(test_near_kernel)
{
	unsigned near = 0, compared = 0;
	uint64_t end_ns;

	tick_for(EBB_NS_PER_MS);
	end_ns = kernel_ns() + 30 * EBB_NS_PER_MS;
	for (;;) {
		uint64_t before_ns = kernel_ns();
		uint64_t now_ns = tick();
		uint64_t after_ns = kernel_ns();

		if (after_ns > end_ns) {
			break;
		}
		if (after_ns - before_ns > 20 * EBB_NS_PER_US) {
			continue;
		}
		compared++;
		near += now_ns + 100 * EBB_NS_PER_US >= before_ns &&
			now_ns <= after_ns + 100 * EBB_NS_PER_US;
	}
	ck_assert_uint_gt(compared, 100);
	ck_assert_msg(near >= compared - compared / 10, "only %u of %u readings are near", near,
		      compared);
}
END_TEST

/*
 * Brings the ticker to where it counts on by itself. Where the counter may not be trusted it never
 * does, and what these tests ask for holds all the more.
 */
static void ticker_warm_up(void)
{
	for (unsigned i = 0; i < 50 && ticker.limit_ticks == 0; i++) {
		tick_for(200 * EBB_NS_PER_US);
	}
}

/* After a jump of the counter the very next reading is the kernel's again. */
static void check_after_jump(void)
{
	uint64_t before_ns = kernel_ns();
	uint64_t floor_ns = last_ns;
	uint64_t now_ns = tick();
	uint64_t after_ns = kernel_ns();

	ck_assert_uint_ge(now_ns, floor_ns);
	ck_assert_uint_ge(now_ns, before_ns);
	ck_assert(now_ns <= after_ns || now_ns == floor_ns);
	tick_for(3 * EBB_NS_PER_MS);
}

/* The counter starts again at zero: as seen from it, the anchor lies in the future. */
START_TEST(test_counter_restarts)
{
	ticker_warm_up();
	ticker.anchor_ticks = base_ticks() + (1ull << 40);
	check_after_jump();
}
END_TEST

START_TEST(test_counter_jumps_forward)
{
	ticker_warm_up();
	ticker.anchor_ticks -= 1ull << 40;
	check_after_jump();
}
END_TEST

/*
 * The machine has slept: both clocks have gone on, the kernel's by far more than an anchor holds.
 */
START_TEST(test_long_gap)
{
	ticker_warm_up();
	ticker.anchor_ticks -= 1ull << 45;
	ticker.anchor_ns -= 3600 * EBB_NS_PER_S;
	last_ns -= 3600 * EBB_NS_PER_S;
	check_after_jump();
}
END_TEST

START_TEST(test_counter_that_nobody_trusts)
{
	base_clock_trust_ticks(false);
	ticker_warm_up();
	ck_assert_uint_eq(ticker.limit_ticks, 0);
}
END_TEST

/* A ticker that has run ahead of the kernel waits for it: there is no step back. */
START_TEST(test_ahead)
{
	moved_ns = EBB_NS_PER_S;
	ebb_clock_set_source(moved_clock);
	tick();
	last_ns += 5 * EBB_NS_PER_MS;
	ck_assert_uint_eq(tick(), EBB_NS_PER_S + 5 * EBB_NS_PER_MS);
	moved_ns += 4 * EBB_NS_PER_MS;
	ck_assert_uint_eq(tick(), EBB_NS_PER_S + 5 * EBB_NS_PER_MS);
	moved_ns += 2 * EBB_NS_PER_MS;
	ck_assert_uint_eq(tick(), EBB_NS_PER_S + 6 * EBB_NS_PER_MS);
	ebb_clock_set_source(NULL);
}
END_TEST

/* The same with the processor's counter, which makes up for it slowly. */
START_TEST(test_ahead_counting)
{
	uint64_t ahead_ns;

	ticker_warm_up();
	ahead_ns = last_ns + 3600 * EBB_NS_PER_S;
	last_ns = ahead_ns;
	ticker.limit_ticks = 0;
	ck_assert_uint_eq(tick(), ahead_ns);
	tick_for(3 * EBB_NS_PER_MS);
	ck_assert_uint_ge(last_ns, ahead_ns);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(test_source),
		UNIT_TEST(test_clock_is_monotonic),
		UNIT_TEST(test_never_backwards),
		UNIT_TEST(test_near_kernel),
		UNIT_TEST(test_counter_restarts),
		UNIT_TEST(test_counter_jumps_forward),
		UNIT_TEST(test_long_gap),
		UNIT_TEST(test_counter_that_nobody_trusts),
		UNIT_TEST(test_ahead),
		UNIT_TEST(test_ahead_counting),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
