/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_JSON_SCAN_H
#define CORE_BASE_JSON_SCAN_H

/*
 * Is this JSON, and where does it end? The grammar of RFC 8259, read byte by byte from a text that
 * may be cut anywhere; what the values are is json_build's business.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/utf8.h"

#define BASE_JSON_DEPTH_MAX 32

enum base_json_kind {
	BASE_JSON_STREAM, /* values one after the other; white space between them may be missing */
	BASE_JSON_FILE,   /* one value, and comments wherever white space may be */
};

enum base_json_status {
	BASE_JSON_MORE, /* right so far */
	BASE_JSON_END,  /* the value is complete */
	BASE_JSON_WRONG,
	BASE_JSON_TOO_DEEP,
};

struct base_json_scan {
	const char *wrong; /* after BASE_JSON_WRONG: what is wrong, or was expected */
	const char *word;  /* what is to come of true, false or null */
	uint32_t objects;  /* bit n: level n is an object, not an array */
	unsigned depth;
	struct base_utf8 utf8;
	uint16_t code;  /* the \uXXXX under way */
	uint8_t digits; /* of it, to come */
	uint8_t state;
	uint8_t resume; /* the state after the comment under way */
	bool is_file;
	bool is_name; /* the string under way is a member's name */
	bool is_pair; /* the \uXXXX under way is the second of a pair */
};

void base_json_scan_init(struct base_json_scan *scan, enum base_json_kind kind);

/**
 * base_json_scan_next() - read on
 * @ret_used: bytes of @data that are right and belong to the value, so where it has ended, or where
 *   the first wrong byte is
 * Of a file, no end is told before base_json_scan_end(). After any status but BASE_JSON_MORE @scan
 * must be initialised again.
 */
enum base_json_status base_json_scan_next(struct base_json_scan *scan, const char *data, size_t len,
					  size_t *ret_used);

/* There is no more text. Return: BASE_JSON_END or BASE_JSON_WRONG. */
enum base_json_status base_json_scan_end(struct base_json_scan *scan);

/* Return: how long the byte-order mark is that a file may begin with, and that is not of its text. */
static inline size_t base_json_mark_len(const char *text, size_t len)
{
	return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static inline bool base_json_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline bool base_json_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Return: what a hexadecimal digit is worth; 16: @c is none. */
static inline unsigned base_json_hex_digit(char c)
{
	unsigned letter = (unsigned)(unsigned char)c | 0x20u;

	if (base_json_is_digit(c)) {
		return (unsigned)(c - '0');
	}
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : 16;
}

#endif
