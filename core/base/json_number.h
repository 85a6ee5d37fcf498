/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_JSON_NUMBER_H
#define CORE_BASE_JSON_NUMBER_H

/* The integer that a JSON number is, exactly: 4096, 4096.0 and 4.096e3 are one. */

#include <stdbool.h>
#include <stdint.h>

struct base_json_integer {
	bool negative; /* never of 0 */
	uint64_t magnitude;
};

/**
 * base_json_number_integer() - read @text, a number as JSON writes it
 * Return: false: it has a fraction, more than 64 bits, or is no number.
 */
bool base_json_number_integer(const char *text, struct base_json_integer *ret_integer);

#endif
