/* SPDX-License-Identifier: Apache-2.0 */
/* sources: core/os/uevent.c */

/* What came from the kernel's socket, as long as it is, through the parser. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/os/uevent.h"

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
	struct os_uevent uevent;

	memcpy(message, data, size);
	begin = message;
	end = message + size;
	if (os_uevent_parse(message, size, &uevent)) {
		check_string(uevent.path);
		check_string(uevent.subsystem);
		check_string(uevent.device);
		if (uevent.path[0] != '/' || (uevent.aen != 0 && !uevent.has_aen)) {
			abort();
		}
	}
	free(message);
	return 0;
}
