/* SPDX-License-Identifier: Apache-2.0 */
/* What is wanted, by methods of the test's; and what the service's methods say of their effects. */
#include "core/method/wanted.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/method/param.h"
#include "tests/unit/unit.h"

/* How the methods' next call ends; 0: well. */
static int code;

static void end(struct ebb_call *call, void *params)
{
	(void)params;
	if (code != 0) {
		ebb_call_error(call, code, "no");
	} else {
		ebb_call_result(call, NULL);
	}
}

static struct ebb_call *held;

/* Ends when the test says so. */
static void hold(struct ebb_call *call, void *params)
{
	(void)params;
	held = call;
}

struct make_params {
	char *name;
	char *at;
	char *base;
	uint32_t size;
	bool size_given;
	uint32_t number;
};

static const struct ebb_param make_table[] = {
	EBB_PARAM(struct make_params, name, EBB_PARAM_STRING),
	EBB_PARAM(struct make_params, at, EBB_PARAM_STRING, .optional = true),
	EBB_PARAM(struct make_params, base, EBB_PARAM_STRING, .optional = true),
	EBB_PARAM(struct make_params, size, EBB_PARAM_UINT32, .optional = true,
		  .given_offset = offsetof(struct make_params, size_given)),
	EBB_PARAM(struct make_params, number, EBB_PARAM_UINT32, .optional = true),
};

#define MAKE_PARAMS                                         \
	.states = EBB_METHOD_RUNTIME, .params = make_table, \
	.num_params = EBB_ARRAY_SIZE(make_table), .params_size = sizeof(struct make_params)

/* A number is made up if none is given; number 99 is for this time only. */
static void make(struct ebb_call *call, void *arg)
{
	const struct make_params *params = arg;

	if (params->number == 0) {
		ebb_call_took_effect(call, "number", json_object_new_int(4711));
	} else if (params->number == 99) {
		ebb_call_took_effect(call, "number", NULL);
	}
	end(call, arg);
}

static struct ebb_method make_method = {
	.name = "test_make",
	.fn = make,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "t_one",
	.object = "name",
	.stands_suffix = "n",
	MAKE_PARAMS,
};
EBB_METHOD_REGISTER(make_method)

static struct ebb_method unmake_method = {
	.name = "test_unmake",
	.fn = end,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "t_one",
	.object = "name",
	.undoes = "test_make",
	MAKE_PARAMS,
};
EBB_METHOD_REGISTER(unmake_method)

static struct ebb_method slow_unmake_method = {
	.name = "test_slow_unmake",
	.fn = hold,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "t_one",
	.object = "name",
	.undoes = "test_make",
	MAKE_PARAMS,
};
EBB_METHOD_REGISTER(slow_unmake_method)

/* What it makes has a name at a place, and stands on something. */
static struct ebb_method serve_method = {
	.name = "test_serve",
	.fn = end,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "t_two",
	.object = "name at",
	.stands_on = "base",
	MAKE_PARAMS,
};
EBB_METHOD_REGISTER(serve_method)

static struct ebb_method unserve_method = {
	.name = "test_unserve",
	.fn = end,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "t_two",
	.object = "base name",
	.undoes = "test_serve",
	MAKE_PARAMS,
};
EBB_METHOD_REGISTER(unserve_method)

struct tune_params {
	uint32_t core;
	uint32_t kept;
	bool kept_given;
	uint32_t back; /* to its default, if not given */
};

static const struct ebb_param tune_table[] = {
	EBB_PARAM(struct tune_params, core, EBB_PARAM_UINT32),
	EBB_PARAM(struct tune_params, kept, EBB_PARAM_UINT32, .optional = true,
		  .given_offset = offsetof(struct tune_params, kept_given)),
	EBB_PARAM(struct tune_params, back, EBB_PARAM_UINT32, .optional = true),
};

static struct ebb_method tune_method = {
	.name = "test_tune",
	.states = EBB_METHOD_RUNTIME,
	.params = tune_table,
	.num_params = EBB_ARRAY_SIZE(tune_table),
	.params_size = sizeof(struct tune_params),
	.fn = end,
	.effect = EBB_METHOD_SETS,
	.subsystem = "t_one",
	.object = "core",
};
EBB_METHOD_REGISTER(tune_method)

