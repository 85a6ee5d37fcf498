/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json_build.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#include "core/base/json_scan.h"

/*
 * One pass over the text, without recursion. An array or an object is put into its parent when it
 * opens, so whatever happens then, the root has all there is.
 */

/* What json-c takes for an empty one, more or less: an object's table has room for 16 members. */
#define OBJECT_BYTES 800
#define ARRAY_BYTES  160
#define VALUE_BYTES  64
#define MEMBER_BYTES 64
#define ARRAY_SLOTS  3

struct level {
	struct json_object *container;
	const char *name; /* of the member under way; json-c's */
};

struct builder {
	const char *text;
	size_t len;
	size_t at;
	const struct base_json_build_opts *opts;
	size_t bytes; /* that the values take, roughly */
	struct json_object *root;
	struct level levels[BASE_JSON_DEPTH_MAX];
	unsigned depth;
	/* A name that has been read, and waits for its value. NULL: none. */
	char *name;
	size_t name_len;
	size_t name_offset;
	locale_t c_locale; /* 0: not needed so far */
};

static int builder_charge(struct builder *builder, size_t bytes)
{
	builder->bytes += bytes;
	return builder->opts->max_bytes != 0 && builder->bytes > builder->opts->max_bytes ? -E2BIG
											  : 0;
}

static void path_print(const struct builder *builder, char *path, size_t size)
{
	size_t len = 0;

	path[0] = '\0';
	for (unsigned level = 0; level + 1 < builder->depth && len < size - 1; level++) {
		struct json_object *container = builder->levels[level].container;
		int added;

		if (json_object_is_type(container, json_type_array)) {
			added = snprintf(path + len, size - len, "[%zu]",
					 json_object_array_length(container) - 1);
		} else {
			added = snprintf(path + len, size - len, "%s%s", len > 0 ? "." : "",
					 builder->levels[level].name);
		}
		len += (size_t)added;
	}
}

static void builder_bad_name(const struct builder *builder, bool has_nul)
{
	struct base_json_bad_name bad = {
		.offset = builder->name_offset,
		.name = builder->name,
		.has_nul = has_nul,
	};
	unsigned outermost = 0;

	while (!json_object_is_type(builder->levels[outermost].container, json_type_object)) {
		outermost++;
	}
	bad.outermost = builder->levels[outermost].container;
	bad.is_outermost = outermost + 1 == builder->depth;
	path_print(builder, bad.path, sizeof(bad.path));
	builder->opts->bad_name(builder->opts->arg, &bad);
}

/* Takes builder->name and @value over. */
static int object_add(struct builder *builder, struct level *level, struct json_object *value)
{
	struct lh_table *table = json_object_get_object(level->container);
	unsigned long hash = lh_get_hash(table, builder->name);
	struct lh_entry *entry = lh_table_lookup_entry_w_hash(table, builder->name, hash);
	bool has_nul = strlen(builder->name) != builder->name_len;
	int rc = 0;

	if (entry != NULL || has_nul) {
		builder_bad_name(builder, has_nul);
	}
	if (entry != NULL) {
		json_object_put(lh_entry_v(entry));
		lh_entry_set_val(entry, value);
		level->name = lh_entry_k(entry);
		free(builder->name);
	} else if (lh_table_insert_w_hash(table, builder->name, value, hash, 0) == 0) {
		level->name = builder->name;
	} else {
		json_object_put(value);
		free(builder->name);
		rc = -ENOMEM;
	}
	builder->name = NULL;
	return rc;
}

