/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/verdict.h"

#include <ebb/base.h>

#include "tests/unit/unit.h"

#define MS(number) ((uint64_t)((number)*1000000.0))

/* What happened between two readings, in milliseconds. */
struct verdict_case {
	const char *what;
	double span, earlier; /* the callback, and how long before it the first reading was made */
	double cpu, queue, steal;
	unsigned switches;
	bool stopped;
	bool guilty;
	double own_cpu, kernel;
};

static const struct verdict_case cases[] = {
	{.what = "spun", .span = 14, .cpu = 14, .guilty = true, .own_cpu = 14},
	{.what = "spun, and a little before",
	 .span = 14,
	 .earlier = 8,
	 .cpu = 22,
	 .guilty = true,
	 .own_cpu = 14},
	{.what = "slept in the kernel",
	 .span = 14,
	 .cpu = 0.1,
	 .switches = 1,
	 .guilty = true,
	 .own_cpu = 0.1,
	 .kernel = 13.9},
	{.what = "a write with fsync",
	 .span = 16.5,
	 .cpu = 2.6,
	 .switches = 3,
	 .guilty = true,
	 .own_cpu = 2.6,
	 .kernel = 13.9},
	{.what = "the same on a reactor that slept before",
	 .span = 16.5,
	 .earlier = 5,
	 .cpu = 3,
	 .switches = 9,
	 .guilty = true,
	 .own_cpu = 3,
	 .kernel = 13.5},
	{.what = "waited for a CPU", .span = 14, .cpu = 2, .queue = 12, .own_cpu = 2},
	{.what = "waited for a CPU, and slept for less than the limit",
	 .span = 30,
	 .cpu = 2,
	 .queue = 20,
	 .switches = 1,
	 .own_cpu = 2,
	 .kernel = 8},
	{.what = "waited for a CPU, and slept for more",
	 .span = 34,
	 .cpu = 2,
	 .queue = 20,
	 .switches = 1,
	 .guilty = true,
	 .own_cpu = 2,
	 .kernel = 12},
	{.what = "waited for a CPU, and spun",
	 .span = 34,
	 .cpu = 14,
	 .queue = 20,
	 .guilty = true,
	 .own_cpu = 14},
	{.what = "stolen, and not counted as CPU time", .span = 14, .cpu = 1, .own_cpu = 1},
	{.what = "stolen, and counted as CPU time",
	 .span = 34,
	 .cpu = 34,
	 .steal = 30,
	 .own_cpu = 4},
	{.what = "stolen, and spun",
	 .span = 44,
	 .cpu = 44,
	 .steal = 30,
	 .guilty = true,
	 .own_cpu = 14},
	{.what = "stopped",
	 .span = 2000,
	 .cpu = 0.2,
	 .switches = 1,
	 .stopped = true,
	 .own_cpu = 0.2},
	{.what = "stopped on a reactor that spun before",
	 .span = 2000,
	 .earlier = 9,
	 .cpu = 9.2,
	 .switches = 1,
	 .stopped = true,
	 .own_cpu = 0.2},
	{.what = "stopped, and spun for less than the limit",
	 .span = 2008,
	 .cpu = 8,
	 .switches = 1,
	 .stopped = true,
	 .own_cpu = 8},
	{.what = "stopped, and spun for more",
	 .span = 2012,
	 .cpu = 12,
	 .switches = 1,
	 .stopped = true,
	 .guilty = true,
	 .own_cpu = 12},
	{.what = "stopped, and waited for a CPU",
	 .span = 2050,
	 .cpu = 5,
	 .queue = 45,
	 .switches = 2,
	 .stopped = true,
	 .own_cpu = 5},
	{.what = "all of it", .span = 100, .cpu = 9, .queue = 60, .steal = 31, .own_cpu = 9},
	{.what = "more than all of it",
	 .span = 20,
	 .earlier = 10,
	 .cpu = 25,
	 .queue = 60,
	 .steal = 31,
	 .switches = 4},
	{.what = "neither ran nor gave up the CPU", .span = 50, .cpu = 3, .own_cpu = 3},
	{.what = "the limit itself", .span = 10, .cpu = 10, .own_cpu = 10},
};

static void check_case(const struct verdict_case *now)
{
	struct event_reading before = {
		.at_ns = MS(1000),
		.times = {.cpu_ns = MS(500), .queue_ns = MS(70), .switches = 7, .has_queue = true},
	};
	struct event_reading after = before;
	struct event_evidence evidence = {.steal_ns = MS(now->steal), .stopped = now->stopped};
	struct event_verdict verdict;

	after.at_ns += MS(now->earlier) + MS(now->span);
	after.times.cpu_ns += MS(now->cpu);
	after.times.queue_ns += MS(now->queue);
	after.times.switches += now->switches;
	verdict = event_verdict_of(&before, &after, &evidence, MS(now->span), MS(10));
	ck_assert_msg(verdict.guilty == now->guilty, "%s: %s", now->what,
		      verdict.guilty ? "guilty" : "not guilty");
	ck_assert_msg(verdict.cpu_ns == MS(now->own_cpu), "%s: %lu ns on the CPU", now->what,
		      verdict.cpu_ns);
	ck_assert_msg(verdict.kernel_ns == MS(now->kernel), "%s: %lu ns in the kernel", now->what,
		      verdict.kernel_ns);
	ck_assert_uint_eq(verdict.cpu_ns + verdict.kernel_ns + verdict.away_ns, MS(now->span));
}

START_TEST(test_cases)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		check_case(&cases[i]);
	}
}
END_TEST

/* A kernel that does not count the wait for a CPU: without a voluntary switch it was one. */
START_TEST(test_no_schedstat)
{
	struct event_reading before = {.at_ns = MS(1000)};
	struct event_reading after = {.at_ns = MS(1030), .times = {.cpu_ns = MS(4)}};
	struct event_evidence evidence = {.stopped = false};
	struct event_verdict verdict;

	after.times.queue_ns = MS(26); /* means nothing */
	verdict = event_verdict_of(&before, &after, &evidence, MS(30), MS(10));
	ck_assert(!verdict.guilty);
	ck_assert_uint_eq(verdict.away_ns, MS(26));
	after.times.switches = 1;
	verdict = event_verdict_of(&before, &after, &evidence, MS(30), MS(10));
	ck_assert(verdict.guilty);
	ck_assert_uint_eq(verdict.kernel_ns, MS(26));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_cases),
		UNIT_TEST(test_no_schedstat),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
