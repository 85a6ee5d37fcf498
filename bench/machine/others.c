/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/others.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/machine/pseudo_file.h"

#define ANCESTORS_MAX 64u

/* proc(5), /proc/PID/stat: "12 (name) S 1 ..." */
static bool process_read(const char *root, const char *folder, struct bench_other *ret_process)
{
	char line[1024];
	char *name, *rest;
	uint64_t user, system;
	int parent;

	if (!bench_pseudo_file_record(line, sizeof(line), root, "/proc/%s/stat", folder)) {
		return false;
	}
	name = strchr(line, '(');
	rest = strrchr(line, ')');
	if (name == NULL || rest == NULL || rest < name ||
	    sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
		   &parent, &user, &system) != 3) {
		return false;
	}
	*rest = '\0';
	ret_process->pid = (pid_t)strtol(line, NULL, 10);
	ret_process->parent = parent;
	ret_process->ticks = user + system;
	snprintf(ret_process->name, sizeof(ret_process->name), "%.19s", name + 1);
	return true;
}

void bench_others_read(const char *root, struct bench_others *ret_others)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	ret_others->count = 0;
	snprintf(path, sizeof(path), "%s/proc", root);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL &&
	       ret_others->count < BENCH_OTHERS_MAX) {
		if (strtol(entry->d_name, NULL, 10) > 0 &&
		    process_read(root, entry->d_name, &ret_others->processes[ret_others->count])) {
			ret_others->count++;
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
}

static const struct bench_other *process_find(const struct bench_others *others, pid_t pid)
{
	for (unsigned i = 0; i < others->count; i++) {
		if (others->processes[i].pid == pid) {
			return &others->processes[i];
		}
	}
	return NULL;
}

static bool descends_from(const struct bench_others *others, const struct bench_other *process,
			  pid_t own)
{
	for (unsigned i = 0; process != NULL && i < ANCESTORS_MAX; i++) {
		if (process->pid == own) {
			return true;
		}
		process = process_find(others, process->parent);
	}
	return false;
}

const struct bench_other *bench_others_busiest(const struct bench_others *from,
					       const struct bench_others *to, pid_t own)
{
	const struct bench_other *busiest = NULL;
	uint64_t most = 0;

	for (unsigned i = 0; i < to->count; i++) {
		const struct bench_other *process = &to->processes[i];
		const struct bench_other *before = process_find(from, process->pid);
		uint64_t ticks = process->ticks;

		/* A number may be another's by now. */
		if (before != NULL && before->ticks <= ticks) {
			ticks -= before->ticks;
		}
		if (ticks > most && !descends_from(to, process, own)) {
			most = ticks;
			busiest = process;
		}
	}
	return busiest;
}
