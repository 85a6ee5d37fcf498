/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/channel.h"

/*
 * A round over the channels of a device, by ascending thread id. The next channel is looked up, on
 * the device's list, only when the one before has answered, and once more on its own thread: it may
 * have gone meanwhile. The round holds the device, and the caller's exit waits for the round, so
 * it always completes.
 */

#include <errno.h>
#include <stdlib.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/doing.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

struct ebb_channel_iter {
	struct ebb_msg msg;
	struct ebb_list link;           /* on `rounds`, under the lock */
	struct ebb_thread *visiting;    /* whose fn() has not ended its part; NULL: none */
	struct event_io_device *device; /* NULL: it was not registered */
	struct ebb_thread *caller;
	uint64_t last_id;
	ebb_channel_fn fn;
	ebb_channel_done done;
	void *arg;
	int rc;
};

/* Those that have not ended. */
static struct ebb_list rounds = EBB_LIST_INIT(rounds);

static void channel_round_go_on(struct ebb_channel_iter *iter);

static struct ebb_thread *channel_round_find(struct ebb_channel_iter *iter)
{
	struct ebb_thread *found = NULL;
	struct ebb_list *node;

	event_devices_lock();
	ebb_list_for_each(node, &iter->device->channels) {
		struct ebb_thread *thread =
			ebb_list_entry(node, struct ebb_io_channel, device_link)->thread;

		if (thread->id > iter->last_id) {
			found = thread;
			break;
		}
	}
	event_devices_unlock();
	return found;
}

static void channel_round_visit(void *arg);

static int channel_round_send(struct ebb_channel_iter *iter, struct ebb_thread *thread)
{
	ebb_msg_init(&iter->msg, channel_round_visit, iter);
	return ebb_thread_send(thread, &iter->msg);
}

static void channel_round_visit(void *arg)
{
	struct ebb_channel_iter *iter = arg;
	struct ebb_io_channel *channel;
	struct event_doing doing;
	bool going;

	event_devices_lock();
	channel = event_io_channel_find(iter->device);
	going = channel != NULL && channel->ref == 0;
	iter->visiting = channel != NULL && !going ? event_turn.thread : NULL;
	event_devices_unlock();
	/* A get may take it back yet: behind the message that destroys it, it is clear. */
	if (going && channel_round_send(iter, event_turn.thread) == 0) {
		return;
	}
	if (channel == NULL || going) {
		channel_round_go_on(iter);
		return;
	}
	event_doing_begin(&doing, "visit of a channel of", iter->device->name);
	iter->fn(iter, channel, iter->arg);
	event_doing_end(&doing);
}

static void channel_round_end(void *arg)
{
	struct ebb_channel_iter *iter = arg;
	struct event_io_device *device = iter->device;
	bool finished = false;

	event_devices_lock();
	ebb_list_remove(&iter->link);
	event_devices_unlock();
	iter->caller->answers_due--;
	if (iter->done != NULL) {
		iter->done(iter->arg, iter->rc);
	}
	if (device != NULL) {
		event_devices_lock();
		device->for_each_running--;
		finished = event_io_device_done(device);
		event_devices_unlock();
	}
	if (finished) {
		event_io_device_finish(device);
	}
	free(iter);
}

static void channel_round_go_on(struct ebb_channel_iter *iter)
{
	struct ebb_thread *thread;

	while (iter->rc == 0 && iter->device != NULL &&
	       (thread = channel_round_find(iter)) != NULL) {
		iter->last_id = thread->id;
		if (channel_round_send(iter, thread) == 0) {
			return;
		}
	}
	ebb_msg_init(&iter->msg, channel_round_end, iter);
	if (ebb_thread_send(iter->caller, &iter->msg) != 0) {
		ebb_warn("thread", "for_each_channel: thread '%s', which asked, has gone",
			 iter->caller->name);
		channel_round_end(iter);
	}
}

/* Spends the right to end a part of the round. Return: false: the caller has none. */
static bool channel_round_take(struct ebb_channel_iter *iter, struct ebb_thread **ret_owner)
{
	struct ebb_list *node;
	bool taken = false;

	*ret_owner = NULL;
	event_devices_lock();
	ebb_list_for_each(node, &rounds) { /* looked for before it is looked at */
		if (ebb_list_entry(node, struct ebb_channel_iter, link) == iter) {
			*ret_owner = iter->visiting;
			taken = iter->visiting != NULL && iter->visiting == event_turn.thread;
			if (taken) {
				iter->visiting = NULL;
			}
			break;
		}
	}
	event_devices_unlock();
	return taken;
}

EBB_REPORTS void ebb_for_each_channel_next(struct ebb_channel_iter *iter, int rc)
{
	struct ebb_thread *owner;

	if (!channel_round_take(iter, &owner)) {
		ebb_violation(2, __func__, "a round over channels", owner, event_turn.thread);
		return;
	}
	iter->rc = rc;
	channel_round_go_on(iter);
}

EBB_REPORTS void ebb_for_each_channel(void *device_address, ebb_channel_fn fn, void *arg,
				      ebb_channel_done done)
{
	struct ebb_channel_iter *iter;

	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, "io_device", NULL, NULL);
		return;
	}
	iter = malloc(sizeof(*iter));
	if (iter == NULL) {
		ebb_error("thread", "out of memory for a round over channels");
		abort(); /* a promise to complete that cannot be kept */
	}
	*iter = (struct ebb_channel_iter){
		.caller = event_turn.thread,
		.fn = fn,
		.done = done,
		.arg = arg,
	};
	iter->caller->answers_due++;
	ebb_list_init(&iter->link);
	event_devices_lock();
	ebb_list_push_back(&rounds, &iter->link);
	iter->device = event_io_device_find(device_address);
	if (iter->device != NULL) {
		iter->device->for_each_running++;
	} else {
		iter->rc = -ENODEV;
	}
	event_devices_unlock();
	channel_round_go_on(iter);
}
