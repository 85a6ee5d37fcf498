/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what SPDK has and ebb does not, beside the methods that the service registers. */
#include "core/method/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json_build.h"
#include "core/method/param.h"
#include "tests/unit/unit.h"

static char fault[256];

#define FAULT(...) (snprintf(fault, sizeof(fault), __VA_ARGS__), false)

/* Is @name a parameter of one of the rows of @method up to @param itself? */
static bool is_shadowed(const struct method_compat *table, const struct method_compat *row,
			const struct method_compat_param *param)
{
	for (const struct method_compat *earlier = table; earlier <= row; earlier++) {
		/* Names of one method are the same to a caller. */
		bool same = strcmp(earlier->method, row->method) == 0 ||
			    (ebb_method_find(row->method) != NULL &&
			     ebb_method_find(earlier->method) == ebb_method_find(row->method));

		for (size_t i = 0; same && i < earlier->num_params; i++) {
			if (&earlier->params[i] == param && earlier == row) {
				return false;
			}
			if (strcmp(earlier->params[i].name, param->name) == 0) {
				return true;
			}
		}
	}
	return false;
}

static bool param_is_good(const struct method_compat *table, const struct method_compat *row,
			  const struct method_compat_param *param)
{
	const struct ebb_method *method = ebb_method_find(row->method);

	if (method != NULL && method_param_find(method, param->name) != NULL) {
		return FAULT("%s has its own %s", row->method, param->name);
	}
	if (is_shadowed(table, row, param)) {
		return FAULT("%s %s stands there twice", row->method, param->name);
	}
	if (param->rule != METHOD_COMPAT_ANY && param->why == NULL) {
		return FAULT("%s %s gives no reason", row->method, param->name);
	}
	if (param->rule >= METHOD_COMPAT_SAME && param->other == NULL) {
		return FAULT("%s %s lacks words", row->method, param->name);
	}
	if (param->rule == METHOD_COMPAT_SAME && method != NULL &&
	    method_param_find(method, param->other) == NULL) {
		return FAULT("%s has no %s", row->method, param->other);
	}
	if (param->needed && row->states == 0) {
		return FAULT("%s cannot insist on %s", row->method, param->name);
	}
	return true;
}

/* Can all of @table's rows match, each by itself? If not, @fault says why. */
static bool table_is_good(const struct method_compat *table, size_t count)
{
	for (const struct method_compat *row = table; row < table + count; row++) {
		const struct ebb_method *method = ebb_method_find(row->method);
		bool ours = method != NULL && !method_compat_changes_nothing(method);

		if (row->states != 0 && (method == NULL || ours || method->states != row->states)) {
			return FAULT("%s is no method that changes nothing", row->method);
		}
		if (row->states == 0 && !ours) {
			return FAULT("%s is no method", row->method);
		}
		if (row->states == 0 && row->num_params == 0) {
			return FAULT("%s has a row for nothing", row->method);
		}
		for (size_t i = 0; i < row->num_params; i++) {
			if (!param_is_good(table, row, &row->params[i])) {
				return false;
			}
		}
	}
	return true;
}

START_TEST(each_row_can_match)
{
	ck_assert_msg(table_is_good(method_compat_table, method_compat_count), "%s", fault);
}
END_TEST

#define P(param_name, ...)                                \
	(const struct method_compat_param[])              \
	{                                                 \
		{                                         \
			.name = (param_name), __VA_ARGS__ \
		}                                         \
	}

