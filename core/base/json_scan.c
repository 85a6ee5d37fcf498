/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json_scan.h"

#include <string.h>

/*
 * A table of states, each with a function that looks at one byte, and what to say of a byte that
 * cannot come there. Which brackets are open is a bit for each level, so the whole is a few bytes
 * that last from call to call. Runs of plain bytes in strings, of digits and of spaces are passed
 * without the table.
 */

enum state {
	STATE_VALUE,
	STATE_FIRST_VALUE, /* of an array, which may be empty */
	STATE_NAME,
	STATE_FIRST_NAME, /* of an object, which may be empty */
	STATE_COLON,
	STATE_AFTER, /* a value within an array or an object */
	STATE_DONE,  /* after the value of a file */

	STATE_STRING,
	STATE_ESCAPE,
	STATE_HEX,
	STATE_PAIR, /* after the first half of a surrogate pair */
	STATE_PAIR_U,

	STATE_MINUS,
	STATE_ZERO, /* the number is complete with it, and more digits are not to come */
	STATE_INTEGER,
	STATE_POINT,
	STATE_FRACTION,
	STATE_E,
	STATE_E_SIGN,
	STATE_EXPONENT,
	STATE_WORD,
	STATE_WORD_END,

	STATE_SLASH,
	STATE_LINE_COMMENT,
	STATE_COMMENT,
	STATE_COMMENT_STAR,
	STATE_COUNT,
};

enum step {
	STEP_TAKEN,
	STEP_AGAIN,      /* look at the byte once more, in another state */
	STEP_END,        /* it is the value's last */
	STEP_END_BEFORE, /* the value has ended before it */
	STEP_WRONG,
	STEP_TOO_DEEP,
};

#define TEXT_NUMBER "a number that is not legal JSON"
#define TEXT_DIGIT  TEXT_NUMBER ": expected a digit"
#define TEXT_PAIR                                                                         \
	"half of a surrogate pair: \\uD800 to \\uDBFF are followed by \\uDC00 to \\uDFFF" \
	", and these by nothing else"

static enum step wrong(struct base_json_scan *scan, const char *text)
{
	scan->wrong = text;
	return STEP_WRONG;
}

static enum step go(struct base_json_scan *scan, enum state state)
{
	scan->state = (uint8_t)state;
	return STEP_TAKEN;
}

static bool in_object(const struct base_json_scan *scan)
{
	return (scan->objects >> (scan->depth - 1) & 1) != 0;
}

/* A value that ends with its last byte has ended. */
static enum step value_end(struct base_json_scan *scan)
{
	if (scan->depth > 0) {
		return go(scan, STATE_AFTER);
	}
	go(scan, STATE_DONE);
	return scan->is_file ? STEP_TAKEN : STEP_END;
}

/* A number or a word, which ends where @c, that is no part of it, begins. */
static enum step scalar_end(struct base_json_scan *scan, char c, const char *text)
{
	bool glued = base_json_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		     c == '+' || c == '-' || c == '.' || c == '_' || (uint8_t)c >= 0x80;

	if (glued) {
		return wrong(scan, text);
	}
	return value_end(scan) == STEP_END ? STEP_END_BEFORE : STEP_AGAIN;
}

static enum step comment_begin(struct base_json_scan *scan)
{
	scan->resume = scan->state;
	return go(scan, STATE_SLASH);
}

static enum step string_begin(struct base_json_scan *scan, bool is_name)
{
	scan->is_name = is_name;
	return go(scan, STATE_STRING);
}

static enum step word_begin(struct base_json_scan *scan, const char *rest)
{
	scan->word = rest;
	return go(scan, STATE_WORD);
}

static enum step open(struct base_json_scan *scan, bool object)
{
	if (scan->depth == BASE_JSON_DEPTH_MAX) {
		return STEP_TOO_DEEP;
	}
	scan->objects &= ~(1u << scan->depth);
	scan->objects |= (object ? 1u : 0u) << scan->depth;
	scan->depth++;
	return go(scan, object ? STATE_FIRST_NAME : STATE_FIRST_VALUE);
}

static enum step close(struct base_json_scan *scan)
{
	scan->depth--;
	return value_end(scan);
}

