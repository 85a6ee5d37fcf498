/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/ctl_command.h>

#include "core/os/file_replace.h"
#include "rpc/ctl_list.h"
#include "rpc/ebbctl.h"
#include "rpc/print.h"

/*
 * ebbctl save_config and its like: what ebbd wants now, as a configuration file. Everything is in
 * memory before the file is touched, and the file is replaced as a whole.
 */

static const char save_usage[] =
	"Usage: ebbctl save_config [FILE]\n"
	"       ebbctl save_subsystem_config NAME [FILE]\n"
	"\n"
	"What ebbd has been asked for and what has been set, as a configuration file: \"ebbd "
	"--json\n"
	"FILE\" starts with it, \"ebbctl load_config FILE\" loads it. It is written to FILE, which "
	"is\n"
	"replaced as a whole or left as it was, with the mode and the owner that it has; without "
	"a\n"
	"FILE, or with -, it is printed. NAME: of one that framework_get_subsystems lists.\n";

/* Return: an exit code. */
static int save_fail(const char *what, const struct ebb_method_error *error)
{
	fprintf(stderr, "ebbctl: %s: %s\n", what, error->text);
	return EBBCTL_FAILED;
}

/* {"subsystem": @name, "config": ...}. Return: NULL: ebbd has refused. */
static struct json_object *save_section(const struct ebb_ctl_command_env *env, const char *name,
					struct ebb_method_error *ret_error)
{
	struct json_object *params = json_object_new_object();
	struct json_object *section = NULL;
	struct json_object *config = NULL;

	json_object_object_add(params, "name", json_object_new_string(name));
	if (ctl_list_call(env, "framework_get_config", params, &config, ret_error) == 0) {
		section = json_object_new_object();
		json_object_object_add(section, "subsystem", json_object_new_string(name));
		json_object_object_add(section, "config", config);
	}
	json_object_put(params);
	return section;
}

/* All sections. Return: NULL: ebbd has refused. */
static struct json_object *save_all(const struct ebb_ctl_command_env *env,
				    struct ebb_method_error *ret_error)
{
	struct json_object *root = json_object_new_object();
	struct json_object *sections = json_object_new_array();
	struct json_object *list = NULL;
	int rc = ctl_list_call(env, "framework_get_subsystems", NULL, &list, ret_error);

	json_object_object_add(root, "subsystems", sections);
	for (size_t i = 0; rc == 0 && i < ctl_list_length(list); i++) {
		struct json_object *section =
			save_section(env, ctl_list_text(list, i, "subsystem"), ret_error);

		if (section == NULL) {
			rc = -EREMOTEIO;
		} else {
			json_object_array_add(sections, section);
		}
	}
	json_object_put(list);
	if (rc != 0) {
		json_object_put(root);
		root = NULL;
	}
	return root;
}

/* To @path; NULL or "-": to stdout. Takes over @json. Return: an exit code. */
static int save_write(const struct ebb_ctl_command_env *env, struct json_object *json,
		      const char *path)
{
	char error[640];
	char *text = NULL;
	size_t len = 0;
	FILE *memory;
	int rc = -ENOMEM;

	if (path == NULL || strcmp(path, "-") == 0) {
		env->print_json(env, json);
		json_object_put(json);
		return EBBCTL_OK;
	}
	snprintf(error, sizeof(error), "cannot write %s: out of memory", path);
	memory = open_memstream(&text, &len);
	if (memory != NULL) {
		rpc_print_json(json, false, memory);
		rc = fclose(memory) == 0 ? os_file_replace(path, text, len, error, sizeof(error))
					 : -ENOMEM;
	}
	json_object_put(json);
	free(text);
	if (rc < 0) {
		fprintf(stderr, "ebbctl: %s%s\n", error,
			rc == -EINVAL ? "; leave FILE out, and it is printed" : "");
		return EBBCTL_FAILED;
	}
	return EBBCTL_OK;
}

static int run_save(const struct ebb_ctl_command_env *env, int num_words, char **words)
{
	struct ebb_method_error error = {.code = 0};
	struct json_object *json;

	if (num_words > 1) {
		fputs("ebbctl: save_config takes one FILE, or none\n", stderr);
		return EBBCTL_USAGE;
	}
	json = save_all(env, &error);
	if (json == NULL) {
		return save_fail("save_config", &error);
	}
	return save_write(env, json, num_words > 0 ? words[0] : NULL);
}

static int run_save_subsystem(const struct ebb_ctl_command_env *env, int num_words, char **words)
{
	struct ebb_method_error error = {.code = 0};
	struct json_object *json;

	if (num_words < 1 || num_words > 2) {
		fputs("ebbctl: save_subsystem_config takes a NAME, and perhaps a FILE\n", stderr);
		return EBBCTL_USAGE;
	}
	json = save_section(env, words[0], &error);
	if (json == NULL) {
		return save_fail("save_subsystem_config", &error);
	}
	return save_write(env, json, num_words > 1 ? words[1] : NULL);
}

static struct ebb_ctl_command save_command = {
	.name = "save_config",
	.help = "what ebbd has been asked for, as a configuration file",
	.usage = save_usage,
	.run = run_save,
};
EBB_CTL_COMMAND_REGISTER(save_command)

static struct ebb_ctl_command save_subsystem_command = {
	.name = "save_subsystem_config",
	.help = "the same of one subsystem",
	.usage = save_usage,
	.run = run_save_subsystem,
};
EBB_CTL_COMMAND_REGISTER(save_subsystem_command)
