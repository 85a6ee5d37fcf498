/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/method.h>

#include "bench/harness.h"
#include "core/bdev/desc.h"

#define FILE_PRODUCT "uring" /* what the bdev of a file or block device says it is */

struct setup {
	struct bench_harness_call call;
	struct bench_target *target;
	struct json_object *params;
	bool write;
	bool again; /* it has a name, and facts, from the first time */
	int rc;
	char *error;
};

static void setup_end(struct setup *setup, int rc)
{
	setup->rc = rc;
	json_object_put(setup->params);
	bench_harness_call_done(&setup->call);
}

/* Under the registry's lock: only looks. */
static void holder_see(const struct ebb_bdev_desc *desc, void *arg)
{
	struct setup *setup = arg;

	if (desc->export_name != NULL) {
		snprintf(setup->error, BENCH_TEXT_MAX,
			 "compare: bdev %.60s: exported as '%.60s': nothing is written to what is "
			 "exported; take the export out of the configuration",
			 setup->target->name, desc->export_name);
	} else {
		snprintf(setup->error, BENCH_TEXT_MAX,
			 "compare: bdev %.60s: open on thread %.60s: nothing is written to what is "
			 "in use; take its user out of the configuration",
			 setup->target->name, ebb_thread_name(desc->thread));
	}
	setup->rc = -EBUSY;
}

/* Who has it already: a client's data must not be written over. */
static int users_check(struct setup *setup, const struct ebb_bdev *bdev)
{
	const char *holder = ebb_bdev_claim_holder(bdev);

	if (holder != NULL) {
		snprintf(setup->error, BENCH_TEXT_MAX,
			 "compare: bdev %.60s: %.60s stands on it and has claimed it: give that "
			 "one, "
			 "or only read",
			 setup->target->name, holder);
		return -EPERM;
	}
	bdev_desc_for_each(bdev, holder_see, setup);
	if (setup->rc < 0) {
		return setup->rc;
	}
	if (ebb_bdev_read_only(bdev)) {
		snprintf(setup->error, BENCH_TEXT_MAX,
			 "compare: bdev %.60s: it is read-only: give read or randread only",
			 setup->target->name);
		return -EROFS;
	}
	return 0;
}

static int bdev_missing(struct setup *setup)
{
	char names[128] = "";
	size_t used = 0;

	for (struct ebb_bdev *bdev = ebb_bdev_next(NULL); bdev != NULL && used < sizeof(names);
	     bdev = ebb_bdev_next(bdev)) {
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
					 used == 0 ? "" : ", ", ebb_bdev_name(bdev));
	}
	snprintf(setup->error, BENCH_TEXT_MAX,
		 "compare: %.60s: no such bdev; the configuration makes %s", setup->target->name,
		 used == 0 ? "none" : names);
	return -ENODEV;
}

/* The bdev is there: what is it? */
static int facts_read(struct setup *setup)
{
	struct bench_target *target = setup->target;
	const struct ebb_bdev *bdev = ebb_bdev_find(target->bdev);

	if (bdev == NULL) {
		return bdev_missing(setup);
	}
	target->block_size = ebb_bdev_block_size(bdev);
	target->size_bytes = ebb_bdev_num_blocks(bdev) * target->block_size;
	snprintf(target->driver, sizeof(target->driver), "%s", bdev->product_name);
	return setup->write ? users_check(setup, bdev) : 0;
}

static void bdev_made(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	struct setup *setup = arg;
	struct json_object *name = result;

	if (error != NULL) {
		snprintf(setup->error, BENCH_TEXT_MAX, "compare: %.200s", error->text);
		setup_end(setup, error->code > -4096 && error->code < 0 ? error->code : -EIO);
		return;
	}
	if (json_object_is_type(result, json_type_array)) {
		name = json_object_array_length(result) > 0 ? json_object_array_get_idx(result, 0)
							    : NULL;
	}
	snprintf(setup->target->bdev, sizeof(setup->target->bdev), "%s",
		 name != NULL ? json_object_get_string(name) : "");
	json_object_put(result);
	setup_end(setup, setup->again ? 0 : facts_read(setup));
}

