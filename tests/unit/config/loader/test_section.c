/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/section.h"

#include <stdio.h>
#include <string.h>

#include "config/loader/config.h"
#include "core/app/subsystem.h"
#include "tests/unit/unit.h"

/* Sections of a configuration that ebb has, that only SPDK has, and that nobody has. */

static struct config_file *config;

static void check(const char *text)
{
	char error[APP_SUBSYSTEM_ERROR_MAX];

	config_destroy(config);
	ck_assert_int_eq(app_subsystem_sort(error, sizeof(error)), 0);
	ck_assert_int_eq(config_create("F", text, strlen(text), &config), 0);
}

/* Exactly one mistake, which is this. */
static void mistake(const char *text, const char *expected)
{
	check(text);
	ck_assert_msg(config->num_mistakes == 1, "%zu mistakes in %s", config->num_mistakes, text);
	ck_assert_str_eq(config->mistakes[0], expected);
}

START_TEST(unknown_subsystems_are_passed_over)
{
	check("{\"subsystems\": [{\"subsystem\": \"sock\", \"config\": [{\"method\": \"x\"}, 7]}, "
	      "{\"subsystem\": \"vmd\", \"config\": []}, {\"subsystem\": \"iscsi\", \"config\": "
	      "[1]}]}");
	ck_assert_uint_eq(config->num_mistakes, 0);
	ck_assert_uint_eq(config->num_entries, 0);
	ck_assert_str_eq(config->skipped, "sock (2 entries), iscsi (1 entry)");
}
END_TEST

/* Those that a target of SPDK's of 2026 saves, each empty or with something. */
START_TEST(what_spdk_has_is_passed_over)
{
	static const char *const names[] = {
		"scheduler", "sock", "iobuf",     "keyring",    "vmd",  "fsdev",
		"accel",     "nvmf", "ublk",      "vhost_scsi", "scsi", "iscsi",
		"vhost_blk", "nbd",  "vhost_blk", "bdev",
	};
	char text[512];

	for (size_t i = 0; i < EBB_ARRAY_SIZE(names); i++) {
		snprintf(text, sizeof(text),
			 "{\"subsystems\": [{\"subsystem\": \"%s\", \"config\": null}, "
			 "{\"subsystem\": \"%s\", \"config\": []}]}",
			 names[i], names[i]);
		check(text);
		ck_assert_msg(config->num_mistakes == 0, "%s", config->mistakes[0]);
		ck_assert_ptr_null(config->skipped);
	}
}
END_TEST

START_TEST(a_mistyped_subsystem_is_a_mistake)
{
	check("{\"subsystems\": [{\"subsystem\": \"reactor\"}, {\"subsystem\": \"bdevs\", "
	      "\"config\": [{\"method\": \"bdev_get_bdevs\"}]}]}");
	ck_assert_uint_eq(config->num_mistakes, 1);
	/* The others do not depend on it. */
	ck_assert_uint_eq(config->num_entry_mistakes, 1);
	ck_assert_uint_eq(config->num_entries, 0);
	ck_assert_ptr_nonnull(strstr(config->mistakes[0],
				     "F: subsystems[1] \"bdevs\": neither ebb nor SPDK has such a "
				     "subsystem; those of ebb are "));
	ck_assert_ptr_nonnull(strstr(config->mistakes[0], "bdev, "));
	ck_assert_ptr_nonnull(strstr(config->mistakes[0], "reactor"));
	/* An empty one is mistyped, too. */
	check("{\"subsystems\": [{\"subsystem\": \"bdevs\", \"config\": []}]}");
	ck_assert_uint_eq(config->num_mistakes, 1);
	check("{\"subsystems\": [{\"subsystem\": \"bdevs\", \"config\": null}]}");
	ck_assert_uint_eq(config->num_mistakes, 1);
}
END_TEST

