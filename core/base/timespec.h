/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_TIMESPEC_H
#define CORE_BASE_TIMESPEC_H

/* Nanoseconds, as the kernel's interfaces count them. */

#include <time.h>

#include <ebb/base.h>

static inline struct timespec base_timespec(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / EBB_NS_PER_S),
		.tv_nsec = (long)(ns % EBB_NS_PER_S),
	};
}

#endif
