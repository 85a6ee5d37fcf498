/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_UTF8_H
#define CORE_BASE_UTF8_H

/* A check of UTF-8, byte by byte: Unicode 15.0, table 3-7 "Well-Formed UTF-8 Byte Sequences". */

#include <stdbool.h>
#include <stdint.h>

/* A zeroed one is ready. */
struct base_utf8 {
	unsigned left; /* bytes to come in the character under way */
	uint8_t min;   /* the range of the next of them */
	uint8_t max;
};

static inline bool base_utf8_begin(struct base_utf8 *utf8, uint8_t byte)
{
	utf8->min = 0x80;
	utf8->max = 0xbf;
	if (byte < 0x80) {
		return true;
	}
	if (byte >= 0xc2 && byte <= 0xdf) {
		utf8->left = 1;
	} else if (byte >= 0xe0 && byte <= 0xef) {
		utf8->left = 2;
		utf8->min = byte == 0xe0 ? 0xa0 : 0x80;
		utf8->max = byte == 0xed ? 0x9f : 0xbf;
	} else if (byte >= 0xf0 && byte <= 0xf4) {
		utf8->left = 3;
		utf8->min = byte == 0xf0 ? 0x90 : 0x80;
		utf8->max = byte == 0xf4 ? 0x8f : 0xbf;
	} else {
		return false;
	}
	return true;
}

/* Return: false: @byte cannot come here. */
static inline bool base_utf8_next(struct base_utf8 *utf8, uint8_t byte)
{
	if (utf8->left == 0) {
		return base_utf8_begin(utf8, byte);
	}
	if (byte < utf8->min || byte > utf8->max) {
		return false;
	}
	utf8->left--;
	utf8->min = 0x80;
	utf8->max = 0xbf;
	return true;
}

#endif
