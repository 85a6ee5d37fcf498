/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json_number.h"

#include <stddef.h>

#include "core/base/json_scan.h"

/* Beyond it, the exponent of a number that is not 0 makes it too large, or a fraction. */
#define EXPONENT_MAX ((int64_t)1 << 40)

/* After the "e". Return: false: that is no number. */
static bool exponent_read(const char *text, int64_t *ret_exponent)
{
	bool negative = *text == '-';
	int64_t exponent = 0;

	text += *text == '-' || *text == '+' ? 1 : 0;
	if (!base_json_is_digit(*text)) {
		return false;
	}
	for (; base_json_is_digit(*text); text++) {
		if (exponent < EXPONENT_MAX) {
			exponent = exponent * 10 + (*text - '0');
		}
	}
	*ret_exponent = negative ? -exponent : exponent;
	return *text == '\0';
}

static bool digit_add(uint64_t *magnitude, unsigned digit)
{
	return !__builtin_mul_overflow(*magnitude, (uint64_t)10, magnitude) &&
	       !__builtin_add_overflow(*magnitude, (uint64_t)digit, magnitude);
}

bool base_json_number_integer(const char *text, struct base_json_integer *ret_integer)
{
	bool negative = *text == '-';
	const char *digits = text + (negative ? 1 : 0);
	const char *at = digits;
	uint64_t magnitude = 0;
	int64_t exponent = 0;
	int64_t left = 0; /* digits of the integer that are to come */

	while (base_json_is_digit(*at)) {
		at++;
	}
	left = at - digits;
	if (left == 0) {
		return false;
	}
	at += *at == '.' ? 1 : 0;
	while (base_json_is_digit(*at)) {
		at++;
	}
	if (*at != '\0' && *at != 'e' && *at != 'E') {
		return false;
	}
	if (*at != '\0' && !exponent_read(at + 1, &exponent)) {
		return false;
	}
	left += exponent;
	for (const char *digit = digits; digit < at; digit++) {
		if (*digit == '.') {
			continue;
		}
		if (left <= 0 ? *digit != '0' : !digit_add(&magnitude, (unsigned)(*digit - '0'))) {
			return false;
		}
		left--;
	}
	while (left > 0 && magnitude != 0) {
		if (!digit_add(&magnitude, 0)) {
			return false;
		}
		left--;
	}
	*ret_integer = (struct base_json_integer){
		.negative = negative && magnitude != 0,
		.magnitude = magnitude,
	};
	return true;
}
