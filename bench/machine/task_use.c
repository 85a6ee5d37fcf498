/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/task_use.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/machine/pseudo_file.h"
#include "core/os/steal.h"

#define FAMILY_MAX 256u

/* The clock that an OS thread of this process runs by: what clock_gettime(2) makes of a number. */
#define THREAD_CLOCK(tid) ((clockid_t)(~(unsigned)(tid) << 3 | 6u))

static uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec time;

	if (clock_gettime(clock, &time) < 0) {
		return 0;
	}
	return (uint64_t)time.tv_sec * EBB_NS_PER_S + (uint64_t)time.tv_nsec;
}

struct stat_times {
	uint64_t user_ns;
	uint64_t system_ns;
	uint64_t children_user_ns; /* of those that were waited for */
	uint64_t children_system_ns;
	uint64_t major_faults;
};

/* proc(5), /proc/PID/stat: the name in it may have blanks, parentheses, a line's end. */
static bool stat_read(const char *root, const char *folder, struct stat_times *ret_times)
{
	uint64_t faults, child_faults, user, system, children_user, children_system;
	uint64_t tick_ns = os_steal_tick_ns();
	char line[1024];
	const char *rest;

	if (!bench_pseudo_file_record(line, sizeof(line), root, "%s/stat", folder)) {
		return false;
	}
	rest = strrchr(line, ')');
	if (rest == NULL ||
	    sscanf(rest,
		   ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &faults, &child_faults, &user, &system, &children_user, &children_system) != 6) {
		return false;
	}
	*ret_times = (struct stat_times){
		.user_ns = user * tick_ns,
		.system_ns = system * tick_ns,
		.children_user_ns = children_user * tick_ns,
		.children_system_ns = children_system * tick_ns,
		.major_faults = faults + child_faults,
	};
	return true;
}

/*
 * Adds CPU time. The kernel's division of it in user and system is by ticks, its sum is exact, if
 * @exact_ns is not 0; so the division is taken as a proportion.
 */
static void times_add(struct bench_task_use *use, const struct stat_times *times, uint64_t exact_ns)
{
	uint64_t ticks_ns = times->user_ns + times->system_ns;
	uint64_t cpu_ns = exact_ns != 0 ? exact_ns : ticks_ns;
	uint64_t user_ns = cpu_ns;

	if (ticks_ns != 0) {
		user_ns = (uint64_t)((double)cpu_ns * (double)times->user_ns / (double)ticks_ns);
	}
	use->cpu_ns += cpu_ns;
	use->user_ns += user_ns;
	use->system_ns += cpu_ns - user_ns;
}

/* Switches, and waiting for a CPU, of one OS thread. */
static bool task_add(const char *root, const char *folder, struct bench_task_use *use)
{
	char *status = bench_pseudo_file_text(root, "%s/status", folder);
	uint64_t voluntary, involuntary, queue_ns;
	char line[96];
	bool good;

	good = status != NULL &&
	       bench_pseudo_file_number(status, "voluntary_ctxt_switches", &voluntary) &&
	       bench_pseudo_file_number(status, "nonvoluntary_ctxt_switches", &involuntary);
	free(status);
	if (!good) {
		return false;
	}
	use->voluntary += voluntary;
	use->involuntary += involuntary;
	if (bench_pseudo_file_line(line, sizeof(line), root, "%s/schedstat", folder) &&
	    sscanf(line, "%*u %" SCNu64, &queue_ns) == 1) {
		use->queue_ns += queue_ns;
	}
	return true;
}

/* Processes that have to be looked at: each adds its children. */
struct family {
	pid_t pids[FAMILY_MAX];
	unsigned count;
};

static void children_add(const char *root, const char *folder, struct family *family)
{
	char *text = bench_pseudo_file_text(root, "%s/children", folder);
	char *save = NULL;

	if (text == NULL) {
		return;
	}
	for (char *word = strtok_r(text, " \n", &save); word != NULL && family->count < FAMILY_MAX;
	     word = strtok_r(NULL, " \n", &save)) {
		long pid = strtol(word, NULL, 10);

		if (pid > 0 && pid <= INT_MAX) {
			family->pids[family->count++] = (pid_t)pid;
		}
	}
	free(text);
}

static void tasks_add(const char *root, pid_t pid, struct family *family,
		      struct bench_task_use *use)
{
	char path[PATH_MAX], folder[128];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%d/task", root, (int)pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		long tid = strtol(entry->d_name, NULL, 10);

		if (tid > 0) {
			snprintf(folder, sizeof(folder), "/proc/%d/task/%ld", (int)pid, tid);
			task_add(root, folder, use);
			children_add(root, folder, family);
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
}

static void disk_bytes_add(const char *root, const char *folder, struct bench_task_use *use)
{
	char *text = bench_pseudo_file_text(root, "%s/io", folder);
	uint64_t read, written;

	if (text != NULL && bench_pseudo_file_number(text, "read_bytes", &read) &&
	    bench_pseudo_file_number(text, "write_bytes", &written)) {
		use->disk_bytes += read + written;
	}
	free(text);
}

static bool process_add(const char *root, pid_t pid, struct bench_task_use *use)
{
	struct stat_times times;
	uint64_t exact_ns = 0;
	clockid_t clock;
	char folder[64];

	snprintf(folder, sizeof(folder), "/proc/%d", (int)pid);
	if (root[0] == '\0' && clock_getcpuclockid(pid, &clock) == 0) {
		exact_ns = clock_read_ns(clock);
	}
	if (!stat_read(root, folder, &times)) {
		return false;
	}
	times_add(use, &times, exact_ns);
	use->cpu_ns += times.children_user_ns + times.children_system_ns;
	use->user_ns += times.children_user_ns;
	use->system_ns += times.children_system_ns;
	use->major_faults += times.major_faults;
	disk_bytes_add(root, folder, use);
	return true;
}

int bench_task_use_process(const char *root, pid_t pid, struct bench_task_use *ret_use)
{
	struct bench_task_use use = {.cpu_ns = 0};
	struct family family = {.pids = {pid}, .count = 1};

	if (!process_add(root, pid, &use)) {
		return -ESRCH;
	}
	for (unsigned i = 0; i < family.count; i++) {
		if (i > 0 && !process_add(root, family.pids[i], &use)) {
			continue; /* it has ended meanwhile */
		}
		tasks_add(root, family.pids[i], &family, &use);
	}
	*ret_use = use;
	return 0;
}

int bench_task_use_threads(const pid_t *tids, unsigned count, struct bench_task_use *ret_use)
{
	struct bench_task_use use = {.cpu_ns = 0};

	for (unsigned i = 0; i < count; i++) {
		struct stat_times times;
		char folder[64];

		snprintf(folder, sizeof(folder), "/proc/self/task/%d", (int)tids[i]);
		if (!stat_read("", folder, &times) || !task_add("", folder, &use)) {
			return -ESRCH;
		}
		times_add(&use, &times, clock_read_ns(THREAD_CLOCK(tids[i])));
		use.major_faults += times.major_faults;
	}
	*ret_use = use;
	return 0;
}
