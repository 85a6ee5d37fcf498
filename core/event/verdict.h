/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_VERDICT_H
#define CORE_EVENT_VERDICT_H

#include <stdbool.h>

#include "core/os/thread_times.h"

/* A thread's times, and when they were read. */
struct event_reading {
	uint64_t at_ns;
	struct os_thread_times times;
};

/* What else may have kept the thread from running, at most. */
struct event_evidence {
	uint64_t steal_ns;
	bool stopped; /* the whole process was, for some time */
};

struct event_verdict {
	bool guilty;
	uint64_t cpu_ns;    /* of the span: on the CPU */
	uint64_t kernel_ns; /* waiting in the kernel, of its own doing */
	uint64_t away_ns;   /* kept from running */
};

/**
 * event_verdict_of() - whose fault it is that a callback took long
 * @before: a reading from before the callback, or from its beginning
 * @after: one from its end, or from when it is looked at
 * @span_ns: what it took, until @after
 */
struct event_verdict event_verdict_of(const struct event_reading *before,
				      const struct event_reading *after,
				      const struct event_evidence *evidence, uint64_t span_ns,
				      uint64_t limit_ns);

#endif
