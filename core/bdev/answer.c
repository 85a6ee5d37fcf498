/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/bdev/desc.h"
#include "core/bdev/registry.h"
#include "core/bdev/uuid.h"

static void see_writer(const struct ebb_bdev_desc *desc, void *arg)
{
	bool *written = arg;

	*written = *written || desc->write;
}

void bdev_answer_waits_why(const char *base, char *ret_text, size_t size)
{
	const struct ebb_bdev *bdev = ebb_bdev_find(base);
	const char *holder = bdev != NULL ? ebb_bdev_claim_holder(bdev) : NULL;
	bool written = false;

	if (bdev != NULL && bdev->internal->state == BDEV_READY) {
		bdev_desc_for_each(bdev, see_writer, &written);
	}
	if (holder != NULL) {
		snprintf(ret_text, size, ", which '%.64s' has claimed; delete that first", holder);
	} else if (written) {
		snprintf(ret_text, size,
			 ", which somebody has open for writing; stop its export, or whatever "
			 "uses it, first");
	} else if (bdev != NULL) {
		snprintf(ret_text, size, ", which is there; the log says what is in the way");
	} else {
		ret_text[0] = '\0';
	}
}

void bdev_answer_not_found(struct ebb_call *call, const char *name)
{
	const char *base = ebb_bdev_waits_for(name);
	char why[BDEV_ANSWER_WHY];

	if (base != NULL) {
		bdev_answer_waits_why(base, why, sizeof(why));
		ebb_call_error(call, -ENODEV,
			       "bdev '%s' is not there yet: it waits for its base '%s'%s", name,
			       base, why[0] != '\0' ? why : "; create that");
		return;
	}
	ebb_call_error(call, -ENODEV, "bdev '%s' not found; bdev_get_bdevs lists those there are",
		       name);
}

/* It may have been made up. */
static void answer_uuid(struct ebb_call *call, const struct ebb_bdev *bdev)
{
	char text[BDEV_UUID_TEXT_SIZE];

	bdev_uuid_format(bdev->uuid, text);
	ebb_call_took_effect(call, "uuid", json_object_new_string(text));
}

void bdev_answer_created(struct ebb_call *call, const char *name, int rc)
{
	if (rc == 0) {
		answer_uuid(call, ebb_bdev_find(name));
		ebb_call_result(call, json_object_new_string(name));
	} else if (rc == -EEXIST && ebb_bdev_find(name) != NULL) {
		ebb_call_error(call, rc,
			       "bdev '%s' exists already; choose another name, or delete that",
			       name);
	} else if (rc == -EEXIST && ebb_bdev_waits_for(name) != NULL) {
		ebb_call_error(call, rc,
			       "bdev '%s' is wanted already, and waits for its base '%s'; choose "
			       "another name, or delete that",
			       name, ebb_bdev_waits_for(name));
	} else if (rc == -EEXIST) {
		ebb_call_error(call, rc,
			       "bdev '%s' cannot have the uuid of another bdev; leave it out, or "
			       "choose another",
			       name);
	} else if (rc == -ESHUTDOWN) {
		ebb_call_error(call, rc, "bdev '%s' comes too late: the process is ending", name);
	} else if (rc == -EINVAL && bdev_registry_fault() != NULL) {
		ebb_call_error(call, rc, "bdev '%s' cannot be: %s", name, bdev_registry_fault());
	} else {
		ebb_call_error(call, rc, "bdev '%s' cannot be registered: %s", name, strerror(-rc));
	}
}

struct ebb_bdev *bdev_answer_delete(struct ebb_call *call, const char *name,
				    const struct ebb_bdev_ops *ops, const char *kind)
{
	struct ebb_bdev *bdev = ebb_bdev_find(name);

	if (bdev == NULL) {
		bdev_answer_not_found(call, name);
		return NULL;
	}
	if (bdev->ops != ops) {
		ebb_call_error(call, -EINVAL,
			       "bdev '%s' is no %s bdev (its product_name is '%s'); delete it by "
			       "the method of its kind",
			       name, kind, bdev->product_name);
		return NULL;
	}
	/* It may have been named by its uuid. */
	ebb_call_took_effect(call, "name", json_object_new_string(bdev->name));
	if (ebb_bdev_unregister(bdev, NULL, NULL) < 0) {
		ebb_call_error(call, -EBUSY, "bdev '%s' is being deleted already", name);
		return NULL;
	}
	return bdev;
}
