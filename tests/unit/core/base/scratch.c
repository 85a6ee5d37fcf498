/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/base/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#define PATHS 8

static char dir[64];

void scratch_begin(void)
{
	snprintf(dir, sizeof(dir), "/var/tmp/ebb-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void scratch_end(void)
{
	ck_assert_int_eq(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *scratch_dir(void)
{
	return dir;
}

const char *scratch_path(const char *name)
{
	static char paths[PATHS][256];
	static unsigned next;
	char *path = paths[next++ % PATHS];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

const char *scratch_sparse(const char *name, size_t size)
{
	const char *path = scratch_path(name);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(close(fd), 0);
	return path;
}

/* Makes the folders on the way to @path. */
static void make_way(char *path)
{
	char *slash;

	for (slash = strchr(path + strlen(dir) + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

void scratch_link(const char *name, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", scratch_path(name));
	make_way(path);
	unlink(path);
	ck_assert_int_eq(symlink(target, path), 0);
}

void scratch_text(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s", scratch_path(name));
	make_way(path);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}
