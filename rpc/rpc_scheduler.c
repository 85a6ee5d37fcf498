/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/method.h>
#include <ebb/reactor.h>
#include <ebb/thread.h>

/*
 * The methods about which reactor runs which thread. There is one scheduler, "static": a thread
 * stays where it is until somebody moves it. What SPDK's clients send for the others is taken, of
 * the type it has there, and changes nothing here, as it does there with this one.
 */

static const char *const scheduler_names[] = {"static", NULL};

#define PERCENT_MAX 255 /* a number of 8 bits in SPDK */

struct set_scheduler_params {
	int name;
	uint64_t period;
	uint32_t load_limit;
	uint32_t core_limit;
	uint32_t core_busy;
	char *mappings;
	struct ebb_call *call;
	const char *rest;          /* of the mappings: what is not done yet */
	struct ebb_thread *thread; /* that is being moved */
};

static const struct ebb_param set_scheduler_table[] = {
	EBB_PARAM(struct set_scheduler_params, name, EBB_PARAM_ENUM, .names = scheduler_names,
		  .help = "static: threads stay where they are"),
	EBB_PARAM(struct set_scheduler_params, period, EBB_PARAM_UINT64, .optional = true,
		  .help = "microseconds; static never looks"),
	EBB_PARAM(struct set_scheduler_params, load_limit, EBB_PARAM_UINT32, .optional = true,
		  .max = PERCENT_MAX, .help = "percent; without a meaning for static"),
	EBB_PARAM(struct set_scheduler_params, core_limit, EBB_PARAM_UINT32, .optional = true,
		  .max = PERCENT_MAX, .help = "percent; without a meaning for static"),
	EBB_PARAM(struct set_scheduler_params, core_busy, EBB_PARAM_UINT32, .optional = true,
		  .max = PERCENT_MAX, .help = "percent; without a meaning for static"),
	EBB_PARAM(struct set_scheduler_params, mappings, EBB_PARAM_STRING, .optional = true,
		  .help = "THREAD:CPU,...: threads to be moved now, by their ids; not saved"),
};

/* One element of "1:0,2:1". Return: what follows it, "" at the end; NULL: it is malformed. */
static const char *mapping_parse(const char *text, uint64_t *ret_id, int *ret_core)
{
	unsigned long long id;
	int core, len = 0;

	if (text[strspn(text, "0123456789:,")] != '\0' ||
	    sscanf(text, "%19llu:%9d%n", &id, &core, &len) != 2 ||
	    (text[len] != '\0' && (text[len] != ',' || text[len + 1] == '\0'))) {
		return NULL;
	}
	*ret_id = id;
	*ret_core = core;
	return text + len + (text[len] == ',');
}

/* All of them, before anything moves. Return: false: the call has been ended. */
static bool mappings_check(struct ebb_call *call, const char *mappings)
{
	struct ebb_reactor_stats stats;
	const char *rest = mappings;
	uint64_t id;
	int core;

	do {
		rest = mapping_parse(rest, &id, &core);
	} while (rest != NULL && rest[0] != '\0');
	if (rest == NULL) {
		ebb_call_error(
			call, EBB_METHOD_INVALID_PARAMS,
			"mappings: \"%.64s\" is none; legal are THREAD:CPU pairs with commas "
			"between, such as 1:0,2:1",
			mappings);
		return false;
	}
	rest = mappings;
	do {
		rest = mapping_parse(rest, &id, &core);
		if (ebb_thread_find(id) == NULL) {
			ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
				       "mappings: there is no thread %llu; thread_get_stats lists "
				       "them",
				       (unsigned long long)id);
			return false;
		}
		if (ebb_reactor_get_stats(core, &stats) < 0) {
			ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
				       "mappings: there is no reactor on CPU %d; "
				       "framework_get_reactors lists them",
				       core);
			return false;
		}
	} while (rest[0] != '\0');
	return true;
}

static void mappings_go_on(struct set_scheduler_params *params);

static void mapping_moved(void *arg, int rc)
{
	struct set_scheduler_params *params = arg;

	if (rc != 0) {
		ebb_call_error(params->call, rc, "mappings: thread '%s' cannot be moved: %s",
			       ebb_thread_name(params->thread),
			       rc == -EPERM ? "its CPU mask excludes that CPU; thread_set_cpumask "
					      "changes it"
					    : strerror(-rc));
		return;
	}
	mappings_go_on(params);
}

static void mappings_go_on(struct set_scheduler_params *params)
{
	uint64_t id;
	int core;

	if (params->rest == NULL || params->rest[0] == '\0') {
		/* The next run has other threads. */
		ebb_call_took_effect(params->call, "mappings", NULL);
		ebb_call_result(params->call, json_object_new_boolean(true));
		return;
	}
	params->rest = mapping_parse(params->rest, &id, &core);
	params->thread = ebb_thread_find(id);
	if (params->thread == NULL) {
		ebb_call_error(params->call, EBB_METHOD_INVALID_PARAMS,
			       "mappings: thread %llu has exited meanwhile",
			       (unsigned long long)id);
		return;
	}
	ebb_thread_move(params->thread, core, mapping_moved, params);
}

static void set_scheduler(struct ebb_call *call, void *arg)
{
	struct set_scheduler_params *params = arg;

	params->call = call;
	params->rest = params->mappings;
	if (params->mappings == NULL || mappings_check(call, params->mappings)) {
		mappings_go_on(params);
	}
}

static struct ebb_method set_scheduler_method = {
	.name = "framework_set_scheduler",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "say who decides on which reactor a thread runs",
	.params = set_scheduler_table,
	.num_params = EBB_ARRAY_SIZE(set_scheduler_table),
	.params_size = sizeof(struct set_scheduler_params),
	.fn = set_scheduler,
	.effect = EBB_METHOD_SETS,
	.subsystem = "scheduler",
};
EBB_METHOD_REGISTER(set_scheduler_method)

static void get_scheduler(struct ebb_call *call, void *params)
{
	struct json_object *result = json_object_new_object();

	(void)params;
	json_object_object_add(result, "scheduler_name",
			       json_object_new_string(scheduler_names[0]));
	json_object_object_add(result, "scheduler_period", json_object_new_int(0));
	json_object_object_add(result, "isolated_core_mask", json_object_new_string("0"));
	json_object_object_add(result, "scheduling_core", json_object_new_int(ebb_reactor_core(0)));
	ebb_call_result(call, result);
}

static struct ebb_method get_scheduler_method = {
	.name = "framework_get_scheduler",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.help = "who decides on which reactor a thread runs, and how often it looks (0: never)",
	.fn = get_scheduler,
};
EBB_METHOD_REGISTER(get_scheduler_method)
