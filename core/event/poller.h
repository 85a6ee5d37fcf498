/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_POLLER_H
#define CORE_EVENT_POLLER_H

#include <ebb/assert.h>
#include <ebb/list.h>
#include <ebb/poller.h>

#include "core/event/source.h"
#include "core/event/timer.h"

enum event_poller_state {
	EVENT_POLLER_WAITING,
	EVENT_POLLER_RUNNING,
	EVENT_POLLER_UNREGISTERED,
	EVENT_POLLER_PAUSING, /* asked to pause while it runs */
	EVENT_POLLER_PAUSED,
	EVENT_POLLER_STATE_COUNT,
} __attribute__((packed)); /* a byte: a turn looks at it and at @fresh in one load */

struct ebb_poller {
	struct ebb_list link; /* of the thread: active, idle or dead */
	ebb_poller_fn fn;
	void *arg;
	const char *name;
	enum event_poller_state state;
	bool fresh; /* joined the active list while that is run: its turn is the next one */
	bool has_wake;
	bool blocks;   /* active without a wake source: the reactor stays awake */
	bool internal; /* the framework's own: not shown, and no reason for an exit to wait */
	uint64_t period_ns;
	struct event_timer timer;
	uint64_t run_count;
	uint64_t busy_count;
	uint64_t error_count;
	uint64_t wake_count;
	uint64_t id;
	struct ebb_thread *thread;
	struct ebb_list fired_link;
	struct event_source source;
	struct ebb_poller_wake wake;
};

static const uint32_t event_poller_next[EVENT_POLLER_STATE_COUNT] = {
	[EVENT_POLLER_WAITING] = EBB_BIT(EVENT_POLLER_RUNNING) | EBB_BIT(EVENT_POLLER_PAUSED) |
				 EBB_BIT(EVENT_POLLER_UNREGISTERED),
	[EVENT_POLLER_RUNNING] = EBB_BIT(EVENT_POLLER_WAITING) | EBB_BIT(EVENT_POLLER_PAUSING) |
				 EBB_BIT(EVENT_POLLER_UNREGISTERED),
	[EVENT_POLLER_PAUSING] = EBB_BIT(EVENT_POLLER_PAUSED) | EBB_BIT(EVENT_POLLER_RUNNING) |
				 EBB_BIT(EVENT_POLLER_UNREGISTERED),
	[EVENT_POLLER_PAUSED] = EBB_BIT(EVENT_POLLER_WAITING) | EBB_BIT(EVENT_POLLER_UNREGISTERED),
};

static inline void event_poller_set_state(struct ebb_poller *poller, enum event_poller_state state)
{
	ebb_assert(event_poller_next[poller->state] & EBB_BIT(state));
	poller->state = state;
}

/* The callback has changed the poller's state: the rest of what that asks for. */
void event_poller_settle(struct ebb_poller *poller);

/* A timed poller's next deadline counts from now: periods that were missed do not pile up. */
void event_poller_schedule(struct ebb_poller *poller);

/* @poller keeps its thread's reactor awake from now on, or does not. */
void event_poller_set_blocks(struct ebb_poller *poller, bool blocks);

/* Unregisters all, for a thread whose exit is forced. */
void event_pollers_destroy(struct ebb_thread *thread);

/* Marks a poller as the framework's own. */
void event_poller_set_internal(struct ebb_poller *poller);

#endif
