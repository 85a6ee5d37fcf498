/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/facts_warnings.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/machine/cpu_facts.h"
#include "bench/machine/system_facts.h"
#include "tests/unit/bench/machine/machines.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

#define LINES_MAX 32

static char lines[LINES_MAX][BENCH_WARNING_MAX];
static unsigned count;

static bool said(const char *text)
{
	for (unsigned i = 0; i < count; i++) {
		if (strstr(lines[i], text) != NULL) {
			return true;
		}
	}
	return false;
}

/* Of the made-up machine, with the first @num_cpus allowed. */
static void machine_judge(unsigned num_cpus)
{
	struct json_object *facts = json_object_new_object();
	cpu_set_t allowed;

	CPU_ZERO(&allowed);
	for (unsigned i = 0; i < num_cpus; i++) {
		CPU_SET(i, &allowed);
	}
	json_object_object_add(facts, "cpu", bench_cpu_facts_get(scratch_dir(), &allowed));
	bench_system_facts_add(facts, scratch_dir());
	count = bench_facts_warnings(facts, lines, LINES_MAX);
	json_object_put(facts);
}

static void text_judge(const char *json)
{
	struct json_object *device = json_tokener_parse(json);

	ck_assert_ptr_nonnull(device);
	count = bench_facts_device_warnings(device, lines, LINES_MAX);
	json_object_put(device);
}

START_TEST(test_laptop)
{
	machine_laptop();
	machine_judge(2);
	ck_assert(said("governor is powersave"));
	ck_assert(said("boost is on"));
	ck_assert(said("limited to 2000 of 3600 MHz"));
	ck_assert(said("CPUs 0,2 are threads of one core"));
	ck_assert(said("idle state C6 is disabled"));
	ck_assert(said("mitigations=off"));
	ck_assert(said("idle=poll"));
	ck_assert(said("clock source is hpet"));
	ck_assert(said("on battery"));
	ck_assert(said("platform profile is low-power"));
	ck_assert(!said("virtual machine"));
	ck_assert(!said("one CPU"));
	machine_judge(1);
	ck_assert(said("there is one CPU to run on"));
}
END_TEST

/* With this driver "powersave" goes by load; the preference tells. */
START_TEST(test_dynamic_powersave)
{
	machine_laptop();
	scratch_text("sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "intel_pstate\n");
	machine_judge(2);
	ck_assert(!said("governor is powersave"));
	ck_assert(!said("the processor prefers"));
	scratch_text("sys/devices/system/cpu/cpu0/cpufreq/energy_performance_preference",
		     "balance_power\n");
	machine_judge(2);
	ck_assert(said("the processor prefers balance_power"));
}
END_TEST

START_TEST(test_guest)
{
	machine_guest();
	machine_judge(2);
	ck_assert_uint_eq(count, 1);
	ck_assert(said("this is a virtual machine:"));
}
END_TEST

/* What is not known is not complained of. */
START_TEST(test_unknown)
{
	machine_judge(2);
	ck_assert_uint_eq(count, 0);
	machine_garbage();
	machine_judge(2);
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(bench_facts_warnings(NULL, lines, LINES_MAX), 0);
	ck_assert_uint_eq(bench_facts_device_warnings(NULL, lines, LINES_MAX), 0);
}
END_TEST

START_TEST(test_builds)
{
	struct json_object *facts;

	facts = json_tokener_parse("{\"build\": {\"debug\": true, \"sanitizer\": false}}");
	count = bench_facts_warnings(facts, lines, LINES_MAX);
	ck_assert(count == 1 && said("debug build"));
	json_object_put(facts);
	facts = json_tokener_parse("{\"build\": {\"debug\": true, \"sanitizer\": true}}");
	count = bench_facts_warnings(facts, lines, LINES_MAX);
	ck_assert(count == 1 && said("sanitizer"));
	json_object_put(facts);
}
END_TEST

START_TEST(test_files)
{
	text_judge("{\"path\": \"/d/f\", \"kind\": \"file\", \"file_system\": \"tmpfs\"}");
	ck_assert(count == 1 && said("/d/f is on tmpfs: memory, and no device"));
	text_judge("{\"path\": \"/d/f\", \"kind\": \"file\", \"file_system\": \"nfs4\"}");
	ck_assert(count == 1 && said("cannot be told"));
	text_judge("{\"path\": \"/d/f\", \"kind\": \"file\", \"sparse\": true, "
		   "\"free_bytes\": 4000, \"device\": {\"size_bytes\": 100000}}");
	ck_assert(count == 2 && said("has holes") && said("almost full"));
	text_judge("{\"path\": \"/d/f\", \"kind\": \"file\", \"sparse\": false, "
		   "\"free_bytes\": 6000, \"device\": {\"size_bytes\": 100000}}");
	ck_assert_uint_eq(count, 0);
	text_judge("{\"path\": \"/d/f\", \"kind\": \"file\", "
		   "\"device\": {\"encrypted\": true, \"loop_file\": \"/x\"}}");
	ck_assert(count == 2 && said("encrypted") && said("loop device"));
}
END_TEST

START_TEST(test_devices)
{
	text_judge("{\"path\": \"/dev/sda\", \"kind\": \"block device\", \"rotational\": true, "
		   "\"scheduler\": \"bfq\", \"in_use\": \"mounted on /mnt; unmount it\"}");
	ck_assert(count == 2 && said("disk that turns") && said("mounted on /mnt; unmount it"));
	text_judge("{\"path\": \"/dev/vda\", \"kind\": \"block device\", \"rotational\": true, "
		   "\"virtio\": true}");
	ck_assert(count == 1 && said("virtual disk"));
	text_judge("{\"path\": \"/dev/nvme0n1\", \"kind\": \"block device\", \"name\": "
		   "\"nvme0n1\", \"transport\": \"pcie\", \"scheduler\": \"kyber\"}");
	ck_assert(count == 1 && said("echo none > /sys/block/nvme0n1/queue/scheduler"));
	text_judge("{\"path\": \"/dev/nvme0n1\", \"kind\": \"block device\", \"transport\": "
		   "\"pcie\", \"scheduler\": \"none\"}");
	ck_assert_uint_eq(count, 0);
}
END_TEST

/* There is room for two only, and a path may be long. */
START_TEST(test_room)
{
	char json[1024], path[512];

	machine_laptop();
	machine_judge(2);
	ck_assert_uint_gt(count, 2);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	snprintf(json, sizeof(json),
		 "{\"path\": \"%s\", \"kind\": \"file\", \"file_system\": \"tmpfs\", \"sparse\": "
		 "true, \"device\": {\"virtio\": true, \"encrypted\": true}}",
		 path);
	text_judge(json);
	ck_assert_uint_eq(count, 4);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_uint_lt(strlen(lines[i]), BENCH_WARNING_MAX - 1);
	}
	lines[2][0] = '\0';
	struct json_object *device = json_tokener_parse(json);

	ck_assert_uint_eq(bench_facts_device_warnings(device, lines, 2), 2);
	ck_assert_str_eq(lines[2], "");
	json_object_put(device);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(test_laptop),
		UNIT_TEST(test_dynamic_powersave),
		UNIT_TEST(test_guest),
		UNIT_TEST(test_unknown),
		UNIT_TEST(test_builds),
		UNIT_TEST(test_files),
		UNIT_TEST(test_devices),
		UNIT_TEST(test_room),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
