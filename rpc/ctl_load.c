/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/ctl_command.h>

#include "config/loader/config.h"
#include "core/app/json_text.h"
#include "core/app/subsystem.h"
#include "rpc/ctl_list.h"
#include "rpc/ebbctl.h"

/*
 * ebbctl load_config: a configuration file by RPC. It is read and checked as ebbd itself does it
 * with --json, all of it before anything is called, and called in the same two passes. Between them
 * stands framework_start_init, if ebbd waits for it; if it has been, what can be called only before
 * it is left out.
 */

#define START_INIT "framework_start_init"

static const char load_usage[] =
	"Usage: ebbctl load_config [FILE]\n"
	"       ebbctl load_subsystem_config [FILE]\n"
	"\n"
	"Calls what a configuration file says, in the order in which \"ebbd --json FILE\" would:\n"
	"first what may be called before the subsystems start, then the rest. An ebbd that runs "
	"with\n"
	"--wait-for-rpc is started between the two by load_config. On one that is running "
	"already,\n"
	"what could be called only before is left out, and told. The whole file is checked first; "
	"a\n"
	"call that fails ends it, and what was called before stays. A bdev that waits for its "
	"base\n"
	"even then is told, and goes on waiting. Without a FILE, or with -, stdin\n"
	"is read. load_subsystem_config takes what save_subsystem_config prints.\n";

struct load {
	const struct ebb_ctl_command_env *env;
	struct config_file *config;
	struct json_object *allowed; /* the names of the methods that may be called now */
};

static bool load_allows(const struct load *load, const char *method)
{
	for (size_t i = 0; i < ctl_list_length(load->allowed); i++) {
		if (strcmp(ctl_list_text(load->allowed, i, NULL), method) == 0) {
			return true;
		}
	}
	return false;
}

static void print_error(const char *what, const struct ebb_method_error *error)
{
	if (error->code != 0) {
		fprintf(stderr, "ebbctl: %s: %s (error %d)\n", what, error->text, error->code);
	} else {
		fprintf(stderr, "ebbctl: %s: %s\n", what, error->text);
	}
}

/* Asks which methods may be called now. Return: an exit code. */
static int load_ask(struct load *load)
{
	struct json_object *params = json_object_new_object();
	struct ebb_method_error error = {.code = 0};
	int rc;

	json_object_put(load->allowed);
	load->allowed = NULL;
	json_object_object_add(params, "current", json_object_new_boolean(true));
	rc = ctl_list_call(load->env, "rpc_get_methods", params, &load->allowed, &error);
	json_object_put(params);
	if (rc != 0) {
		print_error("rpc_get_methods", &error);
		return EBBCTL_FAILED;
	}
	return EBBCTL_OK;
}

/* Return: an exit code. */
static int load_entry(const struct load *load, const struct config_entry *entry)
{
	struct ebb_method_error error = {.code = 0};
	struct json_object *result = NULL;

	if (load->env->call_with(load->env, entry->method->name, entry->params, &result, &error) !=
	    0) {
		print_error(entry->place, &error);
		return EBBCTL_FAILED;
	}
	json_object_put(result);
	return EBBCTL_OK;
}

/* Return: an exit code. */
static int load_pass(const struct load *load, uint32_t pass)
{
	int code = EBBCTL_OK;

	for (size_t i = 0; code == EBBCTL_OK && i < load->config->num_entries; i++) {
		const struct config_entry *entry = &load->config->entries[i];
		const char *when = entry->method->states == EBB_METHOD_STARTUP
					   ? "it can be called only before " START_INIT
					   : "it can be called only after " START_INIT;

		if (entry->pass != pass) {
			continue;
		}
		if (load_allows(load, entry->method->name)) {
			code = load_entry(load, entry);
		} else {
			fprintf(stderr, "ebbctl: %s: left out: %s\n", entry->place, when);
		}
	}
	return code;
}

/* Return: an exit code. */
static int load_start_init(struct load *load)
{
	struct ebb_method_error error = {.code = 0};
	struct json_object *result = NULL;
	int code = load_ask(load);

	if (code != EBBCTL_OK || !load_allows(load, START_INIT)) {
		return code;
	}
	if (load->env->call_with(load->env, START_INIT, NULL, &result, &error) != 0) {
		print_error(START_INIT, &error);
		return EBBCTL_FAILED;
	}
	json_object_put(result);
	return load_ask(load);
}

/* Asks for @name, which is wanted: if it waits for its base, ebbd's answer says so. */
static void waiting_tell(const struct load *load, const char *name)
{
	struct json_object *params = json_object_new_object();
	struct ebb_method_error error = {.code = 0};
	struct json_object *result = NULL;

	json_object_object_add(params, "name", json_object_new_string(name));
	if (load->env->call_with(load->env, "bdev_get_bdevs", params, &result, &error) != 0) {
		fprintf(stderr, "ebbctl: %s: %s\n", load->config->name, error.text);
	}
	json_object_put(result);
	json_object_put(params);
}

