/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/log.h>
#include <ebb/method.h>

#include "core/base/log_flag.h"

/*
 * The methods about the log: the level of the system's log, that of stderr, and the flags of the
 * components. What they set is wanted; the names are saved as they are listed. At the end of the run
 * it is as the program had it.
 */

#define LEVEL_COUNT (EBB_LOG_DEBUG + 1)

static const char *const level_names[LEVEL_COUNT + 1] = {
	[EBB_LOG_ERROR] = "ERROR", [EBB_LOG_WARN] = "WARNING", [EBB_LOG_NOTICE] = "NOTICE",
	[EBB_LOG_INFO] = "INFO",   [EBB_LOG_DEBUG] = "DEBUG",
};

struct set_level_params {
	int level;
};

static const struct ebb_param set_level_table[] = {
	EBB_PARAM(struct set_level_params, level, EBB_PARAM_ENUM, .names = level_names,
		  .help = "lines above it are not written"),
};

/* A level of the program's, once a method has set another one. */
struct level_before {
	bool kept;
	enum ebb_log_level level;
};

static struct level_before level_before, print_level_before;

static void level_keep(struct level_before *before, enum ebb_log_level level)
{
	if (!before->kept) {
		before->kept = true;
		before->level = level;
	}
}

static void level_put_back(struct level_before *before, void (*put)(enum ebb_log_level level))
{
	if (before->kept) {
		before->kept = false;
		put(before->level);
	}
}

static void set_level(struct ebb_call *call, void *arg)
{
	const struct set_level_params *params = arg;

	level_keep(&level_before, ebb_log_get_level());
	ebb_log_set_level((enum ebb_log_level)params->level);
	ebb_call_result(call, json_object_new_boolean(true));
}

static void level_reset(void)
{
	level_put_back(&level_before, ebb_log_set_level);
}

static struct ebb_method set_level_method = {
	.name = "log_set_level",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "what goes to the system's log (syslog, the journal)",
	.params = set_level_table,
	.num_params = EBB_ARRAY_SIZE(set_level_table),
	.params_size = sizeof(struct set_level_params),
	.fn = set_level,
	.reset = level_reset,
	.effect = EBB_METHOD_SETS,
	.subsystem = "log",
};
EBB_METHOD_REGISTER(set_level_method)

static void get_level(struct ebb_call *call, void *params)
{
	(void)params;
	ebb_call_result(call, json_object_new_string(level_names[ebb_log_get_level()]));
}

static struct ebb_method get_level_method = {
	.name = "log_get_level",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.help = "up to which level lines go to the system's log",
	.fn = get_level,
};
EBB_METHOD_REGISTER(get_level_method)

static void set_print_level(struct ebb_call *call, void *arg)
{
	const struct set_level_params *params = arg;

	level_keep(&print_level_before, ebb_log_get_print_level());
	ebb_log_set_print_level((enum ebb_log_level)params->level);
	ebb_call_result(call, json_object_new_boolean(true));
}

static void print_level_reset(void)
{
	level_put_back(&print_level_before, ebb_log_set_print_level);
}

static struct ebb_method set_print_level_method = {
	.name = "log_set_print_level",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "what goes to stderr; DEBUG: of the components whose flag is set",
	.params = set_level_table,
	.num_params = EBB_ARRAY_SIZE(set_level_table),
	.params_size = sizeof(struct set_level_params),
	.fn = set_print_level,
	.reset = print_level_reset,
	.effect = EBB_METHOD_SETS,
	.subsystem = "log",
};
EBB_METHOD_REGISTER(set_print_level_method)

static void get_print_level(struct ebb_call *call, void *params)
{
	(void)params;
	ebb_call_result(call, json_object_new_string(level_names[ebb_log_get_print_level()]));
}

static struct ebb_method get_print_level_method = {
	.name = "log_get_print_level",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.help = "up to which level lines go to stderr",
	.fn = get_print_level,
};
EBB_METHOD_REGISTER(get_print_level_method)

struct flag_params {
	char *flag;
};

static const struct ebb_param flag_table[] = {
	EBB_PARAM(struct flag_params, flag, EBB_PARAM_STRING,
		  .help = "a component, as log_get_flags lists them, a pattern (b*), or all"),
};

