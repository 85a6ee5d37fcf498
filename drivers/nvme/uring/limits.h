/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_URING_LIMITS_H
#define DRIVERS_NVME_URING_LIMITS_H

/*
 * What the kernel's driver takes of one command, from sysfs. On the helper. @root: "" but in tests.
 */

#include <stdbool.h>
#include <stdint.h>

/* What the kernel's queue of a block device takes of one command: it does not split passthrough. */
struct uring_limits {
	uint32_t max_io_bytes;
	uint32_t max_segments;
	uint32_t buf_align;
	uint32_t page_bytes; /* 0: elements may begin and end anywhere */
	uint32_t depth;      /* requests that a queue of the kernel's has room for */
	bool polled;         /* the driver has queues that are polled */
};

void uring_limits_read(const char *root, const char *block, struct uring_limits *ret_limits);

/* The least of all namespaces'; what every device takes if there is none. */
void uring_limits_of_ctrlr(const char *root, const char *ctrlr, struct uring_limits *ret_limits);

#endif