/* What people write who know other languages. */
static enum step no_value(struct base_json_scan *scan, char c)
{
	switch (c) {
	case '+':
	case '.':
		return wrong(scan, TEXT_NUMBER ": it begins with a digit or a minus sign");
	case '\'':
		return wrong(scan, "expected a value: strings are in double quotes");
	case 'N':
	case 'I':
		return wrong(scan, "expected a value: JSON has no NaN and no Infinity");
	case 'T':
	case 'F':
		return wrong(scan, "expected a value: it is true, false and null in small letters");
	case '/':
		return wrong(scan, "expected a value: there are no comments here");
	case '\xef':
		return wrong(scan, "expected a value: there is no byte-order mark here");
	default:
		return wrong(scan, scan->state == STATE_FIRST_VALUE
					   ? "expected a value or a closing bracket"
					   : "expected a value");
	}
}

static enum step on_value(struct base_json_scan *scan, char c)
{
	if (base_json_is_space(c)) {
		return STEP_TAKEN;
	}
	if (c >= '1' && c <= '9') {
		return go(scan, STATE_INTEGER);
	}
	switch (c) {
	case '{':
	case '[':
		return open(scan, c == '{');
	case '"':
		return string_begin(scan, false);
	case '0':
		return go(scan, STATE_ZERO);
	case '-':
		return go(scan, STATE_MINUS);
	case 't':
		return word_begin(scan, "rue");
	case 'f':
		return word_begin(scan, "alse");
	case 'n':
		return word_begin(scan, "ull");
	case ']':
		return scan->state == STATE_FIRST_VALUE ? close(scan) : no_value(scan, c);
	case '/':
		return scan->is_file ? comment_begin(scan) : no_value(scan, c);
	default:
		return no_value(scan, c);
	}
}

static enum step on_name(struct base_json_scan *scan, char c)
{
	if (base_json_is_space(c)) {
		return STEP_TAKEN;
	}
	if (c == '"') {
		return string_begin(scan, true);
	}
	if (c == '}' && scan->state == STATE_FIRST_NAME) {
		return close(scan);
	}
	if (c == '/' && scan->is_file) {
		return comment_begin(scan);
	}
	return wrong(scan, scan->state == STATE_FIRST_NAME
				   ? "expected a quoted name or a closing brace"
				   : "expected a quoted name");
}

static enum step on_colon(struct base_json_scan *scan, char c)
{
	if (base_json_is_space(c)) {
		return STEP_TAKEN;
	}
	if (c == '/' && scan->is_file) {
		return comment_begin(scan);
	}
	return c == ':' ? go(scan, STATE_VALUE) : wrong(scan, "expected a colon after the name");
}

static enum step on_after(struct base_json_scan *scan, char c)
{
	bool object = in_object(scan);

	if (base_json_is_space(c)) {
		return STEP_TAKEN;
	}
	if (c == ',') {
		return go(scan, object ? STATE_NAME : STATE_VALUE);
	}
	if (c == (object ? '}' : ']')) {
		return close(scan);
	}
	if (c == '/' && scan->is_file) {
		return comment_begin(scan);
	}
	return wrong(scan, object ? "expected a comma or a closing brace"
				  : "expected a comma or a closing bracket");
}

static enum step on_done(struct base_json_scan *scan, char c)
{
	if (base_json_is_space(c)) {
		return STEP_TAKEN;
	}
	return c == '/' ? comment_begin(scan)
			: wrong(scan, "something follows after the end of the value");
}

static enum step on_string(struct base_json_scan *scan, char c)
{
	if (!base_utf8_next(&scan->utf8, (uint8_t)c)) {
		return wrong(scan, "not UTF-8");
	}
	if ((uint8_t)c < 0x20) {
		return wrong(scan, "a control character in a string: write it as \\n, \\t or "
				   "\\u00XX");
	}
	if (c == '\\') {
		return go(scan, STATE_ESCAPE);
	}
	if (c != '"') {
		return STEP_TAKEN;
	}
	return scan->is_name ? go(scan, STATE_COLON) : value_end(scan);
}

static enum step hex_begin(struct base_json_scan *scan, bool is_pair)
{
	scan->is_pair = is_pair;
	scan->digits = 4;
	scan->code = 0;
	return go(scan, STATE_HEX);
}

