/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_POLLER_STATS_H
#define CORE_EVENT_POLLER_STATS_H

#include <ebb/poller.h>

#include "core/event/thread.h"

/* As ebb_poller_for_each(), for a thread of the calling reactor. */
void event_pollers_for_each(struct ebb_thread *thread,
			    void (*fn)(const struct ebb_poller_stats *stats, void *arg), void *arg);

void event_poller_describe(const struct ebb_poller *poller, struct ebb_poller_stats *ret_stats);

/* How many pollers but for the framework's own; the first one's name, or NULL. */
unsigned event_pollers_count(const struct ebb_thread *thread, const char **ret_first);

#endif
