/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "bench/machine/task_use.h"
#include "bench/machine/pseudo_file.h"
#include "core/os/steal.h"

#define SECTOR_BYTES 512u
#define CPU_PATH     "/sys/devices/system/cpu/cpu%u"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time = {.tv_sec = 0};

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * EBB_NS_PER_S + (uint64_t)time.tv_nsec;
}

static uint64_t suspended_read(void)
{
	uint64_t monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	uint64_t boot_ns = clock_ns(CLOCK_BOOTTIME);

	return boot_ns > monotonic_ns ? boot_ns - monotonic_ns : 0;
}

/* A line of /proc/stat: "cpu1 user nice system idle iowait irq softirq steal guest guest_nice". */
static bool cpu_parse(const char *line, const cpu_set_t *cpus, struct bench_reading_cpu *ret_cpu)
{
	uint64_t user, nice, system, steal, tick_ns = os_steal_tick_ns();
	unsigned number;
	int found =
		sscanf(line, "cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %" SCNu64,
		       &number, &user, &nice, &system, &steal);

	if (found < 4 || number >= CPU_SETSIZE || !CPU_ISSET(number, cpus)) {
		return false;
	}
	*ret_cpu = (struct bench_reading_cpu){
		.number = number,
		.busy_ns = (user + nice + system) * tick_ns,
		.steal_ns = found == 5 ? steal * tick_ns : 0,
	};
	return true;
}

static void cpu_sysfs_read(const char *root, struct bench_reading_cpu *cpu)
{
	uint64_t core, package;

	if (bench_pseudo_file_count(&core, root, CPU_PATH "/thermal_throttle/core_throttle_count",
				    cpu->number)) {
		cpu->throttles += core;
	}
	if (bench_pseudo_file_count(&package, root,
				    CPU_PATH "/thermal_throttle/package_throttle_count",
				    cpu->number)) {
		cpu->throttles += package;
	}
	bench_pseudo_file_count(&cpu->khz, root, CPU_PATH "/cpufreq/scaling_cur_freq", cpu->number);
}

static void cpus_read(const char *root, const cpu_set_t *cpus, struct bench_reading *reading)
{
	char *text = bench_pseudo_file_text(root, "%s", "/proc/stat");
	char *save = NULL;

	if (text == NULL) {
		return;
	}
	for (char *line = strtok_r(text, "\n", &save);
	     line != NULL && reading->num_cpus < BENCH_READING_CPUS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		if (cpu_parse(line, cpus, &reading->cpus[reading->num_cpus])) {
			cpu_sysfs_read(root, &reading->cpus[reading->num_cpus]);
			reading->num_cpus++;
		}
	}
	free(text);
}

static void memory_read(const char *root, struct bench_reading *reading)
{
	char *text = bench_pseudo_file_text(root, "%s", "/proc/vmstat");
	char line[128];
	uint64_t in, out, total_us;

	if (text != NULL) {
		if (bench_pseudo_file_number(text, "pswpin", &in) &&
		    bench_pseudo_file_number(text, "pswpout", &out)) {
			reading->swapped_pages = in + out;
		}
		bench_pseudo_file_number(text, "compact_stall", &reading->compactions);
	}
	free(text);
	/* The first line is "some": at least one waited. */
	if (bench_pseudo_file_line(line, sizeof(line), root, "%s", "/proc/pressure/memory") &&
	    sscanf(line, "some %*s %*s %*s total=%" SCNu64, &total_us) == 1) {
		reading->pressure_ns = total_us * EBB_NS_PER_US;
	}
}

/* Its "stat": reads, merged, sectors, time; the same of writes; and more. */
static uint64_t disk_bytes_read(const char *root, const char *disk)
{
	uint64_t read_sectors, written_sectors;
	char line[256];

	if (disk[0] == '\0' || !bench_pseudo_file_line(line, sizeof(line), root, "%s/stat", disk) ||
	    sscanf(line, "%*u %*u %" SCNu64 " %*u %*u %*u %" SCNu64, &read_sectors,
		   &written_sectors) != 2) {
		return 0;
	}
	return (read_sectors + written_sectors) * SECTOR_BYTES;
}

void bench_reading_take(const char *root, const cpu_set_t *cpus, const char *disk,
			struct bench_reading *ret_reading)
{
	struct bench_task_use own;

	memset(ret_reading, 0, offsetof(struct bench_reading, interrupts));
	ret_reading->now_ns = ebb_clock_now_ns();
	ret_reading->suspended_ns = suspended_read();
	if (bench_task_use_process(root, getpid(), &own) == 0) {
		ret_reading->own_ns = own.cpu_ns;
		ret_reading->own_queue_ns = own.queue_ns;
		ret_reading->own_faults = own.major_faults;
		ret_reading->own_disk_bytes = own.disk_bytes;
	}
	ret_reading->disk_bytes = disk_bytes_read(root, disk);
	cpus_read(root, cpus, ret_reading);
	memory_read(root, ret_reading);
	bench_pseudo_file_line(ret_reading->clock_source, sizeof(ret_reading->clock_source), root,
			       "%s",
			       "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	bench_interrupt_counts_read(root, cpus, &ret_reading->interrupts);
}
