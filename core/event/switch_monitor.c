/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/switch_monitor.h"

#include <stdatomic.h>

#include <ebb/log.h>

#include "core/event/reactor.h"

/* Goes up when it is switched on or off; odd: on. So what was seen before is not taken for new. */
static atomic_uint monitor_asking;

void event_switch_monitor_set(bool enabled)
{
	unsigned asking = atomic_load(&monitor_asking);

	while ((asking % 2 != 0) != enabled &&
	       !atomic_compare_exchange_weak(&monitor_asking, &asking, asking + 1)) {
	}
}

bool event_switch_monitor_enabled(void)
{
	return atomic_load(&monitor_asking) % 2 != 0;
}

static void reactor_look(struct event_reactor *reactor, unsigned asking, uint64_t now_ns)
{
	struct event_switch_count *count = &reactor->switches;
	struct os_task_switches now;
	uint64_t voluntary, involuntary, passed_ms;

	if (os_task_switches_read(atomic_load(&reactor->tid), &now) != 0) {
		return; /* it has not begun, or has ended */
	}
	voluntary = now.voluntary - count->seen.voluntary;
	involuntary = now.involuntary - count->seen.involuntary;
	passed_ms = (now_ns - count->seen_ns) / EBB_NS_PER_MS;
	if (count->since == asking && voluntary + involuntary > 0) {
		ebb_notice("reactor",
			   "reactor %d: %llu voluntary and %llu involuntary context switches in "
			   "%llu.%llu s",
			   reactor->core, (unsigned long long)voluntary,
			   (unsigned long long)involuntary, (unsigned long long)(passed_ms / 1000),
			   (unsigned long long)(passed_ms % 1000 / 100));
	}
	count->seen = now;
	count->seen_ns = now_ns;
	count->since = asking;
}

void event_switch_monitor_look(uint64_t now_ns)
{
	unsigned asking = atomic_load(&monitor_asking);

	for (unsigned i = 0; i < event_num_reactors && asking % 2 != 0; i++) {
		reactor_look(&event_reactors[i], asking, now_ns);
	}
}
