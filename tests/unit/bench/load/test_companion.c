/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/companion.h"

#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include <ebb/clock.h>

#include "tests/unit/unit.h"

/* Real threads: nothing here depends on how fast they are. */
struct counter {
	struct bench_companion_duty duty;
	sem_t called;
	atomic_uint calls;
	uint64_t distance_ns;  /* between two calls; UINT64_MAX: none without a kick */
	uint64_t due_ns;       /* as it was asked for last */
	atomic_uint too_early; /* calls before their time */
};

static uint64_t counter_run(struct bench_companion_duty *duty, uint64_t now_ns)
{
	struct counter *counter = ebb_container_of(duty, struct counter, duty);

	counter->too_early += now_ns < counter->due_ns;
	counter->calls++;
	counter->due_ns = counter->distance_ns == UINT64_MAX ? 0 : now_ns + counter->distance_ns;
	sem_post(&counter->called);
	return counter->distance_ns == UINT64_MAX ? UINT64_MAX : counter->due_ns;
}

static void counter_init(struct counter *counter, uint64_t distance_ns)
{
	*counter = (struct counter){.duty = {.fn = counter_run}, .distance_ns = distance_ns};
	ck_assert_int_eq(sem_init(&counter->called, 0, 0), 0);
}

static void wait_for_call(struct counter *counter)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	ck_assert_msg(sem_timedwait(&counter->called, &until) == 0, "it is not called");
}

/* At once; then when it is kicked; and never again when it has left. */
START_TEST(test_kick)
{
	static struct counter counter;
	unsigned calls;

	counter_init(&counter, UINT64_MAX);
	ck_assert_int_eq(bench_companion_add(&counter.duty), 0);
	wait_for_call(&counter);
	for (unsigned i = 0; i < 1000; i++) {
		bench_companion_kick(&counter.duty); /* it may be asleep, or about to be */
		wait_for_call(&counter);
	}
	bench_companion_remove(&counter.duty);
	calls = counter.calls;
	bench_companion_kick(&counter.duty);
	ck_assert_uint_eq(counter.calls, calls);
	ck_assert_int_eq(bench_companion_add(&counter.duty), 0); /* and it may come back */
	wait_for_call(&counter);
	bench_companion_remove(&counter.duty);
}
END_TEST

/* Not before its time, whether that is worth a sleep or not; and several at a time. */
START_TEST(test_due)
{
	static struct counter counters[3];
	static const uint64_t distances_ns[3] = {1, 10 * EBB_NS_PER_US, 300 * EBB_NS_PER_US};

	for (unsigned i = 0; i < 3; i++) {
		counter_init(&counters[i], distances_ns[i]);
		ck_assert_int_eq(bench_companion_add(&counters[i].duty), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned call = 0; call < 20; call++) {
			wait_for_call(&counters[i]);
		}
	}
	for (unsigned i = 0; i < 3; i++) {
		bench_companion_leave(&counters[i].duty);
	}
	for (unsigned i = 0; i < 3; i++) {
		while (!bench_companion_has_left(&counters[i].duty)) {
			sched_yield();
		}
		ck_assert_uint_eq(counters[i].too_early, 0);
	}
}
END_TEST

START_TEST(test_usage)
{
	static struct counter counter;
	struct bench_companion_usage before, after;

	bench_companion_get_usage(&before);
	ck_assert(!before.running);
	ck_assert_uint_eq(before.cpu_ns, 0);
	counter_init(&counter, 1);
	ck_assert_int_eq(bench_companion_add(&counter.duty), 0);
	do { /* it spins: this must come */
		bench_companion_get_usage(&after);
	} while (after.user_ns + after.system_ns < EBB_NS_PER_MS ||
		 after.cpu_ns < 2 * EBB_NS_PER_MS);
	ck_assert(after.running);
	bench_companion_remove(&counter.duty);
	bench_companion_get_usage(&after);
	ck_assert(!after.running);
	ck_assert_uint_ge(after.cpu_ns, 2 * EBB_NS_PER_MS);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_kick),
		UNIT_TEST(test_due),
		UNIT_TEST(test_usage),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
