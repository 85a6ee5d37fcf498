/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./"

int bench_folder_make(struct bench_folder *folder, char error[BENCH_TEXT_MAX])
{
	const char *parent = getenv("TMPDIR");

	if (parent == NULL || parent[0] != '/' || strlen(parent) + 20 > sizeof(folder->path) ||
	    parent[strspn(parent, PLAIN)] != '\0') {
		parent = "/tmp";
	}
	snprintf(folder->path, sizeof(folder->path), "%s/ebb-bench.XXXXXX", parent);
	if (mkdtemp(folder->path) == NULL) {
		int rc = -errno;

		snprintf(error, BENCH_TEXT_MAX, "no temporary folder %s: %s", folder->path,
			 strerror(-rc));
		folder->path[0] = '\0';
		return rc;
	}
	return 0;
}

void bench_folder_remove(struct bench_folder *folder)
{
	struct dirent *entry;
	DIR *dir;

	if (folder->path[0] == '\0') {
		return;
	}
	dir = opendir(folder->path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL) {
		closedir(dir);
	}
	(void)rmdir(folder->path);
	folder->path[0] = '\0';
}

static void config_add(struct json_object *subsystems, const char *subsystem, const char *method,
		       struct json_object *params)
{
	struct json_object *entry = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct json_object *object = json_object_new_object();

	json_object_object_add(entry, "method", json_object_new_string(method));
	json_object_object_add(entry, "params", params);
	json_object_array_add(list, entry);
	json_object_object_add(object, "subsystem", json_object_new_string(subsystem));
	json_object_object_add(object, "config", list);
	json_object_array_add(subsystems, object);
}

struct json_object *bench_folder_config(const char *subsystem, const char *method,
					struct json_object *params, const char *other,
					const char *other_method, struct json_object *other_params)
{
	struct json_object *config = json_object_new_object();
	struct json_object *subsystems = json_object_new_array();

	config_add(subsystems, subsystem, method, params);
	if (other != NULL) {
		config_add(subsystems, other, other_method, other_params);
	}
	json_object_object_add(config, "subsystems", subsystems);
	return config;
}

void bench_folder_command(const struct bench_argv *argv, const char *path,
			  struct json_object *config, char *text, size_t size)
{
	struct bench_argv write = {0};
	size_t used;

	bench_argv_add(&write, "printf");
	bench_argv_add(&write, "%%s");
	bench_argv_add(&write, "%s",
		       json_object_to_json_string_ext(config,
						      JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
	(void)bench_argv_quote(&write, text, size);
	used = strlen(text);
	used += (size_t)snprintf(text + used, size - used, " >%s && ", path);
	if (used < size) {
		(void)bench_argv_quote(argv, text + used, size - used);
	}
	bench_argv_clear(&write);
}