/* What is set of something that test_make makes. */
static struct ebb_method limit_method = {
	.name = "test_limit",
	.fn = end,
	.effect = EBB_METHOD_SETS,
	.subsystem = "t_one",
	.object = "base",
	.stands_on = "base",
	MAKE_PARAMS,
};
EBB_METHOD_REGISTER(limit_method)

static void setup(void)
{
	code = 0;
	ebb_method_set_state(EBB_METHOD_RUNTIME);
}

static void ended(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	(void)arg;
	json_object_put(result);
	ck_assert_int_eq(error != NULL ? error->code : 0, code);
}

/* @params with ' for ". */
static struct json_object *parse(const char *params)
{
	char text[512];

	snprintf(text, sizeof(text), "%s", params);
	for (char *c = text; *c != '\0'; c++) {
		*c = *c == '\'' ? '"' : *c;
	}
	return json_tokener_parse(text);
}

static void call(const struct ebb_method *method, const char *params)
{
	struct json_object *json = parse(params);

	ck_assert_ptr_nonnull(json);
	ebb_method_dispatch(method, json, ended, NULL);
	json_object_put(json);
}

static void call_fails(const struct ebb_method *method, const char *params, int rc)
{
	code = rc;
	call(method, params);
	code = 0;
}

/* As an entry of a file that is passed over. */
static void call_passed_over(const struct ebb_method *method, const char *params, int rc)
{
	struct json_object *json = parse(params);

	code = rc;
	ebb_method_dispatch_wanted(method, json, ended, NULL);
	code = 0;
	json_object_put(json);
}

/* The list as "object {params}; ...", what is absent in brackets. */
static void wanted_is(const char *expected)
{
	const struct ebb_wanted *wanted = NULL;
	char text[1024] = "";

	while ((wanted = ebb_wanted_next(wanted)) != NULL) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%s%s%s %s%s", len > 0 ? "; " : "",
			 wanted->present ? "" : "[", wanted->object,
			 json_object_to_json_string_ext(wanted->params, JSON_C_TO_STRING_PLAIN),
			 wanted->present ? "" : "]");
	}
	for (char *c = text; *c != '\0'; c++) {
		*c = *c == '"' ? '\'' : *c;
	}
	ck_assert_str_eq(text, expected);
}

START_TEST(what_is_created_is_wanted_as_it_took_effect)
{
	call(&make_method, "{'name': 'a', 'size': 0}");
	call(&make_method, "{'name': 'b', 'number': 5}");
	wanted_is("a {'name':'a','size':0,'number':4711}; b {'name':'b','number':5}");
	call(&make_method, "{'name': 'c', 'size': 2, 'number': 99}");
	wanted_is("a {'name':'a','size':0,'number':4711}; b {'name':'b','number':5}; "
		  "c {'name':'c','size':2}");
}
END_TEST

START_TEST(a_call_that_fails_wants_nothing)
{
	call_fails(&make_method, "{'name': 'a'}", -EEXIST);
	call_fails(&tune_method, "{'core': 1}", -EBUSY);
	wanted_is("");
}
END_TEST

START_TEST(an_entry_that_is_passed_over_is_wanted)
{
	call_passed_over(&make_method, "{'name': 'a', 'size': 2}", -ENODEV);
	call(&make_method, "{'name': 'b', 'number': 1}");
	wanted_is("[a {'name':'a','size':2,'number':4711}]; b {'name':'b','number':1}");
	/* It can be had at last; with other parameters, at its place. */
	call(&make_method, "{'name': 'a', 'number': 2}");
	wanted_is("a {'name':'a','number':2}; b {'name':'b','number':1}");
	/* A second one of the name, which could not be, is not wanted in the place of the first. */
	call_passed_over(&make_method, "{'name': 'a', 'number': 3}", -EEXIST);
	wanted_is("a {'name':'a','number':2}; b {'name':'b','number':1}");
}
END_TEST

START_TEST(a_users_removal_takes_out)
{
	call(&make_method, "{'name': 'a', 'number': 1}");
	call(&make_method, "{'name': 'b', 'number': 1}");
	call(&unmake_method, "{'name': 'a'}");
	wanted_is("b {'name':'b','number':1}");
	call_fails(&unmake_method, "{'name': 'b'}", -ENODEV);
	call_fails(&unmake_method, "{'name': 'b'}", -EBUSY);
	wanted_is("b {'name':'b','number':1}");
	call(&make_method, "{'name': 'a', 'number': 1}");
	wanted_is("b {'name':'b','number':1}; a {'name':'a','number':1}");
}
END_TEST

