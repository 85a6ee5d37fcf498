/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/channel.h"

/*
 * Devices come and go while threads get channels to them, so one mutex guards their table. It is
 * taken by management only (get, put to zero, register, unregister); I/O holds a channel and never
 * comes here.
 *
 * A device that is unregistered refuses new channels at once and leaves the table when its last
 * channel and the last round over them have gone. Whoever takes away the last of these finishes it.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/doing.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

static struct base_hash devices; /* by address; an address may be of some that are going, too */
static pthread_mutex_t devices_mutex = PTHREAD_MUTEX_INITIALIZER;

void event_devices_lock(void)
{
	pthread_mutex_lock(&devices_mutex);
}

void event_devices_unlock(void)
{
	pthread_mutex_unlock(&devices_mutex);
}

struct event_io_device *event_io_device_find(void *device)
{
	struct base_hash_node *node;

	base_hash_for_each(node, &devices, base_hash_of_address(device))
	{
		struct event_io_device *found = base_hash_entry(node, struct event_io_device, node);

		if (found->device == device && found->unregister_thread == NULL) {
			return found;
		}
	}
	return NULL;
}

EBB_REPORTS int ebb_io_device_register(void *device, const struct ebb_io_device_ops *ops)
{
	struct event_io_device *made;
	int rc = 0;

	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, ops->name != NULL ? ops->name : "unnamed", NULL, NULL);
		return -EPERM;
	}
	made = calloc(1, sizeof(*made));
	if (made == NULL) {
		return -ENOMEM;
	}
	made->device = device;
	made->ops = *ops;
	if (ops->name != NULL) {
		snprintf(made->name, sizeof(made->name), "%s", ops->name);
	} else {
		snprintf(made->name, sizeof(made->name), "%p", device);
	}
	made->ops.name = made->name;
	ebb_list_init(&made->channels);

	event_devices_lock();
	if (event_io_device_find(device) != NULL) {
		rc = -EEXIST;
	} else {
		base_hash_add(&devices, &made->node, base_hash_of_address(device));
	}
	event_devices_unlock();
	if (rc != 0) {
		free(made);
	}
	return rc;
}

static void io_device_gone(void *arg)
{
	struct event_io_device *device = arg;
	void (*unregistered)(void *device) = device->unregistered;
	void *address = device->device;
	struct event_doing doing;

	device->unregister_thread->pending_unregisters--;
	event_doing_begin(&doing, "end of io_device", device->name);
	free(device);
	if (unregistered != NULL) {
		unregistered(address);
	}
	event_doing_end(&doing);
}

bool event_io_device_done(struct event_io_device *device)
{
	if (device->unregister_thread == NULL || !ebb_list_empty(&device->channels) ||
	    device->for_each_running != 0) {
		return false;
	}
	base_hash_remove(&devices, &device->node);
	return true;
}

void event_io_device_finish(struct event_io_device *device)
{
	ebb_msg_init(&device->msg, io_device_gone, device);
	if (ebb_thread_send(device->unregister_thread, &device->msg) != 0) {
		ebb_warn("thread", "io_device '%s': thread '%s', which unregistered it, has gone",
			 device->name, device->unregister_thread->name);
		free(device);
	}
}

EBB_REPORTS int ebb_io_device_unregister(void *device, void (*done)(void *device))
{
	struct event_io_device *found;
	bool finished = false;

	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, "io_device", NULL, NULL);
		return -EPERM;
	}
	event_devices_lock();
	found = event_io_device_find(device);
	if (found != NULL) {
		found->unregister_thread = event_turn.thread;
		found->unregistered = done;
		event_turn.thread->pending_unregisters++;
		finished = event_io_device_done(found);
	}
	event_devices_unlock();
	if (found == NULL) {
		return -ENODEV;
	}
	if (finished) {
		event_io_device_finish(found);
	}
	return 0;
}
