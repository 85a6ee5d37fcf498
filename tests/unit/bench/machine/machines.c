/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bench/machine/machines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tests/unit/core/base/scratch.h"

#define CPU "sys/devices/system/cpu/"

static void state(unsigned number, const char *name, const char *latency, const char *disable)
{
	static const char *const files[] = {"name", "desc", "latency", "residency", "disable"};
	const char *const texts[] = {name, "some state\n", latency, "99\n", disable};
	char path[128];

	for (unsigned i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), CPU "cpu0/cpuidle/state%u/%s", number, files[i]);
		scratch_text(path, texts[i]);
	}
}

static void cpus(void)
{
	scratch_text(CPU "online", "0-3\n");
	scratch_text(CPU "smt/active", "1\n");
	scratch_text(CPU "cpu0/topology/thread_siblings_list", "0,2\n");
	scratch_text(CPU "cpu1/topology/thread_siblings_list", "1,3\n");
	scratch_text(CPU "cpu2/topology/thread_siblings_list", "0,2\n");
	scratch_text(CPU "cpu0/cpufreq/scaling_driver", "acpi-cpufreq\n");
	scratch_text(CPU "cpu0/cpufreq/scaling_governor", "powersave\n");
	scratch_text(CPU "cpu1/cpufreq/scaling_governor", "schedutil\n");
	scratch_text(CPU "cpu2/cpufreq/scaling_governor", "powersave\n");
	scratch_text(CPU "cpu0/cpufreq/scaling_cur_freq", "1400123\n");
	scratch_text(CPU "cpu0/cpufreq/scaling_min_freq", "400000\n");
	scratch_text(CPU "cpu0/cpufreq/scaling_max_freq", "2000000\n");
	scratch_text(CPU "cpu0/cpufreq/cpuinfo_max_freq", "3600000\n");
	scratch_text(CPU "cpufreq/boost", "1\n");
	scratch_text(CPU "cpuidle/current_driver", "acpi_idle\n");
	scratch_text(CPU "cpuidle/current_governor", "menu\n");
	scratch_text(CPU "vulnerabilities/meltdown", "Mitigation: PTI\n");
	scratch_text(CPU "vulnerabilities/retbleed", "Not affected\n");
	state(0, "POLL\n", "0\n", "0\n");
	state(1, "C1\n", "2\n", "0\n");
	state(2, "C6\n", "133\n", "1\n");
}

void machine_laptop(void)
{
	cpus();
	scratch_text("proc/cpuinfo", "processor\t: 0\nmodel\t\t: 142\n"
				     "model name\t: Some CPU @ 1.80GHz\ncpu MHz\t\t: 1400.123\n"
				     "flags\t\t: fpu vme tsc\n\nprocessor\t: 1\n");
	scratch_text("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/x quiet mitigations=off "
				     "intel_idle.max_cstate=3 nohz_full=1 idle=poll -- nosmt\n");
	scratch_text("proc/meminfo", "MemTotal:        8000 kB\nMemFree: 7 kB\n"
				     "MemAvailable:    6000 kB\nSwapTotal: 0 kB\n");
	scratch_text("proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
	scratch_text("proc/self/timerslack_ns", "50000\n");
	scratch_text("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
	scratch_text("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
	scratch_text("sys/kernel/iommu_groups/0/type", "DMA-FQ\n");
	scratch_text("sys/kernel/iommu_groups/1/type", "identity\n");
	scratch_text("sys/class/power_supply/AC/type", "Mains\n");
	scratch_text("sys/class/power_supply/AC/online", "0\n");
	scratch_text("sys/class/power_supply/BAT0/type", "Battery\n");
	scratch_text("sys/class/power_supply/BAT0/status", "Discharging\n");
	scratch_text("sys/class/power_supply/BAT0/capacity", "71\n");
	scratch_text("sys/class/power_supply/mouse/type", "Battery\n");
	scratch_text("sys/class/power_supply/mouse/scope", "Device\n");
	scratch_text("sys/class/power_supply/mouse/status", "Discharging\n");
	scratch_text("sys/class/power_supply/mouse/capacity", "3\n");
	scratch_text("sys/firmware/acpi/platform_profile", "low-power\n");
}

void machine_guest(void)
{
	scratch_text("proc/cpuinfo", "processor\t: 0\nmodel name\t: Guest CPU\n"
				     "flags\t\t: fpu hypervisor tsc\n");
	scratch_text(CPU "online", "0-1\n");
	scratch_text(CPU "cpu0/topology/thread_siblings_list", "0\n");
	scratch_text(CPU "cpu1/topology/thread_siblings_list", "1\n");
	scratch_text(CPU "cpuidle/current_driver", "none\n");
	scratch_text(CPU "cpuidle/current_governor_ro", "haltpoll\n");
	scratch_text("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
	scratch_text("sys/class/power_supply/AC/type", "Mains\n");
	scratch_text("sys/class/power_supply/AC/online", "1\n");
}

void machine_garbage(void)
{
	scratch_text("proc/cpuinfo", "model name\nmodel name:\nflags");
	scratch_text("proc/cmdline", "");
	scratch_text("proc/meminfo", "MemTotal: lots kB\nMemAvailable 99999999999999999999 kB\n");
	scratch_text("proc/stat", "cpu\ncpu0\ncpux 1 2 3\ncpu1 a b c\n");
	scratch_text("proc/vmstat", "pswpin\npswpout x\ncompact_stall -1\n");
	scratch_text("proc/interrupts", ":::\nCPU\n 33:\n\n:\n");
	scratch_text("proc/pressure/memory", "some avg10=x\n");
	scratch_text(CPU "online", "\n");
	scratch_text(CPU "smt/active", "maybe\n");
	scratch_text(CPU "cpu0/cpufreq/scaling_cur_freq", "<unknown>\n");
	scratch_text(CPU "cpu0/cpufreq/scaling_max_freq", "-5\n");
	scratch_text(CPU "cpu0/cpufreq/scaling_governor", "\xff\x01"
							  "ood\n");
	scratch_text(CPU "cpufreq/boost", "1 1\n");
	scratch_text(CPU "vulnerabilities/empty", "");
	scratch_text("sys/kernel/mm/transparent_hugepage/enabled", "always]\n");
	scratch_text("sys/class/power_supply/BAT0/type", "\n");
	scratch_text("sys/class/power_supply/BAT1/capacity", "7\n");
	scratch_text("sys/class/powercap/intel-rapl:0/name", "");
	scratch_text("sys/class/powercap/intel-rapl:x/name", "package-0\n");
	state(0, "", "x\n", "x\n");
	state(1, "odd\n", "soon\n", "\n");
}

const char *machine_fact(struct json_object *facts, const char *path)
{
	char copy[128], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *name = strtok_r(copy, ".", &save); name != NULL && facts != NULL;
	     name = strtok_r(NULL, ".", &save)) {
		if (json_object_is_type(facts, json_type_array)) {
			facts = json_object_array_get_idx(facts, strtoul(name, NULL, 10));
		} else {
			json_object_object_get_ex(facts, name, &facts);
		}
	}
	return facts == NULL ? "-" : json_object_get_string(facts);
}
