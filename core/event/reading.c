/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reading.h"

#include <stdatomic.h>
#include <stddef.h>

#include <ebb/base.h>

#include "core/event/stop.h"
#include "core/os/steal.h"

#define READING_CPUS_MAX 1024

/* What was stolen when that was last noted. Written by the watchdog, read by any reactor. */
static _Atomic uint64_t noted_steal_ns[READING_CPUS_MAX];
static _Atomic uint64_t noted_at_ns;

/* Older than that, a note only tells the average since. */
#define READING_FRESH_NS (3 * EBB_NS_PER_S)

void event_reading_note_steal(uint64_t now_ns)
{
	uint64_t steal_ns[READING_CPUS_MAX] = {0};

	if (!os_steal_possible() || !os_steal_read("", steal_ns, READING_CPUS_MAX)) {
		return;
	}
	for (unsigned cpu = 0; cpu < READING_CPUS_MAX; cpu++) {
		atomic_store_explicit(&noted_steal_ns[cpu], steal_ns[cpu], memory_order_relaxed);
	}
	atomic_store(&noted_at_ns, now_ns);
}

/* At most so much was stolen of @cpu in the time from @since_ns to @now_ns. */
static uint64_t steal_since(int cpu, uint64_t since_ns, uint64_t now_ns)
{
	uint64_t steal_ns[READING_CPUS_MAX] = {0};
	uint64_t noted_ns = atomic_load(&noted_at_ns);
	uint64_t before_ns, stolen_ns;

	if (cpu < 0 || cpu >= READING_CPUS_MAX || noted_ns == 0 || noted_ns >= now_ns ||
	    !os_steal_read("", steal_ns, READING_CPUS_MAX)) {
		return 0;
	}
	before_ns = atomic_load_explicit(&noted_steal_ns[cpu], memory_order_relaxed);
	if (steal_ns[cpu] <= before_ns) {
		return 0; /* less: it was noted anew meanwhile */
	}
	stolen_ns = steal_ns[cpu] - before_ns;
	if (now_ns - noted_ns > READING_FRESH_NS && now_ns - since_ns < now_ns - noted_ns) {
		return (uint64_t)((double)stolen_ns * (double)(now_ns - since_ns) /
				  (double)(now_ns - noted_ns));
	}
	return stolen_ns + os_steal_tick_ns(); /* it is counted in whole ticks */
}

static void ask_kernel(int cpu, uint64_t since_ns, uint64_t now_ns, struct event_evidence *ret)
{
	ret->steal_ns = steal_since(cpu, since_ns, now_ns);
	ret->stopped = event_stop_seen(since_ns);
}

static const struct event_reading_source kernel_source = {
	.read = os_thread_times_read,
	.read_of = os_thread_times_read_of,
	.ask = ask_kernel,
};

static const struct event_reading_source *reading_source = &kernel_source;

void event_reading_set_source(const struct event_reading_source *source)
{
	reading_source = source != NULL ? source : &kernel_source;
}

const struct event_reading_source *event_reading_source(void)
{
	return reading_source;
}
