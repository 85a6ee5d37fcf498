/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/facts.h"

#include <json-c/json.h>

#include "bench/machine/cpu_facts.h"
#include "bench/machine/system_facts.h"
#include "tests/unit/bench/machine/machines.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static struct json_object *facts;

static void begin(void)
{
	scratch_begin();
	facts = NULL;
}

static void end(void)
{
	json_object_put(facts);
	scratch_end();
}

/* As bench_facts_get() does, with CPUs 0 and 1 allowed, whatever this machine has. */
static void facts_make(void)
{
	cpu_set_t allowed;

	CPU_ZERO(&allowed);
	CPU_SET(0, &allowed);
	CPU_SET(1, &allowed);
	facts = json_object_new_object();
	json_object_object_add(facts, "cpu", bench_cpu_facts_get(scratch_dir(), &allowed));
	bench_system_facts_add(facts, scratch_dir());
}

static void is(const char *path, const char *wanted)
{
	ck_assert_msg(json_object_is_type(facts, json_type_object), "no facts");
	ck_assert_str_eq(machine_fact(facts, path), wanted);
}

START_TEST(test_laptop_cpus)
{
	machine_laptop();
	facts_make();
	is("cpu.model", "Some CPU @ 1.80GHz");
	is("cpu.cpuinfo_mhz", "1400");
	is("cpu.online", "0-3");
	is("cpu.allowed", "0-1");
	is("cpu.num_allowed", "2");
	is("cpu.smt", "true");
	is("cpu.cores", "[ \"0,2\", \"1,3\" ]");
	is("cpu.frequency.driver", "acpi-cpufreq");
	is("cpu.frequency.governor", "powersave, schedutil");
	is("cpu.frequency.boost", "true");
	is("cpu.frequency.current_mhz", "1400");
	is("cpu.frequency.min_mhz", "400");
	is("cpu.frequency.max_mhz", "2000");
	is("cpu.frequency.hardware_max_mhz", "3600");
	is("cpu.idle.driver", "acpi_idle");
	is("cpu.idle.governor", "menu");
	is("cpu.idle.states.2.name", "C6");
	is("cpu.idle.states.2.exit_latency_us", "133");
	is("cpu.idle.states.2.residency_us", "99");
	is("cpu.idle.states.2.disabled", "true");
	is("cpu.idle.states.1.disabled", "false");
	is("cpu.idle.states.3", "-");
	is("cpu.mitigations.meltdown", "Mitigation: PTI");
}
END_TEST

/* Intel's driver says the opposite. */
START_TEST(test_no_turbo)
{
	machine_laptop();
	scratch_text("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
	facts_make();
	is("cpu.frequency.boost", "false");
}
END_TEST

START_TEST(test_laptop_system)
{
	machine_laptop();
	facts_make();
	is("kernel.release", "6.1.0-9-amd64");
	is("kernel.command_line",
	   "[ \"mitigations=off\", \"intel_idle.max_cstate=3\", \"nohz_full=1\", \"idle=poll\" ]");
	is("kernel.clock_source", "hpet");
	is("kernel.timer_slack_ns", "50000");
	is("hypervisor.present", "false");
	is("memory.total_bytes", "8192000");
	is("memory.available_bytes", "6144000");
	is("memory.swap_total_bytes", "0");
	is("memory.transparent_hugepages", "always");
	is("iommu.present", "true");
	is("iommu.groups", "2");
	is("iommu.type", "DMA-FQ");
	is("power.source", "battery");
	is("power.battery_percent", "71");
	is("power.platform_profile", "low-power");
}
END_TEST

/* Plugged in: what a mouse's battery does is nobody's business. */
START_TEST(test_mains)
{
	machine_laptop();
	scratch_text("sys/class/power_supply/AC/online", "1\n");
	scratch_text("sys/class/power_supply/BAT0/status", "Full\n");
	facts_make();
	is("power.source", "mains");
}
END_TEST

START_TEST(test_guest)
{
	machine_guest();
	facts_make();
	is("cpu.model", "Guest CPU");
	is("cpu.cpuinfo_mhz", "-");
	is("cpu.smt", "-");
	is("cpu.frequency", "-");
	is("cpu.idle.driver", "none");
	is("cpu.idle.governor", "haltpoll");
	is("cpu.idle.states", "-");
	is("cpu.mitigations", "-");
	is("hypervisor.present", "true");
	is("iommu.present", "false");
	is("iommu.groups", "-");
	is("memory", "-");
	is("power.source", "mains");
	is("power.battery_percent", "-");
}
END_TEST

/* What cannot be understood is absent, and no byte of it makes the report no JSON. */
START_TEST(test_garbage)
{
	machine_garbage();
	facts_make();
	is("cpu.model", "-");
	is("cpu.online", "-");
	is("cpu.smt", "-");
	is("cpu.frequency.current_mhz", "-");
	is("cpu.frequency.max_mhz", "-");
	is("cpu.frequency.boost", "-");
	is("cpu.frequency.governor", "??ood");
	is("cpu.idle.states.0.name", "odd");
	is("cpu.idle.states.0.exit_latency_us", "-");
	is("cpu.idle.states.0.disabled", "-");
	is("cpu.mitigations", "-");
	is("kernel", "-");
	is("hypervisor", "-");
	is("memory", "-");
	is("power", "-");
}
END_TEST

START_TEST(test_nothing)
{
	facts_make();
	is("cpu.model", "-");
	is("cpu.frequency", "-");
	is("cpu.idle", "-");
	is("kernel", "-");
	is("hypervisor", "-");
	is("memory", "-");
	is("power", "-");
	is("iommu.present", "false");
}
END_TEST

/* Of this machine, whatever it is; the device is told when a path is given. */
START_TEST(test_real)
{
	facts = bench_facts_get(NULL);
	ck_assert_str_ne(machine_fact(facts, "kernel.release"), "-");
	ck_assert_str_ne(machine_fact(facts, "cpu.num_allowed"), "-");
	ck_assert_str_ne(machine_fact(facts, "energy"), "-");
	is("build.version", EBB_VERSION);
	is("device", "-");
	json_object_put(facts);
	facts = bench_facts_get(scratch_sparse("disk", 8192));
	is("device.file_bytes", "8192");
	json_object_put(facts);
	facts = bench_facts_get_root(scratch_dir(), "/nonexistent");
	is("energy", "unavailable: this machine has no energy counters (RAPL)");
	is("device", "-");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(begin, end), UNIT_TEST(test_laptop_cpus),
		UNIT_TEST(test_no_turbo), UNIT_TEST(test_laptop_system),
		UNIT_TEST(test_mains),    UNIT_TEST(test_guest),
		UNIT_TEST(test_garbage),  UNIT_TEST(test_nothing),
		UNIT_TEST(test_real),     UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
