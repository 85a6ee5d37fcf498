/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/cpu_facts.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/machine/fact.h"
#include "bench/machine/pseudo_file.h"
#include "core/os/cpumask.h"

#define CPU_PATH   "/sys/devices/system/cpu"
#define STATES_MAX 32u
#define KHZ_IN_MHZ 1000u

static int first_cpu(const cpu_set_t *allowed)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET((size_t)cpu, allowed)) {
			return cpu;
		}
	}
	return 0;
}

static void khz_add(struct json_object *facts, const char *name, const char *root, int cpu,
		    const char *file)
{
	uint64_t khz;

	if (bench_pseudo_file_count(&khz, root, CPU_PATH "/cpu%d/cpufreq/%s", cpu, file)) {
		bench_fact_count(facts, name, khz / KHZ_IN_MHZ);
	}
}

/* The governors of the CPUs that may be used: "powersave", or "performance, powersave". */
static void governors_add(struct json_object *facts, const char *root, const cpu_set_t *allowed)
{
	char all[160] = "", one[32];

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((size_t)cpu, allowed) ||
		    !bench_pseudo_file_line(one, sizeof(one), root,
					    CPU_PATH "/cpu%d/cpufreq/scaling_governor", cpu) ||
		    strstr(all, one) != NULL) {
			continue;
		}
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
			 all[0] == '\0' ? "" : ", ", one);
	}
	if (all[0] != '\0') {
		bench_fact_text(facts, "governor", all);
	}
}

static void boost_add(struct json_object *facts, const char *root)
{
	uint64_t no_turbo;

	if (bench_pseudo_file_count(&no_turbo, root, "%s", CPU_PATH "/intel_pstate/no_turbo")) {
		bench_fact_bool(facts, "boost", no_turbo == 0);
		return;
	}
	bench_fact_switch(facts, "boost", root, CPU_PATH "/cpufreq/boost");
}

static struct json_object *frequency_get(const char *root, const cpu_set_t *allowed)
{
	struct json_object *facts = json_object_new_object();
	int cpu = first_cpu(allowed);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CPU_PATH "/cpu%d/cpufreq/scaling_driver", cpu);
	bench_fact_line(facts, "driver", root, path);
	governors_add(facts, root, allowed);
	snprintf(path, sizeof(path), CPU_PATH "/cpu%d/cpufreq/energy_performance_preference", cpu);
	bench_fact_line(facts, "energy_performance_preference", root, path);
	boost_add(facts, root);
	khz_add(facts, "current_mhz", root, cpu, "scaling_cur_freq");
	khz_add(facts, "min_mhz", root, cpu, "scaling_min_freq");
	khz_add(facts, "max_mhz", root, cpu, "scaling_max_freq");
	khz_add(facts, "hardware_max_mhz", root, cpu, "cpuinfo_max_freq");
	khz_add(facts, "base_mhz", root, cpu, "base_frequency");
	return facts;
}

/* Return: NULL: there is no such state. */
static struct json_object *idle_state_get(const char *root, int cpu, unsigned number)
{
	struct json_object *state;
	char path[PATH_MAX], name[64];
	size_t len;

	snprintf(path, sizeof(path), CPU_PATH "/cpu%d/cpuidle/state%u/", cpu, number);
	len = strlen(path);
	if (!bench_pseudo_file_line(name, sizeof(name), root, "%sname", path)) {
		return NULL;
	}
	state = json_object_new_object();
	bench_fact_text(state, "name", name);
	snprintf(path + len, sizeof(path) - len, "desc");
	bench_fact_line(state, "description", root, path);
	snprintf(path + len, sizeof(path) - len, "latency");
	bench_fact_number(state, "exit_latency_us", root, path);
	snprintf(path + len, sizeof(path) - len, "residency");
	bench_fact_number(state, "residency_us", root, path);
	snprintf(path + len, sizeof(path) - len, "disable");
	bench_fact_switch(state, "disabled", root, path);
	return state;
}

static struct json_object *idle_get(const char *root, const cpu_set_t *allowed)
{
	struct json_object *facts = json_object_new_object();
	struct json_object *states = json_object_new_array();
	struct json_object *state;
	int cpu = first_cpu(allowed);

