/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/disturbance.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <ebb/base.h>
#include <ebb/clock.h>

#include "core/os/steal.h"
#include "tests/unit/bench/machine/machines.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

#define LINES_MAX 16
#define CPU       "sys/devices/system/cpu/"
#define CLOCK     "sys/devices/system/clocksource/clocksource0/current_clocksource"

static struct bench_disturbance *disturbance;
static char lines[LINES_MAX][BENCH_WARNING_MAX];
static uint64_t clock_ns;

/* Counters of the made-up machine, in clock ticks where the kernel's are. */
static struct {
	unsigned busy[2], steal[2], own, queue_ns, faults, swapped, compactions, pressure_us;
	unsigned throttles, interrupts, khz, own_bytes, sectors;
	const char *clock_source;
} machine;

static uint64_t clock_moved(void)
{
	return clock_ns;
}

static void machine_write(void)
{
	unsigned elsewhere = (unsigned)(clock_ns / os_steal_tick_ns());
	char path[96], text[512];

	snprintf(
		text, sizeof(text),
		"cpu  9 9 9 9 9 9 9 9\ncpu0 %u 0 0 5 5 88 88 %u 0 0\ncpu1 1 %u 1 5 5 88 88 %u 0 0\n"
		"cpu2 %u 0 0 0 0 0 0 %u 0 0\nintr 5\n", /* none of ours */
		machine.busy[0], machine.steal[0], machine.busy[1], machine.steal[1], elsewhere,
		elsewhere);
	scratch_text("proc/stat", text);
	snprintf(path, sizeof(path), "proc/%d/stat", (int)getpid());
	snprintf(text, sizeof(text), "%d (own) R 1 0 0 0 0 0 0 0 %u 0 %u 0 0 0 20 0\n",
		 (int)getpid(), machine.faults, machine.own);
	scratch_text(path, text);
	snprintf(path, sizeof(path), "proc/%d/task/%d/status", (int)getpid(), (int)getpid());
	scratch_text(path, "voluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t1\n");
	snprintf(path, sizeof(path), "proc/%d/task/%d/schedstat", (int)getpid(), (int)getpid());
	snprintf(text, sizeof(text), "1 %u 1\n", machine.queue_ns);
	scratch_text(path, text);
	snprintf(text, sizeof(text), "pswpin %u\npswpout 3\ncompact_stall %u\n", machine.swapped,
		 machine.compactions);
	scratch_text("proc/vmstat", text);
	snprintf(text, sizeof(text), "some avg10=0.00 avg60=0.00 avg300=0.00 total=%u\n",
		 machine.pressure_us);
	scratch_text("proc/pressure/memory", text);
	snprintf(text, sizeof(text), "   CPU0 CPU1 CPU2\n 33: 5 %u 0  PCI 0-edge  eth0\n",
		 machine.interrupts);
	scratch_text("proc/interrupts", text);
	snprintf(text, sizeof(text), "%u\n", machine.throttles);
	scratch_text(CPU "cpu1/thermal_throttle/core_throttle_count", text);
	snprintf(text, sizeof(text), "%u\n", machine.khz);
	scratch_text(CPU "cpu1/cpufreq/scaling_cur_freq", text);
	scratch_text(CLOCK, machine.clock_source);
	snprintf(path, sizeof(path), "proc/%d/io", (int)getpid());
	snprintf(text, sizeof(text), "read_bytes: %u\nwrite_bytes: 7\n", machine.own_bytes);
	scratch_text(path, text);
	snprintf(text, sizeof(text), " 9 9 %u 9 9 9 1000 9 9\n", machine.sectors);
	scratch_text("sys/devices/vdx/stat", text);
}

static void begin(void)
{
	cpu_set_t cpus;

	scratch_begin();
	memset(&machine, 0, sizeof(machine));
	machine.clock_source = "tsc\n";
	machine.khz = 2000000;
	clock_ns = EBB_NS_PER_S;
	ebb_clock_set_source(clock_moved);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	CPU_SET(1, &cpus);
	disturbance = bench_disturbance_create(scratch_dir(), &cpus);
	ck_assert_ptr_nonnull(disturbance);
}

