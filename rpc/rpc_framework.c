/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/method.h>
#include <ebb/startup.h>
#include <ebb/wanted.h>

#include "core/app/section.h"
#include "core/base/json_number.h"
#include "core/method/build.h"
#include "core/method/wanted_save.h"

/* The methods about the framework as a whole. */

struct get_methods_params {
	bool current;
	bool include_aliases;
};

static const struct ebb_param get_methods_table[] = {
	EBB_PARAM(struct get_methods_params, current, EBB_PARAM_BOOL, .optional = true,
		  .help = "only those that may be called now"),
	EBB_PARAM(struct get_methods_params, include_aliases, EBB_PARAM_BOOL, .optional = true,
		  .help = "other names for the same, too (SPDK's are always there)"),
};

static void get_methods(struct ebb_call *call, void *arg)
{
	const struct get_methods_params *params = arg;
	struct json_object *names = json_object_new_array();
	const struct ebb_method *method = NULL;

	while ((method = ebb_method_next(method)) != NULL) {
		if (params->current && (method->states & ebb_method_state()) == 0) {
			continue;
		}
		json_object_array_add(names, json_object_new_string(method->name));
		if (method->alias != NULL && (params->include_aliases || method->alias_listed)) {
			json_object_array_add(names, json_object_new_string(method->alias));
		}
	}
	ebb_call_result(call, names);
}

static struct ebb_method get_methods_method = {
	.name = "rpc_get_methods",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.help = "the names of the methods",
	.params = get_methods_table,
	.num_params = EBB_ARRAY_SIZE(get_methods_table),
	.params_size = sizeof(struct get_methods_params),
	.fn = get_methods,
};
EBB_METHOD_REGISTER(get_methods_method)

/* EBB_VERSION is "major.minor.patch", perhaps with a suffix. */
static void get_version(struct ebb_call *call, void *params)
{
	struct json_object *version = json_object_new_object();
	struct json_object *fields = json_object_new_object();
	int part[3] = {0, 0, 0};
	int end = 0;

	(void)params;
	if (sscanf(EBB_VERSION, "%d.%d.%d%n", &part[0], &part[1], &part[2], &end) < 3) {
		end = (int)strlen(EBB_VERSION);
	}
	json_object_object_add(version, "version", json_object_new_string("ebb " EBB_VERSION));
	json_object_object_add(fields, "major", json_object_new_int(part[0]));
	json_object_object_add(fields, "minor", json_object_new_int(part[1]));
	json_object_object_add(fields, "patch", json_object_new_int(part[2]));
	json_object_object_add(fields, "suffix", json_object_new_string(&EBB_VERSION[end]));
	json_object_object_add(version, "fields", fields);
	ebb_call_result(call, version);
}

static struct ebb_method get_version_method = {
	.name = "spdk_get_version",
	.alias = "ebb_get_version",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.help = "the version of ebb",
	.fn = get_version,
};
EBB_METHOD_REGISTER(get_version_method)

static void init_ended(void *arg, int rc)
{
	struct ebb_app_state state;

	if (rc == 0) {
		ebb_call_result(arg, json_object_new_boolean(true));
		return;
	}
	ebb_app_get_state(&state);
	ebb_call_error(arg, EBB_METHOD_INTERNAL_ERROR, "start-up has failed: %s",
		       state.error[0] != '\0' ? state.error : strerror(-rc));
}

static void start_init(struct ebb_call *call, void *params)
{
	(void)params;
	if (ebb_app_start_init(init_ended, call) != 0) {
		ebb_call_error(call, EBB_METHOD_WRONG_STATE,
			       "start-up is not waiting for framework_start_init: that needs ebbd "
			       "--wait-for-rpc, and is good for once");
	}
}

static struct ebb_method start_init_method = {
	.name = "framework_start_init",
	.states = EBB_METHOD_STARTUP,
	.changes_state = true,
	.help = "start the subsystems; ends when start-up has",
	.fn = start_init,
};
EBB_METHOD_REGISTER(start_init_method)

static void wait_init(struct ebb_call *call, void *params)
{
	(void)params;
	ebb_app_wait_init(init_ended, call);
}

