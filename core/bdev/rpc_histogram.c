/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bdev_enable_histogram, bdev_get_histogram and bdev_get_histogram_borders: how long requests take,
 * as SPDK's clients ask for it. Ticks are nanoseconds.
 */
#include <ebb/method.h>

#include <errno.h>
#include <stdlib.h>

#include "core/bdev/answer.h"
#include "core/bdev/histogram_channel.h"
#include "core/bdev/settings.h"

#define BORDERS_MAX 1024u

struct enable_params {
	char *name;
	bool enable;
	int opc;
	uint32_t granularity;
	uint64_t min_nsec;
	uint64_t max_nsec;
};

#define OPC_ALL EBB_BDEV_IO_TYPE_COUNT

static const char *const opc_names[] = {
	[EBB_BDEV_READ] = "read",
	[EBB_BDEV_WRITE] = "write",
	[EBB_BDEV_FLUSH] = "flush",
	[EBB_BDEV_UNMAP] = "unmap",
	[EBB_BDEV_WRITE_ZEROES] = "write_zeroes",
	[EBB_BDEV_COMPARE] = "compare",
	[EBB_BDEV_BLOCK_STATUS] = "block_status",
	[OPC_ALL] = "all",
	[OPC_ALL + 1] = NULL,
};

#define ENABLE_PARAM(field, type, ...) EBB_PARAM(struct enable_params, field, type, __VA_ARGS__)

static const struct ebb_param enable_table[] = {
	ENABLE_PARAM(name, EBB_PARAM_STRING, .help = "of the bdev, or its uuid"),
	ENABLE_PARAM(enable, EBB_PARAM_BOOL, .help = "begin an empty one; false: keep none"),
	ENABLE_PARAM(opc, EBB_PARAM_ENUM, .optional = true, .names = opc_names,
		     .help = "count requests of this type alone (default all)"),
	ENABLE_PARAM(granularity, EBB_PARAM_UINT32, .optional = true, .min = 1,
		     .max = BDEV_HISTOGRAM_GRANULARITY_MAX,
		     .help = "each doubling of the latency has 2^granularity buckets (default 7)"),
	ENABLE_PARAM(min_nsec, EBB_PARAM_UINT64, .optional = true,
		     .help = "what is shorter is not told apart (default 1000)"),
	ENABLE_PARAM(max_nsec, EBB_PARAM_UINT64, .optional = true,
		     .help = "what is longer is not told apart (default 120000000000)"),
};

static const struct enable_params enable_defaults = {
	.opc = OPC_ALL,
	.granularity = BDEV_HISTOGRAM_GRANULARITY,
	.min_nsec = BDEV_HISTOGRAM_MIN_NS,
	.max_nsec = BDEV_HISTOGRAM_MAX_NS,
};

static void answer_failed(struct ebb_call *call, const char *name, int rc)
{
	if (rc == -ENODEV) {
		bdev_answer_not_found(call, name);
	} else if (rc == -ENODATA) {
		ebb_call_error(call, EBB_METHOD_INTERNAL_ERROR,
			       "bdev '%s' keeps no histogram; bdev_enable_histogram begins one",
			       name);
	} else {
		ebb_call_error(call, rc, "out of memory for a histogram of bdev '%s'", name);
	}
}

struct enable_call {
	struct ebb_call *call;
	const char *name;      /* of the call's parameters */
	struct ebb_bdev *bdev; /* stays until the call has ended */
};

static void enable_done(void *arg, int rc)
{
	struct enable_call *enable = arg;

	if (rc == 0) {
		ebb_call_result(enable->call, json_object_new_boolean(true));
		bdev_settings_made(enable->bdev);
	} else {
		answer_failed(enable->call, enable->name, rc);
	}
	free(enable);
}

