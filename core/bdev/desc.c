/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors: who holds a bdev open, and how they are told what becomes of it. The message about
 * that lies in the descriptor, so a descriptor that is closed while the message is under way stays
 * until it has arrived.
 */
#include "core/bdev/desc.h"

#include <errno.h>
#include <stdlib.h>

#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/bdev/teardown.h"

/* Those that are open, under the lock: what is no descriptor any more is told so by it. */
static struct base_hash open_descs;

bool bdev_desc_is_open(const struct ebb_bdev_desc *desc)
{
	struct base_hash_node *node;
	bool open = false;

	bdev_table_lock();
	base_hash_for_each(node, &open_descs, base_hash_of_address(desc))
	{
		open = open || base_hash_entry(node, struct ebb_bdev_desc, node) == desc;
	}
	bdev_table_unlock();
	return open;
}

/* Makes @desc hold the bdev called @name. Return: as ebb_bdev_open(). Thread: any. */
static int desc_link(struct ebb_bdev_desc *desc, const char *name)
{
	struct ebb_bdev_internal *internal;
	int rc = 0;

	bdev_table_lock();
	internal = bdev_table_find_locked(name);
	if (internal == NULL || internal->state != BDEV_READY) {
		rc = -ENODEV;
	} else if (desc->write && internal->bdev->read_only) {
		rc = -EROFS;
	} else if (desc->write && internal->claim != NULL) {
		rc = -EPERM;
		ebb_notice("bdev", "bdev '%s' cannot be opened for writing: '%s' has claimed it",
			   internal->bdev->name, internal->claim_holder);
	} else {
		desc->internal = internal;
		desc->bdev = internal->bdev;
		ebb_list_push_back(&internal->descs, &desc->link);
		base_hash_add(&open_descs, &desc->node, base_hash_of_address(desc));
	}
	bdev_table_unlock();
	return rc;
}

EBB_REPORTS int ebb_bdev_open(const char *name, bool write, ebb_bdev_event_cb event, void *arg,
			      struct ebb_bdev_desc **ret_desc)
{
	struct ebb_bdev_desc *desc;
	int rc;

	if (ebb_thread_current() == NULL) {
		ebb_violation(4, "ebb_bdev_open", name, NULL, NULL);
		return -EPERM;
	}
	desc = calloc(1, sizeof(*desc));
	if (desc == NULL) {
		return -ENOMEM;
	}
	desc->write = write;
	desc->event = event;
	desc->event_arg = arg;
	desc->thread = ebb_thread_current();
	ebb_list_init(&desc->link);
	rc = desc_link(desc, name);
	if (rc < 0) {
		free(desc);
		return rc;
	}
	*ret_desc = desc;
	return 0;
}

/* A claim was refused, and what was in the way is so no longer: the app thread looks who waits. */
static void claim_freed_locked(struct ebb_bdev_internal *internal)
{
	if (internal->claim_refused && !internal->freed_sent && internal->state == BDEV_READY) {
		internal->freed_sent = ebb_thread_send(ebb_thread_app(), &internal->freed_msg) == 0;
		internal->pins += internal->freed_sent;
	}
}

void bdev_desc_release_locked(struct ebb_bdev_desc *desc)
{
	if (desc->claims) {
		desc->claims = false;
		desc->internal->claim = NULL;
		desc->internal->claim_holder = NULL;
		claim_freed_locked(desc->internal);
	}
}

EBB_REPORTS void ebb_bdev_close(struct ebb_bdev_desc *desc)
{
	bool last;

	if (!bdev_desc_is_open(desc)) {
		ebb_violation(2, "ebb_bdev_close (twice)", "a descriptor that is not open", NULL,
			      ebb_thread_current());
		return;
	}
	if (desc->thread != ebb_thread_current()) {
		ebb_violation(2, "ebb_bdev_close", desc->bdev->name, desc->thread,
			      ebb_thread_current());
		return;
	}
	bdev_table_lock();
	desc->closed = true;
	base_hash_remove(&open_descs, &desc->node);
	last = !desc->event_sent;
	bdev_desc_release_locked(desc);
	if (desc->write) {
		claim_freed_locked(desc->internal);
	}
	ebb_list_remove(&desc->link);
	bdev_teardown_check_locked(desc->internal);
	bdev_table_unlock();
	if (last) {
		free(desc);
	}
}

/* One event for each message: the callback may close, and then there is nothing left to look at. */
static void event_msg(void *arg)
{
	struct ebb_bdev_desc *desc = arg;
	enum ebb_bdev_event event;
	bool closed;

	bdev_table_lock();
	/* Who is told that it goes need not hear how large it was. */
	event = (desc->events & EBB_BIT(EBB_BDEV_EVENT_REMOVE)) != 0 ? EBB_BDEV_EVENT_REMOVE
								     : EBB_BDEV_EVENT_RESIZE;
	desc->events = 0;
	desc->event_sent = false;
	closed = desc->closed;
	bdev_table_unlock();
	if (closed) {
		free(desc);
	} else if (desc->event != NULL) {
		desc->event(desc->bdev, event, desc->event_arg);
	}
}

static void desc_tell(struct ebb_bdev_desc *desc, enum ebb_bdev_event event)
{
	desc->events |= EBB_BIT(event);
	if (!desc->event_sent) {
		ebb_msg_init(&desc->msg, event_msg, desc);
		desc->event_sent = ebb_thread_send(desc->thread, &desc->msg) == 0;
	}
}

void bdev_desc_tell_all(struct ebb_bdev_internal *internal, enum ebb_bdev_event event)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &internal->descs) {
		struct ebb_bdev_desc *desc = ebb_list_entry(node, struct ebb_bdev_desc, link);

		desc_tell(desc, event);
		if (!desc->event_sent && event == EBB_BDEV_EVENT_REMOVE) {
			/* Nobody is left who might close it. */
			ebb_error("bdev",
				  "thread '%s' has exited with bdev '%s' open; closed for it",
				  ebb_thread_name(desc->thread), internal->bdev->name);
			bdev_desc_release_locked(desc);
			ebb_list_remove(node);
			base_hash_remove(&open_descs, &desc->node);
			free(desc);
		}
	}
}

void bdev_desc_set_clients(struct ebb_bdev_desc *desc, const char *name, unsigned num_clients)
{
	bdev_table_lock();
	desc->export_name = name;
	desc->num_clients = num_clients;
	bdev_table_unlock();
}

void bdev_desc_for_each(const struct ebb_bdev *bdev,
			void (*fn)(const struct ebb_bdev_desc *desc, void *arg), void *arg)
{
	struct ebb_list *node;

	bdev_table_lock();
	ebb_list_for_each(node, &bdev->internal->descs) {
		fn(ebb_list_entry(node, struct ebb_bdev_desc, link), arg);
	}
	bdev_table_unlock();
}

struct ebb_bdev *ebb_bdev_desc_bdev(const struct ebb_bdev_desc *desc)
{
	return desc->bdev;
}

struct ebb_io_channel *ebb_bdev_channel_get(struct ebb_bdev_desc *desc)
{
	return ebb_io_channel_get(desc->internal);
}
