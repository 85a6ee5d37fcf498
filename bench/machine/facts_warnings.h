/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FACTS_WARNINGS_H
#define BENCH_FACTS_WARNINGS_H

/* What spoils a benchmark, and shows without measuring. */

#include "bench/machine/warning.h"

struct json_object;

/**
 * bench_facts_warnings() - what of these facts does
 * @facts: of bench_facts_get(); its "device" is looked at too
 * @ret_warnings: one line each, with the remedy
 * Return: how many, at most @max.
 */
unsigned bench_facts_warnings(struct json_object *facts, char (*ret_warnings)[BENCH_WARNING_MAX],
			      unsigned max);

/* The same of one device alone. @device: of bench_facts_get_device() */
unsigned bench_facts_device_warnings(struct json_object *device,
				     char (*ret_warnings)[BENCH_WARNING_MAX], unsigned max);

#endif
