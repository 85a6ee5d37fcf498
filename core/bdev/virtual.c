/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coming and going of virtual bdevs.
 *
 * One that is created, and whose base is not there, waits for a bdev of that name to be registered,
 * and comes then: so the order in which a configuration names them does not matter. When its base
 * is taken away, it goes first, as it holds the base open; then it waits again, because what was
 * asked for stays wanted. If it was a user who took the base away, the list of what is wanted has
 * lost both, and one that waits without being wanted is forgotten when next one is looked for.
 *
 * A base that has come may be claimed, or written to by somebody. Then it waits on, and tries again
 * when that has ended.
 */
#include "core/bdev/virtual.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/startup.h>
#include <ebb/thread.h>
#include <ebb/wanted.h>

#include "core/bdev/answer.h"
#include "core/bdev/uuid.h"
#include "core/method/wanted.h"

static struct ebb_list virtuals = EBB_LIST_INIT(virtuals);
static bool virtuals_closed; /* nothing waits any more: the process ends */

static const char *const state_names[BDEV_VIRTUAL_STATE_COUNT] = {
	[BDEV_VIRTUAL_WAITING] = "waiting",
	[BDEV_VIRTUAL_READY] = "ready",
	[BDEV_VIRTUAL_LEAVING] = "leaving",
};

static const uint32_t state_next[BDEV_VIRTUAL_STATE_COUNT] = {
	[BDEV_VIRTUAL_WAITING] = EBB_BIT(BDEV_VIRTUAL_READY),
	[BDEV_VIRTUAL_READY] = EBB_BIT(BDEV_VIRTUAL_LEAVING),
	[BDEV_VIRTUAL_LEAVING] = EBB_BIT(BDEV_VIRTUAL_WAITING),
};

static void virtual_set_state(struct bdev_virtual *virtual, enum bdev_virtual_state state)
{
	ebb_assert((state_next[virtual->state] & EBB_BIT(state)) != 0);
	ebb_debug("bdev", "%s bdev '%s': %s", virtual->kind->kind, virtual->name,
		  state_names[state]);
	virtual->state = state;
}

static void virtual_free(struct bdev_virtual *virtual)
{
	bdev_registry_stop_waiting(&virtual->waiter);
	ebb_list_remove(&virtual->link);
	free(virtual->name);
	free(virtual->base_name);
	free(virtual);
}

/* Forgets those that wait, and are not wanted any more because their base was taken away. */
static void virtuals_prune(void)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &virtuals) {
		struct bdev_virtual *virtual = ebb_list_entry(node, struct bdev_virtual, link);

		if (virtual->state == BDEV_VIRTUAL_WAITING &&
		    ebb_wanted_find(virtual->kind->method, virtual->name) == NULL) {
			virtual_free(virtual);
		}
	}
}

static void virtual_set_present(struct bdev_virtual *virtual, bool present)
{
	ebb_wanted_set_present(virtual->kind->method, virtual->name, present);
	if (virtual->kind->presence != NULL) {
		virtual->kind->presence(virtual, present);
	}
}

static void virtual_base_event(struct ebb_bdev *base, enum ebb_bdev_event event, void *arg)
{
	struct bdev_virtual *virtual = arg;

	if (virtual->state != BDEV_VIRTUAL_READY) {
		return;
	}
	if (event == EBB_BDEV_EVENT_RESIZE) {
		ebb_bdev_resize(&virtual->bdev, ebb_bdev_num_blocks(base));
		return;
	}
	ebb_notice("bdev", "%s bdev '%s' goes: its base '%s' is being removed", virtual->kind->kind,
		   virtual->name, ebb_bdev_name(base));
	virtual_set_present(virtual, false);
	ebb_bdev_unregister(&virtual->bdev, NULL, NULL);
}

/*
 * What clients may ask for is as the base has it. What only makes core do a request in parts is
 * left to the base: a client's request is one that is delayed, or fails.
 */
static void virtual_take_geometry(struct bdev_virtual *virtual)
{
	const struct ebb_bdev *base = ebb_bdev_desc_bdev(virtual->base);
	struct ebb_bdev *bdev = &virtual->bdev;

	bdev->name = virtual->name;
	bdev->product_name = virtual->kind->product_name;
	bdev->block_size = base->block_size;
	bdev->num_blocks = ebb_bdev_num_blocks(base);
	bdev->read_only = base->read_only;
	bdev->io_types = base->io_types;
	bdev->fua = base->fua;
	bdev->zero_flags = base->zero_flags;
	bdev->zeroes_unmap = base->zeroes_unmap;
	bdev->buf_align = base->buf_align;
	bdev->io_ctx_size = virtual->kind->io_size;
	bdev->ops = virtual->kind->ops;
	bdev->io_device = virtual;
}