static void enable_histogram(struct ebb_call *call, void *arg)
{
	const struct enable_params *params = arg;
	struct ebb_bdev *bdev = ebb_bdev_find(params->name);
	struct bdev_histogram_layout layout;
	struct enable_call *enable;
	uint32_t types;
	int rc;

	if (bdev == NULL) {
		bdev_answer_not_found(call, params->name);
		return;
	}
	if (params->min_nsec >= params->max_nsec) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "min_nsec must be less than max_nsec");
		return;
	}
	types = params->opc == OPC_ALL ? EBB_BIT(EBB_BDEV_IO_TYPE_COUNT) - 1
				       : EBB_BIT((unsigned)params->opc);
	layout = bdev_histogram_layout(types, params->granularity, params->min_nsec,
				       params->max_nsec);
	ebb_call_took_effect(call, "name", json_object_new_string(bdev->name));
	enable = malloc(sizeof(*enable));
	if (enable == NULL) {
		answer_failed(call, params->name, -ENOMEM);
		return;
	}
	*enable = (struct enable_call){.call = call, .name = params->name, .bdev = bdev};
	rc = bdev_histogram_set(bdev, params->enable ? &layout : NULL, enable_done, enable);
	if (rc < 0) {
		enable_done(enable, rc);
	}
}

static struct ebb_method method_enable_histogram = {
	.name = "bdev_enable_histogram",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "count how long the requests of a block device take, or cease to",
	.params = enable_table,
	.num_params = EBB_ARRAY_SIZE(enable_table),
	.params_size = sizeof(struct enable_params),
	.defaults = &enable_defaults,
	.fn = enable_histogram,
	.effect = EBB_METHOD_SETS,
	.subsystem = "bdev",
	.object = "name",
	.stands_on = "name",
};

EBB_METHOD_REGISTER(method_enable_histogram)

struct get_params {
	char *name;
	struct json_object *borders;
};

struct get_call {
	struct ebb_call *call;
	const char *name; /* of the call's parameters */
	size_t num_borders;
	uint64_t borders_ns[];
};

/* Return: the caller's to free(); NULL: out of memory. */
static char *base64_encode(const uint8_t *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((len + 2) / 3 * 4 + 1);
	char *to = text;

	for (size_t i = 0; text != NULL && i < len; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16 |
				 (i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0) |
				 (i + 2 < len ? bytes[i + 2] : 0);

		*to++ = digits[three >> 18];
		*to++ = digits[three >> 12 & 63];
		*to++ = i + 1 < len ? digits[three >> 6 & 63] : '=';
		*to++ = i + 2 < len ? digits[three & 63] : '=';
	}
	if (text != NULL) {
		*to = '\0';
	}
	return text;
}

/* The buckets as 64-bit numbers, the lowest byte first. Return: as base64_encode(). */
static char *buckets_encode(const struct bdev_histogram *histogram)
{
	size_t buckets = bdev_histogram_num_buckets(&histogram->layout);
	uint8_t *bytes = malloc(buckets * 8);
	char *text = NULL;

	for (size_t i = 0; bytes != NULL && i < buckets * 8; i++) {
		bytes[i] = (uint8_t)(histogram->buckets[i / 8] >> (i % 8 * 8));
	}
	if (bytes != NULL) {
		text = base64_encode(bytes, buckets * 8);
	}
	free(bytes);
	return text;
}

static void add_int(struct json_object *object, const char *name, int64_t value)
{
	json_object_object_add(object, name, json_object_new_int64(value));
}

static void get_answer(struct get_call *get, const struct bdev_histogram *histogram)
{
	char *text = buckets_encode(histogram);
	struct json_object *result;

	if (text == NULL) {
		answer_failed(get->call, get->name, -ENOMEM);
		return;
	}
	result = json_object_new_object();
	json_object_object_add(result, "histogram", json_object_new_string(text));
	free(text);
	add_int(result, "granularity", histogram->layout.granularity);
	add_int(result, "min_range", histogram->layout.min_range);
	add_int(result, "max_range", histogram->layout.max_range);
	add_int(result, "tsc_rate", EBB_NS_PER_S);
	ebb_call_result(get->call, result);
}

/* For each border what took no longer, as far as buckets tell; then all. */
static void borders_answer(struct get_call *get, const struct bdev_histogram *histogram)
{
	const struct bdev_histogram_layout *layout = &histogram->layout;
	size_t bucket = 0, buckets = bdev_histogram_num_buckets(layout);
	struct json_object *result = json_object_new_object();
	struct json_object *counts = json_object_new_array();
	uint64_t sum = 0;
	size_t border;

	for (border = 0; border <= get->num_borders; border++) {
		while (bucket < buckets &&
		       (bucket == 0 || border == get->num_borders ||
			bdev_histogram_bucket_start(layout, bucket) <= get->borders_ns[border])) {
			sum += histogram->buckets[bucket++];
		}
		json_object_array_add(counts, json_object_new_uint64(sum));
	}
	json_object_object_add(result, "borders_count", counts);
	ebb_call_result(get->call, result);
}

