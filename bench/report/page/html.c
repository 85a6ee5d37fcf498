/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/html.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "bench/report/text.h"

#define REPLACEMENT 0xfffdu

/* One character of @text, which is not at its end; REPLACEMENT for a byte that is part of none. */
struct character {
	uint32_t code;
	const char *bytes;
	unsigned num_bytes;
};

static struct character character_take(const char **text)
{
	struct character character = {.code = REPLACEMENT, .bytes = *text};

	character.num_bytes = bench_text_character(*text, &character.code);
	*text += character.num_bytes > 0 ? character.num_bytes : 1;
	if (character.num_bytes == 0) {
		character.bytes = "\xef\xbf\xbd";
		character.num_bytes = 3;
	}
	return character;
}

static void character_put(FILE *out, const struct character *character)
{
	fwrite(character->bytes, 1, character->num_bytes, out);
}

/* True of what shows nothing itself and changes what is around it. */
static bool is_invisible(uint32_t code)
{
	return code != '\t' && code != '\n' && bench_text_is_hidden(code);
}

void bench_page_text(FILE *out, const char *text)
{
	while (text != NULL && *text != '\0') {
		struct character character = character_take(&text);
		uint32_t code = character.code;

		if (code == '<' || code == '>' || code == '&' || code == '"' || code == '\'') {
			fprintf(out, "&#%u;", (unsigned)code);
		} else if (is_invisible(code)) {
			fprintf(out, code > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)code);
		} else {
			character_put(out, &character);
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
		struct character character = character_take(&text);
		uint32_t code = character.code;

		if (code == '<' || code == '>' || code == '&' ||
		    (code != '\n' && code <= 0xffff && is_invisible(code))) {
			fprintf(out, "\\u%04x", (unsigned)code);
		} else {
			character_put(out, &character);
		}
	}
}
