/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/json.h"

#include <string.h>

#include <json-c/json.h>

#include "bench/json.h"
#include "bench/report/text.h"
#include "bench/results/pareto.h"
#include "bench/results/ratio.h"

/* What two contenders are divided in. */
static const enum bench_metric ratio_metrics[] = {
	BENCH_IOPS,        BENCH_LATENCY_MEAN,    BENCH_LATENCY_P50,        BENCH_LATENCY_P99,
	BENCH_CPU_PERCENT, BENCH_CPU_PER_MILLION, BENCH_JOULES_PER_MILLION,
};

static const enum bench_metric pareto_metrics[] = {
	BENCH_LATENCY_MEAN,
	BENCH_LATENCY_P50,
	BENCH_LATENCY_P99,
};

static void add(struct json_object *into, const char *name, struct json_object *value)
{
	json_object_object_add(into, name, value);
}

static void add_count(struct json_object *into, const char *name, uint64_t count)
{
	add(into, name, json_object_new_uint64(count));
}

/* null for 0: there is none. */
static void add_count_or_null(struct json_object *into, const char *name, uint64_t count)
{
	add(into, name, count > 0 ? json_object_new_uint64(count) : NULL);
}

static struct json_object *text_json(const char *text)
{
	char clean[BENCH_TEXT_CLEAN_MAX];

	bench_text_utf8(text, clean, sizeof(clean));
	return json_object_new_string(clean);
}

static void add_text(struct json_object *into, const char *name, const char *text)
{
	add(into, name, text_json(text));
}

/* null for "": there is none. */
static void add_text_or_null(struct json_object *into, const char *name, const char *text)
{
	add(into, name, text[0] != '\0' ? text_json(text) : NULL);
}

static struct json_object *metric_json(enum bench_metric metric)
{
	const struct bench_metric_info *info = &bench_metrics[metric];
	struct json_object *object = json_object_new_object();

	add_text(object, "name", info->name);
	add_text(object, "label", info->label);
	add(object, "scale", bench_json_figure(info->scale));
	add_count(object, "decimals", (uint64_t)info->decimals);
	add(object, "open_loop", json_object_new_boolean(info->open_loop));
	return object;
}

static struct json_object *target_json(const struct bench_target *target)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "name", target->name);
	add_text(object, "kind", target->kind);
	add_text_or_null(object, "driver", target->driver);
	add_text_or_null(object, "path", target->path);
	add_text_or_null(object, "bdev", target->bdev);
	add_count_or_null(object, "block_size_bytes", target->block_size);
	add_count_or_null(object, "size_bytes", target->size_bytes);
	add(object, "sparse", json_object_new_boolean(target->sparse));
	return object;
}

static struct json_object *spread_json(const struct bench_spread *spread)
{
	struct json_object *object = json_object_new_object();

	add(object, "median", bench_json_figure(spread->median));
	add(object, "low", bench_json_figure(spread->low));
	add(object, "high", bench_json_figure(spread->high));
	return object;
}

static struct json_object *sustained_json(const struct bench_sustained *sustained)
{
	struct json_object *object;

	if (!(sustained->percent > 0)) {
		return NULL;
	}
	object = json_object_new_object();
	add(object, "percent", bench_json_figure(sustained->percent));
	add_text(object, "by", sustained->by);
	add_text(object, "target", sustained->target);
	add_count(object, "runs", sustained->runs);
	add(object, "iops", spread_json(&sustained->iops));
	return object;
}