static void end(void)
{
	bench_disturbance_destroy(disturbance);
	ebb_clock_set_source(NULL);
	scratch_end();
}

/* A run begins with what @machine has, and a second of it passes. */
static void run_begin(void)
{
	machine_write();
	bench_disturbance_begin(disturbance);
	clock_ns += EBB_NS_PER_S;
}

static void run_end(void)
{
	machine_write();
	bench_disturbance_end(disturbance);
}

static void quiet_runs(unsigned count)
{
	while (count-- > 0) {
		run_begin();
		run_end();
	}
}

/* So many ticks are a share of the second that a run takes. */
static unsigned percent(unsigned share)
{
	return (unsigned)(share * EBB_NS_PER_S / 100 / os_steal_tick_ns());
}

static unsigned warnings(void)
{
	return bench_disturbance_warnings(disturbance, lines, LINES_MAX);
}

static void only(const char *wanted)
{
	ck_assert_uint_eq(warnings(), 1);
	ck_assert_str_eq(lines[0], wanted);
}

START_TEST(test_quiet)
{
	ck_assert_uint_eq(warnings(), 0);
	run_begin();
	machine.busy[0] += percent(100); /* all of it its own */
	machine.own += percent(98);
	machine.interrupts += 9000;
	run_end();
	quiet_runs(2);
	ck_assert_uint_eq(warnings(), 0);
}
END_TEST

START_TEST(test_steal)
{
	run_begin();
	machine.steal[0] += percent(3);
	machine.steal[1] += percent(8);
	run_end();
	run_begin();
	machine.steal[1] += percent(16);
	run_end();
	quiet_runs(7);
	only("12 % of CPU 1 was stolen by the host in 2 of 9 runs (at most 16): give this guest "
	     "CPUs of its own, or measure when the host is quiet");
}
END_TEST

START_TEST(test_others)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/stat", 77);
	scratch_text(path, "77 (make) R 1 0 0 0 0 0 0 0 0 0 50 0 0 0 20 0\n");
	run_begin();
	machine.busy[0] += percent(100);
	machine.busy[1] += percent(50);
	machine.own += percent(120);
	run_end();
	only("30 % of a CPU was used by other programs on CPUs 0-1 in 1 of 1 run: end them, or "
	     "keep "
	     "them off these CPUs; make (PID 77) used most");
}
END_TEST

/* The disk of a partition that a file is on; another one's runs come after it. */
START_TEST(test_disk)
{
	struct bench_disk disk;
	struct stat st;
	char link[64];

	scratch_sparse("file", 4096);
	ck_assert(!bench_device_facts_disk(scratch_dir(), scratch_path("file"), &disk));
	ck_assert(!bench_device_facts_disk(scratch_dir(), "/nonexistent", &disk));
	ck_assert_int_eq(stat(scratch_path("file"), &st), 0);
	snprintf(link, sizeof(link), "sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	scratch_link(link, "../../devices/vdx/vdx1");
	scratch_text("sys/devices/vdx/vdx1/partition", "1\n");
	ck_assert(bench_device_facts_disk(scratch_dir(), scratch_path("file"), &disk));
	bench_disturbance_watch(disturbance, &disk);
	run_begin();
	machine.sectors += 30 * 2048;
	machine.own_bytes += 20 << 20;
	run_end();
	run_begin();
	machine.sectors += 20 * 2048; /* all of it its own */
	machine.own_bytes += 20 << 20;
	run_end();
	only("10 MiB a second were read and written by other programs on vdx1 in 1 of 2 runs: end "
	     "them, or give a drive of its own");
	bench_disturbance_watch(disturbance, NULL);
	run_begin();
	machine.sectors += 90 * 2048;
	run_end();
	only("10 MiB a second were read and written by other programs on vdx1 in 1 of 3 runs: end "
	     "them, or give a drive of its own");
}
END_TEST

/* Two ticks may be of anybody. */
START_TEST(test_short_run)
{
	machine_write();
	bench_disturbance_begin(disturbance);
	clock_ns += 10 * os_steal_tick_ns();
	machine.busy[0] += 2;
	run_end();
	ck_assert_uint_eq(warnings(), 0);
}
END_TEST

START_TEST(test_counts)
{
	static const char *const wanted[] = {
		"200 ms a second the threads of the run waited for a CPU in 1 of 2 runs",
		"3 times CPU 1 was slowed down for its heat in 1 of 2 runs",
		"20000 interrupts a second came from eth0 (IRQ 33) in 1 of 2 runs",
		"6 times a run waited for the disk to get its own memory in 1 of 2 runs",
		"7 pages were swapped in 1 of 2 runs",
		"8 times a program waited for memory to be compacted in 1 of 2 runs",
		"50 % of the time a program waited for memory in 1 of 2 runs",
	};
	char beginning[BENCH_WARNING_MAX];

	run_begin();
	machine.queue_ns = 200 * EBB_NS_PER_MS;
	machine.throttles = 3;
	machine.interrupts = 20000;
	machine.faults = 6;
	machine.swapped = 7;
	machine.compactions = 8;
	machine.pressure_us = 500000;
	run_end();
	quiet_runs(1);
	ck_assert_uint_eq(warnings(), EBB_ARRAY_SIZE(wanted));
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(wanted); i++) {
		snprintf(beginning, sizeof(beginning), "%s: ", wanted[i]);
		ck_assert_msg(strncmp(lines[i], beginning, strlen(beginning)) == 0, "%s", lines[i]);
	}
	ck_assert_uint_eq(bench_disturbance_warnings(disturbance, lines, 2), 2);
}
END_TEST