/* The bdev that @entry of what is wanted makes of another one; NULL: none such. */
static const char *entry_virtual(struct json_object *entry)
{
	const char *name = json_object_get_string(json_object_object_get(entry, "method"));
	const struct ebb_method *method = name != NULL ? ebb_method_find(name) : NULL;

	return method != NULL && method->effect == EBB_METHOD_CREATES && method->stands_on != NULL
		       ? json_object_get_string(
				 json_object_object_get(json_object_object_get(entry, "params"),
							"name"))
		       : NULL;
}

/* ebbd takes a bdev whose base is not there; if that has not come with the file, say so. */
static void load_tell_waiting(const struct load *load)
{
	struct json_object *params = json_object_new_object();
	struct ebb_method_error error = {.code = 0};
	struct json_object *wanted = NULL;
	const char *name;

	json_object_object_add(params, "name", json_object_new_string("bdev"));
	if (ctl_list_call(load->env, "framework_get_config", params, &wanted, &error) != 0) {
		print_error("framework_get_config", &error);
	}
	for (size_t i = 0; i < ctl_list_length(wanted); i++) {
		name = entry_virtual(json_object_array_get_idx(wanted, i));
		if (name != NULL) {
			waiting_tell(load, name);
		}
	}
	json_object_put(wanted);
	json_object_put(params);
}

/* Return: an exit code. */
static int load_run(struct load *load, bool starts)
{
	int code = load_ask(load);

	if (code == EBBCTL_OK) {
		code = load_pass(load, EBB_METHOD_STARTUP);
	}
	if (code == EBBCTL_OK && starts) {
		code = load_start_init(load);
	}
	if (code == EBBCTL_OK) {
		code = load_pass(load, EBB_METHOD_RUNTIME);
	}
	if (code == EBBCTL_OK && load_allows(load, "framework_get_config")) {
		load_tell_waiting(load);
	}
	json_object_put(load->allowed);
	return code;
}

/* Says what is wrong with the file. Return: an exit code. */
static int print_mistakes(const struct config_file *config)
{
	size_t listed = config->num_mistakes;

	if (config->skipped != NULL) {
		fprintf(stderr, "ebbctl: %s: passed over, ebb has no such subsystem: %s\n",
			config->name, config->skipped);
	}
	if (listed > CONFIG_MISTAKES_MAX) {
		listed = CONFIG_MISTAKES_MAX;
	}
	for (size_t i = 0; i < listed; i++) {
		fprintf(stderr, "ebbctl: %s\n", config->mistakes[i]);
	}
	if (config->num_mistakes > listed) {
		fprintf(stderr, "ebbctl: %s: %zu more mistakes\n", config->name,
			config->num_mistakes - listed);
	}
	return config->num_mistakes > 0 ? EBBCTL_FAILED : EBBCTL_OK;
}

typedef int (*load_create)(const char *name, const char *text, size_t len,
			   struct config_file **ret_config);

/* Return: an exit code. */
static int file_check(const char *path, load_create create, struct config_file **ret_config)
{
	struct ebb_app_opts opts = {.json_file = path};
	const char *name;
	const char *text;
	char error[512];
	size_t len;
	int rc;

	if (app_subsystem_sort(error, sizeof(error)) < 0 ||
	    app_json_text_load(&opts, error, sizeof(error)) < 0) {
		fprintf(stderr, "ebbctl: %s\n", error);
		return EBBCTL_FAILED;
	}
	text = app_json_text(&len, &name);
	rc = create(name, text, len, ret_config);
	app_json_text_free();
	app_subsystem_unsort();
	if (rc < 0) {
		fprintf(stderr, "ebbctl: %s: %s\n", path, strerror(-rc));
		return EBBCTL_FAILED;
	}
	return print_mistakes(*ret_config);
}

static int file_load(const struct ebb_ctl_command_env *env, int num_words, char **words,
		     load_create create, bool starts)
{
	struct load load = {.env = env};
	const char *path = num_words > 0 && strcmp(words[0], "-") != 0 ? words[0] : "/dev/stdin";
	int code;

	if (num_words > 1) {
		fputs("ebbctl: load_config and load_subsystem_config take one FILE, or none\n",
		      stderr);
		return EBBCTL_USAGE;
	}
	code = file_check(path, create, &load.config);
	if (code == EBBCTL_OK) {
		code = load_run(&load, starts);
	}
	config_destroy(load.config);
	return code;
}

static int run_load(const struct ebb_ctl_command_env *env, int num_words, char **words)
{
	return file_load(env, num_words, words, config_create, true);
}

static int run_load_subsystem(const struct ebb_ctl_command_env *env, int num_words, char **words)
{
	return file_load(env, num_words, words, config_create_section, false);
}

static struct ebb_ctl_command load_command = {
	.name = "load_config",
	.help = "call what a configuration file says",
	.usage = load_usage,
	.run = run_load,
};
EBB_CTL_COMMAND_REGISTER(load_command)

static struct ebb_ctl_command load_subsystem_command = {
	.name = "load_subsystem_config",
	.help = "the same for one subsystem",
	.usage = load_usage,
	.run = run_load_subsystem,
};
EBB_CTL_COMMAND_REGISTER(load_subsystem_command)