/* The name is free before the removal has ended, and is taken again. */
START_TEST(a_removal_is_not_about_what_was_made_since)
{
	struct json_object *params = parse("{'name': 'a'}");

	call(&make_method, "{'name': 'a', 'number': 1}");
	ebb_method_dispatch(&slow_unmake_method, params, ended, NULL);
	call(&make_method, "{'name': 'a', 'number': 2}");
	ebb_call_result(held, NULL);
	wanted_is("a {'name':'a','number':2}");
	ebb_method_dispatch(&slow_unmake_method, params, ended, NULL);
	ebb_call_result(held, NULL);
	wanted_is("");
	json_object_put(params);
}
END_TEST

START_TEST(what_goes_by_itself_stays_wanted)
{
	call(&make_method, "{'name': 'a', 'number': 1}");
	ebb_wanted_set_present("test_make", "nothing", false);
	ebb_wanted_set_present("test_nothing", "a", false);
	wanted_is("a {'name':'a','number':1}");
	ebb_wanted_set_present("test_make", "a", false);
	wanted_is("[a {'name':'a','number':1}]");
	ebb_wanted_set_present("test_make", "a", true);
	wanted_is("a {'name':'a','number':1}");
	/* The user does not want it back, and is told that it is not there. */
	ebb_wanted_set_present("test_make", "a", false);
	call_fails(&unmake_method, "{'name': 'a'}", -EBUSY);
	wanted_is("[a {'name':'a','number':1}]");
	call_fails(&unmake_method, "{'name': 'a'}", -ENODEV);
	wanted_is("");
}
END_TEST

START_TEST(the_last_value_set_counts)
{
	call(&tune_method, "{'core': 1, 'kept': 7, 'back': 8}");
	call(&tune_method, "{'core': 2}");
	wanted_is("1 {'core':1,'kept':7,'back':8}; 2 {'core':2}");
	/* What is noted as not given stays, what has a default goes back to it. */
	call(&tune_method, "{'core': 1}");
	wanted_is("1 {'core':1,'kept':7}; 2 {'core':2}");
	call(&tune_method, "{'core': 1, 'kept': 0}");
	wanted_is("1 {'core':1,'kept':0}; 2 {'core':2}");
}
END_TEST

START_TEST(an_object_has_a_name_at_a_place)
{
	call(&serve_method, "{'name': 'a', 'at': 'x', 'base': 'd'}");
	call(&serve_method, "{'name': 'a', 'at': 'y', 'base': 'e'}");
	call(&serve_method, "{'name': 'b', 'base': 'e'}");
	wanted_is("a x {'name':'a','at':'x','base':'d'}; a y {'name':'a','at':'y','base':'e'}; "
		  "b {'name':'b','base':'e'}");
	call(&unserve_method, "{'name': 'a', 'base': 'e'}");
	wanted_is("a x {'name':'a','at':'x','base':'d'}; b {'name':'b','base':'e'}");
}
END_TEST

/* Of two that match, the one that was there is the one that was found. */
START_TEST(what_is_there_is_taken_out_first)
{
	call(&serve_method, "{'name': 'a', 'at': 'x'}");
	call(&serve_method, "{'name': 'a', 'at': 'y'}");
	ebb_wanted_set_present("test_serve", "a x", false);
	call(&unserve_method, "{'name': 'a'}");
	wanted_is("[a x {'name':'a','at':'x'}]");
}
END_TEST

START_TEST(what_went_with_its_base_goes_too)
{
	call(&make_method, "{'name': 'nvme1', 'number': 1}");
	call(&make_method, "{'name': 'nvme10', 'number': 1}");
	call(&serve_method, "{'name': 'one', 'base': 'nvme1n1'}");
	call(&serve_method, "{'name': 'ten', 'base': 'nvme10n1'}");
	call(&serve_method, "{'name': 'else', 'base': 'disk'}");
	ebb_wanted_set_present("test_serve", "one", false);
	ebb_wanted_set_present("test_serve", "ten", false);
	ebb_wanted_set_present("test_serve", "else", false);
	call(&unmake_method, "{'name': 'nvme1'}");
	wanted_is("nvme10 {'name':'nvme10','number':1}; [ten {'name':'ten','base':'nvme10n1'}]; "
		  "[else {'name':'else','base':'disk'}]");
	/* One that is still there has another base by now. */
	ebb_wanted_set_present("test_serve", "ten", true);
	call(&unmake_method, "{'name': 'nvme10'}");
	wanted_is("ten {'name':'ten','base':'nvme10n1'}; [else {'name':'else','base':'disk'}]");
}
END_TEST

