/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/thread_times.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define STATUS_MAX 8192

int os_thread_times_open(void)
{
	return open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

/* "RAN WAITED COUNT": nanoseconds, and how often it ran. A kernel that does not count: "0 0 0". */
static bool schedstat_parse(const char *text, struct os_thread_times *times)
{
	uint64_t count;

	return sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &times->cpu_ns, &times->queue_ns,
		      &count) == 3 &&
	       count != 0;
}

void os_thread_times_read(int fd, struct os_thread_times *ret_times)
{
	struct timespec cpu = {.tv_sec = 0};
	struct rusage usage = {.ru_nvcsw = 0};
	char text[80];
	ssize_t len = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	*ret_times = (struct os_thread_times){.has_queue = false};
	if (len > 0) {
		text[len] = '\0';
		ret_times->has_queue = schedstat_parse(text, ret_times);
	}
	/* What schedstat says of the CPU is from the last tick. */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	getrusage(RUSAGE_THREAD, &usage);
	ret_times->cpu_ns = (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec;
	ret_times->switches = (uint64_t)usage.ru_nvcsw;
}

/* Reads a whole file of the thread's. Return: false: there is none. */
static bool task_read(pid_t tid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	len = read(fd, text, size - 1);
	close(fd);
	if (len <= 0) {
		return false;
	}
	text[len] = '\0';
	return true;
}

/* Return: the number behind @label, or @missing. */
static uint64_t status_number(const char *text, const char *label, uint64_t missing)
{
	const char *found = strstr(text, label);

	return found == NULL ? missing : strtoull(found + strlen(label), NULL, 10);
}

bool os_thread_times_switches(pid_t tid, uint64_t *ret_switches, bool *ret_traced)
{
	char text[STATUS_MAX];
	uint64_t switches;

	if (!task_read(tid, "status", text, sizeof(text))) {
		return false;
	}
	switches = status_number(text, "\nvoluntary_ctxt_switches:", UINT64_MAX);
	if (switches == UINT64_MAX) {
		return false;
	}
	*ret_switches = switches;
	*ret_traced = status_number(text, "\nTracerPid:", 0) != 0;
	return true;
}

bool os_thread_times_read_of(pid_t tid, struct os_thread_times *ret_times)
{
	struct os_thread_times times = {.has_queue = false};
	char text[80];
	bool traced;

	if (!os_thread_times_switches(tid, &times.switches, &traced)) {
		return false;
	}
	times.has_queue =
		task_read(tid, "schedstat", text, sizeof(text)) && schedstat_parse(text, &times);
	*ret_times = times;
	return true;
}
