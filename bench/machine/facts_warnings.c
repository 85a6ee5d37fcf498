/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/facts_warnings.h"

#include <string.h>

#include "bench/machine/fact.h"

#define FREE_PERCENT_MIN 5u

static bool text_is_one_of(const char *text, const char *const *names)
{
	for (; text != NULL && *names != NULL; names++) {
		if (strcmp(text, *names) == 0) {
			return true;
		}
	}
	return false;
}

static uint64_t number_of(struct json_object *facts, const char *name)
{
	return json_object_get_uint64(bench_fact_get(facts, name));
}

/* With these drivers "powersave" is the name of what chooses the frequency by load. */
static bool powersave_is_dynamic(const char *driver)
{
	static const char *const names[] = {"intel_pstate", "amd-pstate-epp", NULL};

	return text_is_one_of(driver, names);
}

static void frequency_warn(struct json_object *facts, struct bench_warning_list *list)
{
	static const char *const saving[] = {"power", "balance_power", NULL};
	struct json_object *frequency = bench_fact_get(facts, "frequency");
	const char *governor = bench_fact_get_text(frequency, "governor");
	const char *preference = bench_fact_get_text(frequency, "energy_performance_preference");
	uint64_t max_mhz = number_of(frequency, "max_mhz");
	uint64_t hardware_max_mhz = number_of(frequency, "hardware_max_mhz");

	if (governor != NULL && strstr(governor, "powersave") != NULL &&
	    !powersave_is_dynamic(bench_fact_get_text(frequency, "driver"))) {
		bench_warning_add(list,
				  "the frequency governor is powersave, which keeps the clock "
				  "low: cpupower frequency-set -g performance");
	} else if (text_is_one_of(preference, saving)) {
		bench_warning_add(list,
				  "the processor prefers %s, and raises its clock late: "
				  "cpupower set --epp performance",
				  preference);
	}
	if (bench_fact_is_true(frequency, "boost")) {
		bench_warning_add(list, "boost is on: the clock depends on heat and on what other "
					"cores do; for figures that repeat turn it off in "
					"/sys/devices/system/cpu");
	}
	if (max_mhz != 0 && max_mhz < hardware_max_mhz - hardware_max_mhz / 50) {
		bench_warning_add(list,
				  "the clock is limited to %llu of %llu MHz: "
				  "cpupower frequency-set -u %lluMHz",
				  (unsigned long long)max_mhz, (unsigned long long)hardware_max_mhz,
				  (unsigned long long)hardware_max_mhz);
	}
}

static void cpus_warn(struct json_object *facts, struct bench_warning_list *list)
{
	struct json_object *cores = bench_fact_get(facts, "cores");

	if (number_of(facts, "num_allowed") == 1) {
		bench_warning_add(list,
				  "there is one CPU to run on: whoever makes the arrivals and "
				  "other helpers take time from the reactor; allow two");
	}
	for (size_t i = 0; cores != NULL && i < json_object_array_length(cores); i++) {
		const char *siblings = json_object_get_string(json_object_array_get_idx(cores, i));

		if (strpbrk(siblings, ",-") != NULL) {
			bench_warning_add(list,
					  "CPUs %s are threads of one core, and slow each other: "
					  "use one of each core (--cpumask, taskset)",
					  siblings);
			return;
		}
	}
}

static void idle_warn(struct json_object *facts, struct bench_warning_list *list)
{
	struct json_object *states = bench_fact_get(bench_fact_get(facts, "idle"), "states");

	for (size_t i = 0; states != NULL && i < json_object_array_length(states); i++) {
		struct json_object *state = json_object_array_get_idx(states, i);

		if (bench_fact_is_true(state, "disabled")) {
			bench_warning_add(list,
					  "idle state %s is disabled: waking is cheaper here, and "
					  "sleeping saves less, than by default",
					  bench_fact_get_text(state, "name"));
			return;
		}
	}
}

/* Options of the kernel that most machines do not have. */
static void command_line_warn(struct json_object *kernel, struct bench_warning_list *list)
{
	static const char *const off[] = {"mitigations=off", "nopti", "nospectre_v2", NULL};
	struct json_object *options = bench_fact_get(kernel, "command_line");

	for (size_t i = 0; options != NULL && i < json_object_array_length(options); i++) {
		const char *option = json_object_get_string(json_object_array_get_idx(options, i));

		if (strcmp(option, "idle=poll") == 0) {
			bench_warning_add(list, "the kernel runs with idle=poll: a CPU that sleeps "
						"burns its time, and waking looks cheap; boot "
						"without it");
		} else if (text_is_one_of(option, off)) {
			bench_warning_add(list,
					  "the kernel runs with %s: system calls and interrupts "
					  "cost less than on most machines",
					  option);
		}
	}
}

static void system_warn(struct json_object *facts, struct bench_warning_list *list)
{
	static const char *const slow_clocks[] = {"hpet", "acpi_pm", "jiffies", "refined-jiffies",
						  "xen",  NULL};
	static const char *const slow_profiles[] = {"low-power", "quiet", "cool", NULL};
	struct json_object *kernel = bench_fact_get(facts, "kernel");
	struct json_object *hypervisor = bench_fact_get(facts, "hypervisor");
	struct json_object *power = bench_fact_get(facts, "power");
	const char *clock = bench_fact_get_text(kernel, "clock_source");
	const char *profile = bench_fact_get_text(power, "platform_profile");
	const char *source = bench_fact_get_text(power, "source");
	const char *name = bench_fact_get_text(hypervisor, "name");

	command_line_warn(kernel, list);
	if (text_is_one_of(clock, slow_clocks)) {
		bench_warning_add(list,
				  "the clock source is %s: each reading of the clock costs about a "
				  "microsecond; boot with clocksource=tsc if it is stable",
				  clock);
	}
	if (bench_fact_is_true(hypervisor, "present")) {
		bench_warning_add(list,
				  "this is a virtual machine%s%s%s: its host gives and takes CPU, "
				  "and waking goes through it; believe ratios, not figures",
				  name == NULL ? "" : " (", name == NULL ? "" : name,
				  name == NULL ? "" : ")");
	}
	if (source != NULL && strcmp(source, "battery") == 0) {
		bench_warning_add(list, "the machine runs on battery, and may save power at the "
					"expense of speed: plug it in");
	}
	if (text_is_one_of(profile, slow_profiles)) {
		bench_warning_add(list,
				  "the platform profile is %s, which limits the clock: "
				  "powerprofilesctl set performance",
				  profile);
	}
}

