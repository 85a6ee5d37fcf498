/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/uevent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum os_uevent_action action;
} uevent_actions[] = {
	{"add@", OS_UEVENT_ADD},
	{"remove@", OS_UEVENT_REMOVE},
	{"change@", OS_UEVENT_CHANGE},
};

/* What follows @key in @text; NULL: it does not begin so. */
static const char *value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	return strncmp(text, key, len) == 0 ? text + len : NULL;
}

static void uevent_parse_aen(const char *text, struct os_uevent *uevent)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 16);
	if (errno == 0 && end != text && *end == '\0' && text[0] == '0' && value <= UINT32_MAX) {
		uevent->has_aen = true;
		uevent->aen = (uint32_t)value;
	}
}

static void uevent_parse_line(const char *line, struct os_uevent *uevent)
{
	const char *value;

	if ((value = value_of(line, "SUBSYSTEM=")) != NULL) {
		uevent->subsystem = value;
	} else if ((value = value_of(line, "DEVNAME=")) != NULL) {
		uevent->device = value;
	} else if ((value = value_of(line, "RESIZE=")) != NULL) {
		uevent->resized = strcmp(value, "1") == 0;
	} else if ((value = value_of(line, "NVME_AEN=")) != NULL) {
		uevent_parse_aen(value, uevent);
	}
}

bool os_uevent_parse(const char *message, size_t len_bytes, struct os_uevent *ret_uevent)
{
	struct os_uevent uevent = {.path = "", .subsystem = "", .device = ""};
	const char *end = message + len_bytes;

	/* With a zero at the end, no string in it goes past it. */
	if (len_bytes == 0 || end[-1] != '\0' || memchr(message, '@', strlen(message)) == NULL) {
		return false;
	}
	uevent.path = strchr(message, '@') + 1;
	if (uevent.path[0] != '/') {
		return false;
	}
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(uevent_actions); i++) {
		if (value_of(message, uevent_actions[i].name) != NULL) {
			uevent.action = uevent_actions[i].action;
		}
	}
	for (const char *line = message + strlen(message) + 1; line < end;
	     line += strlen(line) + 1) {
		uevent_parse_line(line, &uevent);
	}
	*ret_uevent = uevent;
	return true;
}
