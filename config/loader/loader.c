/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/helper.h>
#include <ebb/log.h>
#include <ebb/method.h>
#include <ebb/startup.h>

#include "config/loader/waiting.h"
#include "core/app/json_text.h"
#include "core/app/sequence.h"
#include "core/app/startup.h"
#include "core/app/state.h"
#include "core/event/doing.h"

/*
 * Three steps of start-up. The first parses and checks the whole file on the helper (a large file
 * takes longer than a callback may), before the RPC socket listens and before anything of it has
 * an effect. The other two replay it: STARTUP methods before the subsystems are initialised,
 * RUNTIME methods after, each entry one step of a sequence, so that an entry that hangs is named.
 *
 * A method may answer after its step has timed out. Its entry must live until then, so each call
 * under way has a reference to the configuration, and so has each pass.
 */
static struct {
	struct config_file *config; /* NULL: nothing to load */
	size_t failures; /* entries that failed and were passed over (json_ignore_init_errors) */

	struct ebb_work check;
	int check_rc;
	struct ebb_step check_step;

	struct ebb_sequence *sequence; /* of the pass under way */
	struct ebb_step pass_step;
	const struct config_entry *entry; /* called last */
} loader;

/* One call under way. */
struct entry_call {
	struct config_file *config;
	const struct config_entry *entry;
	struct ebb_step step;
	uint64_t begun_ns;
};

static bool ignore_errors(void)
{
	return ebb_app_get_opts()->json_ignore_init_errors;
}

static void config_release(struct config_file *config)
{
	ebb_assert(config->refs > 0);
	if (--config->refs == 0) {
		config_destroy(config);
	}
}

/* The loader's own reference. */
static void loader_release(void)
{
	struct config_file *config = loader.config;

	loader.config = NULL;
	config_release(config);
}

static void check_run(struct ebb_work *work)
{
	const char *name;
	const char *text;
	size_t len;

	(void)work;
	text = app_json_text(&len, &name);
	loader.check_rc = config_create(name, text, len, &loader.config);
}

/* One mistake is start-up's error; several are listed first. */
static void check_report(const struct config_file *config)
{
	size_t listed = config->num_mistakes;
	size_t index;

	if (config->num_mistakes == 1) {
		app_startup_fail(-EINVAL, "%s", config->mistakes[0]);
		return;
	}
	if (listed > CONFIG_MISTAKES_MAX) {
		listed = CONFIG_MISTAKES_MAX;
	}
	for (index = 0; index < listed; index++) {
		ebb_error("config", "%s", config->mistakes[index]);
	}
	app_startup_fail(-EINVAL, "%zu mistakes, the first: %s", config->num_mistakes,
			 config->mistakes[0]);
}

/* As check_report(), where mistakes in single entries are passed over. */
static void check_report_ignored(const struct config_file *config)
{
	size_t index;

	for (index = 0; index < config->num_mistakes && index < CONFIG_MISTAKES_MAX; index++) {
		ebb_error("config", "%s: passed over", config->mistakes[index]);
	}
	if (config->num_mistakes > CONFIG_MISTAKES_MAX) {
		ebb_error("config", "%s: %zu more entries are passed over", config->name,
			  config->num_mistakes - CONFIG_MISTAKES_MAX);
	}
	if (config->num_mistakes > 0) {
		app_state_set_error(config->mistakes[0]);
	}
}

/* The configuration could not be checked at all. */
static void check_report_failure(int rc)
{
	const char *name = "configuration";
	size_t len = 0;

	app_json_text(&len, &name);
	app_startup_fail(rc,
			 "%s: checking its %zu bytes failed: %s; let the process have more memory, "
			 "or make the file smaller",
			 name, len, strerror(-rc));
}

