/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_OVERRUN_H
#define CORE_EVENT_OVERRUN_H

#include <stddef.h>
#include <stdint.h>

struct event_reactor;
struct event_reading;

/**
 * event_overrun() - a callback, or a batch of completions, has taken longer than the limit
 * @since_ns: when it began; it has ended now
 * @after: read now
 * Thread: the reactor's.
 */
void event_overrun(struct event_reactor *reactor, uint64_t since_ns,
		   const struct event_reading *after, uint64_t limit_ns);

#endif
