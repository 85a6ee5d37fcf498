/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAGE_VIEW_H
#define BENCH_PAGE_VIEW_H

/*
 * A comparison's JSON as the page looks at it: cells by their numbers, and loads in groups that
 * differ in one thing only, which is the x axis of the group's plots: the queue depth of a closed
 * loop, the offered rate of an open one. What the JSON lacks is NULL, "" or NAN here.
 */

#include <stdbool.h>
#include <stddef.h>

#include "bench/results/results.h"

#define BENCH_PAGE_LABEL_MAX 256

struct json_object;

struct bench_page_view {
	struct json_object *report;
	struct json_object *targets; /* arrays */
	struct json_object *loads;
	struct json_object *contenders;
	struct json_object *cells;
	struct json_object *ratios;
	size_t num_targets;
	size_t num_loads;
	size_t num_contenders;
	size_t num_cells;
	size_t num_ratios;
};

/* @view: borrows @report. */
void bench_page_view_init(struct bench_page_view *view, struct json_object *report);

/* Members of an object (NULL has none). */
struct json_object *bench_page_get(struct json_object *object, const char *name);
const char *bench_page_string(struct json_object *object, const char *name);
double bench_page_number(struct json_object *object, const char *name);
bool bench_page_true(struct json_object *object, const char *name);

/* NULL: it is no array, or ends before. */
struct json_object *bench_page_at(struct json_object *array, size_t index);

const char *bench_page_target_name(const struct bench_page_view *view, size_t target);
const char *bench_page_load_name(const struct bench_page_view *view, size_t load);
const char *bench_page_contender_name(const struct bench_page_view *view, size_t contender);

/* "mode", "plan" or "peer" */
const char *bench_page_contender_kind(const struct bench_page_view *view, size_t contender);

/* The contender of that name; num_contenders: there is none. */
size_t bench_page_contender_find(const struct bench_page_view *view, const char *name);

/**
 * bench_page_contender_style() - the number of a contender's colour, marker and dashes
 * Those of the modes are the same in every report.
 */
unsigned bench_page_contender_style(const struct bench_page_view *view, size_t contender);

/* NULL: it was not reached. */
struct json_object *bench_page_cell(const struct bench_page_view *view, size_t target, size_t load,
				    size_t contender);

/* In the unit that people read; NANs if it was not measured. */
struct bench_spread bench_page_spread(struct json_object *cell, enum bench_metric metric);

/**
 * bench_page_ratio() - by which factor two contenders differ in a metric, round by round
 * Of one round there is a factor, and nothing that says how much it is worth: no low, no high.
 * Return: NANs if the report does not say it.
 */
struct bench_spread bench_page_ratio(const struct bench_page_view *view, size_t target, size_t load,
				     size_t contender, size_t over, enum bench_metric metric);

/* True if the load is an open loop. */
bool bench_page_load_is_open(const struct bench_page_view *view, size_t load);

/* True if it says how many requests come in a second; a trace does not. */
bool bench_page_load_has_rate(const struct bench_page_view *view, size_t load);

/* Its place on the x axis: requests offered a second, or (at most) in flight. */
double bench_page_load_x(const struct bench_page_view *view, size_t load);

/* What the load has in common with its group: "randread of 4 KiB, closed loop". */
void bench_page_load_group(const struct bench_page_view *view, size_t load,
			   char label[BENCH_PAGE_LABEL_MAX]);

/* True if @load is of the group @label. */
bool bench_page_load_in(const struct bench_page_view *view, size_t load, const char *label);

/* True if no load before it is of the same group. */
bool bench_page_load_is_first(const struct bench_page_view *view, size_t load);

#endif
