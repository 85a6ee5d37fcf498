/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/access.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/base.h>

#define MODE_MAX 0777u

int exporter_mode_parse(const char *text, mode_t *ret_mode)
{
	unsigned long mode;

	if (text[0] == '\0' || strlen(text) > 4 || strspn(text, "01234567") != strlen(text)) {
		return -EINVAL;
	}
	mode = strtoul(text, NULL, 8);
	if (mode > MODE_MAX) {
		return -EINVAL;
	}
	*ret_mode = (mode_t)mode;
	return 0;
}

/* On the helper. */
static void group_run(struct ebb_work *work)
{
	struct exporter_group *group = ebb_container_of(work, struct exporter_group, work);
	struct group found, *result = NULL;
	unsigned long number;
	char buffer[4096], *end;

	group->rc = -getgrnam_r(group->name, &found, buffer, sizeof(buffer), &result);
	/* A group of many members, which are of no interest here, does not fit. */
	if (group->rc == -ERANGE) {
		result = getgrnam(group->name);
		group->rc = 0;
	}
	if (result != NULL) {
		group->gid = result->gr_gid;
		return;
	}
	errno = 0;
	number = strtoul(group->name, &end, 10);
	if (strspn(group->name, "0123456789") != strlen(group->name) || *end != '\0' ||
	    errno != 0 || number >= (gid_t)-1) {
		group->rc = group->rc != 0 ? group->rc : -ENOENT;
		return;
	}
	group->gid = (gid_t)number;
	group->rc = 0;
}

static void group_found(struct ebb_work *work)
{
	struct exporter_group *group = ebb_container_of(work, struct exporter_group, work);

	group->done(group);
}

int exporter_group_find(struct exporter_group *group, const char *name,
			void (*done)(struct exporter_group *group))
{
	size_t len = strlen(name);

	if (len == 0 || len >= sizeof(group->name)) {
		return -EINVAL;
	}
	memcpy(group->name, name, len + 1);
	group->done = done;
	ebb_work_init(&group->work, group_run, group_found);
	return ebb_helper_submit(&group->work);
}
