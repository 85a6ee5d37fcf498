/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/rusage.h"

#include <sys/resource.h>
#include <time.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/reactor.h>

#include "bench/machine/task_use.h"

static uint64_t cpu_clock_ns(clockid_t clock)
{
	struct timespec time;
	int rc = clock_gettime(clock, &time);

	ebb_assert(rc == 0);
	return (uint64_t)time.tv_sec * EBB_NS_PER_S + (uint64_t)time.tv_nsec;
}

static uint64_t timeval_ns(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * EBB_NS_PER_S + (uint64_t)time->tv_usec * EBB_NS_PER_US;
}

static uint64_t wakeups_all(void)
{
	struct ebb_reactor_stats stats;
	uint64_t wakeups = 0;
	int core;

	for (unsigned i = 0; (core = ebb_reactor_core(i)) >= 0; i++) {
		if (ebb_reactor_get_stats(core, &stats) == 0) {
			wakeups += stats.wakeups;
		}
	}
	return wakeups;
}

void bench_rusage_get(struct bench_rusage *ret_usage)
{
	struct rusage usage;
	int rc = getrusage(RUSAGE_SELF, &usage);

	ebb_assert(rc == 0);
	ret_usage->now_ns = ebb_clock_now_ns();
	ret_usage->cpu_ns = cpu_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	ret_usage->user_ns = timeval_ns(&usage.ru_utime);
	ret_usage->system_ns = timeval_ns(&usage.ru_stime);
	ret_usage->voluntary = (uint64_t)usage.ru_nvcsw;
	ret_usage->involuntary = (uint64_t)usage.ru_nivcsw;
	ret_usage->wakeups = wakeups_all();
}

void bench_rusage_get_others(struct bench_rusage *ret_usage)
{
	struct rusage own;
	int rc;

	bench_rusage_get(ret_usage);
	rc = getrusage(RUSAGE_THREAD, &own);
	ebb_assert(rc == 0);
	ret_usage->cpu_ns -= cpu_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	ret_usage->user_ns -= timeval_ns(&own.ru_utime);
	ret_usage->system_ns -= timeval_ns(&own.ru_stime);
	ret_usage->voluntary -= (uint64_t)own.ru_nvcsw;
	ret_usage->involuntary -= (uint64_t)own.ru_nivcsw;
}

static void use_convert(const struct bench_task_use *use, struct bench_rusage *ret_usage)
{
	*ret_usage = (struct bench_rusage){
		.now_ns = ebb_clock_now_ns(),
		.cpu_ns = use->cpu_ns,
		.user_ns = use->user_ns,
		.system_ns = use->system_ns,
		.voluntary = use->voluntary,
		.involuntary = use->involuntary,
	};
}

int bench_rusage_get_threads(const pid_t *tids, unsigned count, struct bench_rusage *ret_usage)
{
	struct bench_task_use use;
	int rc = bench_task_use_threads(tids, count, &use);

	if (rc == 0) {
		use_convert(&use, ret_usage);
	}
	return rc;
}

int bench_rusage_get_process(pid_t pid, struct bench_rusage *ret_usage)
{
	struct bench_task_use use;
	int rc = bench_task_use_process("", pid, &use);

	if (rc == 0) {
		use_convert(&use, ret_usage);
	}
	return rc;
}

static uint64_t monotonic_difference(uint64_t to, uint64_t from)
{
	return to > from ? to - from : 0;
}

void bench_rusage_subtract(const struct bench_rusage *to, const struct bench_rusage *from,
			   struct bench_rusage *ret_used)
{
	ret_used->now_ns = to->now_ns - from->now_ns;
	/* Clocks of others() are not read in one instant: nothing may come out as less. */
	ret_used->cpu_ns = monotonic_difference(to->cpu_ns, from->cpu_ns);
	ret_used->user_ns = monotonic_difference(to->user_ns, from->user_ns);
	ret_used->system_ns = monotonic_difference(to->system_ns, from->system_ns);
	/* Threads of another process take theirs with them when they end. */
	ret_used->voluntary = monotonic_difference(to->voluntary, from->voluntary);
	ret_used->involuntary = monotonic_difference(to->involuntary, from->involuntary);
	ret_used->wakeups = to->wakeups - from->wakeups;
}
