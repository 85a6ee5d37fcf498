/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/log_flag.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static unsigned num_formatted;

static int formatted(void)
{
	return (int)++num_formatted;
}

static void speak_alpha(void)
{
	ebb_debug("unit_alpha", "alpha %d", formatted());
}

static void speak_beta(void)
{
	ebb_debug("unit_beta", "beta %d", formatted());
}

static void setup(void)
{
	log_capture();
	ebb_log_set_print_level(EBB_LOG_DEBUG);
}

static void teardown(void)
{
	log_release();
}

/* Both the level and the flag have to let a line through; one that is not written costs nothing. */
START_TEST(test_flag_and_level)
{
	speak_alpha();
	ck_assert_str_eq(log_text(), "");
	ck_assert_int_eq(ebb_log_set_flag("unit_alpha"), 0);
	speak_alpha();
	speak_beta();
	ck_assert_uint_eq(log_count("debug unit_alpha: alpha 1"), 1);
	ck_assert_uint_eq(log_count("beta"), 0);
	ebb_log_set_print_level(EBB_LOG_INFO);
	speak_alpha();
	ck_assert_uint_eq(num_formatted, 1);
	ebb_log_set_print_level(EBB_LOG_DEBUG);
	speak_alpha();
	ck_assert_uint_eq(log_count("alpha 2"), 1);
	ck_assert_int_eq(ebb_log_clear_flag("unit_alpha"), 0);
	speak_alpha();
	ck_assert_uint_eq(num_formatted, 2);
}
END_TEST

/* The other levels have no flag. */
START_TEST(test_info_has_no_flag)
{
	ck_assert_int_eq(ebb_log_clear_flag("all"), 0);
	ebb_info("unit_alpha", "told");
	ck_assert_uint_eq(log_count("info unit_alpha: told"), 1);
}
END_TEST

static char names[512];

static void note_flag(const char *name, bool set, void *arg)
{
	size_t len = strlen(names);

	(void)arg;
	if (strncmp(name, "unit_", 5) == 0) {
		snprintf(names + len, sizeof(names) - len, "%s=%d ", name, set);
	}
}

static const char *flags(void)
{
	names[0] = '\0';
	ebb_log_for_each_flag(note_flag, NULL);
	return names;
}

/* They are known before any of their lines has run, each once, in the order of their names. */
START_TEST(test_known_from_the_start)
{
	ck_assert_str_eq(flags(), "unit_alpha=0 unit_beta=0 ");
	ck_assert_int_eq(ebb_log_set_flag("unit_beta"), 0);
	ck_assert_str_eq(flags(), "unit_alpha=0 unit_beta=1 ");
	speak_beta();
	ck_assert_uint_eq(num_formatted, 1);
}
END_TEST

START_TEST(test_case_and_patterns)
{
	ck_assert(!ebb_log_get_flag("UNIT_ALPHA"));
	ck_assert_int_eq(ebb_log_set_flag("Unit_Alpha"), 0);
	ck_assert(ebb_log_get_flag("UNIT_ALPHA"));
	ck_assert(!ebb_log_get_flag("unit_beta"));
	ck_assert_int_eq(ebb_log_clear_flag("UNIT_ALPHA"), 0);
	ck_assert(!ebb_log_get_flag("unit_alpha"));
	ck_assert_int_eq(ebb_log_set_flag("unit_*"), 0);
	ck_assert_str_eq(flags(), "unit_alpha=1 unit_beta=1 ");
	ck_assert_int_eq(ebb_log_clear_flag("*_b*"), 0);
	ck_assert_str_eq(flags(), "unit_alpha=1 unit_beta=0 ");
}
END_TEST

START_TEST(test_unknown)
{
	ck_assert_int_eq(ebb_log_set_flag("unit_"), -ENOENT);
	ck_assert_int_eq(ebb_log_set_flag(""), -ENOENT);
	ck_assert_int_eq(ebb_log_clear_flag("no*"), -ENOENT);
	ck_assert(!ebb_log_get_flag("unit_"));
	ck_assert_str_eq(flags(), "unit_alpha=0 unit_beta=0 ");
}
END_TEST

/* A site as another program's, or C++'s, would have it: in no section that is known here. */
static void speak_elsewhere(struct ebb_log_site *site)
{
	if (ebb_log_site_on(site)) {
		ebb_log(EBB_LOG_DEBUG, site->component, "elsewhere");
	}
}

START_TEST(test_as_they_appear)
{
	static struct ebb_log_site site = {.component = "unit_elsewhere"};
	static struct ebb_log_site second = {.component = "unit_alpha"};
	static struct ebb_log_site third = {.component = "unit_late"};

	ck_assert_int_eq(ebb_log_set_flag("unit_elsewhere"), -ENOENT);
	speak_elsewhere(&site);
	speak_elsewhere(&site);
	ck_assert_str_eq(flags(), "unit_alpha=0 unit_beta=0 unit_elsewhere=0 ");
	ck_assert_int_eq(ebb_log_set_flag("unit_elsewhere"), 0);
	speak_elsewhere(&site);
	ck_assert_uint_eq(log_count("debug unit_elsewhere: elsewhere"), 1);
	/* Its component's flag, which was set before it ran. */
	ck_assert_int_eq(ebb_log_set_flag("unit_alpha"), 0);
	speak_elsewhere(&second);
	ck_assert_uint_eq(log_count("debug unit_alpha: elsewhere"), 1);
	/* "all" means those too that have not run yet. */
	ck_assert_int_eq(ebb_log_set_flag("all"), 0);
	speak_elsewhere(&third);
	ck_assert_uint_eq(log_count("debug unit_late: elsewhere"), 1);
}
END_TEST

#define RACE_SITES  256
#define RACE_ROUNDS 150

static struct ebb_log_site race_sites[RACE_ROUNDS][RACE_SITES];

static void *race_main(void *arg)
{
	struct ebb_log_site *sites = arg;

	for (unsigned i = 0; i < RACE_SITES; i++) {
		sites[i].component = "unit_race";
		ebb_log_site_on(&sites[i]);
	}
	return NULL;
}

/* Lines run for the first time while the flags are set: each of them is found, or asks anew. */
START_TEST(test_set_while_they_appear)
{
	for (unsigned round = 0; round < RACE_ROUNDS; round++) {
		pthread_t thread;

		ck_assert_int_eq(ebb_log_clear_flag("all"), 0);
		ck_assert_int_eq(pthread_create(&thread, NULL, race_main, race_sites[round]), 0);
		while (__atomic_load_n(&race_sites[round][0].state, __ATOMIC_RELAXED) ==
		       EBB_LOG_SITE_NEW) {
		}
		ck_assert_int_eq(ebb_log_set_flag("all"), 0);
		pthread_join(thread, NULL);
		for (unsigned i = 0; i < RACE_SITES; i++) {
			ck_assert_msg(ebb_log_site_on(&race_sites[round][i]), "round %u, site %u",
				      round, i);
		}
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_flag_and_level),
		UNIT_TEST(test_info_has_no_flag),
		UNIT_TEST(test_known_from_the_start),
		UNIT_TEST(test_case_and_patterns),
		UNIT_TEST(test_unknown),
		UNIT_TEST(test_as_they_appear),
		UNIT_TEST(test_set_while_they_appear),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
