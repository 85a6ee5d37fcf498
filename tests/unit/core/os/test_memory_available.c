/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/memory_available.h"

#include <stdio.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

#define MIB (1024u * 1024u)

static uint64_t available(void)
{
	return os_memory_available(scratch_dir()) / MIB;
}

static void group_make(const char *folder, const char *max, const char *current, const char *stat)
{
	char name[128];

	snprintf(name, sizeof(name), "sys/fs/cgroup%s/memory.max", folder);
	scratch_text(name, max);
	snprintf(name, sizeof(name), "sys/fs/cgroup%s/memory.current", folder);
	scratch_text(name, current);
	snprintf(name, sizeof(name), "sys/fs/cgroup%s/memory.stat", folder);
	scratch_text(name, stat);
}

START_TEST(what_is_not_said_is_no_limit)
{
	ck_assert(os_memory_available(scratch_dir()) == UINT64_MAX);
	ck_assert_uint_eq(os_memory_resident(scratch_dir()), 0);
	scratch_text("proc/meminfo", "MemTotal: 8192 kB\n");
	scratch_text("proc/self/cgroup", "1:memory:/old\n");
	ck_assert(os_memory_available(scratch_dir()) == UINT64_MAX);
}
END_TEST

START_TEST(the_kernel_says_what_is_available)
{
	scratch_text("proc/meminfo", "MemTotal:       8388608 kB\nMemFree:         102400 kB\n"
				     "MemAvailable:   4194304 kB\nBuffers:          1 kB\n");
	ck_assert_uint_eq(available(), 4096);
	scratch_text("proc/self/status", "Name:\tebbd\nVmRSS:\t 9216 kB\nRssAnon:\t 5120 kB\n");
	ck_assert_uint_eq(os_memory_resident(scratch_dir()), 5 * MIB);
}
END_TEST

START_TEST(the_tightest_control_group_counts)
{
	scratch_text("proc/meminfo", "MemAvailable:   4194304 kB\n");
	scratch_text("proc/self/cgroup", "1:name=x:/y\n0::/a/b\n");
	group_make("/a/b", "max\n", "1048576\n", "");
	ck_assert_uint_eq(available(), 4096);
	/* 512 MiB of which 300 are used, 100 of these for cache. */
	group_make("/a", "536870912\n", "314572800\n", "anon 209715200\nfile 104857600\n");
	ck_assert_uint_eq(available(), 312);
	group_make("/a/b", "104857600\n", "52428800\n", "file 0\n");
	ck_assert_uint_eq(available(), 50);
	group_make("", "10485760\n", "0\n", "file 7\n");
	ck_assert_uint_eq(available(), 10);
	group_make("", "10485760\n", "20971520\n", "file 0\n");
	ck_assert_uint_eq(available(), 0);
}
END_TEST

START_TEST(this_machine_says_something)
{
	ck_assert_uint_gt(os_memory_available(""), 0);
	ck_assert(os_memory_available("") != UINT64_MAX);
	ck_assert_uint_gt(os_memory_resident(""), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(what_is_not_said_is_no_limit),
		UNIT_TEST(the_kernel_says_what_is_available),
		UNIT_TEST(the_tightest_control_group_counts),
		UNIT_TEST(this_machine_says_something),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
