/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

/* Of the modes; others have those behind them, in their order. */
static const char *const mode_styles[] = {"poll", "interrupt", "adaptive"};

struct json_object *bench_page_get(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object)) {
		json_object_object_get_ex(object, name, &value);
	}
	return value;
}

const char *bench_page_string(struct json_object *object, const char *name)
{
	struct json_object *value = bench_page_get(object, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

double bench_page_number(struct json_object *object, const char *name)
{
	struct json_object *value = bench_page_get(object, name);

	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double)) {
		return NAN;
	}
	return json_object_get_double(value);
}

bool bench_page_true(struct json_object *object, const char *name)
{
	return json_object_get_boolean(bench_page_get(object, name));
}

static struct json_object *array_get(struct json_object *object, const char *name, size_t *ret_num)
{
	struct json_object *array = bench_page_get(object, name);

	if (!json_object_is_type(array, json_type_array)) {
		*ret_num = 0;
		return NULL;
	}
	*ret_num = json_object_array_length(array);
	return array;
}

struct json_object *bench_page_at(struct json_object *array, size_t index)
{
	if (!json_object_is_type(array, json_type_array)) {
		return NULL;
	}
	return json_object_array_get_idx(array, index);
}

void bench_page_view_init(struct bench_page_view *view, struct json_object *report)
{
	view->report = report;
	view->targets = array_get(report, "targets", &view->num_targets);
	view->loads = array_get(report, "loads", &view->num_loads);
	view->contenders = array_get(report, "contenders", &view->num_contenders);
	view->cells = array_get(report, "cells", &view->num_cells);
	view->ratios = array_get(report, "ratios", &view->num_ratios);
}

static struct json_object *load_get(const struct bench_page_view *view, size_t load)
{
	return bench_page_at(view->loads, load);
}

const char *bench_page_target_name(const struct bench_page_view *view, size_t target)
{
	return bench_page_string(bench_page_at(view->targets, target), "name");
}

const char *bench_page_load_name(const struct bench_page_view *view, size_t load)
{
	return bench_page_string(load_get(view, load), "name");
}

const char *bench_page_contender_name(const struct bench_page_view *view, size_t contender)
{
	return bench_page_string(bench_page_at(view->contenders, contender), "name");
}

const char *bench_page_contender_kind(const struct bench_page_view *view, size_t contender)
{
	return bench_page_string(bench_page_at(view->contenders, contender), "kind");
}

size_t bench_page_contender_find(const struct bench_page_view *view, const char *name)
{
	for (size_t i = 0; i < view->num_contenders; i++) {
		if (strcmp(bench_page_contender_name(view, i), name) == 0) {
			return i;
		}
	}
	return view->num_contenders;
}

/* The place of a name among the modes; behind them: it is none. */
static unsigned mode_style(const char *name)
{
	unsigned style = 0;

	while (style < EBB_ARRAY_SIZE(mode_styles) && strcmp(name, mode_styles[style]) != 0) {
		style++;
	}
	return style;
}

unsigned bench_page_contender_style(const struct bench_page_view *view, size_t contender)
{
	unsigned style = mode_style(bench_page_contender_name(view, contender));

	if (style < EBB_ARRAY_SIZE(mode_styles)) {
		return style;
	}
	for (size_t i = 0; i < contender; i++) {
		style += mode_style(bench_page_contender_name(view, i)) ==
			 EBB_ARRAY_SIZE(mode_styles);
	}
	return style;
}

struct json_object *bench_page_cell(const struct bench_page_view *view, size_t target, size_t load,
				    size_t contender)
{
	size_t index = (target * view->num_loads + load) * view->num_contenders + contender;

	return bench_page_at(view->cells, index);
}

static struct bench_spread spread_get(struct json_object *object, enum bench_metric metric)
{
	struct json_object *metrics = bench_page_get(object, "metrics");
	struct json_object *value = bench_page_get(metrics, bench_metrics[metric].name);

	return (struct bench_spread){
		.median = bench_page_number(value, "median"),
		.low = bench_page_number(value, "low"),
		.high = bench_page_number(value, "high"),
	};
}

struct bench_spread bench_page_spread(struct json_object *cell, enum bench_metric metric)
{
	struct bench_spread spread = spread_get(cell, metric);

	spread.median *= bench_metrics[metric].scale;
	spread.low *= bench_metrics[metric].scale;
	spread.high *= bench_metrics[metric].scale;
	return spread;
}

