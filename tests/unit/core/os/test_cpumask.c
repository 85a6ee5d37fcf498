/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/cpumask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/base.h>

#include "tests/unit/unit.h"

/* Checks that @text is the CPUs of @list: "0 2 3". */
static void check_mask(const char *text, const char *list)
{
	cpu_set_t cpus, wanted;
	const char *next = list;
	char *end;

	CPU_ZERO(&wanted);
	while (*next != '\0') {
		CPU_SET(strtoul(next, &end, 10), &wanted);
		next = end;
	}
	CPU_ZERO(&cpus);
	ck_assert_msg(os_cpumask_parse(text, &cpus) == 0, "\"%s\" is refused", text);
	ck_assert_msg(CPU_EQUAL(&cpus, &wanted), "\"%s\" is not %s", text, list);
}

START_TEST(test_hex)
{
	check_mask("0x1", "0");
	check_mask("0x3", "0 1");
	check_mask("0xA5", "0 2 5 7");
	check_mask("0Xa5", "0 2 5 7");
	check_mask("0x0001", "0");
	check_mask("0x10000000000000000", "64");
}
END_TEST

START_TEST(test_list)
{
	check_mask("[0]", "0");
	check_mask("[3]", "3");
	check_mask("[0,2-3]", "0 2 3");
	check_mask("0,2-3", "0 2 3");
	check_mask("5,1", "1 5");
	check_mask("2-2", "2");
	check_mask("1-3,2-4", "1 2 3 4");
	check_mask("[1023]", "1023");
}
END_TEST

START_TEST(test_whole_hex)
{
	char text[2 + 256 + 2] = "0x";
	cpu_set_t cpus;

	memset(text + 2, 'f', 256);
	ck_assert_int_eq(os_cpumask_parse(text, &cpus), 0);
	ck_assert_int_eq(CPU_COUNT(&cpus), CPU_SETSIZE);
	text[258] = '0';
	ck_assert_int_eq(os_cpumask_parse(text, &cpus), -EINVAL);
}
END_TEST

START_TEST(test_refused)
{
	static const char *const texts[] = {
		"",
		"0x",
		"0x0",
		"0xg",
		"0x1 ",
		" 0x1",
		"-1",
		"1-",
		"[",
		"[]",
		"[0",
		"0]",
		"[0]x",
		"[0],1",
		"1,",
		",1",
		"1,,2",
		"3-1",
		"0,3-1",
		"1--2",
		"1-2-3",
		"0",
		"3",
		"12",
		"0012",
		"1023",
		"1024",
		"a",
		"ff",
		"0 1",
		"[0x1]",
		"+1",
		"0x-1",
		"[[0]]",
		"99999999999999999999999",
		"0-99999999999999999999999",
		"0-1024",
	};
	cpu_set_t before, cpus;

	CPU_ZERO(&before);
	CPU_SET(7, &before);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(texts); i++) {
		cpus = before;
		ck_assert_msg(os_cpumask_parse(texts[i], &cpus) == -EINVAL, "\"%s\" is taken",
			      texts[i]);
		ck_assert_msg(CPU_EQUAL(&cpus, &before), "\"%s\" touched the result", texts[i]);
	}
}
END_TEST

START_TEST(test_format)
{
	static const char *const texts[] = {"0-1", "0,2-3", "1-3,7,9-10", "0,1023"};
	char text[64], small[24];
	cpu_set_t cpus;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(texts); i++) {
		ck_assert_int_eq(os_cpumask_parse(texts[i], &cpus), 0);
		os_cpumask_format(&cpus, text, sizeof(text));
		ck_assert_str_eq(text, texts[i]);
	}
	CPU_ZERO(&cpus);
	os_cpumask_format(&cpus, text, sizeof(text));
	ck_assert_str_eq(text, "");
	/* Where there is no room for all, what is there is whole. */
	ck_assert_int_eq(os_cpumask_parse("1,3,5,7,9,11,13", &cpus), 0);
	os_cpumask_format(&cpus, small, sizeof(small));
	ck_assert_str_eq(small, "1,3,5,7,9");
}
END_TEST

START_TEST(test_explain)
{
	static const char *const texts[][2] = {
		{"3", "a bare number may be a CPU or a mask: CPU 3 is [3], mask 0x3 is CPUs 0-1"},
		{"12", "a bare number may be a CPU or a mask: CPU 12 is [12], mask 0x12 is CPUs "
		       "1,4"},
		{"1", "a bare number may be a CPU or a mask: CPU 1 is [1], mask 0x1 is CPU 0"},
		{"0", "a bare number may be a CPU or a mask: CPU 0 is [0], mask 0x0 is no CPU"},
		{"4096", "a bare number may be a CPU or a mask: mask 0x4096 is CPUs 1-2,4,7,14"},
		{"ff", "a mask begins with 0x: write 0xff"},
		{"rubbish", "legal are a hexadecimal mask as 0x3 or a list as [0,2-3], with at "
			    "least one CPU"},
		{"0x0", "legal are a hexadecimal mask as 0x3 or a list as [0,2-3], with at least "
			"one CPU"},
		{"", "legal are a hexadecimal mask as 0x3 or a list as [0,2-3], with at least one "
		     "CPU"},
	};
	char number[1024] = "";
	char text[192];

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(texts); i++) {
		os_cpumask_explain(texts[i][0], text, sizeof(text));
		ck_assert_str_eq(text, texts[i][1]);
	}
	memset(number, '1', 1000);
	os_cpumask_explain(number, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, " is larger than any"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_hex),
		UNIT_TEST(test_list),
		UNIT_TEST(test_whole_hex),
		UNIT_TEST(test_refused),
		UNIT_TEST(test_format),
		UNIT_TEST(test_explain),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
