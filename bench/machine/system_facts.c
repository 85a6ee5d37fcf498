/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/system_facts.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "bench/machine/fact.h"
#include "bench/machine/pseudo_file.h"

#define KIB          1024u
#define CLOCK_PATH   "/sys/devices/system/clocksource/clocksource0"
#define SUPPLY_PATH  "/sys/class/power_supply"
#define CMDLINE_SIZE 8192

/* Beginnings of the kernel's options that change what a benchmark shows. */
static const char *const options_that_matter[] = {
	"amd_iommu", "amd_pstate",  "clocksource", "cpufreq.", "cpuidle",    "default_hugepagesz",
	"haltpoll.", "highres",     "hugepages",   "idle",     "intel_idle", "intel_iommu",
	"intel_pst", "iommu",       "irqaffinity", "isolcpus", "maxcpus",    "mitigations",
	"nmi_watch", "nohz",        "nopti",       "nosmt",    "nospec",     "nosoftlockup",
	"nowatchdo", "nvme",        "pcie_aspm",   "preempt",  "processor.", "pti",
	"psi",       "rcu_nocb",    "skew_tick",   "spec_",    "spectre_",   "swiotlb",
	"threadirq", "transparent", "tsc",         "virtio",   "vfio",
};

static bool matters(const char *option)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(options_that_matter); i++) {
		if (strncmp(option, options_that_matter[i], strlen(options_that_matter[i])) == 0) {
			return true;
		}
	}
	return false;
}

static struct json_object *command_line_get(const char *root)
{
	struct json_object *options = json_object_new_array();
	char line[CMDLINE_SIZE], *save = NULL, *option;

	if (bench_pseudo_file_line(line, sizeof(line), root, "%s", "/proc/cmdline")) {
		for (option = strtok_r(line, " ", &save);
		     option != NULL && strcmp(option, "--") != 0;
		     option = strtok_r(NULL, " ", &save)) {
			if (matters(option)) {
				json_object_array_add(options, json_object_new_string(option));
			}
		}
	}
	return options;
}

static struct json_object *kernel_get(const char *root)
{
	struct json_object *facts = json_object_new_object();

	bench_fact_line(facts, "release", root, "/proc/sys/kernel/osrelease");
	bench_fact_line(facts, "version", root, "/proc/sys/kernel/version");
	bench_fact_object(facts, "command_line", command_line_get(root));
	bench_fact_line(facts, "clock_source", root, CLOCK_PATH "/current_clocksource");
	bench_fact_line(facts, "clock_sources", root, CLOCK_PATH "/available_clocksource");
	bench_fact_number(facts, "timer_slack_ns", root, "/proc/self/timerslack_ns");
	bench_fact_switch(facts, "nmi_watchdog", root, "/proc/sys/kernel/nmi_watchdog");
	return facts;
}

/* What a hypervisor calls itself to its guests. Return: false: there is none, or it does not say. */
static bool hypervisor_signature(char name[16])
{
#if defined(__x86_64__)
	unsigned eax, ebx, ecx, edx;

	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &ecx, 4);
	memcpy(name + 8, &edx, 4);
	name[12] = '\0';
	for (const char *at = name; *at != '\0'; at++) {
		if (*at < ' ' || *at > '~') {
			return false;
		}
	}
	return name[0] != '\0';
#else
	(void)name;
	return false;
#endif
}

static struct json_object *hypervisor_get(const char *root)
{
	struct json_object *facts = json_object_new_object();
	char *cpuinfo = bench_pseudo_file_text(root, "%s", "/proc/cpuinfo");
	char flags[4096], name[16];

	if (cpuinfo != NULL && bench_pseudo_file_value(cpuinfo, "flags", flags, sizeof(flags))) {
		bool present = strstr(flags, " hypervisor") != NULL;

		bench_fact_bool(facts, "present", present);
		if (present && root[0] == '\0' && hypervisor_signature(name)) {
			bench_fact_text(facts, "name", name);
		}
	}
	free(cpuinfo);
	bench_fact_line(facts, "type", root, "/sys/hypervisor/type");
	return facts;
}

static struct json_object *product_get(const char *root)
{
	struct json_object *facts = json_object_new_object();

	bench_fact_line(facts, "vendor", root, "/sys/class/dmi/id/sys_vendor");
	bench_fact_line(facts, "name", root, "/sys/class/dmi/id/product_name");
	if (bench_fact_get(facts, "name") == NULL) {
		bench_fact_line(facts, "name", root, "/sys/firmware/devicetree/base/model");
	}
	return facts;
}

