/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/thread.h"

/*
 * A round over all threads. It visits them by ascending id, and finds the next one in the registry
 * only when the one before has been visited: threads may come and go meanwhile. A thread that
 * closes its queue between being found and being sent to is passed over. The caller's exit waits
 * for the round, so there is always somebody to answer to.
 */

#include <errno.h>
#include <stdlib.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/turn.h"

struct for_each {
	struct ebb_msg msg;
	struct ebb_thread *caller;
	uint64_t last_id;
	ebb_msg_fn fn;
	ebb_msg_fn done;
	void *arg;
	const char *name;
};

static void for_each_next(struct for_each *round);

static struct ebb_thread *for_each_find(uint64_t after_id)
{
	struct ebb_thread *found = NULL;
	struct ebb_list *node;

	event_thread_registry_lock();
	ebb_list_for_each(node, &event_threads.threads) {
		struct ebb_thread *thread = ebb_list_entry(node, struct ebb_thread, registry_link);

		if (thread->id > after_id) {
			found = thread;
			break;
		}
	}
	event_thread_registry_unlock();
	return found;
}

static void for_each_visit(void *arg)
{
	struct for_each *round = arg;

	round->fn(round->arg);
	for_each_next(round);
}

static void for_each_end(void *arg)
{
	struct for_each *round = arg;

	round->caller->answers_due--;
	if (round->done != NULL) {
		round->done(round->arg);
	}
	free(round);
}

static void for_each_next(struct for_each *round)
{
	struct ebb_thread *thread;

	while ((thread = for_each_find(round->last_id)) != NULL) {
		round->last_id = thread->id;
		ebb_msg_init(&round->msg, for_each_visit, round);
		round->msg.name = round->name;
		if (ebb_thread_send(thread, &round->msg) == 0) {
			return;
		}
	}
	ebb_msg_init(&round->msg, for_each_end, round);
	if (ebb_thread_send(round->caller, &round->msg) != 0) {
		/* Forced to end while the round ran: the promise to complete still stands. */
		ebb_warn("thread", "for_each_thread(%s): thread '%s', which asked, has gone",
			 round->name, round->caller->name);
		for_each_end(round);
	}
}

EBB_REPORTS int ebb_for_each_thread_named(ebb_msg_fn fn, void *arg, ebb_msg_fn done,
					  const char *name)
{
	struct for_each *round;

	if (event_turn.thread == NULL) {
		ebb_violation(4, "ebb_for_each_thread", name, NULL, NULL);
		return -EPERM;
	}
	round = malloc(sizeof(*round));
	if (round == NULL) {
		return -ENOMEM;
	}
	*round = (struct for_each){
		.caller = event_turn.thread,
		.fn = fn,
		.done = done,
		.arg = arg,
		.name = name,
	};
	round->caller->answers_due++;
	for_each_next(round);
	return 0;
}