/* A call of @method about components that match @pattern. */
struct flag_visit {
	const struct ebb_method *method;
	const char *pattern;
	const char *component; /* the last one that matches; the call itself is about it */
	bool failed;
};

static void component_done(void *arg, struct json_object *result,
			   const struct ebb_method_error *error)
{
	struct flag_visit *visit = arg;

	visit->failed = visit->failed || error != NULL;
	json_object_put(result);
}

/* The method by itself, for one component: so each is wanted, or not, by its own name. */
static void component_call(struct flag_visit *visit, const char *component)
{
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, "flag", json_object_new_string(component));
	ebb_method_dispatch(visit->method, params, component_done, visit);
	json_object_put(params);
}

static void flag_visit(const char *component, bool set, void *arg)
{
	struct flag_visit *visit = arg;

	(void)set;
	if (!base_log_flag_matches(visit->pattern, component)) {
		return;
	}
	if (visit->component != NULL) {
		component_call(visit, visit->component);
	}
	visit->component = component;
}

/* The program's flags by component, once a method has been called; or NULL. */
static struct json_object *flags_before;

static void flag_to_json(const char *component, bool set, void *arg)
{
	json_object_object_add(arg, component, json_object_new_boolean(set));
}

static void flags_reset(void)
{
	if (flags_before == NULL) {
		return;
	}
	/* Also those of components whose first debug line is still to come. */
	(void)ebb_log_clear_flag("all");
	json_object_object_foreach(flags_before, component, set)
	{
		if (json_object_get_boolean(set)) {
			(void)ebb_log_set_flag(component);
		}
	}
	json_object_put(flags_before);
	flags_before = NULL;
}

static void flag_call(struct ebb_call *call, const struct ebb_method *method, const char *pattern,
		      int (*put)(const char *name))
{
	struct flag_visit visit = {.method = method, .pattern = pattern};

	if (flags_before == NULL) {
		flags_before = json_object_new_object();
		ebb_log_for_each_flag(flag_to_json, flags_before);
	}
	ebb_log_for_each_flag(flag_visit, &visit);
	if (put(pattern) != 0 || visit.component == NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "flag: no component with debug lines is called \"%.64s\"; "
			       "log_get_flags lists those there are",
			       pattern);
	} else if (visit.failed) {
		ebb_call_error(call, EBB_METHOD_INTERNAL_ERROR,
			       "the flags are as asked for, but a saved configuration will lack "
			       "some: too much is under way, call again");
	} else {
		ebb_call_took_effect(call, "flag", json_object_new_string(visit.component));
		ebb_call_result(call, json_object_new_boolean(true));
	}
}

static void set_flag(struct ebb_call *call, void *arg);
static void clear_flag(struct ebb_call *call, void *arg);

static struct ebb_method set_flag_method = {
	.name = "log_set_flag",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "write the debug lines of components; one of the levels has to be DEBUG, too",
	.params = flag_table,
	.num_params = EBB_ARRAY_SIZE(flag_table),
	.params_size = sizeof(struct flag_params),
	.fn = set_flag,
	.reset = flags_reset,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "log",
	.object = "flag",
};
EBB_METHOD_REGISTER(set_flag_method)

static struct ebb_method clear_flag_method = {
	.name = "log_clear_flag",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "write no debug lines of components any more",
	.params = flag_table,
	.num_params = EBB_ARRAY_SIZE(flag_table),
	.params_size = sizeof(struct flag_params),
	.fn = clear_flag,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "log",
	.object = "flag",
	.undoes = "log_set_flag",
};
EBB_METHOD_REGISTER(clear_flag_method)

static void set_flag(struct ebb_call *call, void *arg)
{
	const struct flag_params *params = arg;

	flag_call(call, &set_flag_method, params->flag, ebb_log_set_flag);
}

static void clear_flag(struct ebb_call *call, void *arg)
{
	const struct flag_params *params = arg;

	flag_call(call, &clear_flag_method, params->flag, ebb_log_clear_flag);
}

static void get_flags(struct ebb_call *call, void *params)
{
	struct json_object *flags = json_object_new_object();

	(void)params;
	ebb_log_for_each_flag(flag_to_json, flags);
	ebb_call_result(call, flags);
}

static struct ebb_method get_flags_method = {
	.name = "log_get_flags",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.help = "the components that have debug lines, and whether these are written",
	.fn = get_flags,
};
EBB_METHOD_REGISTER(get_flags_method)
