/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_URING_ERRORS_H
#define DRIVERS_NVME_URING_ERRORS_H

/* What an errno of the kernel's means, and what to do about it. Each returns @rc. On the helper. */

#include <stddef.h>

int uring_errors_open(int rc, const char *path, char *ret_error, size_t error_size);
int uring_errors_ring(int rc, char *ret_error, size_t error_size);
int uring_errors_command(int rc, const char *path, char *ret_error, size_t error_size);

#endif