/*
 * After the suffix comes a number and nothing else: these have other bases, whose names begin
 * alike.
 */
START_TEST(what_has_a_base_of_another_name_stays)
{
	call(&make_method, "{'name': 'a', 'number': 1}");
	call(&serve_method, "{'name': 'other', 'base': 'another'}");
	call(&serve_method, "{'name': 'longer', 'base': 'an1n1'}");
	call(&serve_method, "{'name': 'none', 'base': 'an'}");
	call(&serve_method, "{'name': 'its', 'base': 'an12'}");
	ebb_wanted_set_present("test_serve", "other", false);
	ebb_wanted_set_present("test_serve", "longer", false);
	ebb_wanted_set_present("test_serve", "none", false);
	ebb_wanted_set_present("test_serve", "its", false);
	call(&unmake_method, "{'name': 'a'}");
	wanted_is("[other {'name':'other','base':'another'}]; "
		  "[longer {'name':'longer','base':'an1n1'}]; [none {'name':'none','base':'an'}]");
}
END_TEST

/* A limit of something that is gone would stand before it when that is made anew, and fail. */
START_TEST(what_was_set_of_it_goes_with_it)
{
	call(&make_method, "{'name': 'a', 'number': 1}");
	call(&make_method, "{'name': 'b', 'number': 2}");
	call(&limit_method, "{'name': 'x', 'base': 'an1', 'number': 7}");
	call(&limit_method, "{'name': 'x', 'base': 'bn1', 'number': 8}");
	ebb_wanted_set_present("test_make", "a", false); /* it only left */
	wanted_is("[a {'name':'a','number':1}]; b {'name':'b','number':2}; "
		  "an1 {'name':'x','base':'an1','number':7}; "
		  "bn1 {'name':'x','base':'bn1','number':8}");
	call(&unmake_method, "{'name': 'b'}");
	wanted_is("[a {'name':'a','number':1}]; an1 {'name':'x','base':'an1','number':7}");
	call_fails(&unmake_method, "{'name': 'a'}", -ENODEV);
	wanted_is("");
}
END_TEST

/* Return: to be freed. */
static char *save(void)
{
	static const char *const sections[] = {"t_none", "t_two"};
	struct json_object *saved = ebb_wanted_save(sections, EBB_ARRAY_SIZE(sections));
	char *text = strdup(json_object_to_json_string_ext(saved, JSON_C_TO_STRING_PLAIN));

	/* It is the caller's alone. */
	ck_assert_int_eq(json_object_put(saved), 1);
	return text;
}

static void load(const char *text)
{
	struct json_object *root = json_tokener_parse(text);
	struct json_object *subsystems = json_object_object_get(root, "subsystems");

	for (size_t i = 0; i < json_object_array_length(subsystems); i++) {
		struct json_object *config =
			json_object_object_get(json_object_array_get_idx(subsystems, i), "config");

		for (size_t j = 0; j < json_object_array_length(config); j++) {
			struct json_object *entry = json_object_array_get_idx(config, j);

			ebb_method_dispatch(ebb_method_find(json_object_get_string(
						    json_object_object_get(entry, "method"))),
					    json_object_object_get(entry, "params"), ended, NULL);
		}
	}
	json_object_put(root);
}

START_TEST(it_is_saved_as_a_configuration)
{
	char *saved, *again;

	call(&make_method, "{'name': 'a'}");
	call(&serve_method, "{'name': 'b', 'base': 'a'}");
	call(&tune_method, "{'core': 3, 'kept': 0}");
	ebb_wanted_set_present("test_make", "a", false);
	saved = save();
	ck_assert_str_eq(saved,
			 "{\"subsystems\":[{\"subsystem\":\"t_none\",\"config\":[]},"
			 "{\"subsystem\":\"t_two\",\"config\":[{\"method\":\"test_serve\","
			 "\"params\":{\"name\":\"b\",\"base\":\"a\"}}]},"
			 "{\"subsystem\":\"t_one\",\"config\":[{\"method\":\"test_make\","
			 "\"params\":{\"name\":\"a\",\"number\":4711}},"
			 "{\"method\":\"test_tune\",\"params\":{\"core\":3,\"kept\":0}}]}]}");
	method_wanted_clear();
	wanted_is("");
	load(saved);
	again = save();
	ck_assert_str_eq(again, saved);
	free(saved);
	free(again);
}
END_TEST

