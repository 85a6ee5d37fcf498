/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/facts.h"

#include "bench/machine/cpu_facts.h"
#include "bench/machine/device_facts.h"
#include "bench/machine/energy.h"
#include "bench/machine/fact.h"
#include "bench/machine/system_facts.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BUILD_SANITIZER true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BUILD_SANITIZER true
#endif
#ifndef BUILD_SANITIZER
#define BUILD_SANITIZER false
#endif

#ifdef EBB_DEBUG
#define BUILD_DEBUG true
#else
#define BUILD_DEBUG false
#endif

static struct json_object *build_get(void)
{
	struct json_object *facts = json_object_new_object();

	bench_fact_text(facts, "version", EBB_VERSION);
	bench_fact_text(facts, "compiler", __VERSION__);
	bench_fact_bool(facts, "debug", BUILD_DEBUG);
	bench_fact_bool(facts, "sanitizer", BUILD_SANITIZER);
	return facts;
}

struct json_object *bench_facts_get_root(const char *root, const char *path)
{
	struct json_object *facts = json_object_new_object();
	struct json_object *device;
	struct bench_energy energy;
	cpu_set_t allowed;
	int rc;

	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	bench_fact_object(facts, "cpu", bench_cpu_facts_get(root, &allowed));
	bench_system_facts_add(facts, root);
	rc = bench_energy_open(root, &energy);
	bench_fact_text(facts, "energy", rc == 0 ? "rapl" : bench_energy_explain(rc));
	bench_fact_object(facts, "build", build_get());
	device = path == NULL || path[0] == '\0' ? NULL : bench_device_facts_get(root, path);
	if (device != NULL) {
		bench_fact_object(facts, "device", device);
	}
	return facts;
}

struct json_object *bench_facts_get(const char *path)
{
	return bench_facts_get_root("", path);
}

struct json_object *bench_facts_get_device(const char *path)
{
	return bench_device_facts_get("", path);
}
