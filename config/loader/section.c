/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/section.h"

#include <stdio.h>
#include <string.h>

#include <ebb/base.h>

#include "core/app/section.h"

/* Those of 2026, and those that files of older versions have. */
static const char *const spdk_names[] = {
	"accel", "bdev",      "copy",       "fsdev", "interface",
	"iobuf", "iscsi",     "keyring",    "nbd",   "net_framework",
	"nvmf",  "scheduler", "scsi",       "sock",  "ublk",
	"vhost", "vhost_blk", "vhost_scsi", "vmd",   "vfio_user_target",
};

bool config_section_is_spdks(const char *name)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(spdk_names); i++) {
		if (strcmp(spdk_names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

struct section_list {
	char *text;
	size_t size;
	size_t len;
};

static void list_add(const char *name, const char *const *depends_on, size_t num_depends, void *arg)
{
	struct section_list *list = arg;

	(void)depends_on;
	(void)num_depends;
	if (list->len < list->size) {
		list->len += (size_t)snprintf(list->text + list->len, list->size - list->len,
					      "%s%s", list->len > 0 ? ", " : "", name);
	}
}

void config_section_list(char *ret_text, size_t size)
{
	struct section_list list = {.text = ret_text, .size = size};

	ret_text[0] = '\0';
	app_section_for_each(list_add, &list);
}