static struct ebb_method wait_init_method = {
	.name = "framework_wait_init",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.while_paused = true,
	.help = "ends when start-up has",
	.fn = wait_init,
};
EBB_METHOD_REGISTER(wait_init_method)

static struct json_object *state_snapshot(void)
{
	struct json_object *json = json_object_new_object();
	struct ebb_app_state state;

	if (json == NULL) {
		return NULL;
	}
	ebb_app_get_state(&state);
	json_object_object_add(json, "state",
			       json_object_new_string(ebb_app_phase_name(state.phase)));
	if (state.step[0] != '\0') {
		json_object_object_add(json, "step", json_object_new_string(state.step));
		json_object_object_add(json, "step_age_ms",
				       json_object_new_uint64(state.step_age_ns / EBB_NS_PER_MS));
	}
	if (state.error[0] != '\0') {
		json_object_object_add(json, "error", json_object_new_string(state.error));
	}
	json_object_object_add(json, "uptime_ms",
			       json_object_new_uint64(state.uptime_ns / EBB_NS_PER_MS));
	return json;
}

static struct ebb_method get_state_method = {
	.name = "framework_get_state",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.help = "how far start-up or shutdown is; answered whatever ebb is doing",
	.snapshot = state_snapshot,
};
EBB_METHOD_REGISTER(get_state_method)

static void subsystem_to_json(const char *name, const char *const *depends_on, size_t num_depends,
			      void *arg)
{
	struct json_object *subsystem = json_object_new_object();
	struct json_object *depends = json_object_new_array();

	for (size_t i = 0; i < num_depends; i++) {
		json_object_array_add(depends, json_object_new_string(depends_on[i]));
	}
	json_object_object_add(subsystem, "subsystem", json_object_new_string(name));
	json_object_object_add(subsystem, "depends_on", depends);
	json_object_array_add(arg, subsystem);
}

static void get_subsystems(struct ebb_call *call, void *params)
{
	struct json_object *subsystems = json_object_new_array();

	(void)params;
	if (app_section_for_each(subsystem_to_json, subsystems) != 0) {
		json_object_put(subsystems);
		ebb_call_error(call, EBB_METHOD_INTERNAL_ERROR,
			       "the subsystems are not in order now: ebb is starting or stopping");
		return;
	}
	ebb_call_result(call, subsystems);
}

static struct ebb_method get_subsystems_method = {
	.name = "framework_get_subsystems",
	.states = EBB_METHOD_RUNTIME,
	.help = "the subsystems and what each depends on, in order of initialisation; then what "
		"else a configuration has sections for",
	.fn = get_subsystems,
};
EBB_METHOD_REGISTER(get_subsystems_method)

struct get_config_params {
	char *name;
	bool with_batches;
};

static const struct ebb_param get_config_table[] = {
	EBB_PARAM(struct get_config_params, name, EBB_PARAM_STRING,
		  .help = "of one that framework_get_subsystems lists"),
	EBB_PARAM(struct get_config_params, with_batches, EBB_PARAM_BOOL, .optional = true,
		  .help = "for SPDK's clients; changes nothing"),
};

/* A call that is answered with a section: of thousands of entries, perhaps. */
struct config_list {
	struct ebb_call *call;
	struct method_build build;
	struct method_wanted_save save;
};

static enum method_build_step config_step(struct method_build *build)
{
	struct config_list *list = ebb_container_of(build, struct config_list, build);

	return method_wanted_save_next(&list->save) ? METHOD_BUILD_MORE : METHOD_BUILD_DONE;
}

static void call_out_of_memory(struct ebb_call *call)
{
	ebb_call_error(call, -ENOMEM, "out of memory for the configuration");
}

static void config_done(struct method_build *build)
{
	struct config_list *list = ebb_container_of(build, struct config_list, build);
	struct json_object *config = method_wanted_save_end(&list->save);

	if (config != NULL) {
		ebb_call_result(list->call, config);
	} else {
		call_out_of_memory(list->call);
	}
	free(list);
}

static void config_begin(struct ebb_call *call, const char *section)
{
	struct config_list *list = calloc(1, sizeof(*list));

	if (list == NULL || method_wanted_save_begin(&list->save, section) != 0) {
		free(list);
		call_out_of_memory(call);
		return;
	}
	list->call = call;
	list->build.step = config_step;
	list->build.done = config_done;
	method_build_start(&list->build);
}