static struct json_object *load_json(const struct bench_load *load,
				     const struct bench_sustained *sustained)
{
	struct json_object *object = json_object_new_object();
	char name[BENCH_TEXT_MAX];

	bench_results_load_name(load, name);
	add_text(object, "name", name);
	add_text(object, "rw", bench_load_rw_name(load->rw));
	add(object, "read_percent",
	    load->rw == BENCH_RW_RANDRW ? json_object_new_uint64(load->read_percent) : NULL);
	add_count(object, "block_bytes", load->block_bytes);
	add_count(object, "queue_depth", load->queue_depth);
	add_count_or_null(object, "size_bytes", load->size_bytes);
	add_text(object, "shape", bench_load_shape_names[load->shape]);
	add(object, "rate_iops", load->rate_iops > 0 ? bench_json_figure(load->rate_iops) : NULL);
	add(object, "sustained", sustained_json(sustained));
	add(object, "offered_iops", bench_json_figure(bench_results_offered_iops(load)));
	add_count_or_null(object, "burst_ios",
			  load->shape == BENCH_SHAPE_BURST ? load->burst_ios : 0);
	add_count_or_null(object, "on_ns", load->shape == BENCH_SHAPE_ON_OFF ? load->on_ns : 0);
	add_count_or_null(object, "off_ns", load->shape == BENCH_SHAPE_ON_OFF ? load->off_ns : 0);
	add_count(object, "time_ns", load->time_ns);
	add_count(object, "warmup_ns", load->warmup_ns);
	add_count(object, "seed", load->seed);
	add(object, "verify", json_object_new_boolean(load->verify));
	return object;
}

static struct json_object *contender_json(const struct bench_contender *contender)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "name", contender->name);
	add_text(object, "kind", bench_results_kind_name(contender->kind));
	add_text_or_null(object, "version", contender->version);
	add_text_or_null(object, "command", contender->command);
	add_text_or_null(object, "note", contender->note);
	return object;
}

/* On one line: a pretty-printed array of pairs has more lines than the rest of a report. */
static void print_on_one_line(struct json_object *object)
{
	char *text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));

	if (text != NULL) {
		json_object_set_serializer(object, json_object_userdata_to_json_string, text,
					   json_object_free_userdata);
	}
}

static struct json_object *histogram_json(const struct ebb_histogram *histogram)
{
	struct json_object *object;
	struct json_object *buckets;

	if (histogram == NULL || histogram->count == 0) {
		return NULL;
	}
	object = json_object_new_object();
	buckets = json_object_new_array();
	add_count(object, "count", histogram->count);
	add_count(object, "sum_ns", histogram->sum);
	add_count(object, "min_ns", histogram->min);
	add_count(object, "max_ns", histogram->max);
	for (unsigned i = 0; i < EBB_HISTOGRAM_BUCKETS; i++) {
		uint64_t upper = ebb_histogram_upper(i);
		struct json_object *pair;

		if (histogram->buckets[i] == 0) {
			continue;
		}
		pair = json_object_new_array();
		json_object_array_add(pair, json_object_new_uint64(upper < histogram->max
									   ? upper
									   : histogram->max));
		json_object_array_add(pair, json_object_new_uint64(histogram->buckets[i]));
		json_object_array_add(buckets, pair);
	}
	print_on_one_line(buckets);
	add(object, "upper_ns_and_count", buckets);
	return object;
}

static struct json_object *pareto_json(const struct bench_results *results,
				       const struct bench_cell *cell)
{
	struct json_object *object = json_object_new_object();

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(pareto_metrics); i++) {
		enum bench_pareto place = bench_pareto_of(results, cell, pareto_metrics[i]);

		add(object, bench_metrics[pareto_metrics[i]].name,
		    place == BENCH_PARETO_UNKNOWN
			    ? NULL
			    : json_object_new_boolean(place == BENCH_PARETO_ON));
	}
	return object;
}

static struct json_object *cell_json(const struct bench_results *results,
				     const struct bench_cell *cell)
{
	struct json_object *object = json_object_new_object();
	struct json_object *metrics = json_object_new_object();
	struct json_object *samples = json_object_new_array();

	add_count(object, "target", cell->target);
	add_count(object, "load", cell->load);
	add_count(object, "contender", cell->contender);
	add_count(object, "runs", cell->num_samples);
	add_count(object, "errors", cell->errors);
	add_text_or_null(object, "error", cell->error);
	add_text_or_null(object, "note", cell->note);
	add_text(object, "stamps", bench_load_stamps_name(cell->stamps));
	add(object, "companion_percent", bench_json_figure(cell->companion_percent));
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		struct bench_spread spread = bench_results_spread(cell, metric);

		add(metrics, bench_metrics[metric].name, spread_json(&spread));
	}
	add(object, "metrics", metrics);
	for (unsigned i = 0; i < cell->num_samples; i++) {
		struct json_object *sample = json_object_new_object();

		for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
			add(sample, bench_metrics[metric].name,
			    bench_json_figure(cell->samples[i].metric[metric]));
		}
		json_object_array_add(samples, sample);
	}
	add(object, "samples", samples);
	add(object, "latency_histogram", histogram_json(cell->latency));
	add(object, "pareto_front", pareto_json(results, cell));
	return object;
}

