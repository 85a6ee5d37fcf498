/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reactor_list.h"

#include <ebb/assert.h>

#include "core/event/send.h"
#include "core/event/turn.h"

struct event_reactor *event_reactors;
unsigned event_num_reactors;

struct event_reactor *event_reactor_by_core(int core)
{
	for (unsigned i = 0; i < event_num_reactors; i++) {
		if (event_reactors[i].core == core) {
			return &event_reactors[i];
		}
	}
	return NULL;
}

int ebb_reactor_core(unsigned index)
{
	return index < event_num_reactors ? event_reactors[index].core : -1;
}

int ebb_reactor_current_core(void)
{
	return event_turn.reactor != NULL ? event_turn.reactor->core : -1;
}

static const uint32_t reactor_next[EVENT_REACTOR_STATE_COUNT] = {
	[EVENT_REACTOR_NEW] = EBB_BIT(EVENT_REACTOR_RUNNING),
	[EVENT_REACTOR_RUNNING] = EBB_BIT(EVENT_REACTOR_STOPPING),
	[EVENT_REACTOR_STOPPING] = EBB_BIT(EVENT_REACTOR_ENDED),
};

void event_reactor_set_state(struct event_reactor *reactor, enum event_reactor_state state)
{
	ebb_assert(reactor_next[atomic_load(&reactor->state)] & EBB_BIT(state));
	atomic_store(&reactor->state, state);
}

static void reactor_stop(void *arg)
{
	struct event_reactor *reactor = arg;

	event_reactor_set_state(reactor, EVENT_REACTOR_STOPPING);
}

void event_reactor_list_stop(void)
{
	for (unsigned i = 0; i < event_num_reactors; i++) {
		struct event_reactor *reactor = &event_reactors[i];

		ebb_msg_init(&reactor->stop_msg, reactor_stop, reactor);
		event_reactor_send(reactor, &reactor->stop_msg);
	}
}
