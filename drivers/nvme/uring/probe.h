/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_URING_PROBE_H
#define DRIVERS_NVME_URING_PROBE_H

/* Does passthrough work here? */

#include <stddef.h>
#include <stdint.h>

/**
 * uring_probe() - reads one block through a ring that is made for it
 * Whatever the device answers, the way to it is open. Blocks: on the helper.
 * Return: 0; or as the ring or the command has failed, and @ret_error says why.
 */
int uring_probe(int fd, const char *path, uint32_t nsid, uint32_t block_size, char *ret_error,
		size_t error_size);

#endif
