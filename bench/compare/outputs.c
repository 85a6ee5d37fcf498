/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/outputs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/compare/output.h"

#define OUTPUTS 3u

struct output {
	const char *option;
	const char *path; /* NULL: it is not asked for */
};

static void outputs_of(const struct bench_compare_options *options, struct output outputs[OUTPUTS])
{
	outputs[0] = (struct output){"--json", options->json};
	outputs[1] = (struct output){"--csv", options->csv};
	outputs[2] = (struct output){"--html", options->html};
}

/* The absolute name of a file that need not be there; false: its folder is not. */
static bool name_of(const char *path, char name[PATH_MAX])
{
	char folder[PATH_MAX];
	char real[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (realpath(path, name) != NULL) {
		return true;
	}
	snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
		 slash == NULL ? "." : path);
	return realpath(folder, real) != NULL &&
	       snprintf(name, PATH_MAX, "%s/%s", real, slash == NULL ? path : slash + 1) < PATH_MAX;
}

/* By whatever names: a link is the file that it leads to. */
static bool same_file(const char *a, const char *b)
{
	char name_a[PATH_MAX], name_b[PATH_MAX];
	struct stat st_a, st_b;

	if (stat(a, &st_a) == 0 && stat(b, &st_b) == 0) {
		return st_a.st_dev == st_b.st_dev && st_a.st_ino == st_b.st_ino;
	}
	return name_of(a, name_a) && name_of(b, name_b) && strcmp(name_a, name_b) == 0;
}

static int clash(const struct output *output, const char *what, char error[BENCH_TEXT_MAX])
{
	snprintf(error, BENCH_TEXT_MAX,
		 "compare: %s %.120s: that is %s, which would be lost: give another name",
		 output->option, output->path, what);
	return -EEXIST;
}

int bench_outputs_check(const struct bench_compare_options *options, const char *input,
			char error[BENCH_TEXT_MAX])
{
	struct output outputs[OUTPUTS];

	outputs_of(options, outputs);
	for (unsigned i = 0; i < OUTPUTS; i++) {
		const char *path = outputs[i].path;
		int rc;

		if (path == NULL) {
			continue;
		}
		rc = bench_output_check(outputs[i].option, path, error);
		if (rc < 0) {
			return rc;
		}
		if (input != NULL && same_file(path, input)) {
			return clash(&outputs[i], "the trace", error);
		}
		if (options->bdev_json != NULL && same_file(path, options->bdev_json)) {
			return clash(&outputs[i], "the file of --bdev-json", error);
		}
		for (unsigned j = 0; j < i; j++) {
			if (outputs[j].path != NULL && same_file(path, outputs[j].path)) {
				snprintf(error, BENCH_TEXT_MAX,
					 "compare: %.160s: two outputs cannot be one file: give "
					 "another name for one of them",
					 path);
				return -EEXIST;
			}
		}
	}
	return 0;
}

static bool open_here(const char *path)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat st, st_open;
	bool found = false;

	if (folder == NULL) {
		return false;
	}
	if (stat(path, &st) == 0) {
		while (!found && (entry = readdir(folder)) != NULL) {
			found = fstatat(dirfd(folder), entry->d_name, &st_open, 0) == 0 &&
				st.st_dev == st_open.st_dev && st.st_ino == st_open.st_ino;
		}
	}
	closedir(folder);
	return found;
}

int bench_outputs_check_open(const struct bench_compare_options *options,
			     char error[BENCH_TEXT_MAX])
{
	struct output outputs[OUTPUTS];

	outputs_of(options, outputs);
	for (unsigned i = 0; i < OUTPUTS; i++) {
		if (outputs[i].path != NULL && open_here(outputs[i].path)) {
			return clash(&outputs[i], "a target, or where this prints", error);
		}
	}
	return 0;
}
