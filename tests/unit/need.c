/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/need.h"

#include <liburing.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/unit.h"

void need_heap(void)
{
#ifdef UNIT_HEAP_IS_TAKEN
	unit_skip("a sanitizer has replaced the heap");
#endif
}

void need_address_space(void)
{
#ifdef UNIT_HEAP_IS_TAKEN
	unit_skip("the address space is a sanitizer's");
#endif
}

const char *need_two_cpus(void)
{
	static char text[32];
	int first = -1;
	cpu_set_t cpus;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((unsigned)cpu, &cpus)) {
			continue;
		}
		if (first >= 0) {
			snprintf(text, sizeof(text), "[%d,%d]", first, cpu);
			return text;
		}
		first = cpu;
	}
	unit_skip("it takes two CPUs");
}

void need_uring(unsigned flags)
{
	struct io_uring probe;

	if (io_uring_queue_init(2, &probe, flags) != 0) {
		unit_skip(flags == 0 ? "io_uring is not to be had here"
				     : "no io_uring with big entries is to be had here");
	}
	io_uring_queue_exit(&probe);
}

void need_root_to_lock(size_t bytes)
{
	struct rlimit limit = {0};

	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	if (geteuid() != 0 || limit.rlim_max < bytes) {
		unit_skip("it takes root, and a limit of %zu bytes to lock", bytes);
	}
}

void need_program(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "%s --version >/dev/null 2>&1", name);
	if (system(command) != 0) {
		unit_skip("%s is not installed", name);
	}
}
