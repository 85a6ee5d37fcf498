/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/doing.h"
#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

static const uint32_t channel_next[EVENT_CHANNEL_STATE_COUNT] = {
	[EVENT_CHANNEL_OPEN] = EBB_BIT(EVENT_CHANNEL_QUIESCING),
	[EVENT_CHANNEL_QUIESCING] = EBB_BIT(EVENT_CHANNEL_QUIET) | EBB_BIT(EVENT_CHANNEL_OPEN),
	[EVENT_CHANNEL_QUIET] = EBB_BIT(EVENT_CHANNEL_OPEN),
};

static const uint32_t channel_life_next[EVENT_CHANNEL_LIFE_COUNT] = {
	[EVENT_CHANNEL_CREATING] = EBB_BIT(EVENT_CHANNEL_LIVE) | EBB_BIT(EVENT_CHANNEL_FAILED) |
				   EBB_BIT(EVENT_CHANNEL_ENDING),
	[EVENT_CHANNEL_LIVE] = EBB_BIT(EVENT_CHANNEL_ENDING),
	[EVENT_CHANNEL_FAILED] = EBB_BIT(EVENT_CHANNEL_ENDING),
};

static void channel_set_life(struct ebb_io_channel *channel, enum event_channel_life life)
{
	ebb_assert(channel_life_next[channel->life] & EBB_BIT(life));
	channel->life = life;
}

/* Reports use of a channel from another thread than its own (rule 2). */
static bool channel_is_mine(struct ebb_io_channel *channel, const char *function, const void *site)
{
	if (ebb_likely(channel->thread == event_turn.thread)) {
		return true;
	}
	ebb_violation_at(2, function, channel->device->name, channel->thread, event_turn.thread,
			 site);
	return false;
}

/* All of them, under the lock of the devices: what is no channel any more is told so by it. */
static struct base_hash channels;

/* Is it one? Whoever has put one too often does not know. */
static bool channel_lives(const struct ebb_io_channel *channel)
{
	struct base_hash_node *node;
	bool lives = false;

	event_devices_lock();
	base_hash_for_each(node, &channels, base_hash_of_address(channel))
	{
		lives = lives || base_hash_entry(node, struct ebb_io_channel, node) == channel;
	}
	event_devices_unlock();
	return lives;
}

/* A thread may have channels to thousands of devices; a device has few threads. */
struct ebb_io_channel *event_io_channel_find(struct event_io_device *device)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &device->channels) {
		struct ebb_io_channel *channel =
			ebb_list_entry(node, struct ebb_io_channel, device_link);

		if (channel->thread == event_turn.thread &&
		    (channel->life == EVENT_CHANNEL_CREATING ||
		     channel->life == EVENT_CHANNEL_LIVE)) {
			return channel;
		}
	}
	return NULL;
}

/* Under the lock. The list stays sorted by thread id, for rounds that go by it. */
static void channel_link(struct ebb_io_channel *channel)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &channel->device->channels) {
		if (ebb_list_entry(node, struct ebb_io_channel, device_link)->thread->id >
		    channel->thread->id) {
			break;
		}
	}
	ebb_list_insert_before(&channel->device_link, node);
	base_hash_add(&channels, &channel->node, base_hash_of_address(channel));
}

/* Takes @channel from its device, and finishes the device if it was the last thing there. */
static void channel_unlink(struct ebb_io_channel *channel)
{
	struct event_io_device *device = channel->device;
	bool finished;

	event_devices_lock();
	base_hash_remove(&channels, &channel->node);
	ebb_list_remove(&channel->device_link);
	finished = event_io_device_done(device);
	event_devices_unlock();
	if (finished) {
		event_io_device_finish(device);
	}
}

static void channel_set_state(struct ebb_io_channel *channel, enum event_channel_state state)
{
	ebb_assert(channel_next[channel->state] & EBB_BIT(state));
	channel->state = state;
}

static void channel_quiesce(struct ebb_io_channel *channel)
{
	channel_set_state(channel, EVENT_CHANNEL_QUIESCING);
	channel->device->ops.quiesce(ebb_io_channel_ctx(channel), channel);
}

/*
 * create() has failed. What it got of the channel while it ran, and has not put, is void: such a
 * channel is found by nobody any more and goes, without destroy(), when these are put.
 */
static void channel_create_failed(struct ebb_io_channel *channel, int rc, const void *site)
{
	struct event_io_device *device = channel->device;
	struct ebb_thread *thread = channel->thread;

	ebb_error("thread", "thread '%s' gets no channel to '%s': %s", thread->name, device->name,
		  strerror(-rc));
	if (--channel->ref == 0) {
		channel_set_life(channel, EVENT_CHANNEL_ENDING);
		channel_unlink(channel);
		free(channel);
		return;
	}
	channel_set_life(channel, EVENT_CHANNEL_FAILED);
	ebb_list_push_back(&thread->channels, &channel->thread_link);
	thread->num_channels++;
	ebb_violation_at(2, "ebb_io_channel_get (in a create() that failed, and not put there)",
			 device->name, thread, thread, site);
}

