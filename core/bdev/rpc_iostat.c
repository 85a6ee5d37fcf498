/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bdev_get_iostat and bdev_reset_iostat: what bdevs have done, in all or by channel. Ticks are
 * nanoseconds.
 */
#include <ebb/method.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>
#include <ebb/reactor.h>
#include <ebb/thread.h>

#include "core/bdev/answer.h"
#include "core/bdev/stats.h"
#include "core/bdev/teardown.h"

struct iostat_params {
	char *name;
	struct json_object *names;
	bool per_channel;
	int reset_mode;
};

static const char *const reset_modes[] = {
	[BDEV_STATS_RESET_NONE] = "none",     [BDEV_STATS_RESET_ALL] = "all",
	[BDEV_STATS_RESET_MAXMIN] = "maxmin", [BDEV_STATS_RESET_ERROR] = "error",
	[BDEV_STATS_RESET_COUNT] = NULL,
};

static const struct ebb_param iostat_table[] = {
	EBB_PARAM(struct iostat_params, name, EBB_PARAM_STRING, .optional = true,
		  .help = "only this bdev"),
	EBB_PARAM(struct iostat_params, names, EBB_PARAM_ANY, .optional = true,
		  .help = "only these bdevs: an array of names"),
	EBB_PARAM(struct iostat_params, per_channel, EBB_PARAM_BOOL, .optional = true,
		  .help = "of one bdev: by channel"),
	EBB_PARAM(struct iostat_params, reset_mode, EBB_PARAM_ENUM, .optional = true,
		  .names = reset_modes,
		  .help = "what to reset when it has been read (default none)"),
};

/* A call under way: the bdevs are asked one after the other. */
struct iostat_call {
	struct ebb_call *call;
	enum bdev_stats_reset reset;
	struct json_object *result;     /* NULL: nothing is to be told */
	struct json_object *array;      /* in @result: of bdevs, or of channels */
	struct ebb_bdev_internal *only; /* pinned, for per_channel */
	size_t num_names;
	size_t next_name;
	char **names; /* taken down at the start: bdevs may go meanwhile */
};

static void add_uint(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static void add_latency(struct json_object *object, const char *word,
			const struct ebb_bdev_iostat *stat, enum ebb_bdev_io_type type)
{
	uint64_t min_ns = stat->min_latency_ns[type];
	char name[48];

	snprintf(name, sizeof(name), "%s_latency_ticks", word);
	add_uint(object, name, stat->latency_ns[type]);
	snprintf(name, sizeof(name), "max_%s_latency_ticks", word);
	add_uint(object, name, stat->max_latency_ns[type]);
	snprintf(name, sizeof(name), "min_%s_latency_ticks", word);
	add_uint(object, name, min_ns == UINT64_MAX ? 0 : min_ns);
}

static void add_iostat(struct json_object *object, const struct ebb_bdev_iostat *stat)
{
	struct json_object *errors = json_object_new_object();
	enum ebb_bdev_io_type type;

	add_uint(object, "bytes_read", stat->bytes[EBB_BDEV_READ]);
	add_uint(object, "num_read_ops", stat->ops[EBB_BDEV_READ]);
	add_uint(object, "bytes_written", stat->bytes[EBB_BDEV_WRITE]);
	add_uint(object, "num_write_ops", stat->ops[EBB_BDEV_WRITE]);
	add_uint(object, "bytes_unmapped", stat->bytes[EBB_BDEV_UNMAP]);
	add_uint(object, "num_unmap_ops", stat->ops[EBB_BDEV_UNMAP]);
	add_uint(object, "num_flush_ops", stat->ops[EBB_BDEV_FLUSH]);
	add_uint(object, "bytes_write_zeroes", stat->bytes[EBB_BDEV_WRITE_ZEROES]);
	add_uint(object, "num_write_zeroes_ops", stat->ops[EBB_BDEV_WRITE_ZEROES]);
	add_uint(object, "bytes_compared", stat->bytes[EBB_BDEV_COMPARE]);
	add_uint(object, "num_compare_ops", stat->ops[EBB_BDEV_COMPARE]);
	add_uint(object, "num_block_status_ops", stat->ops[EBB_BDEV_BLOCK_STATUS]);
	add_uint(object, "bytes_copied", 0);
	add_uint(object, "num_copy_ops", 0);
	add_latency(object, "read", stat, EBB_BDEV_READ);
	add_latency(object, "write", stat, EBB_BDEV_WRITE);
	add_latency(object, "unmap", stat, EBB_BDEV_UNMAP);
	add_latency(object, "flush", stat, EBB_BDEV_FLUSH);
	add_uint(object, "copy_latency_ticks", 0);
	add_uint(object, "max_copy_latency_ticks", 0);
	add_uint(object, "min_copy_latency_ticks", 0);
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		if (stat->errors[type] != 0) {
			add_uint(errors, ebb_bdev_io_type_name(type), stat->errors[type]);
		}
	}
	json_object_object_add(object, "io_error", errors);
}

