/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/interrupt_counts.h"

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static struct bench_interrupt_counts from, to;

static cpu_set_t cpus_0_and_3(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	CPU_SET(3, &cpus);
	return cpus;
}

static void read_text(const char *text, struct bench_interrupt_counts *counts)
{
	cpu_set_t cpus = cpus_0_and_3();

	scratch_text("proc/interrupts", text);
	bench_interrupt_counts_read(scratch_dir(), &cpus, counts);
}

START_TEST(test_read)
{
	read_text(
		"           CPU0       CPU1       CPU3\n"
		"  0:         36          1          4   IO-APIC   2-edge      timer\n"
		" 33:          1        100          2  PCI-MSIX-0000:00:04.0   0-edge   eth0-rx\n"
		"LOC:         10         20         30   Local timer interrupts\n"
		"ERR:          7\n",
		&from);
	ck_assert_uint_eq(from.num_lines, 4);
	ck_assert_str_eq(from.lines[0].id, "0");
	ck_assert_str_eq(from.lines[0].name, "timer");
	ck_assert_uint_eq(from.lines[0].count, 40);
	ck_assert_str_eq(from.lines[1].id, "33");
	ck_assert_str_eq(from.lines[1].name, "eth0-rx");
	ck_assert_uint_eq(from.lines[1].count, 3);
	ck_assert_str_eq(from.lines[2].name, "Local timer interrupts");
	ck_assert_uint_eq(from.lines[2].count, 40);
	ck_assert_uint_eq(from.lines[3].count, 7);
}
END_TEST

START_TEST(test_busiest)
{
	const struct bench_interrupt_line *line;
	uint64_t count;

	read_text("      CPU0 CPU3\n"
		  " 30:     0    0  PCI-MSIX  0-edge  nvme0q1\n"
		  " 33:     1    2  PCI-MSIX  0-edge  eth0-rx\n"
		  " 34:     9    9  PCI-MSIX  0-edge  wlan0\n"
		  "LOC:    10   20  Local timer interrupts\n",
		  &from);
	ck_assert_ptr_null(bench_interrupt_counts_busiest(&from, &from, &count));
	ck_assert_uint_eq(count, 0);
	read_text("      CPU0 CPU3\n" /* one has come between */
		  " 30:  9000    0  PCI-MSIX  0-edge  nvme0q1\n"
		  " 31:     5    0  PCI-MSIX  0-edge  new\n"
		  " 33:   101  202  PCI-MSIX  0-edge  eth0-rx\n"
		  " 34:     9   10  PCI-MSIX  0-edge  wlan0\n"
		  "LOC: 99999   20  Local timer interrupts\n",
		  &to);
	line = bench_interrupt_counts_busiest(&from, &to, &count);
	ck_assert_ptr_nonnull(line);
	ck_assert_str_eq(line->name, "eth0-rx");
	ck_assert_uint_eq(count, 300);
}
END_TEST

START_TEST(test_none)
{
	cpu_set_t cpus = cpus_0_and_3();
	uint64_t count;

	bench_interrupt_counts_read(scratch_dir(), &cpus, &from);
	ck_assert_uint_eq(from.num_lines, 0);
	read_text("", &from);
	ck_assert_uint_eq(from.num_lines, 0);
	read_text(":::\nCPU\n 33:\n\n:\n", &to);
	ck_assert_ptr_null(bench_interrupt_counts_busiest(&from, &to, &count));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(test_read),
		UNIT_TEST(test_busiest),
		UNIT_TEST(test_none),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
