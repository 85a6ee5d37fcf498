/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/method.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/log.h>

#include "core/method/call.h"
#include "tests/unit/unit.h"

struct echo_params {
	char *text;
};

static const struct ebb_param echo_table[] = {
	EBB_PARAM(struct echo_params, text, EBB_PARAM_STRING),
};

static void echo(struct ebb_call *call, void *arg)
{
	const struct echo_params *params = arg;

	ebb_call_result(call, json_object_new_string(params->text));
}

static struct ebb_method echo_method = {
	.name = "test_echo",
	.alias = "test_mirror",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.params = echo_table,
	.num_params = 1,
	.params_size = sizeof(struct echo_params),
	.fn = echo,
};
EBB_METHOD_REGISTER(echo_method)

static struct ebb_call *kept[64];
static unsigned num_kept;

/* Ends later, when the test says so. */
static void keep(struct ebb_call *call, void *params)
{
	(void)params;
	kept[num_kept++] = call;
}

static struct ebb_method keep_method = {.name = "test_keep",
					.states = EBB_METHOD_RUNTIME,
					.fn = keep};
EBB_METHOD_REGISTER(keep_method)

static struct ebb_method early_method = {.name = "test_early",
					 .states = EBB_METHOD_STARTUP,
					 .fn = keep};
EBB_METHOD_REGISTER(early_method)

static struct json_object *snapshot(void)
{
	return json_object_new_string("published");
}

static struct ebb_method snapshot_method = {.name = "test_snapshot",
					    .states = EBB_METHOD_RUNTIME,
					    .snapshot = snapshot};
EBB_METHOD_REGISTER(snapshot_method)

/* How one call has ended. */
struct outcome {
	unsigned times;
	struct json_object *result;
	struct ebb_method_error error;
};

static void done(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	struct outcome *outcome = arg;

	outcome->times++;
	outcome->result = result;
	if (error != NULL) {
		outcome->error = *error;
	}
}

static unsigned errors_logged;
static char last_error[256];

static void sink(enum ebb_log_level level, const char *component, const char *text)
{
	(void)component;
	if (level == EBB_LOG_ERROR) {
		errors_logged++;
		snprintf(last_error, sizeof(last_error), "%s", text);
	}
}

static void setup(void)
{
	num_kept = 0;
	errors_logged = 0;
	ebb_log_set_sink(sink);
	ebb_method_set_state(EBB_METHOD_RUNTIME);
}

START_TEST(finds_by_name_and_alias)
{
	ck_assert_ptr_eq(ebb_method_find("test_echo"), &echo_method);
	ck_assert_ptr_eq(ebb_method_find("test_mirror"), &echo_method);
	ck_assert_ptr_null(ebb_method_find("test_nothing"));
}
END_TEST

START_TEST(lists_in_order_of_names)
{
	const struct ebb_method *previous = NULL;
	const struct ebb_method *method = NULL;
	unsigned mine = 0;

	while ((method = ebb_method_next(method)) != NULL) {
		ck_assert(previous == NULL || strcmp(previous->name, method->name) < 0);
		mine += strncmp(method->name, "test_", 5) == 0;
		previous = method;
	}
	ck_assert_uint_eq(mine, 4);
}
END_TEST

START_TEST(calls_and_answers)
{
	struct json_object *params = json_tokener_parse("{\"text\": \"hello\"}");
	struct outcome outcome = {0};

	ebb_method_dispatch(ebb_method_find("test_mirror"), params, done, &outcome);
	ck_assert_uint_eq(outcome.times, 1);
	ck_assert_int_eq(outcome.error.code, 0);
	ck_assert_str_eq(json_object_get_string(outcome.result), "hello");
	json_object_put(outcome.result);
	json_object_put(params);
}
END_TEST