static void check_done(struct ebb_work *work)
{
	struct config_file *config = loader.config;
	int rc = loader.check_rc;

	(void)work;
	if (rc < 0) {
		check_report_failure(rc);
	}
	app_json_text_free();
	if (rc < 0) {
		ebb_step_next(loader.check_step, rc);
		return;
	}
	config->refs = 1;
	if (config->skipped != NULL) {
		ebb_notice("config", "%s: passed over, ebb has no such subsystem: %s", config->name,
			   config->skipped);
	}
	loader.failures = config->num_entry_mistakes;
	if (ignore_errors() && config->num_mistakes == config->num_entry_mistakes) {
		check_report_ignored(config);
	} else if (config->num_mistakes > 0) {
		check_report(config);
		rc = -EINVAL;
	}
	if (rc < 0) {
		loader_release();
	}
	ebb_step_next(loader.check_step, rc);
}

static void check_start(struct ebb_step step, void *arg)
{
	const char *name;
	size_t len;

	(void)arg;
	loader.failures = 0;
	if (app_json_text(&len, &name) == NULL) {
		ebb_step_next(step, 0);
		return;
	}
	loader.check_step = step;
	ebb_work_init(&loader.check, check_run, check_done);
	ebb_helper_submit(&loader.check);
}

static void check_undo(struct ebb_step step, void *arg)
{
	(void)arg;
	if (loader.config != NULL) {
		loader_release();
	}
	ebb_step_next(step, 0);
}

static struct ebb_startup_step check_step = {
	.ops = {.name = "configuration check", .start = check_start, .undo = check_undo},
	.rank = EBB_STARTUP_CONFIG_CHECK,
	.serves = EBB_STARTUP_SERVES_JSON,
};
EBB_STARTUP_STEP_REGISTER(check_step)

/* A method's error as the errno that a step ends with. */
static int error_errno(const struct ebb_method_error *error)
{
	return error->code < 0 && error->code > -4096 ? error->code : -EINVAL;
}

static void entry_done(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	struct entry_call *call = arg;
	char text[640];
	struct ebb_step step = call->step;
	int rc = 0;

	json_object_put(result);
	ebb_debug("config", "%s: %s after %llu us", call->entry->place,
		  error != NULL ? "failed" : "done",
		  (unsigned long long)((ebb_clock_now_ns() - call->begun_ns) / EBB_NS_PER_US));
	if (error != NULL) {
		snprintf(text, sizeof(text), "%s: %s", call->entry->place, error->text);
		if (ignore_errors()) {
			ebb_error("config", "%s: passed over", text);
			app_state_set_error(text);
			loader.failures++;
		} else {
			rc = error_errno(error);
			app_startup_fail(rc, "%s", text);
		}
	}
	config_release(call->config);
	free(call);
	ebb_step_next(step, rc);
}

static const char *pass_name(uint32_t pass)
{
	return pass == EBB_METHOD_STARTUP ? "first (STARTUP)" : "second (RUNTIME)";
}

static void entry_start(struct ebb_step step, void *arg)
{
	const struct config_entry *entry = arg;
	struct entry_call *call = malloc(sizeof(*call));
	struct event_doing doing;

	loader.entry = entry;
	if (call == NULL) {
		ebb_step_next(step, -ENOMEM);
		return;
	}
	call->config = loader.config;
	call->config->refs++;
	call->entry = entry;
	call->step = step;
	call->begun_ns = ebb_clock_now_ns();
	ebb_debug("config", "%s: called, %s pass", entry->place, pass_name(entry->pass));
	event_doing_begin(&doing, "configuration entry", entry->place);
	if (ignore_errors()) {
		ebb_method_dispatch_wanted(entry->method, entry->params, entry_done, call);
	} else {
		ebb_method_dispatch(entry->method, entry->params, entry_done, call);
	}
	event_doing_end(&doing);
}

/* Entries say themselves why they failed; this is for those that never ended. */
static void pass_failed(void *arg, const char *step, int rc)
{
	(void)arg;
	(void)step;
	if (rc == -ETIMEDOUT) {
		app_startup_fail(rc, "%s: it has not ended within %u s, the limit for a step",
				 loader.entry->place, ebb_app_get_opts()->init_timeout_s);
	} else {
		app_startup_fail(rc, "%s: %s", loader.entry->place, strerror(-rc));
	}
}

static void pass_done(void *arg, int rc)
{
	(void)arg;
	app_sequence_destroy(loader.sequence);
	loader.sequence = NULL;
	ebb_step_next(loader.pass_step, rc);
}