static void get_config(struct ebb_call *call, void *arg)
{
	const struct get_config_params *params = arg;

	if (!app_section_exists(params->name)) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "subsystem \"%.64s\" is not known; framework_get_subsystems lists "
			       "those that are",
			       params->name);
		return;
	}
	if (app_section_saves(params->name)) {
		config_begin(call, params->name);
	} else {
		ebb_call_result(call, NULL);
	}
}

static struct ebb_method get_config_method = {
	.name = "framework_get_config",
	.states = EBB_METHOD_RUNTIME,
	.help = "what is wanted of a subsystem, as a configuration has it; null: nothing ever is",
	.params = get_config_table,
	.num_params = EBB_ARRAY_SIZE(get_config_table),
	.params_size = sizeof(struct get_config_params),
	.fn = get_config,
};
EBB_METHOD_REGISTER(get_config_method)

struct kill_params {
	struct json_object *sig_name;
};

static const struct ebb_param kill_table[] = {
	EBB_PARAM(struct kill_params, sig_name, EBB_PARAM_ANY,
		  .help = "SIGINT, SIGTERM, or SIGHUP, which is only noted; or its number"),
};

static const char *signal_text(struct json_object *json)
{
	switch (json_object_get_type(json)) {
	case json_type_object:
		return "an object"; /* of any length */
	case json_type_array:
		return "an array";
	default:
		return json_object_to_json_string(json);
	}
}

/* Return: the signal, or 0: none that ebb handles. What else there is would end it at once. */
static int signal_parse(struct json_object *json)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {
		{"INT", SIGINT},
		{"TERM", SIGTERM},
		{"HUP", SIGHUP},
	};
	bool is_text = json_object_is_type(json, json_type_string);
	const char *name = is_text ? json_object_get_string(json) : signal_text(json);
	struct base_json_integer number = {.magnitude = 0};

	if (!base_json_number_integer(name, &number) || number.negative) {
		number.magnitude = 0;
	}
	name += is_text && strncmp(name, "SIG", 3) == 0 ? 3 : 0;
	for (size_t i = 0; i < EBB_ARRAY_SIZE(signals); i++) {
		if ((uint64_t)signals[i].number == number.magnitude ||
		    (is_text && strcmp(signals[i].name, name) == 0)) {
			return signals[i].number;
		}
	}
	return 0;
}

/* What this process does at it, if that is not to stop in order; NULL: it stops. */
static const char *signal_fault(int number)
{
	struct sigaction action;

	if (sigaction(number, NULL, &action) != 0) {
		return strerror(errno);
	}
	if (action.sa_handler == SIG_IGN) {
		return "it is ignored here, as nohup has it: send SIGTERM";
	}
	if (action.sa_handler == SIG_DFL) {
		return "this program does not handle it (opts.handle_signals), so it would end in "
		       "disorder: end it as it is meant to be ended";
	}
	return NULL;
}

static void kill_instance(struct ebb_call *call, void *arg)
{
	const struct kill_params *params = arg;
	int number = signal_parse(params->sig_name);
	const char *fault = number != 0 ? signal_fault(number) : NULL;

	if (number == 0) {
		ebb_call_error(
			call, EBB_METHOD_INVALID_PARAMS,
			"parameter \"sig_name\" of method \"spdk_kill_instance\" is %.40s; it "
			"must be SIGINT or SIGTERM, at which ebb stops in order, or SIGHUP",
			signal_text(params->sig_name));
	} else if (fault != NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "sig_name: %.40s is not sent: %s",
			       signal_text(params->sig_name), fault);
	} else if (kill(getpid(), number) != 0) {
		ebb_call_error(call, -errno, "cannot send signal %d to ebb itself: %s", number,
			       strerror(errno));
	} else {
		ebb_call_result(call, json_object_new_boolean(true));
	}
}

static struct ebb_method kill_method = {
	.name = "spdk_kill_instance",
	.alias = "ebb_kill_instance",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "send ebb a signal: SIGTERM, at which it stops in order",
	.params = kill_table,
	.num_params = EBB_ARRAY_SIZE(kill_table),
	.params_size = sizeof(struct kill_params),
	.fn = kill_instance,
};
EBB_METHOD_REGISTER(kill_method)