	bench_fact_line(facts, "driver", root, CPU_PATH "/cpuidle/current_driver");
	bench_fact_line(facts, "governor", root, CPU_PATH "/cpuidle/current_governor");
	if (bench_fact_get(facts, "governor") == NULL) {
		bench_fact_line(facts, "governor", root, CPU_PATH "/cpuidle/current_governor_ro");
	}
	for (unsigned i = 0; i < STATES_MAX; i++) {
		state = idle_state_get(root, cpu, i);
		if (state != NULL) {
			json_object_array_add(states, state);
		}
	}
	bench_fact_object(facts, "states", states);
	return facts;
}

static struct json_object *mitigations_get(const char *root)
{
	struct json_object *facts = json_object_new_object();
	char folder[PATH_MAX], text[256];
	struct dirent **entries;
	int count;

	snprintf(folder, sizeof(folder), "%s" CPU_PATH "/vulnerabilities", root);
	count = scandir(folder, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (name[0] != '.' &&
		    bench_pseudo_file_line(text, sizeof(text), root, CPU_PATH "/vulnerabilities/%s",
					   name)) {
			bench_fact_text(facts, name, text);
		}
		free(entries[i]);
	}
	if (count >= 0) {
		free(entries);
	}
	return facts;
}

/* Which of the CPUs that may be used are threads of one core: ["0,4", "1,5"]. */
static struct json_object *cores_get(const char *root, const cpu_set_t *allowed)
{
	struct json_object *cores = json_object_new_array();
	char siblings[128];

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		bool seen = false;

		if (!CPU_ISSET((size_t)cpu, allowed) ||
		    !bench_pseudo_file_line(siblings, sizeof(siblings), root,
					    CPU_PATH "/cpu%d/topology/thread_siblings_list", cpu)) {
			continue;
		}
		for (size_t i = 0; i < json_object_array_length(cores) && !seen; i++) {
			seen = strcmp(json_object_get_string(json_object_array_get_idx(cores, i)),
				      siblings) == 0;
		}
		if (!seen) {
			json_object_array_add(cores, json_object_new_string(siblings));
		}
	}
	return cores;
}

/* What /proc/cpuinfo says, in the words of the architecture. */
static void cpuinfo_add(struct json_object *facts, const char *root)
{
	static const char *const model_names[] = {"model name", "cpu model", "cpu", "Processor"};
	char *text = bench_pseudo_file_text(root, "%s", "/proc/cpuinfo");
	char value[128];
	double mhz;

	if (text == NULL) {
		return;
	}
	for (size_t i = 0; i < EBB_ARRAY_SIZE(model_names); i++) {
		if (bench_pseudo_file_value(text, model_names[i], value, sizeof(value))) {
			bench_fact_text(facts, "model", value);
			break;
		}
	}
	if (bench_pseudo_file_value(text, "cpu MHz", value, sizeof(value)) &&
	    sscanf(value, "%lf", &mhz) == 1 && mhz >= 1 && mhz < 1e6) {
		bench_fact_count(facts, "cpuinfo_mhz", (uint64_t)mhz);
	}
	free(text);
}

struct json_object *bench_cpu_facts_get(const char *root, const cpu_set_t *allowed)
{
	struct json_object *facts = json_object_new_object();
	char list[256];

	cpuinfo_add(facts, root);
	bench_fact_line(facts, "online", root, CPU_PATH "/online");
	if (CPU_COUNT(allowed) > 0) {
		os_cpumask_format(allowed, list, sizeof(list));
		bench_fact_text(facts, "allowed", list);
		bench_fact_count(facts, "num_allowed", (uint64_t)CPU_COUNT(allowed));
	}
	bench_fact_switch(facts, "smt", root, CPU_PATH "/smt/active");
	bench_fact_object(facts, "cores", cores_get(root, allowed));
	bench_fact_line(facts, "isolated", root, CPU_PATH "/isolated");
	bench_fact_object(facts, "frequency", frequency_get(root, allowed));
	bench_fact_object(facts, "idle", idle_get(root, allowed));
	bench_fact_object(facts, "mitigations", mitigations_get(root));
	return facts;
}
