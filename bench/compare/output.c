/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/output.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/os/file_replace.h"

static int complain(const char *option, const char *path, int rc, const char *why,
		    char error[BENCH_TEXT_MAX])
{
	snprintf(error, BENCH_TEXT_MAX, "compare: %s %.120s: %s", option, path, why);
	return rc;
}

/* The folder that @path is in. */
static void folder_of(const char *path, char *folder, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL) {
		snprintf(folder, size, ".");
	} else if (slash == path) {
		snprintf(folder, size, "/");
	} else {
		snprintf(folder, size, "%.*s", (int)(slash - path), path);
	}
}

int bench_output_check(const char *option, const char *path, char error[BENCH_TEXT_MAX])
{
	char folder[PATH_MAX];
	char real[PATH_MAX];
	struct stat st;
	int rc;

	if (realpath(path, real) != NULL) {
		path = real; /* a link stays one: the file that it leads to is written */
	}
	if (stat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode)) {
			return complain(option, path, -EINVAL,
					"no regular file; give another name (to print there is "
					"--format)",
					error);
		}
		if (access(path, W_OK) < 0) {
			return complain(option, path, -EACCES,
					"it is there and may not be written; give another name",
					error);
		}
	}
	folder_of(path, folder, sizeof(folder));
	if (access(folder, W_OK | X_OK) == 0) {
		return 0;
	}
	rc = -errno;
	snprintf(error, BENCH_TEXT_MAX,
		 "compare: %s %.80s: the folder %.80s: %s; give a file in one that may be written "
		 "to",
		 option, path, folder, strerror(-rc));
	return rc;
}

int bench_output_check_files(const char *json, const char *csv, const char *html,
			     char error[BENCH_TEXT_MAX])
{
	const char *const options[] = {"--json", "--csv", "--html"};
	const char *const paths[] = {json, csv, html};
	int rc = 0;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(paths) && rc == 0; i++) {
		rc = paths[i] != NULL ? bench_output_check(options[i], paths[i], error) : 0;
	}
	return rc;
}

int bench_output_write(const char *path, int (*print)(void *arg, FILE *out), void *arg,
		       char error[BENCH_TEXT_MAX])
{
	char why[BENCH_TEXT_MAX] = "";
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int rc = -ENOMEM;

	if (out != NULL) {
		rc = print(arg, out);
		if (fclose(out) != 0 && rc == 0) {
			rc = -ENOMEM;
		}
	}
	if (rc == 0) {
		rc = os_file_replace(path, text, len, why, sizeof(why));
	} else {
		snprintf(why, sizeof(why), "cannot write %.100s: %s", path, strerror(-rc));
	}
	free(text);
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "compare: %.240s", why);
	}
	return rc;
}