static struct bench_spread ratio_get(struct json_object *ratio, enum bench_metric metric)
{
	struct json_object *metrics = bench_page_get(ratio, "metrics");
	struct json_object *paired = bench_page_get(metrics, bench_metrics[metric].name);
	struct bench_spread spread = spread_get(ratio, metric);

	if (!(bench_page_number(paired, "pairs") > 1)) {
		spread.low = NAN;
		spread.high = NAN;
	}
	return spread;
}

struct bench_spread bench_page_ratio(const struct bench_page_view *view, size_t target, size_t load,
				     size_t contender, size_t over, enum bench_metric metric)
{
	const size_t wanted[] = {target, load, contender, over};
	const char *const names[] = {"target", "load", "contender", "over"};

	for (size_t i = 0; i < view->num_ratios; i++) {
		struct json_object *ratio = bench_page_at(view->ratios, i);
		size_t same = 0;

		while (same < EBB_ARRAY_SIZE(names) &&
		       bench_page_number(ratio, names[same]) == (double)wanted[same]) {
			same++;
		}
		if (same == EBB_ARRAY_SIZE(names)) {
			return ratio_get(ratio, metric);
		}
	}
	return (struct bench_spread){.median = NAN, .low = NAN, .high = NAN};
}

bool bench_page_load_is_open(const struct bench_page_view *view, size_t load)
{
	const char *shape = bench_page_string(load_get(view, load), "shape");

	return shape[0] != '\0' && strcmp(shape, bench_load_shape_names[BENCH_SHAPE_CLOSED]) != 0;
}

bool bench_page_load_has_rate(const struct bench_page_view *view, size_t load)
{
	return isfinite(bench_page_number(load_get(view, load), "rate_iops"));
}

double bench_page_load_x(const struct bench_page_view *view, size_t load)
{
	const char *name = bench_page_load_has_rate(view, load) ? "rate_iops" : "queue_depth";

	return bench_page_number(load_get(view, load), name);
}

/* "4 KiB", "512 bytes" */
static void size_text(double bytes, char text[32])
{
	const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
	unsigned unit = 0;

	while (unit + 1 < EBB_ARRAY_SIZE(units) && bytes >= 1024 && fmod(bytes, 1024) == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, 32, "%.10g %s", bytes, units[unit]);
}

void bench_page_load_group(const struct bench_page_view *view, size_t load,
			   char label[BENCH_PAGE_LABEL_MAX])
{
	struct json_object *object = load_get(view, load);
	const char *shape = bench_page_string(object, "shape");
	double reads = bench_page_number(object, "read_percent");
	char size[32];
	char mix[32] = "";
	char how[96] = "closed loop";

	size_text(bench_page_number(object, "block_bytes"), size);
	if (isfinite(reads)) {
		snprintf(mix, sizeof(mix), " %.0f/%.0f", reads, 100 - reads);
	}
	if (bench_page_load_is_open(view, load)) {
		double depth = bench_page_number(object, "queue_depth");
		double ios = bench_page_number(object, "burst_ios");
		double on = bench_page_number(object, "on_ns");
		int used = snprintf(how, sizeof(how), "open loop, %.16s", shape);

		if (isfinite(ios)) {
			used += snprintf(how + used, sizeof(how) - (size_t)used, " of %.0f", ios);
		} else if (isfinite(on)) {
			used += snprintf(how + used, sizeof(how) - (size_t)used, " %.6g/%.6g ms",
					 on / 1e6, bench_page_number(object, "off_ns") / 1e6);
		}
		if (depth > 0 && bench_page_load_has_rate(view, load) &&
		    (size_t)used < sizeof(how)) {
			snprintf(how + used, sizeof(how) - (size_t)used, ", at most %.0f in flight",
				 depth);
		}
	}
	snprintf(label, BENCH_PAGE_LABEL_MAX, "%.40s%s of %s, %s", bench_page_string(object, "rw"),
		 mix, size, how);
}

bool bench_page_load_in(const struct bench_page_view *view, size_t load, const char *label)
{
	char own[BENCH_PAGE_LABEL_MAX];

	bench_page_load_group(view, load, own);
	return strcmp(own, label) == 0;
}

bool bench_page_load_is_first(const struct bench_page_view *view, size_t load)
{
	char label[BENCH_PAGE_LABEL_MAX];

	bench_page_load_group(view, load, label);
	for (size_t before = 0; before < load; before++) {
		if (bench_page_load_in(view, before, label)) {
			return false;
		}
	}
	return true;
}