START_TEST(a_section_passed_over_has_nothing_of_ebbs)
{
	mistake("{\"subsystems\": [{\"subsystem\": \"vmd\", \"config\": [{\"method\": "
		"\"vmd_enable\"}, [{\"method\": \"x\"}, {\"method\": \"bdev_null_create\"}]]}]}",
		"F: subsystems[0] \"vmd\", config[1][1] bdev_null_create: ebb has this method, but "
		"no subsystem \"vmd\", which is passed over: move it to bdev");
	ck_assert_uint_eq(config->num_entry_mistakes, 1);
	mistake("{\"subsystems\": [{\"subsystem\": \"vmd\", \"config\": [{\"method\": "
		"\"spdk_kill_instance\"}]}]}",
		"F: subsystems[0] \"vmd\", config[0] spdk_kill_instance: ebb has this method, but "
		"no subsystem "
		"\"vmd\", which is passed over: move it to the section of another subsystem");
	/* Also what only asks. */
	mistake("{\"subsystems\": [{\"subsystem\": \"vmd\", \"config\": [{\"method\": "
		"\"bdev_get_bdevs\"}]}]}",
		"F: subsystems[0] \"vmd\", config[0] bdev_get_bdevs: ebb has this method, but no "
		"subsystem "
		"\"vmd\", which is passed over: move it to the section of another subsystem");
}
END_TEST

/* A list that is longer than its room ends early. */
START_TEST(the_list_fits)
{
	char error[APP_SUBSYSTEM_ERROR_MAX];
	char text[8];

	ck_assert_int_eq(app_subsystem_sort(error, sizeof(error)), 0);
	config_section_list(text, sizeof(text));
	ck_assert_uint_eq(strlen(text), sizeof(text) - 1);
	ck_assert_int_eq(strncmp(text, "bdev, ", 6), 0);
}
END_TEST

/* One section alone, as it is saved. */
START_TEST(one_section_is_checked_alike)
{
	static const char right[] = "{\"subsystem\": \"bdev\", \"config\": [{\"method\": "
				    "\"bdev_null_delete\", \"params\": {\"name\": \"a\"}}]}";
	static const char wrong[] = "{\"subsystem\": \"bdev\", \"config\": [{\"method\": 1}]}";
	static const char whole[] = "{\"subsystems\": []}";

	ck_assert_int_eq(config_create_section("F", right, strlen(right), &config), 0);
	ck_assert_uint_eq(config->num_mistakes, 0);
	ck_assert_uint_eq(config->num_entries, 1);
	config_destroy(config);
	ck_assert_int_eq(config_create_section("F", wrong, strlen(wrong), &config), 0);
	ck_assert_uint_eq(config->num_mistakes, 1);
	config_destroy(config);
	ck_assert_int_eq(config_create_section("F", whole, strlen(whole), &config), 0);
	ck_assert_uint_gt(config->num_mistakes, 0);
	ck_assert_ptr_nonnull(strstr(config->mistakes[0], "\"subsystems\" is not known"));
}
END_TEST

/* They are the same by RPC. */
START_TEST(what_is_passed_over_is_right_as_far_as_ebb_knows_it)
{
	check("{\"subsystems\": [{\"subsystem\": \"iobuf\", \"config\": [{\"method\": "
	      "\"iobuf_set_options\", \"params\": {\"small_pool_count\": 1}}]}]}");
	ck_assert_uint_eq(config->num_mistakes, 0);
	ck_assert_uint_eq(config->num_entries, 0);
	ck_assert_str_eq(config->skipped, "iobuf (1 entry)");
	mistake("{\"subsystems\": [{\"subsystem\": \"iobuf\", \"config\": [{\"method\": "
		"\"iobuf_set_options\", \"params\": {\"enable_numa\": true}}]}]}",
		"F: subsystems[0] \"iobuf\", config[0] iobuf_set_options: parameter "
		"\"enable_numa\" of "
		"method \"iobuf_set_options\" is true, but ebb has one pool of buffers for all "
		"NUMA "
		"nodes: leave it out, or give false");
	mistake("{\"subsystems\": [{\"subsystem\": \"sock\", \"config\": [{\"method\": "
		"\"sock_set_default_impl\"}]}]}",
		"F: subsystems[0] \"sock\", config[0] sock_set_default_impl: parameter "
		"\"impl_name\" of "
		"method \"sock_set_default_impl\" is missing; it is a string");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(unknown_subsystems_are_passed_over),
		UNIT_TEST(what_spdk_has_is_passed_over),
		UNIT_TEST(a_mistyped_subsystem_is_a_mistake),
		UNIT_TEST(a_section_passed_over_has_nothing_of_ebbs),
		UNIT_TEST(what_is_passed_over_is_right_as_far_as_ebb_knows_it),
		UNIT_TEST(the_list_fits),
		UNIT_TEST(one_section_is_checked_alike),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
