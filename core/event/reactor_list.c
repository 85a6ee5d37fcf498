/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reactor_list.h"

#include <ebb/assert.h>

#include "core/event/send.h"
#include "core/event/turn.h"

struct ebb_reactor *ebb_reactors;
unsigned ebb_num_reactors;

struct ebb_reactor *ebb_reactor_by_core(int core)
{
	for (unsigned i = 0; i < ebb_num_reactors; i++) {
		if (ebb_reactors[i].core == core) {
			return &ebb_reactors[i];
		}
	}
	return NULL;
}

int ebb_reactor_core(unsigned index)
{
	return index < ebb_num_reactors ? ebb_reactors[index].core : -1;
}

int ebb_reactor_current_core(void)
{
	return ebb_turn.reactor != NULL ? ebb_turn.reactor->core : -1;
}

static const uint32_t reactor_next[EVENT_REACTOR_STATE_COUNT] = {
	[EVENT_REACTOR_NEW] = EBB_BIT(EVENT_REACTOR_RUNNING),
	[EVENT_REACTOR_RUNNING] = EBB_BIT(EVENT_REACTOR_STOPPING),
	[EVENT_REACTOR_STOPPING] = EBB_BIT(EVENT_REACTOR_ENDED),
};

void event_reactor_set_state(struct ebb_reactor *reactor, enum event_reactor_state state)
{
	ebb_assert(reactor_next[atomic_load(&reactor->state)] & EBB_BIT(state));
	atomic_store(&reactor->state, state);
}

static void reactor_stop(void *arg)
{
	struct ebb_reactor *reactor = arg;

	event_reactor_set_state(reactor, EVENT_REACTOR_STOPPING);
}

void event_reactor_list_stop(void)
{
	for (unsigned i = 0; i < ebb_num_reactors; i++) {
		struct ebb_reactor *reactor = &ebb_reactors[i];

		ebb_msg_init(&reactor->stop_msg, reactor_stop, reactor);
		ebb_reactor_send(reactor, &reactor->stop_msg);
	}
}
