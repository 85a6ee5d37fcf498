/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/comparison.h"

#include <errno.h>
#include <math.h>

#include <json-c/json.h>

#include "bench/json.h"
#include "bench/results/metric.h"

int bench_comparison_round(struct bench_comparison *comparison)
{
	unsigned round = comparison->rounds;

	if (round % 2 == 0) {
		comparison->baseline_ns[round] = comparison->measure_baseline(comparison->arg);
		comparison->ebb_ns[round] = comparison->measure_ebb(comparison->arg);
	} else {
		comparison->ebb_ns[round] = comparison->measure_ebb(comparison->arg);
		comparison->baseline_ns[round] = comparison->measure_baseline(comparison->arg);
	}
	if (isnan(comparison->baseline_ns[round]) || isnan(comparison->ebb_ns[round])) {
		return -EIO;
	}
	comparison->rounds++;
	return 0;
}

/* The smallest, the median and the largest ratio of the rounds. */
static void ratios(const struct bench_comparison *comparison, double ret_ratios[3])
{
	double all[BENCH_ROUNDS_MAX];

	ret_ratios[0] = NAN;
	ret_ratios[2] = NAN;
	for (unsigned i = 0; i < comparison->rounds; i++) {
		all[i] = comparison->ebb_ns[i] / comparison->baseline_ns[i];
		ret_ratios[0] = fmin(ret_ratios[0], all[i]);
		ret_ratios[2] = fmax(ret_ratios[2], all[i]);
	}
	ret_ratios[1] = bench_metric_median(all, comparison->rounds);
}

double bench_comparison_ratio(const struct bench_comparison *comparison)
{
	double all[3];

	ratios(comparison, all);
	return all[1];
}

void bench_comparison_print(const struct bench_comparison *comparisons, unsigned count, FILE *out)
{
	for (unsigned i = 0; i < count; i++) {
		const struct bench_comparison *comparison = &comparisons[i];
		double ratio[3];

		if (comparison->rounds == 0) {
			continue;
		}
		ratios(comparison, ratio);
		fprintf(out,
			"%s\n"
			"  ebb   %10.1f ns\n"
			"  floor %10.1f ns   %s\n"
			"  ratio %10.2f      (%.2f … %.2f in %u rounds)\n",
			comparison->what,
			bench_metric_median(comparison->ebb_ns, comparison->rounds),
			bench_metric_median(comparison->baseline_ns, comparison->rounds),
			comparison->baseline, ratio[1], ratio[0], ratio[2], comparison->rounds);
	}
}

static struct json_object *comparison_json(const struct bench_comparison *comparison)
{
	struct json_object *object = json_object_new_object();
	struct json_object *rounds = json_object_new_array();
	double ratio[3];

	ratios(comparison, ratio);
	json_object_object_add(object, "name", json_object_new_string(comparison->name));
	json_object_object_add(
		object, "ebb_ns",
		bench_json_number(bench_metric_median(comparison->ebb_ns, comparison->rounds), 1));
	json_object_object_add(object, "floor_ns",
			       bench_json_number(bench_metric_median(comparison->baseline_ns,
								     comparison->rounds),
						 1));
	json_object_object_add(object, "ratio", bench_json_number(ratio[1], 3));
	json_object_object_add(object, "ratio_min", bench_json_number(ratio[0], 3));
	json_object_object_add(object, "ratio_max", bench_json_number(ratio[2], 3));
	for (unsigned i = 0; i < comparison->rounds; i++) {
		struct json_object *round = json_object_new_object();

		json_object_object_add(round, "ebb_ns",
				       bench_json_number(comparison->ebb_ns[i], 1));
		json_object_object_add(round, "floor_ns",
				       bench_json_number(comparison->baseline_ns[i], 1));
		json_object_array_add(rounds, round);
	}
	json_object_object_add(object, "rounds", rounds);
	return object;
}

struct json_object *bench_comparison_json(const struct bench_comparison *comparisons,
					  unsigned count)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < count; i++) {
		if (comparisons[i].rounds > 0) {
			json_object_array_add(array, comparison_json(&comparisons[i]));
		}
	}
	return array;
}
