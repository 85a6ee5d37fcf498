/* SPDX-License-Identifier: Apache-2.0 */
/* sources: drivers/nvme/uring/uevent.c */

/*
 * What came from the kernel's socket, as long as it is, through the parser and the look at its
 * path.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/nvme/uring/uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *begin, *end;

/* A string that ends inside the message, or the empty one for what it does not say. */
static void check_string(const char *text)
{
	if (*text == '\0' && (text < begin || text >= end)) {
		return;
	}
	if (text < begin || text >= end || memchr(text, '\0', (size_t)(end - text)) == NULL) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *message = malloc(size == 0 ? 1 : size); /* its end is the sanitizer's to watch */
	struct uring_uevent uevent;

	memcpy(message, data, size);
	begin = message;
	end = message + size;
	if (uring_uevent_parse(message, size, &uevent)) {
		check_string(uevent.path);
		check_string(uevent.subsystem);
		check_string(uevent.device);
		if (uevent.path[0] != '/' || (uevent.aen != 0 && !uevent.has_aen)) {
			abort();
		}
		(void)uring_uevent_is_of(&uevent, "nvme0", "nvme-subsys0");
		(void)uring_uevent_is_of(&uevent, uevent.device, uevent.subsystem);
	}
	free(message);
	return 0;
}