static struct json_object *ratio_json(const struct bench_cell *cell, const struct bench_cell *base)
{
	struct json_object *object = json_object_new_object();
	struct json_object *metrics = json_object_new_object();

	add_count(object, "target", cell->target);
	add_count(object, "load", cell->load);
	add_count(object, "contender", cell->contender);
	add_count(object, "over", base->contender);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(ratio_metrics); i++) {
		struct bench_ratio ratio = bench_ratio_paired(cell, base, ratio_metrics[i]);
		struct json_object *spread = spread_json(&ratio.spread);

		add_count(spread, "pairs", ratio.pairs);
		add(metrics, bench_metrics[ratio_metrics[i]].name, spread);
	}
	add(object, "metrics", metrics);
	return object;
}

/* Each measured contender over each mode: what peers, plans and the adaptive mode are held against. */
static struct json_object *ratios_json(const struct bench_results *results)
{
	struct json_object *ratios = json_object_new_array();

	for (unsigned i = 0; i < results->num_cells; i++) {
		const struct bench_cell *cell = &results->cells[i];

		for (unsigned other = 0; other < results->num_contenders; other++) {
			const struct bench_cell *base =
				bench_results_cell(results, cell->target, cell->load, other);

			if (base != cell && base->num_samples > 0 && cell->num_samples > 0 &&
			    results->contenders[other].kind == BENCH_CONTENDER_MODE) {
				json_object_array_add(ratios, ratio_json(cell, base));
			}
		}
	}
	return ratios;
}

struct json_object *bench_report_results_json(const struct bench_results *results)
{
	struct json_object *report = json_object_new_object();
	struct json_object *warnings = json_object_new_array();
	struct json_object *metrics = json_object_new_array();
	struct json_object *targets = json_object_new_array();
	struct json_object *loads = json_object_new_array();
	struct json_object *contenders = json_object_new_array();
	struct json_object *cells = json_object_new_array();

	for (unsigned i = 0; i < results->num_warnings; i++) {
		json_object_array_add(warnings, text_json(results->warnings[i]));
	}
	for (unsigned i = 0; i < BENCH_METRIC_COUNT; i++) {
		json_object_array_add(metrics, metric_json(i));
	}
	for (unsigned i = 0; i < results->num_targets; i++) {
		json_object_array_add(targets, target_json(&results->targets[i]));
	}
	for (unsigned i = 0; i < results->num_loads; i++) {
		json_object_array_add(loads, load_json(&results->loads[i], &results->sustained[i]));
	}
	for (unsigned i = 0; i < results->num_contenders; i++) {
		json_object_array_add(contenders, contender_json(&results->contenders[i]));
	}
	for (unsigned i = 0; i < results->num_cells; i++) {
		json_object_array_add(cells, cell_json(results, &results->cells[i]));
	}
	add_text(report, "benchmark", "compare");
	add_text(report, "version", EBB_VERSION);
	add_text(report, "command", results->command);
	add_text(report, "started", results->started);
	add_count(report, "elapsed_ns", results->elapsed_ns);
	add_count(report, "rounds", results->rounds);
	add(report, "interrupted", json_object_new_boolean(results->interrupted));
	add(report, "machine", json_object_get(results->machine));
	add(report, "warnings", warnings);
	add(report, "metrics", metrics);
	add(report, "targets", targets);
	add(report, "loads", loads);
	add(report, "contenders", contenders);
	add(report, "cells", cells);
	add(report, "ratios", ratios_json(results));
	return report;
}
