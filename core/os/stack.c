/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/stack.h"

#include <stdio.h>
#include <sys/resource.h>

bool os_stack_ensure(const char *program, size_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= bytes) {
		return true;
	}
	limit.rlim_cur = bytes;
	if (limit.rlim_max >= bytes && setrlimit(RLIMIT_STACK, &limit) == 0) {
		return true;
	}
	fprintf(stderr,
		"%s: its stack may have %lu KiB only, and it needs %zu: raise RLIMIT_STACK "
		"(ulimit -s)\n",
		program, (unsigned long)(limit.rlim_max / 1024), bytes / 1024);
	return false;
}
