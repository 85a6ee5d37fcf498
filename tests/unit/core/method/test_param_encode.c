/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters that are encoded and decoded again are the same: for a method of the test's with every
 * type, and for each method of the service, with values at and between their bounds.
 */
#include "core/method/param.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/method/compat.h"
#include "tests/unit/unit.h"

#define ROUNDS 400

struct values {
	bool flag;
	int32_t i32;
	uint32_t u32;
	uint64_t u64;
	char *text;
	uint8_t uuid[16];
	int word;
	struct json_object *any;
	uint32_t kept;
	bool kept_given;
	char *needed;
};

static const char *const words[] = {"poll", "interrupt", "adaptive", NULL};

static const struct ebb_param table[] = {
	EBB_PARAM(struct values, flag, EBB_PARAM_BOOL, .optional = true),
	EBB_PARAM(struct values, i32, EBB_PARAM_INT32, .optional = true),
	EBB_PARAM(struct values, u32, EBB_PARAM_UINT32, .optional = true),
	EBB_PARAM(struct values, u64, EBB_PARAM_UINT64, .optional = true),
	EBB_PARAM(struct values, text, EBB_PARAM_STRING, .optional = true),
	EBB_PARAM(struct values, uuid, EBB_PARAM_UUID, .optional = true),
	EBB_PARAM(struct values, word, EBB_PARAM_ENUM, .optional = true, .names = words),
	EBB_PARAM(struct values, any, EBB_PARAM_ANY, .optional = true),
	EBB_PARAM(struct values, kept, EBB_PARAM_UINT32, .optional = true, .max = 9,
		  .given_offset = offsetof(struct values, kept_given)),
	EBB_PARAM(struct values, needed, EBB_PARAM_STRING),
};

static const struct values defaults = {.flag = true, .u32 = 512, .word = 2, .text = "default"};

static const struct ebb_method method = {
	.name = "test_method",
	.params = table,
	.num_params = EBB_ARRAY_SIZE(table),
	.params_size = sizeof(struct values),
	.defaults = &defaults,
};

static char longest[METHOD_PARAM_STRING_MAX + 1];
static struct json_object *any_values[4];

static void setup(void)
{
	memset(longest, 'x', sizeof(longest) - 1);
	any_values[0] = json_tokener_parse("{\"a\": [1, null, {\"b\": 2.5}]}");
	any_values[1] = json_tokener_parse("\"text\"");
	any_values[2] = json_tokener_parse("-9223372036854775808");
	any_values[3] = json_tokener_parse("[]");
	srandom(1);
}

static void teardown(void)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(any_values); i++) {
		json_object_put(any_values[i]);
	}
}

static uint64_t pick_uint(const struct ebb_param *param, uint64_t limit)
{
	uint64_t max = param->max != 0 ? param->max : limit;
	uint64_t random_bits =
		(uint64_t)random() << 40 ^ (uint64_t)random() << 20 ^ (uint64_t)random();

	switch (random() % 4) {
	case 0:
		return param->min;
	case 1:
		return max;
	case 2:
		return max / 2 + 1 > param->min ? max / 2 + 1 : param->min;
	default:
		return max == UINT64_MAX ? random_bits
					 : param->min + random_bits % (max - param->min + 1);
	}
}

/* A value that decoding could have left in @field. */
static void pick(const struct ebb_param *param, void *field)
{
	static const int32_t ints[] = {0, 1, -1, INT32_MIN, INT32_MAX};
	static char *const texts[] = {"", "disk", "\"\\/ \xc3\xa4 \xf0\x9f\x92\xbe", longest};
	int num_names = 0;

	switch (param->type) {
	case EBB_PARAM_BOOL:
		*(bool *)field = random() % 2 == 0;
		break;
	case EBB_PARAM_INT32:
		*(int32_t *)field = ints[(size_t)random() % EBB_ARRAY_SIZE(ints)];
		break;
	case EBB_PARAM_UINT32:
		*(uint32_t *)field = (uint32_t)pick_uint(param, UINT32_MAX);
		break;
	case EBB_PARAM_UINT64:
		*(uint64_t *)field = pick_uint(param, UINT64_MAX);
		break;
	case EBB_PARAM_STRING:
		*(char **)field = texts[(size_t)random() % EBB_ARRAY_SIZE(texts)];
		break;
	case EBB_PARAM_UUID:
		for (size_t i = 0; i < 16; i++) {
			((uint8_t *)field)[i] = (uint8_t)random();
		}
		break;
	case EBB_PARAM_ENUM:
		while (param->names[num_names] != NULL) {
			num_names++;
		}
		*(int *)field = (int)random() % num_names;
		break;
	case EBB_PARAM_ANY:
		*(struct json_object **)field =
			any_values[(size_t)random() % EBB_ARRAY_SIZE(any_values)];
		break;
	}
}