/* As the file is called: what goes wrong later is told by this name. */
static void name_free_find(const struct bench_target *target, char *name, size_t size)
{
	const char *slash = strrchr(target->path, '/');
	const char *base = slash != NULL && slash[1] != '\0' ? slash + 1 : target->path;
	unsigned number = 1;

	snprintf(name, size, "%.200s", base);
	while (ebb_bdev_find(name) != NULL) {
		snprintf(name, size, "%.200s (%u)", base, ++number);
	}
}

static void text_add(struct json_object *params, const char *name, const char *text)
{
	json_object_object_add(params, name, json_object_new_string(text));
}

static void setup_run(void *arg)
{
	struct setup *setup = arg;
	const char *method = "bdev_uring_create";
	char name[BENCH_TEXT_MAX];

	if (setup->target->bdev[0] != '\0' && !setup->again) { /* it is there already */
		setup_end(setup, facts_read(setup));
		return;
	}
	if (setup->again) {
		memcpy(name, setup->target->bdev, sizeof(name));
	} else {
		name_free_find(setup->target, name, sizeof(name));
	}
	setup->params = json_object_new_object();
	text_add(setup->params, "name", name);
	if (strcmp(setup->target->driver, "nvme") == 0) {
		method = "bdev_nvme_attach_controller";
		text_add(setup->params, "trtype", "uring");
		text_add(setup->params, "traddr", setup->target->path);
	} else {
		text_add(setup->params, "filename", setup->target->path);
		json_object_object_add(setup->params, "readonly",
				       json_object_new_boolean(!setup->write));
	}
	ebb_method_dispatch(ebb_method_find(method), setup->params, bdev_made, setup);
}

int bench_setup_target(struct bench_target *target, bool write, char error[BENCH_TEXT_MAX])
{
	struct setup setup = {.target = target, .write = write, .error = error};

	bench_harness_call(&setup.call, ebb_thread_app(), setup_run, &setup);
	return setup.rc;
}

/* Is it the bdev of a file or block device that was named on the command line? */
static bool is_own_file(const struct bench_target *target)
{
	return target->path[0] != '\0' && strcmp(target->driver, FILE_PRODUCT) == 0;
}

static void given_up(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	struct setup *setup = arg;

	json_object_put(result);
	if (error != NULL) {
		snprintf(setup->error, BENCH_TEXT_MAX, "compare: %.200s", error->text);
		setup_end(setup, error->code > -4096 && error->code < 0 ? error->code : -EIO);
		return;
	}
	setup_end(setup, 0);
}

static void give_up_run(void *arg)
{
	struct setup *setup = arg;

	if (ebb_bdev_find(setup->target->bdev) == NULL) {
		setup_end(setup, 0);
		return;
	}
	setup->params = json_object_new_object();
	text_add(setup->params, "name", setup->target->bdev);
	ebb_method_dispatch(ebb_method_find("bdev_uring_delete"), setup->params, given_up, setup);
}

int bench_setup_give_up(const struct bench_target *target, char error[BENCH_TEXT_MAX])
{
	struct bench_target copy = *target;
	struct setup setup = {.target = &copy, .error = error};

	if (is_own_file(target)) {
		bench_harness_call(&setup.call, ebb_thread_app(), give_up_run, &setup);
	}
	return setup.rc;
}

static void again_run(void *arg)
{
	struct setup *setup = arg;

	if (ebb_bdev_find(setup->target->bdev) != NULL) {
		setup_end(setup, 0);
	} else {
		setup_run(setup);
	}
}

int bench_setup_again(const struct bench_target *target, bool write, char error[BENCH_TEXT_MAX])
{
	struct bench_target copy = *target;
	struct setup setup = {.target = &copy, .write = write, .again = true, .error = error};

	if (is_own_file(target)) {
		bench_harness_call(&setup.call, ebb_thread_app(), again_run, &setup);
	}
	return setup.rc;
}
