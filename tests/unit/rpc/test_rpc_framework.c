/* SPDX-License-Identifier: Apache-2.0 */
/* spdk_kill_instance: which signals are sent; integration/test_rpc.py has a daemon that stops. */
#include <signal.h>
#include <stdio.h>

#include <ebb/base.h>

#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static volatile sig_atomic_t received;

static void receive(int number)
{
	received = number;
}

static void check_kill(const char *signal_text, const char *answer)
{
	char params[64];

	snprintf(params, sizeof(params), "{'sig_name': %s}", signal_text);
	call_has("spdk_kill_instance", params, answer);
}

START_TEST(signals_that_stop_are_sent)
{
	static const struct {
		const char *text;
		int number;
	} cases[] = {
		{"'SIGINT'", SIGINT}, {"'INT'", SIGINT}, {"2", SIGINT},     {"'2'", SIGINT},
		{"'TERM'", SIGTERM},  {"15", SIGTERM},   {"'HUP'", SIGHUP}, {"1", SIGHUP},
	};

	signal(cases[_i].number, receive);
	check_kill(cases[_i].text, "true");
	ck_assert_int_eq(received, cases[_i].number);
}
END_TEST

START_TEST(others_are_refused_by_name)
{
	static const char *const cases[] = {"SIGUSR1", "USR1",    "SIGQUIT", "SIGKILL",
					    "KILL",    "SIGSTOP", "term"};
	static const char *const numbers[] = {"0", "3", "9", "10", "-15", "15.5", "4294967311"};
	char text[32], answer[160];

	snprintf(text, sizeof(text), "'%s'", cases[_i]);
	snprintf(answer, sizeof(answer),
		 "error -32602: parameter \"sig_name\" of method "
		 "\"spdk_kill_instance\" is \"%s\"; it must be SIGINT or SIGTERM, at which",
		 cases[_i]);
	check_kill(text, answer);
	check_kill(numbers[_i],
		   "it must be SIGINT or SIGTERM, at which ebb stops in order, or SIGHUP");
}
END_TEST

/* Its default action would end the process at once, and an ignored one does nothing. */
START_TEST(one_that_does_not_stop_it_is_not_sent)
{
	signal(SIGTERM, SIG_DFL);
	check_kill("'SIGTERM'", "\"SIGTERM\" is not sent: this program does not handle it");
	signal(SIGHUP, SIG_IGN);
	check_kill("'SIGHUP'", "\"SIGHUP\" is not sent: it is ignored here");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(stage_begin, stage_end),
		UNIT_LOOP(signals_that_stop_are_sent, 0, 8),
		UNIT_LOOP(others_are_refused_by_name, 0, 7),
		UNIT_TEST(one_that_does_not_stop_it_is_not_sent),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
