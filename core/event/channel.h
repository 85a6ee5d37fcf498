/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_CHANNEL_H
#define CORE_EVENT_CHANNEL_H

#include <ebb/io_channel.h>
#include <ebb/list.h>
#include <ebb/thread.h>

#include "core/base/hash.h"

struct event_io_device {
	struct base_hash_node node; /* of all devices */
	struct ebb_list channels;   /* by ascending thread id */
	void *device;
	struct ebb_io_device_ops ops;
	unsigned for_each_running;
	struct ebb_thread *unregister_thread; /* not NULL: no new channels */
	void (*unregistered)(void *device);
	struct ebb_msg msg;
	char name[64];
};

/* What a move of its thread has asked of a channel. */
enum event_channel_state {
	EVENT_CHANNEL_OPEN,
	EVENT_CHANNEL_QUIESCING, /* ebb_io_channel_quiesced() is awaited */
	EVENT_CHANNEL_QUIET,
	EVENT_CHANNEL_STATE_COUNT,
};

/* How far the device has made it. */
enum event_channel_life {
	EVENT_CHANNEL_CREATING, /* create() runs */
	EVENT_CHANNEL_LIVE,
	EVENT_CHANNEL_FAILED, /* create() failed, and kept references: void, until these are put */
	EVENT_CHANNEL_ENDING, /* destroy() runs, or create() has failed */
	EVENT_CHANNEL_LIFE_COUNT,
};

struct ebb_io_channel {
	struct base_hash_node node; /* of all channels, by address */
	struct ebb_list device_link;
	struct ebb_list thread_link;
	struct event_io_device *device;
	struct ebb_thread *thread;
	unsigned ref;
	bool destroying; /* the message that destroys it is under way */
	enum event_channel_life life;
	enum event_channel_state state;
	struct ebb_msg msg;
} __attribute__((aligned(64)));

/* The table of devices, and every device's list of channels. Never held while a callback runs. */
void event_devices_lock(void);
void event_devices_unlock(void);

/* Under the lock: the device of that address that takes new channels, or NULL. */
struct event_io_device *event_io_device_find(void *device);

/*
 * Under the lock: true if @device, being unregistered, has nothing left; it is then out of the
 * table, and the caller calls event_io_device_finish() after it has let go of the lock.
 */
bool event_io_device_done(struct event_io_device *device);
void event_io_device_finish(struct event_io_device *device);

/*
 * Under the lock: the calling thread's channel to @device, whatever its references; NULL if there
 * is none, or its create() has failed, or its destroy() has begun. Its create() may be running.
 */
struct ebb_io_channel *event_io_channel_find(struct event_io_device *device);

/* The name of a channel's device that @thread has, or NULL. Thread: its reactor. */
const char *event_channels_first_name(const struct ebb_thread *thread);

/* A move: asks all channels to be quiet; true if all are; lets them go on. Thread: @thread. */
void event_channels_quiesce(struct ebb_thread *thread);
bool event_channels_quiet(const struct ebb_thread *thread);
void event_channels_resume(struct ebb_thread *thread);

/* Destroys what was put while the closed queue refused the message. Thread: @thread, at its end. */
void event_channels_sweep(struct ebb_thread *thread);

#endif
