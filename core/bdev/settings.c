/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/settings.h"

#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>
#include <ebb/wanted.h>

#include "core/bdev/table.h"

/* Has @wanted been set of @bdev? */
static bool setting_of(const struct ebb_wanted *wanted, const struct ebb_bdev *bdev)
{
	return wanted->method->effect == EBB_METHOD_SETS && wanted->method->stands_on != NULL &&
	       strcmp(wanted->object, bdev->name) == 0;
}

void bdev_settings_absent(const struct ebb_bdev *bdev)
{
	const struct ebb_wanted *wanted = NULL;

	while ((wanted = ebb_wanted_next(wanted)) != NULL) {
		if (setting_of(wanted, bdev)) {
			ebb_wanted_set_present(wanted->method->name, wanted->object, false);
		}
	}
}

void bdev_settings_made(const struct ebb_bdev *bdev)
{
	if (bdev->internal->state != BDEV_READY) {
		bdev_settings_absent(bdev);
	}
}

/* The parameters are the call's until it ends; what is wanted may be another by then, or nothing. */
struct recall {
	const struct ebb_method *method;
	struct json_object *params;
};

static void recalled(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	struct recall *recall = arg;

	if (error != NULL) {
		ebb_error("bdev", "%s, which was called before the bdev came back, fails now: %s",
			  recall->method->name, error->text);
	}
	json_object_put(result);
	json_object_put(recall->params);
	free(recall);
}

static void setting_recall(const struct ebb_wanted *wanted)
{
	struct recall *recall = malloc(sizeof(*recall));

	if (recall == NULL) {
		ebb_error("bdev", "%s of bdev '%s' is not in force again: out of memory",
			  wanted->method->name, wanted->object);
		return;
	}
	recall->method = wanted->method;
	recall->params = json_object_get(wanted->params);
	ebb_method_dispatch(recall->method, recall->params, recalled, recall);
}

void bdev_settings_recall(const struct ebb_bdev *bdev)
{
	const struct ebb_wanted *wanted = NULL;

	/* Entries stay where they are when the same is set again. */
	while ((wanted = ebb_wanted_next(wanted)) != NULL) {
		if (setting_of(wanted, bdev) && !wanted->present) {
			setting_recall(wanted);
		}
	}
}
