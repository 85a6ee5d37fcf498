/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/warning.h"

#include <stdarg.h>
#include <stdio.h>

void bench_warning_add(struct bench_warning_list *list, const char *format, ...)
{
	va_list args;

	if (list->count == list->max) {
		return;
	}
	va_start(args, format);
	vsnprintf(list->lines[list->count], BENCH_WARNING_MAX, format, args);
	va_end(args);
	list->count++;
}
