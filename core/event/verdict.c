/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/verdict.h"

/*
 * Who is to blame for a callback that took long?
 *
 * By the clock alone everybody is: a process that was stopped, a guest whose CPU was given to
 * another one, a thread that waited for its turn on a busy machine have all stood still inside some
 * callback. By CPU time alone the worst are innocent: a write with fsync() sleeps in the kernel for
 * most of its time, and a reactor that sleeps in a callback is just what the rule is against. So
 * time is divided in four:
 *
 *	on the CPU                    the callback's         the thread's CPU clock
 *	waiting in the kernel         the callback's         what is left
 *	waiting for a CPU, or stolen  not the callback's     schedstat, /proc/stat
 *	stopped                       not the callback's     see stop.c
 *
 * A wait in the kernel begins with a voluntary context switch. Where none has happened, what is
 * left was no such wait either, whatever it was (interrupts; a wait for a CPU that this kernel does
 * not count). A stop begins with such a switch too, and nobody counts how long it takes: where the
 * process was stopped, nothing but the CPU clock can convict.
 *
 * No clock is read when a callback begins. @before is older, by the few milliseconds for which a
 * reading is kept (callback.c). So what the kernel counts between the readings is at most what
 * happened in the callback. Of what acquits, all of it is believed to have happened there. Of the
 * CPU time, where it alone can convict, that part which may have been used before is taken off.
 * Both err on the side of the accused, by those few milliseconds.
 */

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t grown(uint64_t before, uint64_t after)
{
	return after > before ? after - before : 0;
}

struct event_verdict event_verdict_of(const struct event_reading *before,
				      const struct event_reading *after,
				      const struct event_evidence *evidence, uint64_t span_ns,
				      uint64_t limit_ns)
{
	uint64_t window_ns = grown(before->at_ns, after->at_ns);
	uint64_t earlier_ns = grown(span_ns, window_ns);
	uint64_t cpu_ns = grown(before->times.cpu_ns, after->times.cpu_ns);
	uint64_t queue_ns = grown(before->times.queue_ns, after->times.queue_ns);
	bool waited = after->times.switches > before->times.switches && !evidence->stopped;
	struct event_verdict verdict;
	uint64_t own_ns = span_ns;

	if (before->times.has_queue && after->times.has_queue) {
		own_ns -= min_ns(queue_ns, own_ns);
	}
	own_ns -= min_ns(evidence->steal_ns, own_ns);
	verdict.cpu_ns = min_ns(waited ? cpu_ns : grown(earlier_ns, cpu_ns), own_ns);
	verdict.kernel_ns = waited ? own_ns - verdict.cpu_ns : 0;
	verdict.away_ns = span_ns - verdict.cpu_ns - verdict.kernel_ns;
	verdict.guilty = verdict.cpu_ns + verdict.kernel_ns > limit_ns;
	return verdict;
}