static int virtual_register(struct bdev_virtual *virtual)
{
	int rc = ebb_bdev_claim(virtual->base, virtual->name);

	if (rc < 0) {
		return rc;
	}
	virtual_take_geometry(virtual);
	atomic_store(&virtual->draining, false);
	rc = bdev_virtual_device_register(virtual);
	if (rc < 0) {
		return rc;
	}
	rc = ebb_bdev_register(&virtual->bdev);
	if (rc < 0) {
		ebb_io_device_unregister(virtual, NULL);
		return rc;
	}
	virtual_set_state(virtual, BDEV_VIRTUAL_READY);
	return 0;
}

/* Return: 0 it is there; -ENODEV its base is not; others: it cannot be. */
static int virtual_come(struct bdev_virtual *virtual)
{
	int rc = ebb_bdev_open(virtual->base_name, false, virtual_base_event, virtual,
			       &virtual->base);

	if (rc < 0) {
		return rc;
	}
	rc = virtual_register(virtual);
	if (rc < 0) {
		ebb_bdev_close(virtual->base);
		virtual->base = NULL;
	}
	return rc;
}

/*
 * The base was found by its uuid, perhaps: what stands on what is known by names, so that what goes
 * with the base is found. Return: true: it is called otherwise from here on.
 */
static bool virtual_take_base_name(struct bdev_virtual *virtual)
{
	const char *name = ebb_bdev_name(ebb_bdev_desc_bdev(virtual->base));
	char *copy;

	if (strcmp(name, virtual->base_name) == 0) {
		return false;
	}
	copy = strdup(name);
	if (copy == NULL) {
		return false;
	}
	free(virtual->base_name);
	virtual->base_name = copy;
	virtual->waiter.name = copy;
	return true;
}

static void virtual_base_appeared(struct bdev_registry_waiter *waiter, struct ebb_bdev *base)
{
	struct bdev_virtual *virtual = ebb_container_of(waiter, struct bdev_virtual, waiter);
	char why[BDEV_ANSWER_WHY];
	int rc;

	if (ebb_wanted_find(virtual->kind->method, virtual->name) == NULL) {
		virtual_free(virtual);
		return;
	}
	rc = virtual_come(virtual);
	if (rc == 0) {
		ebb_notice("bdev", "%s bdev '%s' is there, on its base '%s'", virtual->kind->kind,
			   virtual->name, ebb_bdev_name(base));
		if (virtual_take_base_name(virtual)) {
			method_wanted_set_base(virtual->kind->method, virtual->name,
					       virtual->base_name);
		}
		virtual_set_present(virtual, true);
		return;
	}
	bdev_answer_waits_why(virtual->base_name, why, sizeof(why));
	ebb_error("bdev", "%s bdev '%s' waits for its base '%s'%s (%s)", virtual->kind->kind,
		  virtual->name, ebb_bdev_name(base), why, strerror(-rc));
	bdev_registry_wait(&virtual->waiter);
}

/* The last channel has gone, and with it the last use of the base. */
static void virtual_gone(void *device)
{
	struct bdev_virtual *virtual = device;
	struct ebb_call *deleting = virtual->deleting;

	ebb_bdev_close(virtual->base);
	virtual->base = NULL;
	if (deleting == NULL && !virtuals_closed) {
		virtual_set_state(virtual, BDEV_VIRTUAL_WAITING);
		/* It had the base: others who want that, too, have waited behind it. */
		bdev_registry_wait_first(&virtual->waiter);
		return;
	}
	virtual_free(virtual);
	if (deleting != NULL) {
		ebb_call_result(deleting, json_object_new_boolean(true));
	}
}

void bdev_virtual_leaving(struct ebb_bdev *bdev)
{
	struct bdev_virtual *virtual = ebb_container_of(bdev, struct bdev_virtual, bdev);

	virtual_set_state(virtual, BDEV_VIRTUAL_LEAVING);
	bdev_virtual_drain(virtual);
}