static enum step on_escape(struct base_json_scan *scan, char c)
{
	if (c == 'u') {
		return hex_begin(scan, false);
	}
	if (c != '\0' && strchr("\"\\/bfnrt", c) != NULL) {
		return go(scan, STATE_STRING);
	}
	return wrong(scan, "an escape that JSON does not have: it has \\\" \\\\ \\/ \\b \\f \\n "
			   "\\r \\t and \\uXXXX");
}

static enum step on_hex(struct base_json_scan *scan, char c)
{
	unsigned digit = base_json_hex_digit(c);

	if (digit == 16) {
		return wrong(scan, "expected four hexadecimal digits after \\u");
	}
	scan->code = (uint16_t)((unsigned)scan->code << 4 | digit);
	if (--scan->digits > 0) {
		return STEP_TAKEN;
	}
	if (scan->is_pair != (scan->code >= 0xdc00 && scan->code <= 0xdfff)) {
		return wrong(scan, TEXT_PAIR);
	}
	return go(scan, scan->code >= 0xd800 && scan->code <= 0xdbff ? STATE_PAIR : STATE_STRING);
}

static enum step on_pair(struct base_json_scan *scan, char c)
{
	return c == '\\' ? go(scan, STATE_PAIR_U) : wrong(scan, TEXT_PAIR);
}

static enum step on_pair_u(struct base_json_scan *scan, char c)
{
	return c == 'u' ? hex_begin(scan, true) : wrong(scan, TEXT_PAIR);
}

static enum step on_minus(struct base_json_scan *scan, char c)
{
	if (!base_json_is_digit(c)) {
		return wrong(scan, TEXT_DIGIT);
	}
	return go(scan, c == '0' ? STATE_ZERO : STATE_INTEGER);
}

static enum step on_integer(struct base_json_scan *scan, char c)
{
	if (base_json_is_digit(c)) {
		return scan->state == STATE_INTEGER
			       ? STEP_TAKEN
			       : wrong(scan, TEXT_NUMBER ": a digit after a leading zero");
	}
	if (c == '.') {
		return go(scan, STATE_POINT);
	}
	if (c == 'e' || c == 'E') {
		return go(scan, STATE_E);
	}
	return scalar_end(scan, c, TEXT_NUMBER);
}

static enum step on_point(struct base_json_scan *scan, char c)
{
	return base_json_is_digit(c) ? go(scan, STATE_FRACTION) : wrong(scan, TEXT_DIGIT);
}

static enum step on_fraction(struct base_json_scan *scan, char c)
{
	if (base_json_is_digit(c)) {
		return STEP_TAKEN;
	}
	return c == 'e' || c == 'E' ? go(scan, STATE_E) : scalar_end(scan, c, TEXT_NUMBER);
}

static enum step on_e(struct base_json_scan *scan, char c)
{
	if (scan->state == STATE_E && (c == '+' || c == '-')) {
		return go(scan, STATE_E_SIGN);
	}
	return base_json_is_digit(c) ? go(scan, STATE_EXPONENT) : wrong(scan, TEXT_DIGIT);
}

static enum step on_exponent(struct base_json_scan *scan, char c)
{
	return base_json_is_digit(c) ? STEP_TAKEN : scalar_end(scan, c, TEXT_NUMBER);
}

static enum step on_word(struct base_json_scan *scan, char c)
{
	if (c != *scan->word) {
		return wrong(scan, "expected true, false or null");
	}
	scan->word++;
	return *scan->word != '\0' ? STEP_TAKEN : go(scan, STATE_WORD_END);
}

static enum step on_word_end(struct base_json_scan *scan, char c)
{
	return scalar_end(scan, c, "expected true, false or null");
}

static enum step on_slash(struct base_json_scan *scan, char c)
{
	if (c == '/') {
		return go(scan, STATE_LINE_COMMENT);
	}
	return c == '*' ? go(scan, STATE_COMMENT) : wrong(scan, "expected a comment: // or /* */");
}