static void build_warn(struct json_object *build, struct bench_warning_list *list)
{
	if (bench_fact_is_true(build, "sanitizer")) {
		bench_warning_add(list, "this ebb-bench is built with a sanitizer, and is several "
					"times slower: build it without -Db_sanitize");
	} else if (bench_fact_is_true(build, "debug")) {
		bench_warning_add(list,
				  "this ebb-bench is a debug build, and is slower: meson setup "
				  "--buildtype=release");
	}
}

/* The block device itself, or the one beneath a file. */
static void block_warn(struct json_object *device, const char *path,
		       struct bench_warning_list *list)
{
	const char *scheduler = bench_fact_get_text(device, "scheduler");

	if (bench_fact_get_text(device, "loop_file") != NULL) {
		bench_warning_add(list,
				  "%.80s is on a loop device: its worker threads and the file "
				  "system beneath are measured too; give %.80s",
				  path, bench_fact_get_text(device, "loop_file"));
	}
	if (bench_fact_is_true(device, "encrypted")) {
		bench_warning_add(list,
				  "%.100s is on an encrypted device: ciphers are measured too, on "
				  "CPUs that may be others",
				  path);
	}
	if (bench_fact_is_true(device, "virtio")) {
		bench_warning_add(list,
				  "%.100s is on a virtual disk: the host's cache and queue answer, "
				  "not a drive",
				  path);
	}
	if (bench_fact_is_true(device, "rotational") && !bench_fact_is_true(device, "virtio")) {
		bench_warning_add(list,
				  "%.100s is on a disk that turns: seeking takes milliseconds, "
				  "beside which no mode of waiting shows",
				  path);
	}
	if (bench_fact_get(device, "transport") != NULL && scheduler != NULL &&
	    strcmp(scheduler, "none") != 0) {
		bench_warning_add(list,
				  "the I/O scheduler of %.40s is %s, which costs CPU: echo none > "
				  "/sys/block/%.40s/queue/scheduler",
				  bench_fact_get_text(device, "name"), scheduler,
				  bench_fact_get_text(device, "name"));
	}
}

static void file_warn(struct json_object *file, const char *path, struct bench_warning_list *list)
{
	static const char *const in_memory[] = {"tmpfs", "ramfs", NULL};
	const char *type = bench_fact_get_text(file, "file_system");
	struct json_object *device = bench_fact_get(file, "device");
	uint64_t size = number_of(device, "size_bytes");

	if (text_is_one_of(type, in_memory)) {
		bench_warning_add(list,
				  "%.100s is on %s: memory, and no device; give a file on a disk",
				  path, type);
	} else if (device == NULL) {
		bench_warning_add(list,
				  "%.100s: which device is beneath it (%s) cannot be told, so "
				  "nothing is known of it",
				  path, type == NULL ? "file system unknown" : type);
	}
	if (bench_fact_is_true(file, "sparse")) {
		bench_warning_add(list,
				  "%.90s has holes, and reading these costs no device: fill it "
				  "(fallocate does not), as with dd if=/dev/urandom",
				  path);
	}
	if (bench_fact_get(file, "free_bytes") != NULL && size != 0 &&
	    number_of(file, "free_bytes") < size / 100 * FREE_PERCENT_MIN) {
		bench_warning_add(list,
				  "the file system of %.90s is almost full: writes look for room "
				  "long; leave %u %% free",
				  path, FREE_PERCENT_MIN);
	}
	if (device != NULL) {
		block_warn(device, path, list);
	}
}

static void device_warn(struct json_object *device, struct bench_warning_list *list)
{
	const char *path = bench_fact_get_text(device, "path");
	const char *kind = bench_fact_get_text(device, "kind");

	if (path == NULL || kind == NULL) {
		return;
	}
	if (strcmp(kind, "file") == 0) {
		file_warn(device, path, list);
		return;
	}
	block_warn(device, path, list);
	if (bench_fact_get_text(device, "in_use") != NULL) {
		bench_warning_add(list,
				  "%.80s is shared with others, and their I/O is in the "
				  "figures: it is %.100s",
				  path, bench_fact_get_text(device, "in_use"));
	}
}

unsigned bench_facts_device_warnings(struct json_object *device,
				     char (*ret_warnings)[BENCH_WARNING_MAX], unsigned max)
{
	struct bench_warning_list list = {.lines = ret_warnings, .max = max};

	device_warn(device, &list);
	return list.count;
}

unsigned bench_facts_warnings(struct json_object *facts, char (*ret_warnings)[BENCH_WARNING_MAX],
			      unsigned max)
{
	struct bench_warning_list list = {.lines = ret_warnings, .max = max};
	struct json_object *cpu = bench_fact_get(facts, "cpu");

	build_warn(bench_fact_get(facts, "build"), &list);
	system_warn(facts, &list);
	frequency_warn(cpu, &list);
	cpus_warn(cpu, &list);
	idle_warn(cpu, &list);
	device_warn(bench_fact_get(facts, "device"), &list);
	return list.count;
}
