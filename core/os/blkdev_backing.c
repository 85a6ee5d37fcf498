/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/blkdev_backing.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 64

#define LOOPS     "/sys/block/loop"
#define LOOP_FILE "/loop/backing_file"

/* One line of the file at @path; false if there is none. */
static bool read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool good = file != NULL && fgets(line, size, file) != NULL;

	if (file != NULL) {
		fclose(file);
	}
	if (good) {
		line[strcspn(line, "\n")] = '\0';
	}
	return good;
}

/* The kernel's name of the device, "nvme0n1". */
static bool device_name(const char *sysfs, char name[NAME_SIZE])
{
	char path[PATH_MAX], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/uevent", sysfs);
	file = fopen(path, "re");
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		found = sscanf(line, "DEVNAME=%63s", name) == 1;
	}
	if (file != NULL) {
		fclose(file);
	}
	return found;
}

/* The part of @path that the first '*' of @pattern stands for. */
static void star_part(const char *path, size_t prefix_len, char *ret_part, size_t size)
{
	snprintf(ret_part, size, "%.*s", (int)strcspn(path + prefix_len, "/"), path + prefix_len);
}

/* True if the file or link @path says that it is of the device of this name. */
static bool names_device(const char *path, const void *name)
{
	char text[PATH_MAX];
	const char *last;
	ssize_t len = readlink(path, text, sizeof(text) - 1);

	if (len >= 0) {
		text[len] = '\0';
	} else if (!read_line(path, text, sizeof(text))) {
		return false;
	}
	last = strrchr(text, '/');
	return strcmp(last == NULL ? text : last + 1, name) == 0;
}

/* True if the file @path holds the path of the file that the stat is of. */
static bool names_file(const char *path, const void *stat_wanted)
{
	const struct stat *wanted = stat_wanted;
	char text[PATH_MAX];
	struct stat st;

	return read_line(path, text, sizeof(text)) && stat(text, &st) == 0 &&
	       st.st_dev == wanted->st_dev && st.st_ino == wanted->st_ino;
}

/* Does one of the files @root/@before*@after name @what? @ret_who: what the star is then. */
static bool match(const char *root, const char *before, const char *after,
		  bool (*names)(const char *path, const void *what), const void *what,
		  char *ret_who, size_t size)
{
	char pattern[PATH_MAX], prefix[PATH_MAX / 2];
	bool found = false;
	glob_t files;
	size_t i;

	snprintf(prefix, sizeof(prefix), "%s%s", root, before);
	snprintf(pattern, sizeof(pattern), "%s*%s", prefix, after);
	if (glob(pattern, GLOB_NOSORT, NULL, &files) != 0) {
		return false;
	}
	for (i = 0; i < files.gl_pathc && !found; i++) {
		found = names(files.gl_pathv[i], what);
		if (found) {
			star_part(files.gl_pathv[i], strlen(prefix), ret_who, size);
		}
	}
	globfree(&files);
	return found;
}

static void loop_explain(const char *number, char *ret_why, size_t why_size)
{
	snprintf(ret_why, why_size, "behind loop%s; losetup -d it", number);
}

bool os_blkdev_backing_loop(const char *root, dev_t dev, ino_t ino, char *ret_why, size_t why_size)
{
	struct stat wanted = {.st_dev = dev, .st_ino = ino};
	char number[NAME_SIZE];

	if (!match(root, LOOPS, LOOP_FILE, names_file, &wanted, number, sizeof(number))) {
		return false;
	}
	loop_explain(number, ret_why, why_size);
	return true;
}

bool os_blkdev_backing_find(const char *root, const char *sysfs, char *ret_why, size_t why_size)
{
	char name[NAME_SIZE], after[NAME_SIZE + 16], who[NAME_SIZE];

	if (!device_name(sysfs, name)) {
		return false;
	}
	snprintf(after, sizeof(after), "/devices/%s", name);
	if (match(root, "/sys/fs/btrfs/", after, names_device, name, who, sizeof(who))) {
		snprintf(ret_why, why_size, "part of the btrfs filesystem %s; unmount it", who);
		return true;
	}
	if (match(root, "/sys/fs/bcachefs/", "/dev-*/block", names_device, name, who,
		  sizeof(who))) {
		snprintf(ret_why, why_size, "part of the bcachefs filesystem %s; unmount it", who);
		return true;
	}
	if (match(root, LOOPS, LOOP_FILE, names_device, name, who, sizeof(who))) {
		loop_explain(who, ret_why, why_size);
		return true;
	}
	if (match(root, "/sys/kernel/config/nvmet/subsystems/", "/namespaces/*/device_path",
		  names_device, name, who, sizeof(who))) {
		snprintf(ret_why, why_size,
			 "exported by the kernel's NVMe target as %s; take it out there", who);
		return true;
	}
	return false;
}