/* Each of the words in @names is a parameter of @method's. */
static void names_exist(const struct ebb_method *method, const char *names)
{
	char text[128];

	snprintf(text, sizeof(text), "%s", names != NULL ? names : "");
	for (char *name = strtok(text, " "); name != NULL; name = strtok(NULL, " ")) {
		ck_assert_msg(method_param_find(method, name) != NULL, "%s: no \"%s\"",
			      method->name, name);
	}
}

START_TEST(what_methods_say_of_their_effects_holds)
{
	const struct ebb_method *method = NULL;

	while ((method = ebb_method_next(method)) != NULL) {
		names_exist(method, method->object);
		names_exist(method, method->stands_on);
		if (method->effect == EBB_METHOD_REMOVES) {
			const struct ebb_method *creator = ebb_method_find(method->undoes);

			ck_assert_msg(creator != NULL && creator->effect == EBB_METHOD_CREATES,
				      "%s undoes \"%s\"", method->name, method->undoes);
			names_exist(creator, method->object);
		}
	}
}
END_TEST

/* A new method that changes something must say what is wanted by it, or stand here. */
START_TEST(what_changes_something_has_an_effect)
{
	static const char *const others[] = {
		"framework_start_init",             /* start-up goes on */
		"spdk_kill_instance",               /* a signal */
		"bdev_nvme_reset_controller",       /* it is as it was */
		"reactor_set_interrupt_mode",       /* calls reactor_set_mode */
		"thread_set_cpumask",               /* the next run has other threads */
		"framework_monitor_context_switch", /* what is looked at for a while */
		"bdev_error_inject_error",          /* so many times, and then it is over */
		"bdev_error_resume_pending",        /* requests go on */
		"bdev_reset_iostat",                /* what was counted */
		"bdev_uring_rescan",                /* the file has the size that it has */
	};
	const struct ebb_method *method = NULL;

	while ((method = ebb_method_next(method)) != NULL) {
		bool other = false;

		for (size_t i = 0; i < EBB_ARRAY_SIZE(others); i++) {
			other = other || strcmp(method->name, others[i]) == 0;
		}
		if (strncmp(method->name, "test_", 5) != 0) {
			ck_assert_msg((method->changes_state && !other) ==
					      (method->effect != EBB_METHOD_NO_EFFECT),
				      "%s", method->name);
		}
	}
}
END_TEST

/* Values that are not some object's would be in force in the next run, where nobody wants them. */
START_TEST(what_outlives_a_run_is_reset)
{
	const struct ebb_method *method = NULL;

	while ((method = ebb_method_next(method)) != NULL) {
		bool kept = method->effect == EBB_METHOD_SETS && method->object == NULL;

		/* There is only one scheduler, and nothing of it to be kept. */
		kept = kept && strcmp(method->name, "framework_set_scheduler") != 0;
		if (strncmp(method->name, "test_", 5) != 0) {
			ck_assert_msg(!kept || method->reset != NULL, "%s", method->name);
		}
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(what_is_created_is_wanted_as_it_took_effect),
		UNIT_TEST(a_call_that_fails_wants_nothing),
		UNIT_TEST(an_entry_that_is_passed_over_is_wanted),
		UNIT_TEST(a_users_removal_takes_out),
		UNIT_TEST(a_removal_is_not_about_what_was_made_since),
		UNIT_TEST(what_goes_by_itself_stays_wanted),
		UNIT_TEST(the_last_value_set_counts),
		UNIT_TEST(an_object_has_a_name_at_a_place),
		UNIT_TEST(what_is_there_is_taken_out_first),
		UNIT_TEST(what_went_with_its_base_goes_too),
		UNIT_TEST(what_has_a_base_of_another_name_stays),
		UNIT_TEST(what_was_set_of_it_goes_with_it),
		UNIT_TEST(it_is_saved_as_a_configuration),
		UNIT_TEST(what_methods_say_of_their_effects_holds),
		UNIT_TEST(what_changes_something_has_an_effect),
		UNIT_TEST(what_outlives_a_run_is_reset),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
