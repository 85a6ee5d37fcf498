/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/others.h"

#include <stdio.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static struct bench_others from, to;

static void process(int pid, const char *name, int parent, unsigned user, unsigned system)
{
	char path[64], line[256];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	snprintf(line, sizeof(line), "%d (%s) S %d 0 0 0 0 0 0 0 0 0 %u %u 0 0 20 0\n", pid, name,
		 parent, user, system);
	scratch_text(path, line);
}

START_TEST(test_busiest)
{
	const struct bench_other *other;

	scratch_text("proc/self/stat", "not a number");
	scratch_text("proc/12/stat", "garbage");
	process(1, "init", 0, 5000, 0);
	process(50, "own", 1, 100, 0);
	process(51, "child of own", 50, 100, 0);
	process(60, "a) R\n1 (b", 1, 100, 100);
	process(61, "idle", 1, 900, 900);
	bench_others_read(scratch_dir(), &from);
	ck_assert_uint_eq(from.count, 5);
	ck_assert_ptr_null(bench_others_busiest(&from, &from, 50));
	process(50, "own", 1, 500, 0);
	process(51, "child of own", 50, 600, 0);
	process(60, "a) R\n1 (b", 1, 120, 180);
	process(61, "idle", 1, 900, 901);
	bench_others_read(scratch_dir(), &to);
	other = bench_others_busiest(&from, &to, 50);
	ck_assert_ptr_nonnull(other);
	ck_assert_int_eq(other->pid, 60);
	ck_assert_str_eq(other->name, "a) R?1 (b");
	/* Who came meanwhile has used all of it. */
	process(70, "new", 1, 101, 0);
	bench_others_read(scratch_dir(), &to);
	ck_assert_int_eq(bench_others_busiest(&from, &to, 50)->pid, 70);
}
END_TEST

START_TEST(test_none)
{
	bench_others_read(scratch_path("nowhere"), &from);
	ck_assert_uint_eq(from.count, 0);
	ck_assert_ptr_null(bench_others_busiest(&from, &from, 1));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(test_busiest),
		UNIT_TEST(test_none),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
