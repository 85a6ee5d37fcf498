/* SPDX-License-Identifier: Apache-2.0 */
/* thread_set_cpumask, on one reactor; integration/test_rpc.py has two that run. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <ebb/reactor.h>
#include <ebb/thread.h>

#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static const char *set_cpumask(uint64_t id, const char *cpumask)
{
	char params[128];

	snprintf(params, sizeof(params), "{'id': %llu, 'cpumask': '%s'}", (unsigned long long)id,
		 cpumask);
	return call_text("thread_set_cpumask", params);
}

static void check_has(const char *text, const char *piece)
{
	ck_assert_msg(strstr(text, piece) != NULL, "%s: no \"%s\"", text, piece);
}

START_TEST(the_mask_is_shown_in_both_lists)
{
	int core = ebb_reactor_core(0);
	char mask[32], shown[64];

	snprintf(mask, sizeof(mask), "[%d,%d]", core, core + 1); /* there is no second reactor */
	snprintf(shown, sizeof(shown), "\"name\":\"app_thread\",\"id\":1,\"cpumask\":\"%x\"",
		 1u << core);
	ck_assert_str_eq(set_cpumask(1, mask), "true");
	call_has("thread_get_stats", "{}", shown);
	call_has("framework_get_reactors", "{}", shown);
}
END_TEST

START_TEST(a_mask_without_a_reactor_is_refused)
{
	struct ebb_thread *worker = stage_thread("worker");
	char mask[32], there[96];
	const char *text;

	snprintf(mask, sizeof(mask), "[%d]", ebb_reactor_core(0) + 1);
	snprintf(there, sizeof(there), "cannot be on %s: reactors are on the CPUs %d", mask,
		 ebb_reactor_core(0));
	text = set_cpumask(ebb_thread_id(worker), mask);
	check_has(text, "error -32602: cpumask: thread 'worker' ");
	check_has(text, there);
	stage_thread_exit(worker);
}
END_TEST

START_TEST(an_unknown_thread_is_refused)
{
	struct ebb_thread *worker = stage_thread("worker");
	uint64_t id = ebb_thread_id(worker);

	check_has(set_cpumask(id + 1, "0x1"), "error -32602: id: there is no thread ");
	stage_thread_exit(worker);
	check_has(set_cpumask(id, "0x1"), "thread_get_stats lists them");
}
END_TEST

/* As SPDK's server takes it: what ebb itself lists can be given back, and "3" is not CPU 3. */
START_TEST(digits_alone_are_a_mask)
{
	struct ebb_thread *worker = stage_thread("worker");
	int core = ebb_reactor_core(0);
	char mask[32], there[96];

	snprintf(mask, sizeof(mask), "%x", 1u << core);
	ck_assert_str_eq(set_cpumask(1, mask), "true");
	snprintf(mask, sizeof(mask), "0%X", 3u << core);
	ck_assert_str_eq(set_cpumask(1, mask), "true");
	snprintf(there, sizeof(there), "\"cpumask\":\"%x\"", 1u << core);
	call_has("thread_get_stats", "{}", there);
	snprintf(mask, sizeof(mask), "%x", 1u << (core + 1));
	snprintf(there, sizeof(there), "thread 'worker' cannot be on 0x%s: reactors", mask);
	check_has(set_cpumask(ebb_thread_id(worker), mask), there);
	check_has(set_cpumask(1, "0"), "error -32602: cpumask \"0\": legal are ");
	stage_thread_exit(worker);
}
END_TEST

/* One digit more than there are CPUs. */
START_TEST(a_mask_that_is_too_long_is_refused)
{
	char mask[CPU_SETSIZE / 4 + 2], params[CPU_SETSIZE / 4 + 64];

	memset(mask, 'f', sizeof(mask) - 1);
	mask[sizeof(mask) - 1] = '\0';
	snprintf(params, sizeof(params), "{'id': 1, 'cpumask': '%s'}", mask);
	call_has("thread_set_cpumask", params, "error -32602: cpumask \"ffff");
	params[strlen(params) - 3] = '\0';
	strcat(params, "'}");
	call_has("thread_set_cpumask", params, "true");
}
END_TEST

START_TEST(wrong_parameters_are_named)
{
	check_has(set_cpumask(1, "some"), "error -32602: cpumask \"some\": legal are ");
	check_has(set_cpumask(1, "0x"), "legal are a hexadecimal mask as 0x3 or a list as [0,2-3]");
	check_has(set_cpumask(1, ""), "cpumask \"\": legal are ");
	call_has("thread_set_cpumask", "{'id': 1}", "parameter \"cpumask\"");
	call_has("thread_set_cpumask", "{'cpumask': '0x1'}", "parameter \"id\"");
	call_has("thread_set_cpumask", "{'id': 'app', 'cpumask': '0x1'}", "parameter \"id\"");
	call_has("thread_set_cpumask", "{'id': 1, 'cpumask': '0x1', 'core': 0}", "\"core\"");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(stage_begin, stage_end),
		UNIT_TEST(the_mask_is_shown_in_both_lists),
		UNIT_TEST(a_mask_without_a_reactor_is_refused),
		UNIT_TEST(an_unknown_thread_is_refused),
		UNIT_TEST(digits_alone_are_a_mask),
		UNIT_TEST(a_mask_that_is_too_long_is_refused),
		UNIT_TEST(wrong_parameters_are_named),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
