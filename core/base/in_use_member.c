/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/in_use.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/holder.h"

#define NAME_SIZE 64

#define LOOPS     "/sys/block/loop"
#define LOOP_FILE "/loop/backing_file"

#define CLAIM_PAUSE_MS   20
#define CLAIM_TRIES_SEEN 10 /* and no more, if a process is seen to have the device open */
#define CLAIM_WAIT_MS    500

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

static void explain_loop(const char *number, char *ret_why, size_t why_size)
{
	snprintf(ret_why, why_size, "behind loop%s; losetup -d it", number);
}

bool ebb_in_use_loop(const char *root, dev_t dev, ino_t ino, char *ret_why, size_t why_size)
{
	struct stat wanted = {.st_dev = dev, .st_ino = ino};
	char number[NAME_SIZE];

	if (!match(root, LOOPS, LOOP_FILE, names_file, &wanted, number, sizeof(number))) {
		return false;
	}
	explain_loop(number, ret_why, why_size);
	return true;
}

bool ebb_in_use_member(const char *root, const char *sysfs, char *ret_why, size_t why_size)
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
		explain_loop(who, ret_why, why_size);
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

/* Who has claimed it: the kernel's own words for it, or a process, or nobody who can be seen. */
static void explain_busy(const char *root, const char *path, dev_t dev, char *ret_why, size_t size)
{
	char holder[96];

	if (ebb_in_use(root, dev, 0, ret_why, size)) {
		return;
	}
	if (ebb_holder_of_file(root, path, holder, sizeof(holder))) {
		snprintf(ret_why, size, "opened exclusively, it seems by %s; end that", holder);
		return;
	}
	snprintf(ret_why, size,
		 "opened exclusively by another process or by the kernel (zfs, a filesystem or "
		 "array of several devices); end that");
}

int ebb_in_use_open(const char *root, const char *path, int flags, unsigned wait_ms)
{
	static const struct timespec pause = {.tv_nsec = CLAIM_PAUSE_MS * 1000000};
	unsigned tries_max = wait_ms / CLAIM_PAUSE_MS;
	char full[PATH_MAX], text[160];
	struct stat st;
	int fd;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (unsigned tries = 0; (fd = open(full, flags | O_EXCL)) < 0; tries++) {
		if (errno != EBUSY || stat(full, &st) < 0) {
			return -errno;
		}
		if (tries >= tries_max ||
		    (tries == 0 && ebb_in_use(root, st.st_rdev, 0, text, sizeof(text))) ||
		    (tries == CLAIM_TRIES_SEEN &&
		     ebb_holder_of_file(root, full, text, sizeof(text)))) {
			return -EBUSY;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

int ebb_in_use_claim(const char *root, const char *path, dev_t dev, char *ret_why, size_t why_size)
{
	char full[PATH_MAX];
	struct stat st;
	/* For reading: closing what was open for writing makes udev look at the partitions anew. */
	int fd = ebb_in_use_open(root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, CLAIM_WAIT_MS);

	if (fd < 0) {
		if (fd == -EBUSY) {
			snprintf(full, sizeof(full), "%s%s", root, path);
			explain_busy(root, full, dev, ret_why, why_size);
		}
		return fd;
	}
	if (fstat(fd, &st) < 0 ||
	    (root[0] == '\0' && (!S_ISBLK(st.st_mode) || (dev != 0 && st.st_rdev != dev)))) {
		close(fd);
		return -ENODEV;
	}
	if (ebb_in_use(root, dev != 0 ? dev : st.st_rdev, 0, ret_why, why_size)) {
		close(fd);
		return -EBUSY;
	}
	return fd;
}
