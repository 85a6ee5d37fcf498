/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/ctl_command.h>

#include <string.h>

#include "tests/unit/unit.h"

static int run_nothing(const struct ebb_ctl_command_env *env, int num_words, char **words)
{
	(void)env;
	(void)words;
	return num_words;
}

static struct ebb_ctl_command last = {.name = "~last",
				      .help = "h",
				      .usage = "u",
				      .run = run_nothing};
static struct ebb_ctl_command first = {.name = "!first",
				       .help = "h",
				       .usage = "u",
				       .run = run_nothing};

EBB_CTL_COMMAND_REGISTER(last)
EBB_CTL_COMMAND_REGISTER(first)

START_TEST(commands_are_found_by_their_whole_name)
{
	ck_assert_ptr_eq(ebb_ctl_command_find("!first"), &first);
	ck_assert_ptr_eq(ebb_ctl_command_find("~last"), &last);
	ck_assert_ptr_null(ebb_ctl_command_find("~las"));
	ck_assert_ptr_null(ebb_ctl_command_find(""));
}
END_TEST

START_TEST(they_come_in_the_order_of_their_names)
{
	const struct ebb_ctl_command *command = ebb_ctl_command_next(NULL), *next;

	ck_assert_ptr_eq(command, &first);
	while ((next = ebb_ctl_command_next(command)) != NULL) {
		ck_assert_int_lt(strcmp(command->name, next->name), 0);
		command = next;
	}
	ck_assert_ptr_eq(command, &last);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(commands_are_found_by_their_whole_name),
		UNIT_TEST(they_come_in_the_order_of_their_names),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
