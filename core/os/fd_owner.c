/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/fd_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	if ((a->st_mode & S_IFMT) != (b->st_mode & S_IFMT)) {
		return false;
	}
	if (S_ISBLK(a->st_mode) || S_ISCHR(a->st_mode)) {
		return a->st_rdev == b->st_rdev;
	}
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* True if the process of @proc/@pid has the file open. */
static bool process_has(const char *proc, const char *pid, const struct stat *wanted)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s/fd", proc, pid);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		struct stat st;

		found = entry->d_name[0] != '.' &&
			fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
			is_same_file(&st, wanted);
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return found;
}

static void process_name(const char *proc, const char *pid, char *ret_name, size_t size)
{
	char path[PATH_MAX];
	FILE *file;

	ret_name[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s/comm", proc, pid);
	file = fopen(path, "re");
	if (file == NULL || fgets(ret_name, (int)size, file) == NULL) {
		snprintf(ret_name, size, "a process");
	}
	ret_name[strcspn(ret_name, "\n")] = '\0';
	if (file != NULL) {
		fclose(file);
	}
}

bool os_fd_owner(const char *root, const char *path, char *ret_owner, size_t size)
{
	char proc[PATH_MAX / 2], name[32], self[16];
	struct dirent *entry;
	struct stat wanted;
	bool found = false;
	DIR *dir;

	snprintf(self, sizeof(self), "%ld", (long)getpid());
	snprintf(ret_owner, size, "another process");
	if (stat(path, &wanted) < 0) {
		return false;
	}
	snprintf(proc, sizeof(proc), "%s/proc", root);
	dir = opendir(proc);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]) || strcmp(entry->d_name, self) == 0 ||
		    !process_has(proc, entry->d_name, &wanted)) {
			continue;
		}
		process_name(proc, entry->d_name, name, sizeof(name));
		snprintf(ret_owner, size, "%s (pid %s)", name, entry->d_name);
		found = true;
	}
	if (dir != NULL) {
		closedir(dir);
	}
	if (!found && process_has(proc, self, &wanted)) {
		snprintf(ret_owner, size, "this process itself");
		found = true;
	}
	return found;
}
