/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/error.h"

#include <stdarg.h>
#include <stdio.h>

int vfio_error_set(const struct vfio_error *error, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, error->size, format, args);
	va_end(args);
	return rc;
}
