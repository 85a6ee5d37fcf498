/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/ctl_command.h>

#include <stdlib.h>
#include <string.h>

#include <check.h>

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

int main(void)
{
	Suite *suite = suite_create("app_command");
	TCase *tcase = tcase_create("command");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, commands_are_found_by_their_whole_name);
	tcase_add_test(tcase, they_come_in_the_order_of_their_names);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