START_TEST(a_row_that_cannot_match_is_noticed)
{
	const struct {
		struct method_compat rows[2];
		const char *fault;
	} cases[] = {
		{{{"bdev_null_creat", 0, P("x"), 1}}, "bdev_null_creat is no method"},
		{{{"bdev_examine", 0, P("x"), 1}}, "bdev_examine is no method"},
		{{{"bdev_null_create", EBB_METHOD_RUNTIME, P("x"), 1}},
		 "bdev_null_create is no method that changes nothing"},
		{{{"bdev_examine", EBB_METHOD_STARTUP, P("x"), 1}},
		 "bdev_examine is no method that changes nothing"},
		{{{"bdev_null_create", 0, P("uuid"), 1}}, "bdev_null_create has its own uuid"},
		{{{"bdev_aio_create", 0, P("fallocate"), 1}},
		 "bdev_aio_create has its own fallocate"},
		{{{"bdev_null_create", 0, NULL, 0}}, "bdev_null_create has a row for nothing"},
		{{{"bdev_null_create", 0, P("x"), 1}, {"bdev_null_create", 0, P("x"), 1}},
		 "bdev_null_create x stands there twice"},
		{{{"bdev_aio_create", 0, P("x"), 1}, {"bdev_uring_create", 0, P("x"), 1}},
		 "bdev_uring_create x stands there twice"},
		{{{"bdev_null_create", 0, P("x", .rule = METHOD_COMPAT_OFF), 1}},
		 "bdev_null_create x gives no reason"},
		{{{"bdev_null_create", 0, P("x", .rule = METHOD_COMPAT_WORD, .why = "w"), 1}},
		 "bdev_null_create x lacks words"},
		{{{"bdev_null_create", 0,
		   P("x", .rule = METHOD_COMPAT_SAME, .why = "w", .other = "y"), 1}},
		 "bdev_null_create has no y"},
		{{{"bdev_null_create", 0, P("x", .needed = true), 1}},
		 "bdev_null_create cannot insist on x"},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		size_t count = cases[i].rows[1].method != NULL ? 2 : 1;

		fault[0] = '\0';
		ck_assert(!table_is_good(cases[i].rows, count));
		ck_assert_str_eq(fault, cases[i].fault);
	}
}
END_TEST

static struct ebb_method_error error;

/* @members: of the object of parameters, with ' for ". Return: ebb_method_check()'s. */
static int check(const char *method, const char *members)
{
	char text[1024];
	struct json_object *params;
	int rc;

	snprintf(text, sizeof(text), "{%s}", members);
	for (char *c = text; *c != '\0'; c++) {
		*c = *c == '\'' ? '"' : *c;
	}
	ck_assert_msg(base_json_parse(text, strlen(text), &params) == 0, "%s", text);
	error = (struct ebb_method_error){0};
	ck_assert_ptr_nonnull(ebb_method_find(method));
	rc = ebb_method_check(ebb_method_find(method), params, &error);
	json_object_put(params);
	return rc;
}

static void taken(const char *method, const char *members)
{
	ck_assert_msg(check(method, members) == 0, "%s %s: %s", method, members, error.text);
}

/* And the error names @param and the method, and says @piece. */
static void refused(const char *method, const char *members, const char *param, const char *piece)
{
	char named[96];

	snprintf(named, sizeof(named), "parameter \"%s\" of method \"%s\" ", param,
		 ebb_method_find(method)->name);
	ck_assert_msg(check(method, members) == -EINVAL, "%s %s was taken", method, members);
	ck_assert_int_eq(error.code, EBB_METHOD_INVALID_PARAMS);
	ck_assert_msg(strncmp(error.text, named, strlen(named)) == 0, "%s", error.text);
	ck_assert_msg(strstr(error.text, piece) != NULL, "%s: no \"%s\"", error.text, piece);
}

#define NULL_BDEV "'name': 'n', 'num_blocks': 8, 'block_size': 512, "
#define FILE_BDEV "'name': 'n', 'filename': 'f', "
#define ATTACH    "'name': 'n', 'trtype': 'PCIe', 'traddr': '0000:01:00.0', "