static void get_done(void *arg, const struct bdev_histogram *histogram, int rc)
{
	struct get_call *get = arg;

	if (rc < 0) {
		answer_failed(get->call, get->name, rc);
	} else if (get->num_borders > 0) {
		borders_answer(get, histogram);
	} else {
		get_answer(get, histogram);
	}
	free(get);
}

static const char *borders_fault(struct json_object *borders)
{
	size_t i, count;

	if (!json_object_is_type(borders, json_type_array)) {
		return "borders must be an array of numbers";
	}
	count = json_object_array_length(borders);
	if (count == 0 || count > BORDERS_MAX) {
		return "borders must be 1 to 1024 numbers";
	}
	for (i = 0; i < count; i++) {
		struct json_object *border = json_object_array_get_idx(borders, i);

		if (!json_object_is_type(border, json_type_int) ||
		    json_object_get_int64(border) < 0) {
			return "borders must be microseconds";
		}
		if (i > 0 &&
		    json_object_get_int64(border) <=
			    json_object_get_int64(json_object_array_get_idx(borders, i - 1))) {
			return "borders must ascend";
		}
	}
	return NULL;
}

/* @borders: NULL: the histogram itself. */
static void get_begin(struct ebb_call *call, const char *name, struct json_object *borders)
{
	struct ebb_bdev *bdev = ebb_bdev_find(name);
	size_t i, count = borders != NULL ? json_object_array_length(borders) : 0;
	struct get_call *get;
	int rc;

	if (bdev == NULL) {
		bdev_answer_not_found(call, name);
		return;
	}
	get = malloc(sizeof(*get) + count * sizeof(get->borders_ns[0]));
	if (get == NULL) {
		answer_failed(call, name, -ENOMEM);
		return;
	}
	*get = (struct get_call){.call = call, .name = name, .num_borders = count};
	for (i = 0; i < count; i++) {
		uint64_t us = json_object_get_uint64(json_object_array_get_idx(borders, i));

		get->borders_ns[i] =
			us < UINT64_MAX / EBB_NS_PER_US ? us * EBB_NS_PER_US : UINT64_MAX;
	}
	rc = bdev_histogram_get(bdev, get_done, get);
	if (rc < 0) {
		get_done(get, NULL, rc);
	}
}

static const struct ebb_param get_table[] = {
	EBB_PARAM(struct get_params, name, EBB_PARAM_STRING, .help = "of the bdev, or its uuid"),
};

static void get_histogram(struct ebb_call *call, void *arg)
{
	const struct get_params *params = arg;

	get_begin(call, params->name, NULL);
}

static struct ebb_method method_get_histogram = {
	.name = "bdev_get_histogram",
	.states = EBB_METHOD_RUNTIME,
	.help = "how long the requests of a block device took, for SPDK's histogram.py",
	.params = get_table,
	.num_params = EBB_ARRAY_SIZE(get_table),
	.params_size = sizeof(struct get_params),
	.fn = get_histogram,
};

EBB_METHOD_REGISTER(method_get_histogram)

static const struct ebb_param borders_table[] = {
	EBB_PARAM(struct get_params, name, EBB_PARAM_STRING, .help = "of the bdev, or its uuid"),
	EBB_PARAM(struct get_params, borders, EBB_PARAM_ANY,
		  .help = "microseconds, ascending: an array of numbers"),
};

static void get_borders(struct ebb_call *call, void *arg)
{
	const struct get_params *params = arg;
	const char *fault = borders_fault(params->borders);

	if (fault != NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "%s", fault);
		return;
	}
	get_begin(call, params->name, params->borders);
}

static struct ebb_method method_get_borders = {
	.name = "bdev_get_histogram_borders",
	.states = EBB_METHOD_RUNTIME,
	.help = "how many requests of a block device took no longer than each border, and all",
	.params = borders_table,
	.num_params = EBB_ARRAY_SIZE(borders_table),
	.params_size = sizeof(struct get_params),
	.fn = get_borders,
};

EBB_METHOD_REGISTER(method_get_borders)