/* The frequency counts as it is at the ends of runs: between them the CPU sleeps. */
START_TEST(test_frequency)
{
	machine.khz = 800000;
	run_begin();
	machine.khz = 3000000;
	run_end();
	machine.khz = 800000;
	run_begin();
	machine.khz = 2950000;
	run_end();
	ck_assert_uint_eq(warnings(), 0);
	run_begin();
	machine.khz = 1500000;
	run_end();
	only("CPU 1 ran at 1500 to 3000 MHz at the ends of the runs: for figures that repeat, "
	     "cpupower frequency-set with -d and -u alike");
}
END_TEST

START_TEST(test_clock_source)
{
	run_begin();
	machine.clock_source = "hpet\n";
	run_end();
	quiet_runs(1);
	only("the kernel went from clock source tsc to hpet in a run, as the former is not stable: "
	     "measure again");
}
END_TEST

/* A run that has no end is none. */
START_TEST(test_unfinished)
{
	run_begin();
	machine.steal[1] += percent(50);
	quiet_runs(1);
	machine.steal[1] += percent(50);
	machine_write();
	bench_disturbance_end(disturbance);
	ck_assert_uint_eq(warnings(), 0);
}
END_TEST

START_TEST(test_garbage)
{
	machine_garbage();
	bench_disturbance_begin(disturbance);
	clock_ns += EBB_NS_PER_S;
	bench_disturbance_end(disturbance);
	ck_assert_uint_eq(warnings(), 0);
}
END_TEST

/* This machine may be disturbed by anything; what is said of it fits its line. */
START_TEST(test_real)
{
	struct bench_disturbance *real;
	cpu_set_t cpus;
	unsigned count;

	ebb_clock_set_source(NULL);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	real = bench_disturbance_create("", &cpus);
	for (unsigned i = 0; i < 2; i++) {
		bench_disturbance_begin(real);
		bench_disturbance_end(real);
	}
	count = bench_disturbance_warnings(real, lines, LINES_MAX);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_ptr_nonnull(strstr(lines[i], ": "));
		ck_assert_uint_lt(strlen(lines[i]), BENCH_WARNING_MAX - 1);
	}
	bench_disturbance_destroy(real);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(begin, end),
		UNIT_TEST(test_quiet),
		UNIT_TEST(test_steal),
		UNIT_TEST(test_others),
		UNIT_TEST(test_disk),
		UNIT_TEST(test_short_run),
		UNIT_TEST(test_counts),
		UNIT_TEST(test_frequency),
		UNIT_TEST(test_clock_source),
		UNIT_TEST(test_unfinished),
		UNIT_TEST(test_garbage),
		UNIT_TEST(test_real),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
