/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#define NAME  "ebb-bench."
#define TRIES 10

static void files_remove(int folder_fd)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)unlinkat(folder_fd, entry->d_name, 0);
	}
	if (dir != NULL) {
		closedir(dir);
	} else if (fd >= 0) {
		close(fd);
	}
}

/* Opens a folder of ours that nobody has locked, and locks it. Return: < 0: it is none. */
static int folder_lock(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat status;

	if (fd < 0) {
		return -1;
	}
	if (fstat(fd, &status) < 0 || status.st_uid != geteuid() || status.st_nlink == 0 ||
	    (status.st_mode & 0777) != 0700 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A lock ends with its process, however that ended: what is not locked is nobody's. */
static void orphans_remove(const char *parent)
{
	struct dirent *entry;
	DIR *dir = opendir(parent);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int fd = -1;

		if (strncmp(entry->d_name, NAME, strlen(NAME)) == 0 &&
		    strlen(entry->d_name) == strlen(NAME "XXXXXX")) {
			fd = folder_lock(dirfd(dir), entry->d_name);
		}
		if (fd >= 0) {
			files_remove(fd);
			(void)unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
			close(fd);
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
}

/* Return: 0; -errno; -EAGAIN: another has taken it for an orphan before it was locked. */
static int folder_try(struct bench_folder *folder, const char *parent)
{
	struct stat status;

	snprintf(folder->path, sizeof(folder->path), "%s/" NAME "XXXXXX", parent);
	if (mkdtemp(folder->path) == NULL) {
		return -errno;
	}
	folder->lock_fd = folder_lock(AT_FDCWD, folder->path);
	if (folder->lock_fd < 0) {
		return -EAGAIN;
	}
	if (fstat(folder->lock_fd, &status) < 0 || status.st_nlink == 0) {
		close(folder->lock_fd);
		return -EAGAIN;
	}
	return 0;
}
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./"

int bench_folder_make(struct bench_folder *folder, char error[BENCH_TEXT_MAX])
{
	const char *parent = getenv("TMPDIR");
	int rc = -EAGAIN;

	if (parent == NULL || parent[0] != '/' || strlen(parent) + 20 > sizeof(folder->path) ||
	    parent[strspn(parent, PLAIN)] != '\0') {
		parent = "/tmp";
	}
	orphans_remove(parent);
	for (unsigned tries = 0; tries < TRIES && rc == -EAGAIN; tries++) {
		rc = folder_try(folder, parent);
	}
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "no temporary folder %s: %s", folder->path,
			 strerror(-rc));
		folder->path[0] = '\0';
		return rc;
	}
	return 0;
}

void bench_folder_remove(struct bench_folder *folder)
{
	if (folder->path[0] == '\0') {
		return;
	}
	files_remove(folder->lock_fd);
	(void)rmdir(folder->path);
	close(folder->lock_fd);
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
