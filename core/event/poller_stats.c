/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller_stats.h"

#include <ebb/violation.h>

#include "core/event/poller.h"
#include "core/event/turn.h"

static const char *const poller_state_names[EVENT_POLLER_STATE_COUNT] = {
	[EVENT_POLLER_WAITING] = "waiting",
	[EVENT_POLLER_RUNNING] = "running",
	[EVENT_POLLER_UNREGISTERED] = "unregistered",
	[EVENT_POLLER_PAUSING] = "pausing",
	[EVENT_POLLER_PAUSED] = "paused",
};

void event_poller_describe(const struct ebb_poller *poller, struct ebb_poller_stats *ret_stats)
{
	bool paused = poller->state == EVENT_POLLER_PAUSED || poller->state == EVENT_POLLER_PAUSING;

	*ret_stats = (struct ebb_poller_stats){
		.name = poller->name,
		.state = poller_state_names[poller->state],
		.id = poller->id,
		.period_ns = poller->period_ns,
		.run_count = poller->run_count,
		.busy_count = poller->busy_count,
		.error_count = poller->error_count,
		.wake_count = poller->wake_count,
		.paused = paused,
		.blocks_sleep = !paused && poller->blocks,
	};
}

static unsigned pollers_count_list(const struct ebb_list *list, const char **ret_first)
{
	struct ebb_list *node;
	unsigned count = 0;

	ebb_list_for_each(node, list) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		if (!poller->internal) {
			if (*ret_first == NULL) {
				*ret_first = poller->name;
			}
			count++;
		}
	}
	return count;
}

unsigned event_pollers_count(const struct ebb_thread *thread, const char **ret_first)
{
	*ret_first = NULL;
	return pollers_count_list(&thread->active, ret_first) +
	       pollers_count_list(&thread->idle, ret_first);
}

void event_pollers_for_each(struct ebb_thread *thread,
			    void (*fn)(const struct ebb_poller_stats *stats, void *arg), void *arg)
{
	struct ebb_list *const lists[] = {&thread->active, &thread->idle};
	struct ebb_poller_stats stats;
	struct ebb_list *node;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(lists); i++) {
		ebb_list_for_each(node, lists[i]) {
			const struct ebb_poller *poller =
				ebb_list_entry(node, struct ebb_poller, link);

			if (!poller->internal) {
				event_poller_describe(poller, &stats);
				fn(&stats, arg);
			}
		}
	}
}

EBB_REPORTS void ebb_poller_for_each(void (*fn)(const struct ebb_poller_stats *stats, void *arg),
				     void *arg)
{
	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, "pollers", NULL, NULL);
		return;
	}
	event_pollers_for_each(event_turn.thread, fn, arg);
}
