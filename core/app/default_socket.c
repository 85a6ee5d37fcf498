/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/default_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_DIRECTORY "/run/ebb"
#define ROOT_SOCKET    ROOT_DIRECTORY "/ebb.sock"

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

int app_default_socket(char *ret_path, size_t size)
{
	const char *path = environment("EBB_RPC_SOCKET");
	const char *directory = environment("XDG_RUNTIME_DIR");
	int len;

	if (path != NULL) {
		len = snprintf(ret_path, size, "%s", path);
	} else if (geteuid() == 0) {
		len = snprintf(ret_path, size, "%s", ROOT_SOCKET);
	} else if (directory != NULL) {
		len = snprintf(ret_path, size, "%s/ebb.sock", directory);
	} else {
		len = snprintf(ret_path, size, "/tmp/ebb-%u.sock", (unsigned)geteuid());
	}
	return len >= 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
}

int app_default_socket_mkdir(const char *path)
{
	if (strcmp(path, ROOT_SOCKET) != 0) {
		return 0;
	}
	if (mkdir(ROOT_DIRECTORY, 0755) < 0 && errno != EEXIST) {
		return -errno;
	}
	return 0;
}
