/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/surroundings.h"

#include <assert.h>

#include <json-c/json.h>

#include "bench/load/stand_in.h"
#include "bench/machine/disturbance.h"
#include "bench/machine/facts.h"
#include "bench/machine/facts_warnings.h"

static_assert(BENCH_WARNING_MAX <= BENCH_TEXT_MAX, "a line of the machine's fits in the results");

static void lines_warn(struct bench_results *results, char (*lines)[BENCH_WARNING_MAX],
		       unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		bench_results_warn(results, "%s", lines[i]);
	}
}

/* The other targets' devices: the first one's are among the machine's facts. */
static void devices_warn(struct bench_results *results)
{
	char lines[BENCH_WARNINGS_MAX][BENCH_WARNING_MAX];

	for (unsigned i = 1; i < results->num_targets; i++) {
		struct json_object *device = bench_facts_get_device(results->targets[i].path);

		if (device != NULL) {
			lines_warn(results, lines,
				   bench_facts_device_warnings(device, lines, BENCH_WARNINGS_MAX));
			json_object_put(device);
		}
	}
}

static void sparse_warn(struct bench_results *results)
{
	for (unsigned i = 0; i < results->num_targets; i++) {
		if (results->targets[i].sparse) {
			bench_results_warn(
				results,
				"%.80s is sparse: what is read from its holes comes from "
				"no device; fill it first: fio --name=fill "
				"--filename=FILE --rw=write --bs=1m",
				results->targets[i].name);
		}
	}
}

void bench_surroundings_look(struct bench_results *results)
{
	char lines[BENCH_WARNINGS_MAX][BENCH_WARNING_MAX];

	results->machine = bench_facts_get(results->targets[0].path);
	sparse_warn(results);
	lines_warn(results, lines,
		   bench_facts_warnings(results->machine, lines, BENCH_WARNINGS_MAX));
	devices_warn(results);
}

void bench_surroundings_tell_lateness(struct bench_results *results,
				      const struct ebb_histogram *lateness)
{
	char text[160];

	if (lateness->count > 0) {
		bench_stand_in_lateness_text(lateness, text, sizeof(text));
		bench_results_warn(results, "the stand-in itself: %s", text);
	}
}

void bench_surroundings_warn(struct bench_results *results, struct bench_disturbance *disturbance)
{
	char lines[BENCH_WARNINGS_MAX][BENCH_WARNING_MAX];

	if (disturbance != NULL) {
		lines_warn(results, lines,
			   bench_disturbance_warnings(disturbance, lines, BENCH_WARNINGS_MAX));
	}
}
