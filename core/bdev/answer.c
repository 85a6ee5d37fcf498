/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/bdev/desc.h"
#include "core/bdev/registry.h"
#include "core/bdev/uuid.h"
#include "core/method/call.h"

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

/* The exports of a bdev that have clients, for people. */
struct exports_text {
	char text[160];
	size_t len;
	unsigned count;
};

static void see_clients(const struct ebb_bdev_desc *desc, void *arg)
{
	struct exports_text *exports = arg;
	int len;

	if (desc->num_clients == 0) {
		return;
	}
	exports->count++;
	len = snprintf(exports->text + exports->len, sizeof(exports->text) - exports->len,
		       "%sexport '%.64s' has %u client%s", exports->count > 1 ? ", " : "",
		       desc->export_name, desc->num_clients, desc->num_clients > 1 ? "s" : "");
	if (exports->len + (size_t)len < sizeof(exports->text)) {
		exports->len += (size_t)len;
	} else {
		exports->text[exports->len] = '\0'; /* those before it will do */
	}
}

bool bdev_answer_is_used(struct ebb_call *call, const struct ebb_bdev *bdev)
{
	struct exports_text exports = {.len = 0};
	const struct ebb_bdev *top = bdev;
	const char *holder;

	/* What stands on it goes with it. */
	while (top != NULL && top->internal->state == BDEV_READY) {
		bdev_desc_for_each(top, see_clients, &exports);
		holder = ebb_bdev_claim_holder(top);
		top = holder != NULL ? ebb_bdev_find(holder) : NULL;
	}
	if (exports.count == 0) {
		return false;
	}
	/* Who has just hung up is a client until his thread has seen it. */
	if (method_call_again(call)) {
		return true;
	}
	ebb_call_error(call, -EBUSY,
		       "bdev '%s' is in use: %s; stop the export first (nbd_stop_export), or give "
		       "force=true, which hangs up on them",
		       bdev->name, exports.text);
	return true;
}

struct ebb_bdev *bdev_answer_delete(struct ebb_call *call, const char *name,
				    const struct ebb_bdev_ops *ops, const char *kind, bool force)
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
	if (!force && bdev_answer_is_used(call, bdev)) {
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
