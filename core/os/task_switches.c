/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/task_switches.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int os_task_switches_read(pid_t tid, struct os_task_switches *ret_switches)
{
	struct os_task_switches found = {.traced = false};
	unsigned num_found = 0;
	int tracer;
	char line[128], path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	file = fopen(path, "re");
	if (file == NULL) {
		return -errno;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &found.voluntary) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64, &found.involuntary) == 1) {
			num_found++;
		} else if (sscanf(line, "TracerPid: %d", &tracer) == 1) {
			found.traced = tracer != 0;
		}
	}
	fclose(file);
	if (num_found != 2) {
		return -ENODATA;
	}
	*ret_switches = found;
	return 0;
}