/* Puts @value, which is taken over, where it belongs. */
static int builder_add(struct builder *builder, struct json_object *value)
{
	struct level *level;

	if (builder->depth == 0) {
		builder->root = value;
		return 0;
	}
	level = &builder->levels[builder->depth - 1];
	if (json_object_is_type(level->container, json_type_object)) {
		return object_add(builder, level, value);
	}
	if (json_object_array_add(level->container, value) != 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

static int builder_open(struct builder *builder, bool object)
{
	struct json_object *container =
		object ? json_object_new_object() : json_object_new_array_ext(ARRAY_SLOTS);
	int rc = container != NULL ? builder_add(builder, container) : -ENOMEM;

	if (rc == 0) {
		ebb_assert(builder->depth < BASE_JSON_DEPTH_MAX);
		builder->levels[builder->depth++] = (struct level){.container = container};
		rc = builder_charge(builder, object ? OBJECT_BYTES : ARRAY_BYTES);
	}
	return rc;
}

static unsigned hex4(const char *digits)
{
	unsigned code = 0;

	for (unsigned i = 0; i < 4; i++) {
		code = code << 4 | base_json_hex_digit(digits[i]);
	}
	return code;
}

static char *utf8_put(char *out, unsigned code)
{
	if (code < 0x80) {
		*out++ = (char)code;
	} else if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
		*out++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*out++ = (char)(0xe0 | code >> 12);
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	} else {
		*out++ = (char)(0xf0 | code >> 18);
		*out++ = (char)(0x80 | (code >> 12 & 0x3f));
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	}
	return out;
}

/* @at: at a backslash. Return: behind the escape. */
static const char *escape_decode(const char *at, char **out)
{
	static const char letters[] = "bfnrt";
	static const char meant[] = "\b\f\n\r\t";
	const char *letter = strchr(letters, at[1]);
	unsigned code;

	if (at[1] != 'u') {
		*(*out)++ = letter != NULL ? meant[letter - letters] : at[1];
		return at + 2;
	}
	code = hex4(at + 2);
	at += 6;
	if (code >= 0xd800 && code <= 0xdbff) {
		code = 0x10000 + ((code - 0xd800) << 10 | (hex4(at + 2) - 0xdc00));
		at += 6;
	}
	*out = utf8_put(*out, code);
	return at;
}

/* Decodes a string's inside, which takes no more room then. Return: its length. */
static size_t string_decode(const char *at, const char *end, char *out)
{
	char *begin = out;

	while (at < end) {
		if (*at == '\\') {
			at = escape_decode(at, &out);
		} else {
			*out++ = *at++;
		}
	}
	*out = '\0';
	return (size_t)(out - begin);
}

/* A string: builder->at goes from its quote to behind its end. Return: the end of its inside. */
static const char *builder_pass_string(struct builder *builder, bool *ret_escapes)
{
	const char *begin = builder->text + builder->at + 1;
	const char *at = begin;

	*ret_escapes = false;
	while (*at != '"') {
		if (*at == '\\') {
			*ret_escapes = true;
			at++;
		}
		at++;
	}
	builder->at = (size_t)(at + 1 - builder->text);
	return at;
}

static int builder_string(struct builder *builder)
{
	size_t offset = builder->at;
	const char *begin = builder->text + offset + 1;
	bool is_name = builder->depth > 0 && builder->name == NULL &&
		       json_object_is_type(builder->levels[builder->depth - 1].container,
					   json_type_object);
	struct json_object *value;
	bool escapes;
	const char *end = builder_pass_string(builder, &escapes);
	size_t len = (size_t)(end - begin);
	char *decoded = NULL;

	if (is_name || escapes) {
		decoded = malloc(len + 1);
		if (decoded == NULL) {
			return -ENOMEM;
		}
		len = string_decode(begin, end, decoded);
	}
	if (is_name) {
		builder->name = decoded;
		builder->name_len = len;
		builder->name_offset = offset;
		return builder_charge(builder, MEMBER_BYTES + len);
	}
	value = json_object_new_string_len(escapes ? decoded : begin, (int)len);
	free(decoded);
	if (value == NULL) {
		return -ENOMEM;
	}
	offset = (size_t)json_object_get_string_len(value);
	return builder_add(builder, value) < 0 ? -ENOMEM
					       : builder_charge(builder, VALUE_BYTES + offset);
}

/* @text: ends with a NUL. A host program's locale may have another decimal point. */
static struct json_object *double_new(struct builder *builder, const char *text)
{
	if (builder->c_locale == (locale_t)0) {
		builder->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
		if (builder->c_locale == (locale_t)0) {
			return NULL;
		}
	}
	return json_object_new_double_s(strtod_l(text, NULL, builder->c_locale), text);
}

static struct json_object *double_new_len(struct builder *builder, const char *text, size_t len)
{
	struct json_object *value = NULL;
	char few[64];
	char *copy = len < sizeof(few) ? few : malloc(len + 1);

	if (copy != NULL) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		value = double_new(builder, copy);
	}
	if (copy != few) {
		free(copy);
	}
	return value;
}

static struct json_object *number_new(struct builder *builder, const char *text, size_t len)
{
	bool negative = text[0] == '-';
	uint64_t magnitude = 0;
	bool integer = !negative || text[1] != '0';