void bdev_virtual_destruct(struct ebb_bdev *bdev)
{
	ebb_assert(ebb_io_device_unregister(ebb_container_of(bdev, struct bdev_virtual, bdev),
					    virtual_gone) == 0);
}

static struct bdev_virtual *virtual_alloc(const struct bdev_virtual_opts *opts)
{
	struct bdev_virtual *virtual = calloc(1, opts->kind->size);

	if (virtual == NULL) {
		return NULL;
	}
	ebb_list_init(&virtual->link);
	ebb_list_init(&virtual->waiter.link);
	virtual->kind = opts->kind;
	virtual->state = BDEV_VIRTUAL_WAITING;
	virtual->name = strdup(opts->name);
	virtual->base_name = strdup(opts->base_name);
	virtual->waiter.name = virtual->base_name;
	virtual->waiter.makes = virtual->name;
	virtual->waiter.method = opts->kind->method;
	virtual->waiter.appeared = virtual_base_appeared;
	memcpy(virtual->bdev.uuid, opts->uuid, sizeof(virtual->bdev.uuid));
	if (virtual->name == NULL || virtual->base_name == NULL ||
	    (bdev_uuid_is_zero(opts->uuid) && bdev_uuid_make(virtual->bdev.uuid) < 0)) {
		virtual_free(virtual);
		return NULL;
	}
	if (opts->fill != NULL) {
		opts->fill(virtual, opts->params);
	}
	return virtual;
}

/* One that has been taken out of the registry already, and is not back where it waits. */
static bool name_is_leaving(const char *name)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &virtuals) {
		struct bdev_virtual *virtual = ebb_list_entry(node, struct bdev_virtual, link);

		if (strcmp(virtual->name, name) == 0 && virtual->state == BDEV_VIRTUAL_LEAVING) {
			return ebb_bdev_find(name) == NULL;
		}
	}
	return false;
}

/* Is the name free, and are the two names such as can be? Otherwise @call has ended. */
static bool names_check(struct ebb_call *call, const struct bdev_virtual_opts *opts)
{
	if (opts->name[0] == '\0' || opts->base_name[0] == '\0') {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "a %s bdev and its base must have names that are not empty",
			       opts->kind->kind);
		return false;
	}
	if (strcmp(opts->name, opts->base_name) == 0) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "bdev '%s' cannot stand on itself; choose another name", opts->name);
		return false;
	}
	if (name_is_leaving(opts->name)) {
		ebb_call_error(call, -EBUSY, "bdev '%s' is just going; try again", opts->name);
		return false;
	}
	if (ebb_bdev_find(opts->name) != NULL || ebb_bdev_waits_for(opts->name) != NULL) {
		bdev_answer_created(call, opts->name, -EEXIST);
		return false;
	}
	return true;
}

static void answer_refused(struct ebb_call *call, const struct bdev_virtual_opts *opts, int rc)
{
	const struct ebb_bdev *base = ebb_bdev_find(opts->base_name);
	const char *holder = rc == -EPERM && base != NULL ? ebb_bdev_claim_holder(base) : NULL;

	if (holder != NULL) {
		ebb_call_error(call, rc,
			       "%s bdev '%s' cannot stand on '%s': '%s' stands on it and has "
			       "claimed it; delete that, or let this one stand on it",
			       opts->kind->kind, opts->name, opts->base_name, holder);
	} else if (rc == -EPERM) {
		ebb_call_error(call, rc,
			       "%s bdev '%s' cannot stand on '%s', which somebody has open for "
			       "writing: stop its export, or whatever uses it, first",
			       opts->kind->kind, opts->name, opts->base_name);
	} else {
		bdev_answer_created(call, opts->name, rc);
	}
}

void bdev_virtual_create(struct ebb_call *call, const struct bdev_virtual_opts *opts,
			 struct json_object *result)
{
	struct bdev_virtual *virtual = NULL;
	char text[BDEV_UUID_TEXT_SIZE];
	int rc = -ENOMEM;