static void iostat_free(struct iostat_call *iostat)
{
	size_t i;

	for (i = 0; i < iostat->num_names; i++) {
		free(iostat->names[i]);
	}
	free(iostat->names);
	free(iostat);
}

static void iostat_answer(struct iostat_call *iostat)
{
	ebb_call_result(iostat->call,
			iostat->result != NULL ? iostat->result : json_object_new_boolean(true));
	iostat_free(iostat);
}

static void iostat_next(struct iostat_call *iostat);

static void iostat_got(void *arg, const struct ebb_bdev_iostat *stat, int rc)
{
	struct iostat_call *iostat = arg;
	struct json_object *object;

	(void)rc; /* the totals hold, whoever went meanwhile */
	if (iostat->result == NULL) {
		iostat_next(iostat);
		return;
	}
	object = json_object_new_object();
	json_object_object_add(object, "name",
			       json_object_new_string(iostat->names[iostat->next_name - 1]));
	add_iostat(object, stat);
	json_object_array_add(iostat->array, object);
	iostat_next(iostat);
}

/* Asks the next bdev that is still there. */
static void iostat_next(struct iostat_call *iostat)
{
	while (iostat->next_name < iostat->num_names) {
		struct ebb_bdev *bdev = ebb_bdev_find(iostat->names[iostat->next_name++]);

		if (bdev != NULL &&
		    bdev_stats_query(bdev, iostat->reset, iostat_got, iostat) == 0) {
			return;
		}
	}
	iostat_answer(iostat);
}

static void by_channel(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	struct iostat_call *iostat = arg;
	struct json_object *object = json_object_new_object();
	struct bdev_channel *ch = ebb_io_channel_ctx(channel);
	struct ebb_bdev_iostat stat;

	/* One channel at a time is asked, so the result has one writer at a time. */
	bdev_stats_of_channel(ch, &stat);
	if (iostat->reset != BDEV_STATS_RESET_NONE) {
		bdev_stats_reset_channel(ch, iostat->reset);
	}
	add_uint(object, "thread_id", ebb_thread_id(ebb_io_channel_thread(channel)));
	add_iostat(object, &stat);
	json_object_array_add(iostat->array, object);
	ebb_for_each_channel_next(iter, 0);
}

static void by_channel_done(void *arg, int rc)
{
	struct iostat_call *iostat = arg;

	(void)rc;
	bdev_stats_reset_totals(iostat->only, iostat->reset);
	bdev_unpin(iostat->only);
	iostat_answer(iostat);
}

static void iostat_by_channel(struct iostat_call *iostat, const struct ebb_bdev *bdev)
{
	iostat->only = bdev->internal;
	if (!bdev_pin(iostat->only)) {
		bdev_answer_not_found(iostat->call, bdev->name);
		json_object_put(iostat->result);
		iostat_free(iostat);
		return;
	}
	json_object_object_add(iostat->result, "name", json_object_new_string(bdev->name));
	iostat->array = json_object_new_array();
	json_object_object_add(iostat->result, "channels", iostat->array);
	ebb_for_each_channel(iostat->only, by_channel, iostat, by_channel_done);
}

static int names_add(struct iostat_call *iostat, const char *name)
{
	char **names = realloc(iostat->names, (iostat->num_names + 1) * sizeof(*names));

	if (names == NULL) {
		return -ENOMEM;
	}
	iostat->names = names;
	names[iostat->num_names] = strdup(name);
	if (names[iostat->num_names] == NULL) {
		return -ENOMEM;
	}
	iostat->num_names++;
	return 0;
}

static int names_from_array(struct iostat_call *iostat, struct json_object *array,
			    const char **ret_missing)
{
	size_t i, count = json_object_array_length(array);
	int rc = 0;

	for (i = 0; rc == 0 && i < count; i++) {
		struct json_object *element = json_object_array_get_idx(array, i);

		*ret_missing = json_object_get_string(element);
		if (!json_object_is_type(element, json_type_string)) {
			return -EINVAL;
		}
		if (ebb_bdev_find(*ret_missing) == NULL) {
			return -ENODEV;
		}
		rc = names_add(iostat, *ret_missing);
	}
	return rc;
}

static int names_of_all(struct iostat_call *iostat)
{
	struct ebb_bdev *bdev = NULL;
	int rc = 0;

	while (rc == 0 && (bdev = ebb_bdev_next(bdev)) != NULL) {
		rc = names_add(iostat, bdev->name);
	}
	return rc;
}

