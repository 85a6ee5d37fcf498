/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/turn.h"

#include <ebb/reactor.h>
#include <ebb/thread.h>
#include <ebb/violation.h>

_Thread_local struct event_turn event_turn;

struct ebb_thread *ebb_thread_current(void)
{
	return event_turn.thread;
}

uint64_t ebb_reactor_now_ns(void)
{
	return event_turn.now_ns;
}

EBB_REPORTS void ebb_reactor_at_turn_end(struct ebb_turn_end *end)
{
	if (ebb_unlikely(event_turn.reactor == NULL)) {
		ebb_violation(4, __func__, "reactor", NULL, NULL);
		return;
	}
	end->next = event_turn.ends;
	event_turn.ends = end;
}

bool event_turn_has_deferred(const struct ebb_thread *thread)
{
	for (struct event_deferred *deferred = event_turn.deferred_first; deferred != NULL;
	     deferred = deferred->next) {
		if (deferred->thread == thread) {
			return true;
		}
	}
	return false;
}

void event_turn_drop_deferred(struct ebb_thread *thread)
{
	struct event_deferred **end = &event_turn.deferred_first;

	while (*end != NULL) {
		if ((*end)->thread == thread) {
			*end = (*end)->next;
		} else {
			end = &(*end)->next;
		}
	}
	event_turn.deferred_end = end;
}
