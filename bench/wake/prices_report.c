/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/prices_report.h"

#include <math.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/json.h"

#define LABEL_WIDTH 34
#define CELL_WIDTH  19

static const struct {
	const char *name;  /* in JSON */
	const char *label; /* for people */
} kinds[BENCH_PRICE_KINDS] = {
	[BENCH_PRICE_WAKE_EVENTFD] = {"wake_eventfd", "woken by an eventfd"},
	[BENCH_PRICE_TIMERFD] = {"timer_timerfd", "timerfd, late by"},
	[BENCH_PRICE_EPOLL] = {"timer_epoll", "epoll with a timeout, late by"},
	[BENCH_PRICE_EPOLL_FINE] = {"timer_epoll_slack_1", "  with timer slack 1"},
	[BENCH_PRICE_NANOSLEEP] = {"timer_nanosleep", "clock_nanosleep(), late by"},
	[BENCH_PRICE_NANOSLEEP_FINE] = {"timer_nanosleep_slack_1", "  with timer slack 1"},
	[BENCH_PRICE_READ_SLEPT] = {"device_read_slept", "a read that is slept for"},
	[BENCH_PRICE_READ_LOOKED] = {"device_read_looked", "a read that is looked for"},
	[BENCH_PRICE_INTERRUPT] = {"device_interrupt", "woken by a device: the difference"},
};

static bool result_is_there(const struct bench_price_result *result)
{
	return result->has_late || result->why[0] != '\0';
}

static bool depth_is_there(const struct bench_prices *prices, unsigned depth)
{
	for (unsigned kind = 0; kind < BENCH_PRICE_KINDS; kind++) {
		if (result_is_there(&prices->results[kind][depth])) {
			return true;
		}
	}
	return false;
}

static bool kind_is_there(const struct bench_prices *prices, unsigned kind)
{
	for (unsigned depth = 0; depth < BENCH_PRICE_DEPTHS; depth++) {
		if (result_is_there(&prices->results[kind][depth])) {
			return true;
		}
	}
	return false;
}

/* Microseconds with as many decimals as make three digits. */
static int decimals(double us)
{
	return fabs(us) < 10 ? 2 : fabs(us) < 100 ? 1 : 0;
}

static void cell_print(const struct event_price_spread *spread, FILE *out)
{
	double us[3] = {spread->median_ns / 1e3, spread->p5_ns / 1e3, spread->p95_ns / 1e3};
	char text[64];

	snprintf(text, sizeof(text), "%.*f (%.*f-%.*f)", decimals(us[0]), us[0], decimals(us[1]),
		 us[1], decimals(us[2]), us[2]);
	fprintf(out, " %*s", CELL_WIDTH, text);
}

/* The label of the row below, of the CPU time. */
static const char *cpu_label(unsigned kind)
{
	return kind == BENCH_PRICE_READ_SLEPT || kind == BENCH_PRICE_READ_LOOKED
		       ? "    CPU of a read"
		       : "    CPU of a sleep and wakeup";
}

static void row_print(const struct bench_prices *prices, unsigned kind, bool cpu, FILE *out)
{
	fprintf(out, "%-*s", LABEL_WIDTH, cpu ? cpu_label(kind) : kinds[kind].label);
	for (unsigned depth = 0; depth < BENCH_PRICE_DEPTHS; depth++) {
		const struct bench_price_result *result = &prices->results[kind][depth];

		if (!depth_is_there(prices, depth)) {
			continue;
		}
		if (cpu ? result->has_cpu : result->has_late) {
			cell_print(cpu ? &result->cpu : &result->late, out);
		} else {
			fprintf(out, " %*s", CELL_WIDTH, cpu ? "-" : "unavailable");
		}
	}
	fprintf(out, "\n");
}

/* The reason for which the first of a kind is not there. */
static void why_print(const struct bench_prices *prices, unsigned kind, FILE *out)
{
	for (unsigned depth = 0; depth < BENCH_PRICE_DEPTHS; depth++) {
		if (prices->results[kind][depth].why[0] != '\0') {
			fprintf(out, "%s: unavailable: %s\n", kinds[kind].name,
				prices->results[kind][depth].why);
			return;
		}
	}
}

void bench_prices_report_text(const struct bench_prices *prices, FILE *out)
{
	static const char *const names[BENCH_PRICE_DEPTHS] = {"10 us", "1 ms", "100 ms", "1 s"};

	fprintf(out,
		"prices of a sleep on CPU %d, woken from CPU %d; microseconds: median "
		"(5 %%-95 %%)\n%-*s",
		prices->cpu, prices->waker_cpu, LABEL_WIDTH, "after a sleep of");
	for (unsigned depth = 0; depth < BENCH_PRICE_DEPTHS; depth++) {
		if (depth_is_there(prices, depth)) {
			fprintf(out, " %*s", CELL_WIDTH, names[depth]);
		}
	}
	fprintf(out, "\n");
	for (unsigned kind = 0; kind < BENCH_PRICE_KINDS; kind++) {
		if (!kind_is_there(prices, kind)) {
			continue;
		}
		row_print(prices, kind, false, out);
		if (kind != BENCH_PRICE_INTERRUPT) {
			row_print(prices, kind, true, out);
		}
	}
	for (unsigned kind = 0; kind < BENCH_PRICE_KINDS; kind++) {
		why_print(prices, kind, out);
	}
}

static void spread_add(struct json_object *object, const char *what, bool has,
		       const struct event_price_spread *spread)
{
	const struct {
		const char *name;
		double ns;
	} values[] = {
		{"median", spread->median_ns},
		{"p5", spread->p5_ns},
		{"p95", spread->p95_ns},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(values); i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s_%s_ns", what, values[i].name);
		json_object_object_add(object, name,
				       bench_json_number(has ? values[i].ns : NAN, 1));
	}
}

static struct json_object *result_json(const struct bench_price_result *result, unsigned kind,
				       unsigned depth)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(kinds[kind].name));
	json_object_object_add(object, "idle_ns",
			       json_object_new_uint64(bench_prices_depth_ns(depth)));
	json_object_object_add(object, "samples", json_object_new_uint64(result->samples));
	spread_add(object, "late", result->has_late, &result->late);
	spread_add(object, "cpu", result->has_cpu, &result->cpu);
	json_object_object_add(object, "unavailable",
			       result->why[0] == '\0' ? NULL : json_object_new_string(result->why));
	return object;
}

struct json_object *bench_prices_report_json(const struct bench_prices *prices)
{
	struct json_object *array = json_object_new_array();

	for (unsigned kind = 0; kind < BENCH_PRICE_KINDS; kind++) {
		for (unsigned depth = 0; depth < BENCH_PRICE_DEPTHS; depth++) {
			const struct bench_price_result *result = &prices->results[kind][depth];

			if (result_is_there(result)) {
				json_object_array_add(array, result_json(result, kind, depth));
			}
		}
	}
	return array;
}
