/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_ERROR_H
#define DRIVERS_NVME_VFIO_ERROR_H

#include <stddef.h>

#include <ebb/base.h>

/* Where a failure puts its text for people. */
struct vfio_error {
	char *text;
	size_t size;
};

/* Writes the text. Return: @rc. */
int vfio_error_set(const struct vfio_error *error, int rc, const char *format, ...)
	EBB_PRINTF(3, 4);

#endif