/* As method_param_decode() would fill it in for some call of @of. */
static void pick_values(const struct ebb_method *of, char *values)
{
	memset(values, 0, of->params_size);
	if (of->defaults != NULL) {
		memcpy(values, of->defaults, of->params_size);
	}
	for (size_t i = 0; i < of->num_params; i++) {
		const struct ebb_param *param = &of->params[i];

		if (param->optional && random() % 2 == 0) {
			continue;
		}
		pick(param, values + param->offset);
		if (param->given_offset != 0) {
			*(bool *)(values + param->given_offset) = true;
		}
	}
}

static bool same(const struct ebb_param *param, const void *a, const void *b)
{
	static const size_t sizes[] = {
		[EBB_PARAM_BOOL] = sizeof(bool),
		[EBB_PARAM_INT32] = sizeof(int32_t),
		[EBB_PARAM_UINT32] = sizeof(uint32_t),
		[EBB_PARAM_UINT64] = sizeof(uint64_t),
		[EBB_PARAM_UUID] = 16,
		[EBB_PARAM_ENUM] = sizeof(int),
	};
	const char *text_a;
	const char *text_b;

	switch (param->type) {
	case EBB_PARAM_STRING:
		text_a = *(char *const *)a;
		text_b = *(char *const *)b;
		return text_a == text_b ||
		       (text_a != NULL && text_b != NULL && strcmp(text_a, text_b) == 0);
	case EBB_PARAM_ANY:
		return json_object_equal(*(struct json_object *const *)a,
					 *(struct json_object *const *)b);
	default:
		return memcmp(a, b, sizes[param->type]) == 0;
	}
}

/* Through text, as a file holds it. */
static void check_inverse(const struct ebb_method *of, const char *values)
{
	struct json_object *encoded = method_param_encode(of, values);
	const char *text = json_object_to_json_string(encoded);
	struct json_object *read = json_tokener_parse(text);
	char *decoded = calloc(1, of->params_size + 1);
	struct ebb_method_error error = {0};

	ck_assert_ptr_nonnull(encoded);
	ck_assert_ptr_nonnull(read);
	ck_assert_msg(method_param_decode(of, read, decoded, &error) == 0, "%s: %s", text,
		      error.text);
	for (size_t i = 0; i < of->num_params; i++) {
		const struct ebb_param *param = &of->params[i];

		ck_assert_msg(same(param, values + param->offset, decoded + param->offset),
			      "%s: \"%s\" is another one in %s", of->name, param->name, text);
		if (param->given_offset != 0) {
			ck_assert_int_eq(*(const bool *)(values + param->given_offset),
					 *(bool *)(decoded + param->given_offset));
		}
	}
	free(decoded);
	json_object_put(read);
	json_object_put(encoded);
}

static void check_many(const struct ebb_method *of)
{
	char *values = calloc(1, of->params_size + 1);

	for (int i = 0; i < ROUNDS; i++) {
		pick_values(of, values);
		check_inverse(of, values);
	}
	free(values);
}

START_TEST(every_type_comes_back)
{
	check_many(&method);
}
END_TEST

START_TEST(every_methods_parameters_come_back)
{
	const struct ebb_method *of = NULL;
	unsigned num = 0;

	while ((of = ebb_method_next(of)) != NULL) {
		if (!method_compat_changes_nothing(of)) { /* nothing of theirs is kept */
			check_many(of);
			num++;
		}
	}
	ck_assert_uint_gt(num, 20);
}
END_TEST

static void check_encoded(const struct values *values, const char *expected)
{
	struct json_object *encoded = method_param_encode(&method, values);

	ck_assert_str_eq(json_object_to_json_string_ext(encoded, JSON_C_TO_STRING_PLAIN), expected);
	json_object_put(encoded);
}

START_TEST(what_is_as_good_as_not_given_is_left_out)
{
	struct values values = defaults;

	values.needed = "x";
	check_encoded(&values, "{\"needed\":\"x\"}");
	values.kept_given = true;
	check_encoded(&values, "{\"kept\":0,\"needed\":\"x\"}");
	values.flag = false;
	values.u32 = 0;
	values.word = 0;
	values.text = "";
	check_encoded(&values, "{\"flag\":false,\"u32\":0,\"text\":\"\",\"word\":\"poll\","
			       "\"kept\":0,\"needed\":\"x\"}");
}
END_TEST

START_TEST(nothing_is_shared_with_the_values)
{
	struct values values = defaults;
	struct json_object *encoded;

	values.needed = "x";
	values.any = json_tokener_parse("[1]");
	encoded = method_param_encode(&method, &values);
	ck_assert_ptr_ne(json_object_object_get(encoded, "any"), values.any);
	ck_assert_int_eq(json_object_put(values.any), 1);
	ck_assert_str_eq(json_object_to_json_string_ext(encoded, JSON_C_TO_STRING_PLAIN),
			 "{\"any\":[1],\"needed\":\"x\"}");
	json_object_put(encoded);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(every_type_comes_back),
		UNIT_TEST(every_methods_parameters_come_back),
		UNIT_TEST(what_is_as_good_as_not_given_is_left_out),
		UNIT_TEST(nothing_is_shared_with_the_values),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
