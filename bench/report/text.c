/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <ebb/base.h>

#include "core/base/utf8.h"

unsigned bench_text_character(const char *text, uint32_t *ret_code)
{
	static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	struct base_utf8 utf8 = {0};
	unsigned length = 0;
	uint32_t code;

	do {
		if (!base_utf8_next(&utf8, (uint8_t)text[length])) {
			return 0;
		}
		length++;
	} while (utf8.left > 0);
	code = (uint8_t)text[0] & lead[length];
	for (unsigned i = 1; i < length; i++) {
		code = code << 6 | ((uint8_t)text[i] & 0x3f);
	}
	*ret_code = code;
	return length;
}

void bench_text_utf8(const char *from, char *into, size_t size)
{
	size_t used = 0;
	uint32_t code;

	while (*from != '\0') {
		unsigned length = bench_text_character(from, &code);
		const char *piece = length > 0 ? from : "\xef\xbf\xbd";
		size_t piece_length = length > 0 ? length : 3;

		if (used + piece_length >= size) {
			break;
		}
		memcpy(into + used, piece, piece_length);
		used += piece_length;
		from += length > 0 ? length : 1;
	}
	into[used] = '\0';
}

struct range {
	uint32_t first;
	uint32_t last;
};

/* C0 and C1, and what sets the direction of text or hides in it: Unicode's categories Cc and Cf. */
static const struct range hidden[] = {
	{0x00, 0x1f},       {0x7f, 0x9f},        {0xad, 0xad},     {0x61c, 0x61c},
	{0x180e, 0x180e},   {0x200b, 0x200f},    {0x2028, 0x202e}, {0x2060, 0x206f},
	{0xfeff, 0xfeff},   {0xfff9, 0xfffb},    {0xe000, 0xf8ff}, {0xfe00, 0xfe0f},
	{0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
};

/* Marks that are set over or under the character before them. */
static const struct range combining[] = {
	{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
	{0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0x3099, 0x309a}, {0xfe20, 0xfe2f},
};

/* Two columns wide: East Asian scripts, and pictures. */
static const struct range wide[] = {
	{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xac00, 0xd7a3},
	{0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
	{0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static bool ranges_have(const struct range *ranges, size_t count, uint32_t code)
{
	for (size_t i = 0; i < count; i++) {
		if (code >= ranges[i].first && code <= ranges[i].last) {
			return true;
		}
	}
	return false;
}

bool bench_text_is_hidden(uint32_t code)
{
	return ranges_have(hidden, EBB_ARRAY_SIZE(hidden), code);
}

unsigned bench_text_terminal(const char *from, char *into, size_t size)
{
	unsigned columns = 0;
	size_t used = 0;

	while (*from != '\0') {
		uint32_t code = (uint8_t)*from;
		unsigned length = bench_text_character(from, &code);
		unsigned width = 1;
		char escape[16];
		const char *piece = from;
		size_t piece_length = length;

		if (length == 0 || bench_text_is_hidden(code)) {
			snprintf(escape, sizeof(escape),
				 code < 0x80 || length == 0 ? "\\x%02x" : "\\u%04x", code);
			piece = escape;
			piece_length = strlen(escape);
			width = (unsigned)piece_length;
		} else if (ranges_have(combining, EBB_ARRAY_SIZE(combining), code)) {
			width = 0;
		} else if (ranges_have(wide, EBB_ARRAY_SIZE(wide), code)) {
			width = 2;
		}
		if (used + piece_length >= size) {
			break;
		}
		memcpy(into + used, piece, piece_length);
		used += piece_length;
		columns += width;
		from += length > 0 ? length : 1;
	}
	into[used] = '\0';
	return columns;
}

void bench_text_say(const char *format, ...)
{
	char line[BENCH_TEXT_CLEAN_MAX / 4], clean[BENCH_TEXT_CLEAN_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	bench_text_terminal(line, clean, sizeof(clean));
	fprintf(stderr, "ebb-bench: %s\n", clean);
}

void bench_text_add(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

void bench_text_add_error(char *text, size_t size, const char *name, const char *error)
{
	if (strncmp(error, name, strlen(name)) != 0) {
		bench_text_add(text, size, "%s: ", name);
	}
	bench_text_add(text, size, "%s", error);
}

/* Words end with spaces. Return: where the word after that begins. */
static const char *word_get(const char *text, char word[BENCH_TEXT_CLEAN_MAX],
			    unsigned *ret_columns)
{
	char raw[BENCH_TEXT_CLEAN_MAX / 4];
	size_t length = strcspn(text, " ");

	if (length >= sizeof(raw)) {
		length = sizeof(raw) - 1;
	}
	memcpy(raw, text, length);
	raw[length] = '\0';
	*ret_columns = bench_text_terminal(raw, word, BENCH_TEXT_CLEAN_MAX);
	return text + length + strspn(text + length, " ");
}

void bench_text_paragraph(const char *text, unsigned first, unsigned rest, unsigned columns,
			  FILE *out)
{
	char word[BENCH_TEXT_CLEAN_MAX];
	unsigned used = first;
	bool begun = false;

	fprintf(out, "%*s", (int)first, "");
	while (*text != '\0') {
		unsigned width;

		text = word_get(text, word, &width);
		if (begun && used + 1 + width > columns) {
			fprintf(out, "\n%*s", (int)rest, "");
			used = rest;
			begun = false;
		}
		fprintf(out, "%s%s", begun ? " " : "", word);
		used += width + (begun ? 1 : 0);
		begun = true;
	}
	fprintf(out, "\n");
}
