/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/clocksource.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool os_clocksource_is_tsc(const char *root)
{
	char path[PATH_MAX], name[8] = "";
	bool is_tsc;
	int fd;

#if !defined(__x86_64__)
	return false;
#endif
	snprintf(path, sizeof(path),
		 "%s/sys/devices/system/clocksource/clocksource0/current_clocksource", root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	is_tsc = read(fd, name, sizeof(name) - 1) > 0 && strcmp(name, "tsc\n") == 0;
	close(fd);
	return is_tsc;
}
