/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the kernel use this block device already: mounted, swapped on, or part of a device-mapper or
 * md device, by itself or by one of its partitions? O_EXCL would refuse most of these, without a
 * word of who it is; and not all of them.
 */
#include "core/os/blkdev_users.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/os/blkdev_backing.h"

#define PATH_SIZE 1024

struct users_query {
	const char *root;
	char *why;
	size_t why_size;
};

static bool is_device(const char *path, dev_t dev)
{
	struct stat st;

	return path[0] == '/' && stat(path, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

/* Takes apart a line of mountinfo (proc(5)); false if it is none. */
static bool mount_line(char *line, dev_t *ret_dev, const char **ret_where, const char **ret_source)
{
	char *separator = strstr(line, " - ");
	char *field, *save = NULL;
	unsigned major_num, minor_num;
	int i;

	if (separator == NULL || sscanf(line, "%*d %*d %u:%u", &major_num, &minor_num) != 2) {
		return false;
	}
	*separator = '\0';
	field = strtok_r(line, " ", &save);
	for (i = 0; i < 4 && field != NULL; i++) {
		field = strtok_r(NULL, " ", &save);
	}
	*ret_where = field;
	save = NULL;
	strtok_r(separator + 3, " ", &save);
	*ret_source = strtok_r(NULL, " ", &save);
	*ret_dev = makedev(major_num, minor_num);
	return *ret_where != NULL && *ret_source != NULL;
}

static bool is_mounted(const struct users_query *query, dev_t dev)
{
	char path[PATH_SIZE];
	bool found = false;
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", query->root);
	file = fopen(path, "re");
	while (file != NULL && !found && getline(&line, &size, file) > 0) {
		const char *where, *source;
		dev_t mounted;

		/* Some filesystems have a number of their own: there the source tells. */
		if (mount_line(line, &mounted, &where, &source) &&
		    (mounted == dev || is_device(source, dev))) {
			snprintf(query->why, query->why_size, "mounted on %s; unmount it", where);
			found = true;
		}
	}
	free(line);
	if (file != NULL) {
		fclose(file);
	}
	return found;
}

static bool is_swap(const struct users_query *query, dev_t dev, ino_t ino)
{
	char path[PATH_SIZE], line[PATH_SIZE];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/swaps", query->root);
	file = fopen(path, "re");
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		struct stat st;

		line[strcspn(line, " \t\n")] = '\0';
		if (line[0] != '/' || stat(line, &st) < 0) {
			continue;
		}
		found = ino == 0 ? S_ISBLK(st.st_mode) && st.st_rdev == dev
				 : S_ISREG(st.st_mode) && st.st_dev == dev && st.st_ino == ino;
	}
	if (found) {
		snprintf(query->why, query->why_size, "swap space; swapoff it");
	}
	if (file != NULL) {
		fclose(file);
	}
	return found;
}

/* Device-mapper and md are named in a folder of the device's. */
static bool is_held(const struct users_query *query, const char *sysfs)
{
	char path[PATH_SIZE + 16];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/holders", sysfs);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.') {
			snprintf(query->why, query->why_size, "part of %s; take that apart",
				 entry->d_name);
			found = true;
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return found;
}

static bool device_in_use(const struct users_query *query, const char *sysfs, dev_t dev)
{
	return is_mounted(query, dev) || is_swap(query, dev, 0) || is_held(query, sysfs) ||
	       os_blkdev_backing_find(query->root, sysfs, query->why, query->why_size);
}

/* The number of partition @sysfs/@name; 0 if that is no partition. */
static dev_t partition_dev(const char *sysfs, const char *name)
{
	char path[PATH_SIZE * 2];
	unsigned major_num, minor_num;
	dev_t dev = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/partition", sysfs, name);
	if (access(path, F_OK) < 0) {
		return 0;
	}
	snprintf(path, sizeof(path), "%s/%s/dev", sysfs, name);
	file = fopen(path, "re");
	if (file != NULL) {
		if (fscanf(file, "%u:%u", &major_num, &minor_num) == 2) {
			dev = makedev(major_num, minor_num);
		}
		fclose(file);
	}
	return dev;
}

static bool partition_in_use(const struct users_query *query, const char *sysfs, const char *name)
{
	dev_t dev = partition_dev(sysfs, name);
	char path[PATH_SIZE * 2], how[160];
	struct users_query inner = {.root = query->root, .why = how, .why_size = sizeof(how)};

	snprintf(path, sizeof(path), "%s/%s", sysfs, name);
	if (dev == 0 || !device_in_use(&inner, path, dev)) {
		return false;
	}
	snprintf(query->why, query->why_size, "in use by its partition %s, which is %s", name, how);
	return true;
}

bool os_blkdev_users_find(const char *root, dev_t dev, ino_t ino, char *ret_why, size_t why_size)
{
	struct users_query query = {.root = root, .why = ret_why, .why_size = why_size};
	struct dirent *entry;
	char sysfs[PATH_SIZE];
	bool found;
	DIR *dir;

	if (ino != 0) {
		return is_swap(&query, dev, ino);
	}
	snprintf(sysfs, sizeof(sysfs), "%s/sys/dev/block/%u:%u", root, major(dev), minor(dev));
	found = device_in_use(&query, sysfs, dev);
	dir = found ? NULL : opendir(sysfs);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		found = entry->d_name[0] != '.' && partition_in_use(&query, sysfs, entry->d_name);
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return found;
}