/* Rules of the table; then: a value that passes, and one that does not; or NULL. */
static const struct {
	const char *method;
	const char *others; /* the parameters that it needs */
	const char *param;
	const char *harmless[3];
	const char *refused;
} decisions[] = {
	{"bdev_null_create", NULL_BDEV, "physical_block_size", {"512", "0"}, "4096"},
	{"bdev_null_create", NULL_BDEV, "md_size", {"0"}, "8"},
	{"bdev_null_create", NULL_BDEV, "dif_type", {"0", "0.0", "null"}, "1"},
	{"bdev_null_create", NULL_BDEV, "dif_is_head_of_md", {"false"}, "true"},
	{"bdev_null_create", NULL_BDEV, "dif_pi_format", {"0"}, "2"},
	{"bdev_null_create", NULL_BDEV, "numa_id", {"-1", "0"}, "1"},
	{"bdev_null_create", NULL_BDEV, "preferred_write_granularity", {"0"}, "8"},
	{"bdev_null_create", NULL_BDEV, "preferred_write_alignment", {"0"}, "8"},
	{"bdev_null_create", NULL_BDEV, "optimal_write_size", {"0"}, "8"},
	{"bdev_null_create", NULL_BDEV, "preferred_unmap_granularity", {"0"}, "8"},
	{"bdev_null_create", NULL_BDEV, "preferred_unmap_alignment", {"0"}, "8"},
	{"bdev_aio_create", FILE_BDEV, "nowait", {"false", "true"}, NULL},
	{"bdev_set_options", "", "bdev_io_cache_size", {"256"}, NULL},
	{"bdev_set_options", "", "bdev_auto_examine", {"true", "false"}, NULL},
	{"bdev_set_options", "", "iobuf_small_cache_size", {"128"}, NULL},
	{"bdev_set_options", "", "iobuf_large_cache_size", {"16"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "adrfam", {"'ipv4'"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "trsvcid", {"'4420'"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "priority", {"'1'"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "subnqn", {"'nqn.x'"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "hostnqn", {"'nqn.y'"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "hostaddr", {"'192.0.2.1'"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "hostsvcid", {"'4420'"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "fabrics_connect_timeout_us", {"1"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "disable_sq_flow_control", {"true"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "max_bdevs", {"128"}, NULL},
	{"bdev_nvme_attach_controller", ATTACH, "prchk_reftag", {"false"}, "true"},
	{"bdev_nvme_attach_controller", ATTACH, "prchk_guard", {"false"}, "true"},
	{"bdev_nvme_attach_controller", ATTACH, "hdgst", {"false"}, "true"},
	{"bdev_nvme_attach_controller", ATTACH, "ddgst", {"false"}, "true"},
	{"bdev_nvme_attach_controller", ATTACH, "psk", {"''"}, "'key'"},
	{"bdev_nvme_attach_controller", ATTACH, "dhchap_key", {"''"}, "'key'"},
	{"bdev_nvme_attach_controller", ATTACH, "dhchap_ctrlr_key", {"''"}, "'key'"},
	{"bdev_nvme_attach_controller", ATTACH, "ctrlr_loss_timeout_sec", {"0"}, "-1"},
	{"bdev_nvme_attach_controller", ATTACH, "reconnect_delay_sec", {"0"}, "1"},
	{"bdev_nvme_attach_controller", ATTACH, "fast_io_fail_timeout_sec", {"0"}, "1"},
	{"bdev_nvme_attach_controller", ATTACH, "allow_unrecognized_csi", {"false"}, "true"},
	{"bdev_nvme_attach_controller",
	 ATTACH,
	 "multipath",
	 {"'multipath'", "'failover'", "'disable'"},
	 "'multi'"},
	{"bdev_nvme_attach_controller",
	 ATTACH,
	 "multipath_opts",
	 {"{}", "{'policy': 'active_active', 'selector': 'queue_depth', 'min_io': 2}"},
	 "{'polici': 'x'}"},
	{"bdev_nvme_detach_controller", "'name': 'n', ", "trsvcid", {"'4420'"}, NULL},
	{"bdev_nvme_detach_controller", "'name': 'n', ", "adrfam", {"'ipv4'"}, NULL},
	{"bdev_nvme_set_options", "", "action_on_timeout", {"'none'"}, "'reset'"},
	{"bdev_nvme_set_options", "", "action_on_timeout", {"'none'"}, "'abort'"},
	{"bdev_nvme_set_options", "'timeout_us': 5, ", "timeout_admin_us", {"0", "5"}, "6"},
	{"bdev_nvme_set_options", "", "keep_alive_timeout_ms", {"10000"}, NULL},
	{"bdev_nvme_set_options", "", "arbitration_burst", {"0"}, "7"},
	{"bdev_nvme_set_options", "", "low_priority_weight", {"0"}, "7"},
	{"bdev_nvme_set_options", "", "medium_priority_weight", {"0"}, "7"},
	{"bdev_nvme_set_options", "", "high_priority_weight", {"0"}, "7"},
	{"bdev_nvme_set_options", "", "nvme_adminq_poll_period_us", {"10000"}, NULL},
	{"bdev_nvme_set_options", "", "nvme_ioq_poll_period_us", {"0"}, "100"},
	{"bdev_nvme_set_options", "", "io_queue_requests", {"0", "512"}, NULL},
	{"bdev_nvme_set_options", "", "delay_cmd_submit", {"true", "false"}, NULL},
	{"bdev_nvme_set_options", "", "transport_ack_timeout", {"0", "1"}, NULL},
	{"bdev_nvme_set_options", "", "transport_tos", {"0", "1"}, NULL},
	{"bdev_nvme_set_options", "", "ctrlr_loss_timeout_sec", {"0"}, "-1"},
	{"bdev_nvme_set_options", "", "reconnect_delay_sec", {"0"}, "2"},
	{"bdev_nvme_set_options", "", "fast_io_fail_timeout_sec", {"0"}, "2"},
	{"bdev_nvme_set_options", "", "disable_auto_failback", {"false", "true"}, NULL},
	{"bdev_nvme_set_options", "", "generate_uuids", {"false"}, "true"},
	{"bdev_nvme_set_options", "", "nvme_error_stat", {"false"}, "true"},
	{"bdev_nvme_set_options", "", "io_path_stat", {"false"}, "true"},
	{"bdev_nvme_set_options", "", "allow_accel_sequence", {"false", "true"}, NULL},
	{"bdev_nvme_set_options", "", "enable_flush", {"false", "true"}, NULL},
	{"bdev_nvme_set_options", "", "rdma_srq_size", {"0", "1"}, NULL},
	{"bdev_nvme_set_options", "", "rdma_max_cq_size", {"0", "1"}, NULL},
	{"bdev_nvme_set_options", "", "rdma_cm_event_timeout_ms", {"0", "1"}, NULL},
	{"bdev_nvme_set_options", "", "rdma_umr_per_io", {"false", "true"}, NULL},
	{"bdev_nvme_set_options", "", "tcp_connect_timeout_ms", {"0", "1"}, NULL},
	{"bdev_nvme_set_options", "", "dhchap_digests", {"['sha256']", "[]"}, NULL},
	{"bdev_nvme_set_options", "", "dhchap_dhgroups", {"['null']"}, NULL},
	{"bdev_nvme_set_options",
	 "",
	 "multipath_opts",
	 {"{'policy': 'active_passive'}"},
	 "{'x': 1}"},
	{"bdev_nvme_set_hotplug", "", "enable", {"false"}, "true"},
	{"iobuf_set_options", "", "enable_numa", {"false"}, "true"},
	{"accel_assign_opc", "'opname': 'copy', ", "module", {"'software'"}, "'dsa'"},
	{"accel_set_driver", "", "name", {"''"}, "'mlx5'"},
	{"keyring_linux_set_options", "", "enable", {"false"}, "true"},
	{"bdev_nvme_set_multipath_policy",
	 "'name': 'n', ",
	 "policy",
	 {"'active_passive'", "'active_active'"},
	 "'active'"},
};

START_TEST(each_parameter_has_values_that_pass)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(decisions); i++) {
		for (size_t j = 0; j < EBB_ARRAY_SIZE(decisions[i].harmless); j++) {
			char members[256];

			if (decisions[i].harmless[j] != NULL) {
				snprintf(members, sizeof(members), "%s'%s': %s",
					 decisions[i].others, decisions[i].param,
					 decisions[i].harmless[j]);
				taken(decisions[i].method, members);
			}
		}
	}
}
END_TEST

START_TEST(what_would_make_a_difference_is_refused_by_name)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(decisions); i++) {
		char members[256];

		if (decisions[i].refused != NULL) {
			snprintf(members, sizeof(members), "%s'%s': %s", decisions[i].others,
				 decisions[i].param, decisions[i].refused);
			refused(decisions[i].method, members, decisions[i].param, ", but ebb ");
		}
		/* None of them takes an array of arrays. */
		snprintf(members, sizeof(members), "%s'%s': %s", decisions[i].others,
			 decisions[i].param,
			 strncmp(decisions[i].param, "dhchap_d", 8) == 0 ? "1" : "[[]]");
		refused(decisions[i].method, members, decisions[i].param, "must be ");
	}
}
END_TEST

START_TEST(a_refusal_says_why_and_what_to_do)
{
	refused("bdev_nvme_set_options", "'action_on_timeout': 'reset'", "action_on_timeout",
		"is \"reset\", but ebb aborts a command that is late, then resets the controller: "
		"leave it out, or give one of: none");
	refused("bdev_null_create", NULL_BDEV "'physical_block_size': 4096", "physical_block_size",
		"is 4096, but ebb has no physical block size of its own: leave it out, or give 0 "
		"or "
		"the value of \"block_size\"");
	refused("bdev_null_create", NULL_BDEV "'numa_id': 1", "numa_id",
		"is 1, but ebb does not choose a NUMA node: leave it out, or give -1");
	refused("bdev_nvme_set_options", "'generate_uuids': true", "generate_uuids",
		"is true, but ebb makes up no UUIDs that stay the same: leave it out, or give "
		"false");
	refused("bdev_nvme_attach_controller", ATTACH "'psk': 'key'", "psk",
		"is \"key\", but ebb uses no keys: leave it out, or give \"\"");
	refused("bdev_nvme_set_options", "'multipath_opts': {'x': 1}", "multipath_opts",
		"is {\"x\":1}, but ebb knows no other member of it: its members may be: policy "
		"selector min_io");
	refused("bdev_null_create", NULL_BDEV "'md_size': 0.5", "md_size",
		"must be an integer, not 0.5");
}
END_TEST

/* It is the integer that counts, not how it is written, and not the nearest that a double can be. */
START_TEST(numbers_are_read_exactly)
{
	taken("bdev_null_create", NULL_BDEV "'md_size': -0");
	taken("bdev_null_create", NULL_BDEV "'md_size': 0e5, 'numa_id': -1.0");
	taken("bdev_null_create", NULL_BDEV "'physical_block_size': 5.12e2");
	taken("bdev_nvme_set_options", "'timeout_us': 5, 'timeout_admin_us': 50e-1");
	refused("bdev_nvme_set_options",
		"'timeout_us': 5, 'timeout_admin_us': 5.00000000000000000001", "timeout_admin_us",
		"must be an integer");
	refused("bdev_null_create", NULL_BDEV "'md_size': 1e-400", "md_size", "must be an integer");
	refused("bdev_null_create", NULL_BDEV "'md_size': 1e300", "md_size", "must be an integer");
	refused("bdev_null_create", NULL_BDEV "'md_size': 18446744073709551616", "md_size",
		"must be an integer");
	refused("bdev_null_create", NULL_BDEV "'numa_id': 18446744073709551615", "numa_id",
		"does not choose a NUMA node");
}
END_TEST

START_TEST(a_mistyped_parameter_is_an_error)
{
	ck_assert_int_eq(check("bdev_nvme_set_options", "'nvme_error_stats': false"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "has no parameter \"nvme_error_stats\"; it takes "
						 "retry_count, "));
	ck_assert_int_eq(check("accel_set_options", "'tasks': 1"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "has no parameter \"tasks\"; it takes "
						 "small_cache_size, large_cache_size, "));
	ck_assert_int_eq(check("bdev_wait_for_examine", "'x': 1"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "it takes no parameters"));
	/* Of another method. */
	ck_assert_int_eq(check("bdev_uring_create", FILE_BDEV "'md_size': 0"), -EINVAL);
}
END_TEST

START_TEST(an_alias_and_its_method_take_the_same)
{
	taken("bdev_aio_create", FILE_BDEV "'nowait': false, 'fallocate': false");
	taken("bdev_uring_create", FILE_BDEV "'nowait': false");
}
END_TEST

START_TEST(a_method_may_insist_on_a_parameter)
{
	refused("bdev_examine", "", "name", "is missing; it is a string");
	refused("bdev_examine", "'name': null", "name", "must be a string, not null");
	refused("sock_impl_set_options", "'recv_buf_size': 1", "impl_name", "is missing");
	taken("bdev_examine", "'name': 'n'");
	taken("accel_set_driver", "");
	ck_assert_int_eq(ebb_method_check(ebb_method_find("bdev_examine"), NULL, &error), -EINVAL);
}
END_TEST

static unsigned answers;
static int answer_code;
static char answer[64];

static void answered(void *arg, struct json_object *result, const struct ebb_method_error *failed)
{
	(void)arg;
	answers++;
	answer_code = failed != NULL ? failed->code : 0;
	snprintf(answer, sizeof(answer), "%s", json_object_to_json_string(result));
	json_object_put(result);
}

START_TEST(a_method_that_changes_nothing_answers_in_its_states)
{
	static const uint32_t states[] = {EBB_METHOD_STARTUP, EBB_METHOD_RUNTIME};
	struct json_object *params = json_tokener_parse("{\"impl_name\": \"posix\"}");
	const struct ebb_method *method = ebb_method_find("sock_set_default_impl");

	for (size_t i = 0; i < EBB_ARRAY_SIZE(states); i++) {
		ebb_method_set_state(states[i]);
		ebb_method_dispatch(method, params, answered, NULL);
		ck_assert_uint_eq(answers, i + 1);
		ck_assert_int_eq(answer_code, i == 0 ? 0 : EBB_METHOD_WRONG_STATE);
		ck_assert_str_eq(answer, i == 0 ? "true" : "null");
	}
	json_object_put(params);
	ebb_method_dispatch(ebb_method_find("bdev_wait_for_examine"), NULL, answered, NULL);
	ck_assert_str_eq(answer, "true");
	ck_assert(method_compat_changes_nothing(method));
	ck_assert(!method_compat_changes_nothing(ebb_method_find("bdev_null_create")));
}
END_TEST

static char *help_of(const char *method)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	method_param_help_print(ebb_method_find(method), out);
	fclose(out);
	return text;
}

START_TEST(the_help_lists_them)
{
	char *text = help_of("bdev_aio_create");

	ck_assert_ptr_nonnull(
		strstr(text, "Of SPDK's, taken where they change nothing: nowait.\n"));
	free(text);
	text = help_of("nvmf_set_crdt");
	ck_assert_ptr_nonnull(strstr(text, "It takes no parameters of its own.\n"
					   "Of SPDK's, taken where they change nothing: crdt1, "
					   "crdt2, crdt3.\n"));
	free(text);
	text = help_of("bdev_wait_for_examine");
	ck_assert_ptr_nonnull(strstr(text, "It takes no parameters.\n"));
	ck_assert_ptr_null(strstr(text, "SPDK's, taken"));
	free(text);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(each_row_can_match),
		UNIT_TEST(a_row_that_cannot_match_is_noticed),
		UNIT_TEST(each_parameter_has_values_that_pass),
		UNIT_TEST(what_would_make_a_difference_is_refused_by_name),
		UNIT_TEST(a_refusal_says_why_and_what_to_do),
		UNIT_TEST(numbers_are_read_exactly),
		UNIT_TEST(a_mistyped_parameter_is_an_error),
		UNIT_TEST(an_alias_and_its_method_take_the_same),
		UNIT_TEST(a_method_may_insist_on_a_parameter),
		UNIT_TEST(a_method_that_changes_nothing_answers_in_its_states),
		UNIT_TEST(the_help_lists_them),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