	for (size_t i = negative ? 1 : 0; i < len && integer; i++) {
		integer = base_json_is_digit(text[i]) &&
			  !__builtin_mul_overflow(magnitude, (uint64_t)10, &magnitude) &&
			  !__builtin_add_overflow(magnitude, (uint64_t)(text[i] - '0'), &magnitude);
	}
	integer = integer && (!negative || magnitude <= (uint64_t)INT64_MAX + 1);
	if (!integer) {
		return double_new_len(builder, text, len);
	}
	if (negative) {
		return json_object_new_int64((int64_t)(0 - magnitude));
	}
	return magnitude <= INT64_MAX ? json_object_new_int64((int64_t)magnitude)
				      : json_object_new_uint64(magnitude);
}

static int builder_number(struct builder *builder)
{
	const char *text = builder->text + builder->at;
	struct json_object *value;
	size_t len = 1;

	while (builder->at + len < builder->len &&
	       (base_json_is_digit(text[len]) ||
		(text[len] != '\0' && strchr("+-.eE", text[len]) != NULL))) {
		len++;
	}
	builder->at += len;
	value = number_new(builder, text, len);
	if (value == NULL || builder_add(builder, value) < 0) {
		return -ENOMEM;
	}
	return builder_charge(builder, VALUE_BYTES + (len > 20 ? len : 0));
}

static int builder_word(struct builder *builder, char first)
{
	struct json_object *value = NULL;

	builder->at += first == 'f' ? 5 : 4;
	if (first != 'n') {
		value = json_object_new_boolean(first == 't');
		if (value == NULL) {
			return -ENOMEM;
		}
	}
	return builder_add(builder, value) < 0 ? -ENOMEM : builder_charge(builder, VALUE_BYTES);
}

static void builder_pass_comment(struct builder *builder)
{
	const char *begin = builder->text + builder->at + 2;
	size_t left = builder->len - builder->at - 2;
	const char *end;

	if (begin[-1] == '/') {
		end = memchr(begin, '\n', left);
		builder->at = end != NULL ? (size_t)(end - builder->text) + 1 : builder->len;
	} else {
		end = memmem(begin, left, "*/", 2);
		ebb_assert(end != NULL);
		builder->at = (size_t)(end - builder->text) + 2;
	}
}

static int builder_step(struct builder *builder)
{
	char c = builder->text[builder->at];

	switch (c) {
	case '{':
	case '[':
		builder->at++;
		return builder_open(builder, c == '{');
	case '}':
	case ']':
		builder->at++;
		builder->depth--;
		return 0;
	case '"':
		return builder_string(builder);
	case 't':
	case 'f':
	case 'n':
		return builder_word(builder, c);
	case '/':
		builder_pass_comment(builder);
		return 0;
	case ' ':
	case '\t':
	case '\n':
	case '\r':
	case ',':
	case ':':
		builder->at++;
		return 0;
	default:
		return builder_number(builder);
	}
}

int base_json_build(const char *text, size_t len, const struct base_json_build_opts *opts,
		    struct json_object **ret_value)
{
	struct builder builder = {.text = text, .len = len, .opts = opts};
	int rc = 0;

	while (builder.at < len && rc == 0) {
		rc = builder_step(&builder);
	}
	free(builder.name);
	if (builder.c_locale != (locale_t)0) {
		freelocale(builder.c_locale);
	}
	if (opts->ret_bytes != NULL) {
		*opts->ret_bytes = rc == 0 ? builder.bytes : 0;
	}
	if (rc < 0) {
		json_object_put(builder.root);
		return rc;
	}
	*ret_value = builder.root;
	return 0;
}

static void parse_bad_name(void *arg, const struct base_json_bad_name *bad)
{
	(void)bad;
	*(bool *)arg = true;
}

int base_json_parse(const char *text, size_t len, struct json_object **ret_value)
{
	bool has_bad_name = false;
	const struct base_json_build_opts opts = {.bad_name = parse_bad_name, .arg = &has_bad_name};
	struct json_object *value = NULL;
	struct base_json_scan scan;
	size_t used = 0;
	int rc;

	base_json_scan_init(&scan, BASE_JSON_STREAM);
	switch (base_json_scan_next(&scan, text, len, &used)) {
	case BASE_JSON_MORE:
		if (base_json_scan_end(&scan) != BASE_JSON_END) {
			return -EINVAL;
		}
		break;
	case BASE_JSON_END:
		while (used < len && base_json_is_space(text[used])) {
			used++;
		}
		if (used < len) {
			return -EINVAL;
		}
		break;
	default:
		return -EINVAL;
	}
	rc = base_json_build(text, len, &opts, &value);
	if (rc == 0 && has_bad_name) {
		json_object_put(value);
		return -EEXIST;
	}
	if (rc == 0) {
		*ret_value = value;
	}
	return rc;
}