START_TEST(tells_of_a_snapshot_without_a_call)
{
	struct outcome outcome = {0};

	ebb_method_dispatch(&snapshot_method, NULL, done, &outcome);
	ck_assert_uint_eq(outcome.times, 1);
	ck_assert_int_eq(outcome.error.code, 0);
	ck_assert_str_eq(json_object_get_string(outcome.result), "published");
	json_object_put(outcome.result);
}
END_TEST

START_TEST(refuses_bad_parameters)
{
	struct outcome outcome = {0};

	ebb_method_dispatch(&echo_method, NULL, done, &outcome);
	ck_assert_uint_eq(outcome.times, 1);
	ck_assert_int_eq(outcome.error.code, EBB_METHOD_INVALID_PARAMS);
}
END_TEST

START_TEST(holds_the_states)
{
	struct outcome outcome = {0};

	ebb_method_dispatch(&early_method, NULL, done, &outcome);
	ck_assert_int_eq(outcome.error.code, EBB_METHOD_WRONG_STATE);
	ck_assert_ptr_nonnull(strstr(outcome.error.text, "needs the state STARTUP"));

	ebb_method_set_state(EBB_METHOD_STARTUP);
	outcome = (struct outcome){0};
	ebb_method_dispatch(&keep_method, NULL, done, &outcome);
	ck_assert_int_eq(outcome.error.code, EBB_METHOD_WRONG_STATE);
	ck_assert_ptr_nonnull(strstr(outcome.error.text, "needs the state RUNTIME"));
	ck_assert_uint_eq(num_kept, 0);

	outcome = (struct outcome){0};
	ebb_method_dispatch(&early_method, NULL, done, &outcome);
	ck_assert_uint_eq(num_kept, 1);
	ck_assert_uint_eq(outcome.times, 0);
	ebb_call_result(kept[0], NULL);
	ck_assert_uint_eq(outcome.times, 1);
}
END_TEST

START_TEST(tells_an_error_as_it_was_said)
{
	struct outcome outcome = {0};

	ebb_method_dispatch(&keep_method, NULL, done, &outcome);
	ebb_call_error(kept[0], -ENODEV, "bdev %s is not there", "disk");
	ck_assert_uint_eq(outcome.times, 1);
	ck_assert_int_eq(outcome.error.code, -ENODEV);
	ck_assert_str_eq(outcome.error.text, "bdev disk is not there");
}
END_TEST

START_TEST(ends_once_only)
{
	struct outcome first = {0};
	struct outcome second = {0};

	ebb_method_dispatch(&keep_method, NULL, done, &first);
	ebb_call_result(kept[0], NULL);
	ebb_call_error(kept[0], -EIO, "again");
	ck_assert_uint_eq(first.times, 1);
	ck_assert_uint_eq(errors_logged, 1);
	ck_assert_ptr_nonnull(strstr(last_error, "\"test_keep\""));

	/* Whoever has taken over the memory is not ended instead. */
	ebb_method_dispatch(&keep_method, NULL, done, &second);
	ebb_call_result(kept[0], json_object_new_int(1));
	ck_assert_uint_eq(errors_logged, 2);
	ck_assert_uint_eq(first.times, 1);
	ck_assert_uint_eq(second.times, 0);
	ebb_call_result(kept[1], NULL);
	ck_assert_uint_eq(second.times, 1);
	ck_assert_uint_eq(errors_logged, 2);
}
END_TEST

START_TEST(reports_a_call_never_made)
{
	ebb_call_result(NULL, NULL);
	ebb_call_result((struct ebb_call *)(uintptr_t)0xfffffffffff0, NULL);
	ck_assert_uint_eq(errors_logged, 2);
}
END_TEST

START_TEST(has_many_under_way)
{
	static struct outcome outcomes[EBB_ARRAY_SIZE(kept)];

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(kept); i++) {
		ebb_method_dispatch(&keep_method, NULL, done, &outcomes[i]);
	}
	for (unsigned i = EBB_ARRAY_SIZE(kept); i-- > 0;) {
		ck_assert_uint_eq(outcomes[i].times, 0);
		ebb_call_result(kept[i], NULL);
		ck_assert_uint_eq(outcomes[i].times, 1);
	}
	ck_assert_uint_eq(errors_logged, 0);
}
END_TEST

