/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_POLLER_H
#define EBB_EVENT_POLLER_H

#include <ebb/assert.h>
#include <ebb/list.h>
#include <ebb/poller.h>

#include "core/event/source.h"
#include "core/event/timer.h"

enum ebb_poller_state {
	EBB_POLLER_WAITING,
	EBB_POLLER_RUNNING,
	EBB_POLLER_UNREGISTERED,
	EBB_POLLER_PAUSING, /* asked to pause while it runs */
	EBB_POLLER_PAUSED,
	EBB_POLLER_STATE_COUNT,
} __attribute__((packed)); /* a byte: a turn looks at it and at @fresh in one load */

struct ebb_poller {
	struct ebb_list link; /* of the thread: active, idle or dead */
	ebb_poller_fn fn;
	void *arg;
	const char *name;
	enum ebb_poller_state state;
	bool fresh; /* joined the active list while that is run: its turn is the next one */
	bool has_wake;
	bool blocks;   /* active without a wake source: the reactor stays awake */
	bool internal; /* the framework's own: not shown, and no reason for an exit to wait */
	uint64_t period_ns;
	struct ebb_timer timer;
	uint64_t run_count;
	uint64_t busy_count;
	uint64_t error_count;
	uint64_t wake_count;
	uint64_t id;
	struct ebb_thread *thread;
	struct ebb_list fired_link;
	struct ebb_source source;
	struct ebb_poller_wake wake;
};

static const uint32_t ebb_poller_next[EBB_POLLER_STATE_COUNT] = {
	[EBB_POLLER_WAITING] = EBB_BIT(EBB_POLLER_RUNNING) | EBB_BIT(EBB_POLLER_PAUSED) |
			       EBB_BIT(EBB_POLLER_UNREGISTERED),
	[EBB_POLLER_RUNNING] = EBB_BIT(EBB_POLLER_WAITING) | EBB_BIT(EBB_POLLER_PAUSING) |
			       EBB_BIT(EBB_POLLER_UNREGISTERED),
	[EBB_POLLER_PAUSING] = EBB_BIT(EBB_POLLER_PAUSED) | EBB_BIT(EBB_POLLER_RUNNING) |
			       EBB_BIT(EBB_POLLER_UNREGISTERED),
	[EBB_POLLER_PAUSED] = EBB_BIT(EBB_POLLER_WAITING) | EBB_BIT(EBB_POLLER_UNREGISTERED),
};

static inline void ebb_poller_set_state(struct ebb_poller *poller, enum ebb_poller_state state)
{
	ebb_assert(ebb_poller_next[poller->state] & EBB_BIT(state));
	poller->state = state;
}

/* The callback has changed the poller's state: the rest of what that asks for. */
void ebb_poller_settle(struct ebb_poller *poller);

/* A timed poller's next deadline counts from now: periods that were missed do not pile up. */
void ebb_poller_schedule(struct ebb_poller *poller);

/* @poller keeps its thread's reactor awake from now on, or does not. */
void ebb_poller_set_blocks(struct ebb_poller *poller, bool blocks);

/* Unregisters all, for a thread whose exit is forced. */
void ebb_pollers_destroy(struct ebb_thread *thread);

/* Marks a poller as the framework's own. */
void ebb_poller_set_internal(struct ebb_poller *poller);

#endif
