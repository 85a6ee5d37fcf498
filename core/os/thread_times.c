/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/thread_times.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/os/task_switches.h"

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

/* Of another thread. Return: false: this kernel does not say. */
static bool schedstat_read_of(pid_t tid, struct os_thread_times *times)
{
	char path[64], text[80];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0) {
		return false;
	}
	text[len] = '\0';
	return schedstat_parse(text, times);
}

bool os_thread_times_read_of(pid_t tid, struct os_thread_times *ret_times)
{
	struct os_thread_times times = {.has_queue = false};
	struct os_task_switches switches;

	if (os_task_switches_read(tid, &switches) != 0) {
		return false;
	}
	times.switches = switches.voluntary;
	times.has_queue = schedstat_read_of(tid, &times);
	*ret_times = times;
	return true;
}