static enum step on_comment(struct base_json_scan *scan, char c)
{
	if (!base_utf8_next(&scan->utf8, (uint8_t)c)) {
		return wrong(scan, "not UTF-8");
	}
	if (scan->state == STATE_LINE_COMMENT) {
		return c == '\n' ? go(scan, scan->resume) : STEP_TAKEN;
	}
	if (c == '*') {
		return go(scan, STATE_COMMENT_STAR);
	}
	return go(scan,
		  scan->state == STATE_COMMENT_STAR && c == '/' ? scan->resume : STATE_COMMENT);
}

static enum step (*const steps[STATE_COUNT])(struct base_json_scan *scan, char c) = {
	[STATE_VALUE] = on_value,       [STATE_FIRST_VALUE] = on_value,
	[STATE_NAME] = on_name,         [STATE_FIRST_NAME] = on_name,
	[STATE_COLON] = on_colon,       [STATE_AFTER] = on_after,
	[STATE_DONE] = on_done,         [STATE_STRING] = on_string,
	[STATE_ESCAPE] = on_escape,     [STATE_HEX] = on_hex,
	[STATE_PAIR] = on_pair,         [STATE_PAIR_U] = on_pair_u,
	[STATE_MINUS] = on_minus,       [STATE_ZERO] = on_integer,
	[STATE_INTEGER] = on_integer,   [STATE_POINT] = on_point,
	[STATE_FRACTION] = on_fraction, [STATE_E] = on_e,
	[STATE_E_SIGN] = on_e,          [STATE_EXPONENT] = on_exponent,
	[STATE_WORD] = on_word,         [STATE_WORD_END] = on_word_end,
	[STATE_SLASH] = on_slash,       [STATE_LINE_COMMENT] = on_comment,
	[STATE_COMMENT] = on_comment,   [STATE_COMMENT_STAR] = on_comment,
};

void base_json_scan_init(struct base_json_scan *scan, enum base_json_kind kind)
{
	*scan = (struct base_json_scan){.state = STATE_VALUE, .is_file = kind == BASE_JSON_FILE};
}

/* Where the bytes end that change nothing in the state that @scan is in. */
static size_t pass_plain(const struct base_json_scan *scan, const char *data, size_t at, size_t len)
{
	switch (scan->state) {
	case STATE_STRING:
		if (scan->utf8.left > 0) {
			return at;
		}
		while (at < len && (int8_t)data[at] >= 0x20 && data[at] != '"' &&
		       data[at] != '\\') {
			at++;
		}
		return at;
	case STATE_INTEGER:
	case STATE_FRACTION:
		while (at < len && base_json_is_digit(data[at])) {
			at++;
		}
		return at;
	case STATE_VALUE:
	case STATE_NAME:
	case STATE_AFTER:
		while (at < len && base_json_is_space(data[at])) {
			at++;
		}
		return at;
	default:
		return at;
	}
}

enum base_json_status base_json_scan_next(struct base_json_scan *scan, const char *data, size_t len,
					  size_t *ret_used)
{
	static const enum base_json_status status[] = {
		[STEP_END] = BASE_JSON_END,
		[STEP_END_BEFORE] = BASE_JSON_END,
		[STEP_WRONG] = BASE_JSON_WRONG,
		[STEP_TOO_DEEP] = BASE_JSON_TOO_DEEP,
	};
	size_t at = 0;

	for (;;) {
		enum step step;

		at = pass_plain(scan, data, at, len);
		*ret_used = at;
		if (at == len) {
			return BASE_JSON_MORE;
		}
		step = steps[scan->state](scan, data[at]);
		if (step == STEP_TAKEN) {
			at++;
		} else if (step != STEP_AGAIN) {
			*ret_used = at + (step == STEP_END ? 1 : 0);
			return status[step];
		}
	}
}

enum base_json_status base_json_scan_end(struct base_json_scan *scan)
{
	bool in_line = scan->state == STATE_LINE_COMMENT && scan->utf8.left == 0;

	switch (in_line ? scan->resume : scan->state) {
	case STATE_DONE:
		return BASE_JSON_END;
	case STATE_ZERO:
	case STATE_INTEGER:
	case STATE_FRACTION:
	case STATE_EXPONENT:
	case STATE_WORD_END:
		if (scan->depth == 0) {
			return BASE_JSON_END;
		}
		break;
	default:
		break;
	}
	scan->wrong = "the text ends too early: a bracket, a brace, a quote or a comment is not "
		      "closed";
	return BASE_JSON_WRONG;
}
