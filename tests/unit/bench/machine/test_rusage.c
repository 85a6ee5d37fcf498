/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/rusage.h"

#include <errno.h>
#include <unistd.h>

#include "tests/unit/unit.h"

START_TEST(test_subtract)
{
	const struct bench_rusage from = {.now_ns = 10,
					  .cpu_ns = 20,
					  .user_ns = 15,
					  .system_ns = 5,
					  .voluntary = 100,
					  .involuntary = 50,
					  .wakeups = 3};
	const struct bench_rusage to = {.now_ns = 110,
					.cpu_ns = 70,
					.user_ns = 14,
					.system_ns = 56,
					.voluntary = 130,
					.involuntary = 20, /* a thread has ended */
					.wakeups = 9};
	struct bench_rusage used;

	bench_rusage_subtract(&to, &from, &used);
	ck_assert_uint_eq(used.now_ns, 100);
	ck_assert_uint_eq(used.cpu_ns, 50);
	ck_assert_uint_eq(used.user_ns, 0);
	ck_assert_uint_eq(used.system_ns, 51);
	ck_assert_uint_eq(used.voluntary, 30);
	ck_assert_uint_eq(used.involuntary, 0);
	ck_assert_uint_eq(used.wakeups, 6);
}
END_TEST

/* The only thread of this process is all of it. */
START_TEST(test_threads_and_process)
{
	const pid_t none = 0x7ffffff0;
	struct bench_rusage thread, process;
	pid_t own = getpid();

	ck_assert_int_eq(bench_rusage_get_threads(&own, 1, &thread), 0);
	ck_assert_int_eq(bench_rusage_get_process(own, &process), 0);
	ck_assert_uint_gt(thread.cpu_ns, 0);
	ck_assert_uint_ge(process.cpu_ns, thread.cpu_ns);
	ck_assert_uint_ge(process.voluntary, thread.voluntary);
	ck_assert_uint_ge(process.now_ns, thread.now_ns);
	ck_assert_uint_eq(process.wakeups, 0);
	ck_assert_int_eq(bench_rusage_get_threads(&none, 1, &thread), -ESRCH);
	ck_assert_int_eq(bench_rusage_get_process(none, &process), -ESRCH);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_subtract),
		UNIT_TEST(test_threads_and_process),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
