/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/memory_available.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Return: false: it cannot be read. */
static bool file_read(const char *root, const char *folder, const char *name, char *ret_text,
		      size_t size)
{
	char path[3 * PATH_MAX];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s%s/%s", root, folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	len = read(fd, ret_text, size - 1);
	close(fd);
	if (len <= 0) {
		return false;
	}
	ret_text[len] = '\0';
	return true;
}

/* The number behind @key at the beginning of a line. Return: false: there is none. */
static bool field_find(const char *text, const char *key, uint64_t *ret_value)
{
	const char *line = text;

	while (line != NULL && strncmp(line, key, strlen(key)) != 0) {
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	if (line == NULL) {
		return false;
	}
	*ret_value = strtoull(line + strlen(key), NULL, 10);
	return true;
}

/* What the control group @folder leaves; UINT64_MAX: it has no limit. */
static uint64_t group_available(const char *root, const char *folder)
{
	char text[8192];
	uint64_t limit, used, cache = 0;

	if (!file_read(root, folder, "memory.max", text, sizeof(text)) ||
	    strncmp(text, "max", 3) == 0) {
		return UINT64_MAX;
	}
	limit = strtoull(text, NULL, 10);
	if (!file_read(root, folder, "memory.current", text, sizeof(text))) {
		return limit;
	}
	used = strtoull(text, NULL, 10);
	if (file_read(root, folder, "memory.stat", text, sizeof(text))) {
		(void)field_find(text, "file ", &cache);
	}
	used -= cache < used ? cache : used;
	return used < limit ? limit - used : 0;
}

/* The least that the process' control group and those above it leave. */
static uint64_t groups_available(const char *root)
{
	char text[PATH_MAX], folder[2 * PATH_MAX];
	uint64_t least = UINT64_MAX, left;
	char *path, *end;

	if (!file_read(root, "/proc/self", "cgroup", text, sizeof(text))) {
		return least;
	}
	path = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	if (path == NULL) {
		return least;
	}
	path = strchr(path, '/');
	path[strcspn(path, "\n")] = '\0';
	for (;;) {
		snprintf(folder, sizeof(folder), "/sys/fs/cgroup%s", path);
		left = group_available(root, folder);
		least = left < least ? left : least;
		end = strrchr(path, '/');
		if (end == NULL) {
			break;
		}
		*end = '\0';
	}
	return least;
}

uint64_t os_memory_available(const char *root)
{
	uint64_t available = UINT64_MAX, kib, groups;
	char text[8192];

	if (file_read(root, "/proc", "meminfo", text, sizeof(text)) &&
	    field_find(text, "MemAvailable:", &kib)) {
		available = kib << 10;
	}
	groups = groups_available(root);
	return groups < available ? groups : available;
}

uint64_t os_memory_resident(const char *root)
{
	char text[8192];
	uint64_t kib = 0;

	if (file_read(root, "/proc/self", "status", text, sizeof(text))) {
		(void)field_find(text, "RssAnon:", &kib);
	}
	return kib << 10;
}
