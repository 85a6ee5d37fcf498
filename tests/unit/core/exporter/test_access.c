/* SPDX-License-Identifier: Apache-2.0 */

/* Modes as people write them. Groups are looked up by the helper: integration/test_nbd_shares.py. */

#include "core/exporter/access.h"

#include <errno.h>

#include "tests/unit/unit.h"

START_TEST(a_mode_is_octal)
{
	static const struct {
		const char *text;
		mode_t mode;
	} cases[] = {{"0600", 0600}, {"660", 0660}, {"0777", 0777}, {"0", 0}, {"007", 07}};
	mode_t mode;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(exporter_mode_parse(cases[i].text, &mode), 0);
		ck_assert_uint_eq(mode, cases[i].mode);
	}
}
END_TEST

START_TEST(nothing_else_is_one)
{
	static const char *const cases[] = {"",   "8",  "0680", "1777", "4755", "0o660",
					    "-1", " 7", "7 ",   "rw",   "00660"};
	mode_t mode = 0123;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(exporter_mode_parse(cases[i], &mode), -EINVAL);
		ck_assert_uint_eq(mode, 0123);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(a_mode_is_octal),
		UNIT_TEST(nothing_else_is_one),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
