/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_ACCESS_H
#define CORE_EXPORTER_ACCESS_H

/* Who may connect to a Unix socket: its file's mode and group, as people write them. */

#include <sys/types.h>

#include <ebb/helper.h>

#define EXPORTER_GROUP_MAX 64u /* bytes of a group's name, with its end */

/* "0660" or "660". Return: 0; -EINVAL it is no octal number of at most 0777. */
int exporter_mode_parse(const char *text, mode_t *ret_mode);

/* A look-up of a group, which may ask another machine. It must live until done(). */
struct exporter_group {
	char name[EXPORTER_GROUP_MAX];
	gid_t gid; /* once it has ended */
	int rc;    /* 0; -ENOENT there is no such group; or why it cannot be told */
	void (*done)(struct exporter_group *group);
	struct ebb_work work;
};

/**
 * exporter_group_find() - which number has the group @name, or is it one?
 * @done: once, later, on the calling thread
 * Thread: an ebb thread.
 * Return: 0; -EINVAL the name is too long or empty: @done does not run.
 */
int exporter_group_find(struct exporter_group *group, const char *name,
			void (*done)(struct exporter_group *group));

#endif
