/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/steal.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define HYPERVISOR_BIT (1u << 31) /* of CPUID leaf 1, ECX */

bool os_steal_possible(void)
{
#if defined(__x86_64__)
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & HYPERVISOR_BIT) != 0;
#else
	return true;
#endif
}

uint64_t os_steal_tick_ns(void)
{
	long ticks = sysconf(_SC_CLK_TCK);

	return ticks > 0 ? 1000000000 / (uint64_t)ticks : 10000000;
}

bool os_steal_read(const char *root, uint64_t *ret_ns, unsigned max_cpus)
{
	uint64_t tick_ns = os_steal_tick_ns();
	char path[PATH_MAX], line[512];
	bool any = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/stat", root);
	file = fopen(path, "re");
	if (file == NULL) {
		return false;
	}
	while (fgets(line, sizeof(line), file) != NULL && strncmp(line, "cpu", 3) == 0) {
		uint64_t stolen;
		unsigned cpu;

		/* user nice system idle iowait irq softirq steal; the first line is their sum */
		if (sscanf(line, "cpu%u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &cpu, &stolen) ==
			    2 &&
		    cpu < max_cpus) {
			ret_ns[cpu] = stolen * tick_ns;
			any = true;
		}
	}
	fclose(file);
	return any;
}
