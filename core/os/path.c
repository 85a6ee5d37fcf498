/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/base.h>

char *os_path_absolute(const char *path)
{
	char *directory = NULL;
	char *absolute;

	if (path[0] != '/') {
		directory = getcwd(NULL, 0);
	}
	if (directory == NULL) {
		return strdup(path);
	}
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
		path += strspn(path, "/");
	}
	if (asprintf(&absolute, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, path) < 0) {
		absolute = NULL;
	}
	free(directory);
	return absolute;
}