/* The word in brackets of "always [madvise] never". */
static void bracketed_add(struct json_object *facts, const char *name, const char *root,
			  const char *path)
{
	char line[128], word[64];

	if (bench_pseudo_file_line(line, sizeof(line), root, "%s", path) &&
	    strchr(line, '[') != NULL && sscanf(strchr(line, '['), "[%63[^]]", word) == 1) {
		bench_fact_text(facts, name, word);
	}
}

static struct json_object *memory_get(const char *root)
{
	static const struct {
		const char *fact;
		const char *line;
	} rows[] = {
		{"total_bytes", "MemTotal"},
		{"available_bytes", "MemAvailable"},
		{"swap_total_bytes", "SwapTotal"},
		{"swap_free_bytes", "SwapFree"},
	};
	struct json_object *facts = json_object_new_object();
	char *meminfo = bench_pseudo_file_text(root, "%s", "/proc/meminfo");
	uint64_t kib;

	for (size_t i = 0; meminfo != NULL && i < EBB_ARRAY_SIZE(rows); i++) {
		if (bench_pseudo_file_number(meminfo, rows[i].line, &kib)) {
			bench_fact_count(facts, rows[i].fact, kib * KIB);
		}
	}
	free(meminfo);
	bench_fact_line(facts, "numa_nodes", root, "/sys/devices/system/node/online");
	bracketed_add(facts, "transparent_hugepages", root,
		      "/sys/kernel/mm/transparent_hugepage/enabled");
	return facts;
}

static uint64_t entries_count(const char *root, const char *folder)
{
	char path[PATH_MAX];
	struct dirent *entry;
	uint64_t count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s", root, folder);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		count += entry->d_name[0] != '.';
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return count;
}

static struct json_object *iommu_get(const char *root)
{
	struct json_object *facts = json_object_new_object();
	uint64_t groups = entries_count(root, "/sys/kernel/iommu_groups");

	bench_fact_bool(facts, "present", groups > 0);
	if (groups > 0) {
		bench_fact_count(facts, "groups", groups);
		bench_fact_line(facts, "type", root, "/sys/kernel/iommu_groups/0/type");
	}
	return facts;
}

/* One supply of the machine: sets "source", and "battery_percent". */
static void supply_add(struct json_object *facts, const char *root, const char *name)
{
	char type[32], line[32];
	uint64_t number;

	if (!bench_pseudo_file_line(type, sizeof(type), root, SUPPLY_PATH "/%s/type", name) ||
	    (bench_pseudo_file_line(line, sizeof(line), root, SUPPLY_PATH "/%s/scope", name) &&
	     strcmp(line, "Device") == 0)) {
		return; /* a mouse's battery, say */
	}
	if (strcmp(type, "Battery") != 0) {
		if (bench_fact_get(facts, "source") == NULL &&
		    bench_pseudo_file_count(&number, root, SUPPLY_PATH "/%s/online", name) &&
		    number != 0) {
			bench_fact_text(facts, "source", "mains");
		}
		return;
	}
	if (bench_pseudo_file_count(&number, root, SUPPLY_PATH "/%s/capacity", name)) {
		bench_fact_count(facts, "battery_percent", number);
	}
	if (bench_pseudo_file_line(line, sizeof(line), root, SUPPLY_PATH "/%s/status", name) &&
	    strcmp(line, "Discharging") == 0) {
		bench_fact_text(facts, "source", "battery");
	}
}

static struct json_object *power_get(const char *root)
{
	struct json_object *facts = json_object_new_object();
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s" SUPPLY_PATH, root);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.') {
			supply_add(facts, root, entry->d_name);
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	bench_fact_line(facts, "platform_profile", root, "/sys/firmware/acpi/platform_profile");
	return facts;
}

void bench_system_facts_add(struct json_object *facts, const char *root)
{
	bench_fact_object(facts, "product", product_get(root));
	bench_fact_object(facts, "kernel", kernel_get(root));
	bench_fact_object(facts, "hypervisor", hypervisor_get(root));
	bench_fact_object(facts, "memory", memory_get(root));
	bench_fact_object(facts, "iommu", iommu_get(root));
	bench_fact_object(facts, "power", power_get(root));
}