/* Whom to ask. Return: false: the call has been answered with an error. */
static bool iostat_names(struct iostat_call *iostat, const struct iostat_params *params)
{
	const char *name = params->name;
	int rc;

	if (name != NULL) {
		rc = ebb_bdev_find(name) == NULL ? -ENODEV : names_add(iostat, name);
	} else if (params->names != NULL) {
		rc = names_from_array(iostat, params->names, &name);
	} else {
		rc = names_of_all(iostat);
	}
	if (rc == -ENODEV) {
		bdev_answer_not_found(iostat->call, name);
	} else if (rc == -EINVAL) {
		ebb_call_error(iostat->call, EBB_METHOD_INVALID_PARAMS,
			       "names must be an array of strings");
	} else if (rc < 0) {
		ebb_call_error(iostat->call, rc, "out of memory for the names of the bdevs");
	}
	return rc == 0;
}

static const char *iostat_params_fault(const struct iostat_params *params)
{
	if (params->names != NULL && !json_object_is_type(params->names, json_type_array)) {
		return "names must be an array of strings";
	}
	if (params->name != NULL && params->names != NULL) {
		return "give name or names, not both";
	}
	if (params->per_channel && params->name == NULL &&
	    (params->names == NULL || json_object_array_length(params->names) != 1)) {
		return "per_channel needs name, or names with one";
	}
	return NULL;
}

/* Return: NULL: the call has been answered with an error. */
static struct iostat_call *iostat_begin(struct ebb_call *call, const struct iostat_params *params)
{
	struct iostat_call *iostat = calloc(1, sizeof(*iostat));

	if (iostat == NULL) {
		ebb_call_error(call, -ENOMEM, "out of memory for the statistics");
		return NULL;
	}
	iostat->call = call;
	iostat->reset = (enum bdev_stats_reset)params->reset_mode;
	if (!iostat_names(iostat, params)) {
		iostat_free(iostat);
		return NULL;
	}
	return iostat;
}

static void get_iostat(struct ebb_call *call, void *arg)
{
	const struct iostat_params *params = arg;
	const char *fault = iostat_params_fault(params);
	struct iostat_call *iostat;

	if (fault != NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "%s", fault);
		return;
	}
	iostat = iostat_begin(call, params);
	if (iostat == NULL) {
		return;
	}
	iostat->result = json_object_new_object();
	add_uint(iostat->result, "tick_rate", EBB_NS_PER_S);
	add_uint(iostat->result, "ticks", ebb_reactor_now_ns());
	if (params->per_channel) {
		iostat_by_channel(iostat, ebb_bdev_find(iostat->names[0]));
		return;
	}
	iostat->array = json_object_new_array();
	json_object_object_add(iostat->result, "bdevs", iostat->array);
	iostat_next(iostat);
}

static struct ebb_method method_get_iostat = {
	.name = "bdev_get_iostat",
	.states = EBB_METHOD_RUNTIME,
	.help = "what block devices have done: requests, bytes, latency, errors",
	.params = iostat_table,
	.num_params = EBB_ARRAY_SIZE(iostat_table),
	.params_size = sizeof(struct iostat_params),
	.fn = get_iostat,
};

EBB_METHOD_REGISTER(method_get_iostat)

struct reset_params {
	char *name;
	int mode;
};

static const struct ebb_param reset_table[] = {
	EBB_PARAM(struct reset_params, name, EBB_PARAM_STRING, .optional = true,
		  .help = "only this bdev"),
	EBB_PARAM(struct reset_params, mode, EBB_PARAM_ENUM, .optional = true, .names = reset_modes,
		  .help = "what to reset: all that is counted (default), the longest and "
			  "shortest latency, or the errors"),
};

static const struct reset_params reset_defaults = {
	.mode = BDEV_STATS_RESET_ALL,
};

static void reset_iostat(struct ebb_call *call, void *arg)
{
	const struct reset_params *params = arg;
	struct iostat_params names = {.name = params->name, .reset_mode = params->mode};
	struct iostat_call *iostat = iostat_begin(call, &names);

	if (iostat != NULL) {
		iostat_next(iostat);
	}
}

static struct ebb_method method_reset_iostat = {
	.name = "bdev_reset_iostat",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "count anew what block devices do, for everybody who asks",
	.params = reset_table,
	.num_params = EBB_ARRAY_SIZE(reset_table),
	.params_size = sizeof(struct reset_params),
	.defaults = &reset_defaults,
	.fn = reset_iostat,
};

EBB_METHOD_REGISTER(method_reset_iostat)
