/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/html.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include <ebb/base.h>

#define REPLACEMENT 0xfffdu

/* The next code point of @text, which is not at its end; REPLACEMENT for a byte that begins none. */
static uint32_t code_point_take(const char **text)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *byte = (const unsigned char *)*text;
	unsigned more = byte[0] < 0x80   ? 0
			: byte[0] < 0xc0 ? 4
			: byte[0] < 0xe0 ? 1
			: byte[0] < 0xf0 ? 2
			: byte[0] < 0xf8 ? 3
					 : 4;
	uint32_t code = byte[0];

	*text += 1;
	if (more == 0 || more == 4) {
		return more == 0 ? code : REPLACEMENT;
	}
	code &= 0x3fu >> more;
	for (unsigned i = 1; i <= more; i++) {
		if ((byte[i] & 0xc0) != 0x80) {
			return REPLACEMENT;
		}
		code = code << 6 | (byte[i] & 0x3fu);
	}
	if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
		return REPLACEMENT;
	}
	*text += more;
	return code;
}

static void code_point_put(FILE *out, uint32_t code)
{
	if (code < 0x80) {
		fputc((int)code, out);
	} else if (code < 0x800) {
		fprintf(out, "%c%c", (int)(0xc0 | code >> 6), (int)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		fprintf(out, "%c%c%c", (int)(0xe0 | code >> 12), (int)(0x80 | (code >> 6 & 0x3f)),
			(int)(0x80 | (code & 0x3f)));
	} else {
		fprintf(out, "%c%c%c%c", (int)(0xf0 | code >> 18),
			(int)(0x80 | (code >> 12 & 0x3f)), (int)(0x80 | (code >> 6 & 0x3f)),
			(int)(0x80 | (code & 0x3f)));
	}
}

/* True of what shows nothing itself and changes what is around it. */
static bool is_invisible(uint32_t code)
{
	static const uint32_t ranges[][2] = {
		{0x00, 0x08},     {0x0b, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},
		{0x61c, 0x61c},   {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},
		{0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(ranges); i++) {
		if (code >= ranges[i][0] && code <= ranges[i][1]) {
			return true;
		}
	}
	return false;
}

void bench_page_text(FILE *out, const char *text)
{
	while (text != NULL && *text != '\0') {
		uint32_t code = code_point_take(&text);

		if (code == '<' || code == '>' || code == '&' || code == '"' || code == '\'') {
			fprintf(out, "&#%u;", (unsigned)code);
		} else if (is_invisible(code)) {
			fprintf(out, code > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)code);
		} else {
			code_point_put(out, code);
		}
	}
}

void bench_page_textf(FILE *out, const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	bench_page_text(out, text);
}

void bench_page_json(FILE *out, struct json_object *value)
{
	const char *text =
		json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY |
							      JSON_C_TO_STRING_NOSLASHESCAPE);

	while (*text != '\0') {
		uint32_t code = code_point_take(&text);

		if (code == '<' || code == '>' || code == '&' ||
		    (code != '\n' && code <= 0xffff && is_invisible(code))) {
			fprintf(out, "\\u%04x", (unsigned)code);
		} else {
			code_point_put(out, code);
		}
	}
}