/*
 * The channel is linked first, so that the device cannot go while create() runs, and so that a get
 * inside create() finds it.
 */
static struct ebb_io_channel *channel_create(struct event_io_device *device,
					     struct ebb_io_channel *channel, const void *site)
{
	struct ebb_thread *thread = event_turn.thread;
	struct event_doing doing;
	int rc = 0;

	if (device->ops.create != NULL) {
		event_doing_begin(&doing, "start of a channel of", device->name);
		rc = device->ops.create(device->device, ebb_io_channel_ctx(channel));
		event_doing_end(&doing);
	}
	if (rc != 0) {
		channel_create_failed(channel, rc, site);
		return NULL;
	}
	channel_set_life(channel, EVENT_CHANNEL_LIVE);
	ebb_list_push_back(&thread->channels, &channel->thread_link);
	thread->num_channels++;
	if (thread->move != NULL && device->ops.quiesce != NULL) {
		channel_quiesce(channel); /* like those that the move found */
	}
	return channel;
}

static struct ebb_io_channel *channel_alloc(size_t ctx_size)
{
	size_t align = _Alignof(struct ebb_io_channel);
	size_t size = (sizeof(struct ebb_io_channel) + ctx_size + align - 1) & ~(align - 1);
	struct ebb_io_channel *channel = aligned_alloc(align, size);

	if (channel != NULL) {
		memset(channel, 0, size);
		ebb_list_init(&channel->device_link);
		ebb_list_init(&channel->thread_link);
		channel->thread = event_turn.thread;
		channel->ref = 1;
	}
	return channel;
}

EBB_REPORTS struct ebb_io_channel *ebb_io_channel_get(void *device_address)
{
	struct ebb_io_channel *channel = NULL;
	struct event_io_device *device;
	bool existing;

	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, "io_channel", NULL, NULL);
		return NULL;
	}
	event_devices_lock();
	device = event_io_device_find(device_address);
	if (device != NULL) {
		channel = event_io_channel_find(device);
	}
	existing = channel != NULL;
	if (device != NULL && !existing) {
		channel = channel_alloc(device->ops.ctx_size);
		if (channel != NULL) {
			channel->device = device;
			channel_link(channel);
		}
	}
	event_devices_unlock();

	if (channel == NULL) {
		ebb_error("thread", "thread '%s' gets no channel: %s", event_turn.thread->name,
			  device == NULL ? "the io_device is not registered, or going"
					 : "out of memory");
		return NULL;
	}
	if (existing) {
		channel->ref++;
		return channel;
	}
	return channel_create(device, channel, __builtin_return_address(0));
}

EBB_REPORTS struct ebb_io_channel *ebb_io_channel_ref(struct ebb_io_channel *channel)
{
	if (!channel_is_mine(channel, __func__, __builtin_return_address(0))) {
		return NULL;
	}
	channel->ref++;
	return channel;
}

static bool channel_is_busy(struct ebb_io_channel *channel)
{
	const struct ebb_io_device_ops *ops = &channel->device->ops;

	return ops->busy != NULL && ops->busy(ebb_io_channel_ctx(channel));
}

static void channel_destroy(void *arg)
{
	struct ebb_io_channel *channel = arg;
	struct event_io_device *device = channel->device;
	bool made = channel->life == EVENT_CHANNEL_LIVE;
	struct event_doing doing;

	channel->destroying = false;
	if (channel->ref != 0) {
		return; /* a get has taken it back */
	}
	if (made && channel_is_busy(channel)) { /* used after it was put: as if it had not been */
		ebb_violation_at(2, "ebb_io_channel_put (used afterwards)", device->name,
				 channel->thread, channel->thread, NULL);
		channel->ref = 1;
		return;
	}
	channel_set_life(channel, EVENT_CHANNEL_ENDING);
	ebb_list_remove(&channel->thread_link);
	channel->thread->num_channels--;
	event_reactor_forget_io(event_turn.reactor);
	if (made && device->ops.destroy != NULL) {
		event_doing_begin(&doing, "end of a channel of", device->name);
		device->ops.destroy(device->device, ebb_io_channel_ctx(channel));
		event_doing_end(&doing);
	}
	channel_unlink(channel);
	free(channel);
}

