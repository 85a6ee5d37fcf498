/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reactor_list.h"

#include "core/event/reactor.h"
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

static void reactor_stop(void *arg)
{
	struct ebb_reactor *reactor = arg;

	reactor->stop = true;
}

void event_reactor_list_stop(void)
{
	for (unsigned i = 0; i < ebb_num_reactors; i++) {
		struct ebb_reactor *reactor = &ebb_reactors[i];

		ebb_msg_init(&reactor->stop_msg, reactor_stop, reactor);
		ebb_reactor_send(reactor, &reactor->stop_msg);
	}
}