/* One slot more than there are is refused, and told so. */
START_TEST(bounds_what_is_under_way)
{
	struct outcome outcome = {0};
	unsigned under_way = 0;

	while (outcome.times == 0) {
		num_kept = 0;
		ebb_method_dispatch(&keep_method, NULL, done, &outcome);
		under_way += outcome.times == 0;
		ck_assert_uint_le(under_way, 1u << 13);
	}
	ck_assert_uint_eq(under_way, 1u << 13);
	ck_assert_int_eq(outcome.error.code, EBB_METHOD_INTERNAL_ERROR);
}
END_TEST

START_TEST(says_what_it_does_not_know)
{
	struct ebb_method_error error;

	ebb_method_error_unknown(&error, "test_nothing");
	ck_assert_int_eq(error.code, EBB_METHOD_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(error.text, "\"test_nothing\" is not known"));
}
END_TEST

START_TEST(checks_without_calling)
{
	struct json_object *params = json_tokener_parse("{\"text\": 1}");
	struct ebb_method_error error;

	ebb_method_set_state(EBB_METHOD_RUNTIME);
	ck_assert_int_eq(ebb_method_check(&echo_method, params, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "\"text\""));
	ck_assert_int_eq(ebb_method_check(&early_method, NULL, &error), 0);
	ck_assert_uint_eq(num_kept, 0);
	json_object_put(params);
}
END_TEST

static void left(void *arg)
{
	unsigned *times = arg;

	(*times)++;
}

START_TEST(tells_once_that_nobody_waits)
{
	struct outcome outcome = {0};
	unsigned times = 0;
	struct ebb_call *call = method_call_dispatch(&keep_method, NULL, done, &outcome);

	method_call_leave(call); /* the method does not want to know */
	method_call_on_leave(kept[0], left, &times);
	method_call_leave(call);
	ck_assert_uint_eq(times, 1);
	method_call_leave(call);
	ck_assert_uint_eq(times, 1);
	ck_assert_uint_eq(outcome.times, 0); /* to end it is the method's */
	ebb_call_result(kept[0], NULL);
	ck_assert_uint_eq(outcome.times, 1);
	method_call_leave(call); /* too late, which is no mistake */
	ck_assert_uint_eq(errors_logged, 0);
}
END_TEST

START_TEST(leaving_an_ended_call_does_not_meet_the_next)
{
	struct outcome outcome = {0};
	unsigned times = 0;
	struct ebb_call *call = method_call_dispatch(&keep_method, NULL, done, &outcome);

	ebb_call_result(kept[0], NULL);
	method_call_dispatch(&keep_method, NULL, done, &outcome);
	method_call_on_leave(kept[1], left, &times);
	method_call_leave(call);
	ck_assert_uint_eq(times, 0);
	ebb_call_result(kept[1], NULL);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(finds_by_name_and_alias),
		UNIT_TEST(lists_in_order_of_names),
		UNIT_TEST(calls_and_answers),
		UNIT_TEST(tells_of_a_snapshot_without_a_call),
		UNIT_TEST(says_what_it_does_not_know),
		UNIT_TEST(refuses_bad_parameters),
		UNIT_TEST(holds_the_states),
		UNIT_TEST(tells_an_error_as_it_was_said),
		UNIT_TEST(ends_once_only),
		UNIT_TEST(reports_a_call_never_made),
		UNIT_TEST(has_many_under_way),
		UNIT_TEST(bounds_what_is_under_way),
		UNIT_TEST(checks_without_calling),
		UNIT_TEST(tells_once_that_nobody_waits),
		UNIT_TEST(leaving_an_ended_call_does_not_meet_the_next),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