EBB_REPORTS void ebb_io_channel_put(struct ebb_io_channel *channel)
{
	if (!channel_lives(channel)) {
		ebb_violation(2, "ebb_io_channel_put (one too many)", "a channel that has gone",
			      NULL, event_turn.thread);
		return;
	}
	if (!channel_is_mine(channel, __func__, __builtin_return_address(0))) {
		return;
	}
	if (channel->ref == 0) {
		ebb_violation(2, "ebb_io_channel_put (one too many)", channel->device->name,
			      channel->thread, event_turn.thread);
		return;
	}
	if (channel->life == EVENT_CHANNEL_CREATING && channel->ref == 1) {
		ebb_violation(2, "ebb_io_channel_put (in create(), of what was not got there)",
			      channel->device->name, channel->thread, channel->thread);
		return;
	}
	if (channel->ref == 1 && channel_is_busy(channel)) {
		ebb_violation(2, "ebb_io_channel_put (with work under way)", channel->device->name,
			      channel->thread, event_turn.thread);
		return;
	}
	if (--channel->ref == 0 && !channel->destroying) {
		channel->destroying = true;
		ebb_msg_init(&channel->msg, channel_destroy, channel);
		/*
		 * Refused while the thread runs its last messages: event_channels_sweep() follows.
		 */
		ebb_thread_send(channel->thread, &channel->msg);
	}
}

void *ebb_io_channel_ctx(struct ebb_io_channel *channel)
{
	return channel + 1;
}

struct ebb_io_channel *ebb_io_channel_from_ctx(void *ctx)
{
	return (struct ebb_io_channel *)ctx - 1;
}

struct ebb_thread *ebb_io_channel_thread(const struct ebb_io_channel *channel)
{
	return channel->thread;
}

const char *ebb_io_channel_name(const struct ebb_io_channel *channel)
{
	return channel->device->name;
}

const char *event_channels_first_name(const struct ebb_thread *thread)
{
	return ebb_list_empty(&thread->channels)
		       ? NULL
		       : ebb_list_first(&thread->channels, struct ebb_io_channel, thread_link)
				 ->device->name;
}

EBB_REPORTS void ebb_io_channel_for_each(void (*fn)(const char *device_name, unsigned ref,
						    void *arg),
					 void *arg)
{
	struct ebb_list *node;

	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, "io_channel", NULL, NULL);
		return;
	}
	ebb_list_for_each(node, &event_turn.thread->channels) {
		struct ebb_io_channel *channel =
			ebb_list_entry(node, struct ebb_io_channel, thread_link);

		fn(channel->device->name, channel->ref, arg);
	}
}

void event_channels_quiesce(struct ebb_thread *thread)
{
	struct ebb_list *node, *tmp;

	ebb_list_for_each_safe(node, tmp, &thread->channels) {
		struct ebb_io_channel *channel =
			ebb_list_entry(node, struct ebb_io_channel, thread_link);

		if (channel->life == EVENT_CHANNEL_LIVE && channel->device->ops.quiesce != NULL) {
			channel_quiesce(channel);
		}
	}
}

EBB_REPORTS void ebb_io_channel_quiesced(struct ebb_io_channel *channel)
{
	/* Otherwise the move has been cancelled meanwhile. */
	if (channel_is_mine(channel, __func__, __builtin_return_address(0)) &&
	    channel->state == EVENT_CHANNEL_QUIESCING) {
		channel_set_state(channel, EVENT_CHANNEL_QUIET);
	}
}

bool event_channels_quiet(const struct ebb_thread *thread)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &thread->channels) {
		struct ebb_io_channel *channel =
			ebb_list_entry(node, struct ebb_io_channel, thread_link);

		if (channel->state == EVENT_CHANNEL_QUIESCING) {
			return false;
		}
	}
	return true;
}

void event_channels_resume(struct ebb_thread *thread)
{
	struct ebb_list *node, *tmp;

	ebb_list_for_each_safe(node, tmp, &thread->channels) {
		struct ebb_io_channel *channel =
			ebb_list_entry(node, struct ebb_io_channel, thread_link);

		if (channel->state != EVENT_CHANNEL_OPEN) {
			channel_set_state(channel, EVENT_CHANNEL_OPEN);
			if (channel->device->ops.resume != NULL) {
				channel->device->ops.resume(ebb_io_channel_ctx(channel), channel);
			}
		}
	}
}

/* Return: true if there was one. */
static bool channels_sweep_one(struct ebb_thread *thread)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &thread->channels) {
		struct ebb_io_channel *channel =
			ebb_list_entry(node, struct ebb_io_channel, thread_link);

		if (channel->destroying) {
			channel_destroy(channel);
			return true;
		}
	}
	return false;
}

/* A channel's destroy() may put another one, which stands before it in the list. */
void event_channels_sweep(struct ebb_thread *thread)
{
	while (channels_sweep_one(thread)) {
	}
}
