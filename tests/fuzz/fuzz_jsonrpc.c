/* SPDX-License-Identifier: Apache-2.0 */
/* sources: rpc/framing.c rpc/envelope.c core/method/param.c core/method/registry.c */
/* sources: core/method/compat.c core/method/compat_table.c */
/* sources: core/base/json_scan.c core/base/json_build.c core/base/json_number.c */
/* sources: core/base/assert.c core/base/log.c core/base/log_flag.c core/base/clock.c */
/* libs: json-c */
/*
 * What a client may send: a stream of JSON values, cut anywhere. The first byte says how it is cut.
 * Whatever the cuts, the same values must come out, and break at the same point with the same code;
 * each value goes on through the request's envelope and a table with a parameter of every type.
 */
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#include "core/method/param.h"
#include "rpc/envelope.h"
#include "rpc/framing.h"

#define LIMIT_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct values {
	bool flag;
	int32_t i32;
	uint32_t u32;
	uint64_t u64;
	char *text;
	uint8_t uuid[16];
	int word;
	struct json_object *any;
	bool text_given;
};

/* Methods that change nothing are in the table of parameters; none is called here. */
void ebb_call_result(struct ebb_call *call, struct json_object *result)
{
	(void)call;
	(void)result;
	ebb_assert(false);
}

static const char *const words[] = {"poll", "interrupt", "adaptive", NULL};

static const struct ebb_param table[] = {
	EBB_PARAM(struct values, flag, EBB_PARAM_BOOL, .optional = true),
	EBB_PARAM(struct values, i32, EBB_PARAM_INT32, .optional = true),
	EBB_PARAM(struct values, u32, EBB_PARAM_UINT32, .optional = true, .min = 512, .max = 4096),
	EBB_PARAM(struct values, u64, EBB_PARAM_UINT64, .optional = true),
	EBB_PARAM(struct values, text, EBB_PARAM_STRING, .optional = true,
		  .given_offset = offsetof(struct values, text_given)),
	EBB_PARAM(struct values, uuid, EBB_PARAM_UUID, .optional = true),
	EBB_PARAM(struct values, word, EBB_PARAM_ENUM, .optional = true, .names = words),
	EBB_PARAM(struct values, any, EBB_PARAM_ANY, .optional = true),
};

static const struct ebb_method method = {
	.name = "fuzz",
	.params = table,
	.num_params = EBB_ARRAY_SIZE(table),
	.params_size = sizeof(struct values),
};

/* All values of a stream, in order, as one array, and how the stream ended. */
struct outcome {
	struct json_object *values;
	int code; /* 0: not broken */
};

static void decode(struct json_object *value)
{
	struct ebb_method_error error = {0};
	struct rpc_envelope envelope;
	struct json_object *answer;
	struct values values;

	if (rpc_envelope_parse(value, &envelope, &error) == 0) {
		if (method_param_decode(&method, envelope.params, &values, &error) == 0) {
			ebb_assert(values.u32 == 0 || (values.u32 >= 512 && values.u32 <= 4096));
			ebb_assert(values.word >= 0 && values.word < 3);
			ebb_assert(!values.text_given ||
				   strlen(values.text) <= METHOD_PARAM_STRING_MAX);
			ebb_assert(rpc_framing_fault(value) == NULL);
			return;
		}
		ebb_assert(error.code == EBB_METHOD_INVALID_PARAMS);
	} else {
		ebb_assert(error.code == EBB_METHOD_INVALID_REQUEST);
	}
	ebb_assert(error.text[0] != '\0');
	answer = rpc_envelope_answer(envelope.id, NULL, &error);
	ebb_assert(json_object_to_json_string(answer) != NULL);
	json_object_put(answer);
}

/* Return: false: the stream is broken. */
static bool take(struct outcome *outcome, enum rpc_framing_status status, struct json_object *value,
		 const struct ebb_method_error *error)
{
	if (status == RPC_FRAMING_VALUE) {
		decode(value);
		json_object_array_add(outcome->values, value);
	} else if (status == RPC_FRAMING_BROKEN) {
		ebb_assert(error->code != 0 && error->text[0] != '\0');
		outcome->code = error->code;
	}
	return outcome->code == 0;
}

/* Feeds @data in pieces of @piece bytes. */
static struct outcome run(const char *data, size_t size, size_t piece)
{
	struct outcome outcome = {.values = json_object_new_array()};
	struct json_object *value = NULL;
	struct ebb_method_error error = {0};
	enum rpc_framing_status status;
	struct rpc_framing framing;
	bool going = true;

	rpc_framing_init(&framing, LIMIT_BYTES);
	while (size > 0 && going) {
		size_t len = size < piece ? size : piece;

		while (len > 0 && going) {
			size_t used = 0;

			status = rpc_framing_next(&framing, data, len, &used, &value, &error);
			ebb_assert(used <= len);
			ebb_assert(status != RPC_FRAMING_MORE || used > 0);
			data += used;
			size -= used;
			len -= used;
			going = take(&outcome, status, value, &error);
		}
	}
	if (going) {
		status = rpc_framing_end(&framing, &value, &error);
		take(&outcome, status, value, &error);
	}
	rpc_framing_fini(&framing);
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole;
	struct outcome cut;

	if (size < 2) {
		return 0;
	}
	whole = run((const char *)data + 1, size - 1, size - 1);
	cut = run((const char *)data + 1, size - 1, (size_t)data[0] % 16 + 1);
	ebb_assert(whole.code == cut.code);
	ebb_assert(json_object_equal(whole.values, cut.values));
	json_object_put(whole.values);
	json_object_put(cut.values);
	return 0;
}
