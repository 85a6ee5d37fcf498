/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image locks, as QEMU takes them: there is one byte of the file for each permission that somebody
 * uses, and one for each that somebody will not share. Everyone holds only read locks, on the bytes
 * that are his, and then looks whether anyone holds the byte that contradicts: who uses what I do
 * not share, who does not share what I use. Locks that are only ever read locks cannot fail to be
 * taken, so the order is safe: of two who come at once at least one sees the other.
 *
 * The locks belong to the open file description (F_OFD_SETLK), so they work between two bdevs of
 * one process, too, and end with its last descriptor. (QEMU: block/file-posix.c.)
 */
#include "drivers/file/lock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How long a lock that no living process has is waited for: 2 s. */
#define LOCK_PAUSE_MS 20
#define LOCK_TRIES    100

#define LOCK_PERM_BASE   100 /* byte of a permission that is used */
#define LOCK_SHARED_BASE 200 /* byte of a permission that is not shared */

#define PROC_PATH_SIZE 600 /* room for two names of a folder's entries */

enum {
	PERM_CONSISTENT_READ = 1u << 0,
	PERM_WRITE = 1u << 1,
	PERM_WRITE_UNCHANGED = 1u << 2,
	PERM_RESIZE = 1u << 3,
	PERM_COUNT = 4,
};

static int byte_lock(int fd, int byte)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

/* Return: 1: somebody else holds it; 0: nobody; or negative errno. */
static int byte_held(int fd, int byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0) {
		return -errno;
	}
	return lock.l_type != F_UNLCK;
}

static int bytes_lock(int fd, unsigned used, unsigned unshared)
{
	int i, rc = 0;

	for (i = 0; i < PERM_COUNT && rc == 0; i++) {
		if ((used & (1u << i)) != 0) {
			rc = byte_lock(fd, LOCK_PERM_BASE + i);
		}
		if (rc == 0 && (unshared & (1u << i)) != 0) {
			rc = byte_lock(fd, LOCK_SHARED_BASE + i);
		}
	}
	return rc;
}

static int bytes_check(int fd, unsigned used, unsigned unshared)
{
	int i, rc = 0;

	for (i = 0; i < PERM_COUNT && rc == 0; i++) {
		if ((used & (1u << i)) != 0) {
			rc = byte_held(fd, LOCK_SHARED_BASE + i);
		}
		if (rc == 0 && (unshared & (1u << i)) != 0) {
			rc = byte_held(fd, LOCK_PERM_BASE + i);
		}
	}
	return rc;
}

/* Are image locks held by this descriptor? (proc(5), /proc/[pid]/fdinfo) */
static bool fd_has_locks(const char *pid, const char *fd)
{
	char path[PROC_PATH_SIZE], line[256];
	bool has = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	file = fopen(path, "re");
	while (file != NULL && !has && fgets(line, sizeof(line), file) != NULL) {
		has = strncmp(line, "lock:", 5) == 0 && strstr(line, "OFDLCK") != NULL;
	}
	if (file != NULL) {
		fclose(file);
	}
	return has;
}

/* Does a process have the file locked, other than by @own_fd? */
static bool process_has(const char *pid, const struct stat *locked, int own_fd)
{
	char path[PROC_PATH_SIZE];
	struct dirent *entry;
	bool has = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir != NULL && !has && (entry = readdir(dir)) != NULL) {
		struct stat st;

		has = isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != own_fd &&
		      fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
		      st.st_dev == locked->st_dev && st.st_ino == locked->st_ino &&
		      fd_has_locks(pid, entry->d_name);
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return has;
}

static void process_name(const char *pid, char *ret_name, size_t size)
{
	char path[PROC_PATH_SIZE], comm[32] = "?";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (file != NULL) {
		if (fgets(comm, sizeof(comm), file) != NULL) {
			comm[strcspn(comm, "\n")] = '\0';
		}
		fclose(file);
	}
	snprintf(ret_name, size, "%s (process %s)", comm, pid);
}

/*
 * The kernel does not tell whose a lock is; but each descriptor tells which locks it has. Return:
 * false if no process that can be looked at has it.
 */
static bool lock_owner_find(int fd, char *ret_owner, size_t size)
{
	long self = (long)getpid();
	struct dirent *entry;
	struct stat file;
	bool found = false;
	DIR *dir;

	snprintf(ret_owner, size, "another process");
	dir = opendir("/proc");
	if (dir == NULL || fstat(fd, &file) < 0) {
		goto out;
	}
	while (!found && (entry = readdir(dir)) != NULL) {
		bool mine = atol(entry->d_name) == self;

		if (!isdigit((unsigned char)entry->d_name[0])) {
			continue;
		}
		found = process_has(entry->d_name, &file, mine ? fd : -1);
		if (found && mine) {
			snprintf(ret_owner, size, "another bdev of this process");
		} else if (found) {
			process_name(entry->d_name, ret_owner, size);
		}
	}
out:
	if (dir != NULL) {
		closedir(dir);
	}
	return found;
}

void file_unlock(int fd)
{
	static const int bases[] = {LOCK_PERM_BASE, LOCK_SHARED_BASE};
	size_t i;

	for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		struct flock lock = {.l_type = F_UNLCK,
				     .l_whence = SEEK_SET,
				     .l_start = bases[i],
				     .l_len = PERM_COUNT};

		/* A filesystem without locks has none to give up. */
		(void)fcntl(fd, F_OFD_SETLK, &lock);
	}
}

/* Return: 0; -EBUSY somebody else's lock is in the way; or what fcntl() says. */
static int lock_try(int fd, bool read_only)
{
	unsigned used = PERM_CONSISTENT_READ | (read_only ? 0 : PERM_WRITE);
	unsigned unshared = PERM_WRITE | PERM_RESIZE;
	int rc = bytes_lock(fd, used, unshared);

	if (rc == 0) {
		rc = bytes_check(fd, used, unshared);
	}
	return rc == 1 || rc == -EAGAIN || rc == -EACCES ? -EBUSY : rc;
}

/*
 * A process that was killed with I/O under way keeps its lock for a moment: its io_uring lets go of
 * the file only when the requests have ended. So a lock that no living process has is waited for.
 */
int file_lock(int fd, bool read_only, char *ret_owner, size_t owner_size)
{
	static const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000};
	unsigned tries = 0;
	int rc;

	while ((rc = lock_try(fd, read_only)) == -EBUSY) {
		file_unlock(fd);
		if (lock_owner_find(fd, ret_owner, owner_size) || ++tries == LOCK_TRIES) {
			break;
		}
		nanosleep(&pause, NULL);
	}
	return rc;
}