static int pass_build(uint32_t pass)
{
	struct app_sequence_opts opts = {
		.name = "configuration",
		.timeout_s = ebb_app_get_opts()->init_timeout_s,
		.failed = pass_failed,
	};
	struct app_sequence_step step = {.start = entry_start};
	struct config_entry *entry;
	size_t index;
	int rc;

	rc = app_sequence_create(&opts, &loader.sequence);
	for (index = 0; rc == 0 && index < loader.config->num_entries; index++) {
		entry = &loader.config->entries[index];
		if (entry->pass == pass) {
			step.name = entry->step;
			step.arg = entry;
			rc = app_sequence_add(loader.sequence, &step);
		}
	}
	if (rc < 0) {
		app_sequence_destroy(loader.sequence);
		loader.sequence = NULL;
	}
	return rc;
}

static void pass_start(struct ebb_step step, uint32_t pass)
{
	int rc;

	if (loader.config == NULL) {
		ebb_step_next(step, 0);
		return;
	}
	rc = pass_build(pass);
	if (rc < 0) {
		ebb_step_next(step, rc);
		return;
	}
	loader.pass_step = step;
	app_sequence_run(loader.sequence, step, pass_done, NULL);
}

static void startup_pass_start(struct ebb_step step, void *arg)
{
	(void)arg;
	pass_start(step, EBB_METHOD_STARTUP);
}

static struct ebb_startup_step startup_pass_step = {
	.ops = {.name = "configuration, startup methods", .start = startup_pass_start},
	.rank = EBB_STARTUP_CONFIG_STARTUP,
};
EBB_STARTUP_STEP_REGISTER(startup_pass_step)

static void runtime_pass_start(struct ebb_step step, void *arg)
{
	(void)arg;
	pass_start(step, EBB_METHOD_RUNTIME);
}

static struct ebb_startup_step runtime_pass_step = {
	.ops = {.name = "configuration, runtime methods", .start = runtime_pass_start},
	.rank = EBB_STARTUP_CONFIG_RUNTIME,
};
EBB_STARTUP_STEP_REGISTER(runtime_pass_step)

/*
 * A bdev whose base has not come by now, never will. One whose base another has may get it yet, and
 * what was saved while it waited for that shall load. Return: 0; -ENODEV: so start-up fails.
 */
static int end_check_waiting(void)
{
	struct bdev_virtual *virtual = NULL;
	size_t count = 0;
	char first[640];

	while ((virtual = bdev_virtual_next_waiting(virtual)) != NULL) {
		char text[640];

		if (config_waiting_text(loader.config, virtual, text, sizeof(text))) {
			ebb_warn("config", "%s: it goes on waiting", text);
			continue;
		}
		if (count == 0) {
			memcpy(first, text, sizeof(first));
		}
		if (ignore_errors()) {
			ebb_error("config", "%s: it goes on waiting", text);
		} else if (count > 0) {
			ebb_error("config", "%s", text);
		}
		count++;
	}
	if (count == 0) {
		return 0;
	}
	if (ignore_errors()) {
		app_state_set_error(first);
		loader.failures += count;
		return 0;
	}
	app_startup_fail(-ENODEV, "%s", first);
	return -ENODEV;
}

/* Both passes are over: the configuration is not needed any more. */
static void end_start(struct ebb_step step, void *arg)
{
	int rc;

	(void)arg;
	if (loader.config != NULL) {
		rc = end_check_waiting();
		if (rc < 0) {
			ebb_step_next(step, rc);
			return;
		}
		if (loader.failures > 0) {
			ebb_warn("config", "%s: loaded, but %zu %s passed over because of errors",
				 loader.config->name, loader.failures,
				 loader.failures == 1 ? "entry was" : "entries were");
		}
		loader_release();
	}
	ebb_step_next(step, 0);
}

static struct ebb_startup_step end_step = {
	.ops = {.name = "configuration end", .start = end_start},
	.rank = EBB_STARTUP_CONFIG_END,
};
EBB_STARTUP_STEP_REGISTER(end_step)
