/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/pair.h"

#include <errno.h>
#include <math.h>

#include <json-c/json.h>

#include "bench/json.h"
#include "bench/results/metric.h"

int bench_pair_round(struct bench_pair *pair)
{
	unsigned round = pair->rounds;

	if (round % 2 == 0) {
		pair->baseline_ns[round] = pair->measure_baseline(pair->arg);
		pair->ebb_ns[round] = pair->measure_ebb(pair->arg);
	} else {
		pair->ebb_ns[round] = pair->measure_ebb(pair->arg);
		pair->baseline_ns[round] = pair->measure_baseline(pair->arg);
	}
	if (isnan(pair->baseline_ns[round]) || isnan(pair->ebb_ns[round])) {
		return -EIO;
	}
	pair->rounds++;
	return 0;
}

/* The smallest, the median and the largest ratio of the rounds. */
static void ratios(const struct bench_pair *pair, double ret_ratios[3])
{
	double all[BENCH_ROUNDS_MAX];

	ret_ratios[0] = NAN;
	ret_ratios[2] = NAN;
	for (unsigned i = 0; i < pair->rounds; i++) {
		all[i] = pair->ebb_ns[i] / pair->baseline_ns[i];
		ret_ratios[0] = fmin(ret_ratios[0], all[i]);
		ret_ratios[2] = fmax(ret_ratios[2], all[i]);
	}
	ret_ratios[1] = bench_metric_median(all, pair->rounds);
}

double bench_pair_ratio(const struct bench_pair *pair)
{
	double all[3];

	ratios(pair, all);
	return all[1];
}

void bench_pair_print(const struct bench_pair *pairs, unsigned count, FILE *out)
{
	for (unsigned i = 0; i < count; i++) {
		const struct bench_pair *pair = &pairs[i];
		double ratio[3];

		if (pair->rounds == 0) {
			continue;
		}
		ratios(pair, ratio);
		fprintf(out,
			"%s\n"
			"  ebb   %10.1f ns\n"
			"  floor %10.1f ns   %s\n"
			"  ratio %10.2f      (%.2f … %.2f in %u rounds)\n",
			pair->what, bench_metric_median(pair->ebb_ns, pair->rounds),
			bench_metric_median(pair->baseline_ns, pair->rounds), pair->baseline,
			ratio[1], ratio[0], ratio[2], pair->rounds);
	}
}

static struct json_object *pair_json(const struct bench_pair *pair)
{
	struct json_object *object = json_object_new_object();
	struct json_object *rounds = json_object_new_array();
	double ratio[3];

	ratios(pair, ratio);
	json_object_object_add(object, "name", json_object_new_string(pair->name));
	json_object_object_add(object, "ebb_ns",
			       bench_json_number(bench_metric_median(pair->ebb_ns, pair->rounds),
						 1));
	json_object_object_add(
		object, "floor_ns",
		bench_json_number(bench_metric_median(pair->baseline_ns, pair->rounds), 1));
	json_object_object_add(object, "ratio", bench_json_number(ratio[1], 3));
	json_object_object_add(object, "ratio_min", bench_json_number(ratio[0], 3));
	json_object_object_add(object, "ratio_max", bench_json_number(ratio[2], 3));
	for (unsigned i = 0; i < pair->rounds; i++) {
		struct json_object *round = json_object_new_object();

		json_object_object_add(round, "ebb_ns", bench_json_number(pair->ebb_ns[i], 1));
		json_object_object_add(round, "floor_ns",
				       bench_json_number(pair->baseline_ns[i], 1));
		json_object_array_add(rounds, round);
	}
	json_object_object_add(object, "rounds", rounds);
	return object;
}

struct json_object *bench_pair_json(const struct bench_pair *pairs, unsigned count)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < count; i++) {
		if (pairs[i].rounds > 0) {
			json_object_array_add(array, pair_json(&pairs[i]));
		}
	}
	return array;
}