	virtuals_prune();
	if (!names_check(call, opts)) {
		json_object_put(result);
		return;
	}
	virtual = virtual_alloc(opts);
	if (virtual != NULL) {
		rc = virtual_come(virtual);
	}
	if (rc < 0 && rc != -ENODEV) {
		answer_refused(call, opts, rc);
		json_object_put(result);
		if (virtual != NULL) {
			virtual_free(virtual);
		}
		return;
	}
	if (rc == 0 && virtual_take_base_name(virtual)) {
		ebb_call_took_effect(call, opts->kind->base_param,
				     json_object_new_string(virtual->base_name));
	}
	ebb_list_push_back(&virtuals, &virtual->link);
	bdev_uuid_format(virtual->bdev.uuid, text);
	ebb_call_took_effect(call, "uuid", json_object_new_string(text));
	if (rc == 0) {
		ebb_call_result(call, result);
		return;
	}
	ebb_notice("bdev", "%s bdev '%s' waits for its base '%s', which is not there yet",
		   virtual->kind->kind, virtual->name, virtual->base_name);
	bdev_registry_wait(&virtual->waiter);
	ebb_call_result(call, result);
	virtual_set_present(virtual, false);
}

struct bdev_virtual *bdev_virtual_find(const char *name, const struct bdev_virtual_kind *kind)
{
	char text[BDEV_UUID_TEXT_SIZE];
	struct ebb_list *node;

	virtuals_prune();
	ebb_list_for_each(node, &virtuals) {
		struct bdev_virtual *virtual = ebb_list_entry(node, struct bdev_virtual, link);

		bdev_uuid_format(virtual->bdev.uuid, text);
		if (virtual->kind == kind &&
		    (strcmp(virtual->name, name) == 0 || strcasecmp(text, name) == 0)) {
			return virtual;
		}
	}
	return NULL;
}

void bdev_virtual_delete(struct ebb_call *call, const char *name,
			 const struct bdev_virtual_kind *kind, bool force)
{
	struct bdev_virtual *virtual = bdev_virtual_find(name, kind);

	if (virtual == NULL) {
		/* It says what is wrong: it finds nothing, or another kind. */
		ebb_assert(bdev_answer_delete(call, name, kind->ops, kind->kind, force) == NULL);
		return;
	}
	if (virtual->deleting != NULL) {
		ebb_call_error(call, -EBUSY, "bdev '%s' is being deleted already", name);
		return;
	}
	if (virtual->state == BDEV_VIRTUAL_READY && !force &&
	    bdev_answer_is_used(call, &virtual->bdev)) {
		return;
	}
	/* It may have been named by its uuid. */
	ebb_call_took_effect(call, "name", json_object_new_string(virtual->name));
	virtual_set_present(virtual, false);
	if (virtual->state == BDEV_VIRTUAL_WAITING) {
		virtual_free(virtual);
		ebb_call_result(call, json_object_new_boolean(true));
		return;
	}
	virtual->deleting = call;
	if (virtual->state == BDEV_VIRTUAL_READY) {
		ebb_bdev_unregister(&virtual->bdev, NULL, NULL);
	}
}

struct bdev_virtual *bdev_virtual_next_waiting(struct bdev_virtual *previous)
{
	struct ebb_list *node = previous == NULL ? &virtuals : &previous->link;

	if (previous == NULL) {
		virtuals_prune();
	}
	for (node = node->next; node != &virtuals; node = node->next) {
		struct bdev_virtual *virtual = ebb_list_entry(node, struct bdev_virtual, link);

		if (virtual->state == BDEV_VIRTUAL_WAITING) {
			return virtual;
		}
	}
	return NULL;
}

static void virtuals_open(struct ebb_step step, void *arg)
{
	(void)arg;
	virtuals_closed = false;
	ebb_step_next(step, 0);
}

/*
 * Shutdown begins: nothing is held back any more, before those are waited for whose requests it is,
 * such as exports.
 */
static void virtuals_close(struct ebb_step step, void *arg)
{
	struct ebb_list *node, *next;

	(void)arg;
	virtuals_closed = true;
	ebb_list_for_each_safe(node, next, &virtuals) {
		struct bdev_virtual *virtual = ebb_list_entry(node, struct bdev_virtual, link);

		if (virtual->state == BDEV_VIRTUAL_WAITING) {
			virtual_free(virtual);
		} else if (virtual->state == BDEV_VIRTUAL_READY) {
			bdev_virtual_drain(virtual);
		}
	}
	ebb_step_next(step, 0);
}

static struct ebb_startup_step virtuals_step = {
	.ops = {.name = "virtual bdevs", .start = virtuals_open, .undo = virtuals_close},
	.rank = EBB_STARTUP_RPC_STATE,
};
EBB_STARTUP_STEP_REGISTER(virtuals_step)
