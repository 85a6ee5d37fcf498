/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/answer.h"

#include <math.h>

#include "bench/report/page/figure.h"
#include "bench/report/page/html.h"
#include "bench/report/page/write.h"

#define ROUNDS_ENOUGH 5 /* chance has 6 of 100 cases left */

/* The modes that are held against each other on one target. */
struct question {
	const struct bench_page_view *view;
	size_t target;
	size_t poll;
	size_t interrupt;
	size_t adaptive; /* num_contenders: not measured */
};

/* A sentence on one metric of a load. */
struct claim {
	enum bench_metric metric;
	const char *what;
	const char *unit;
	const char *class; /* of its element: what polling buys, or costs */
};

static const struct claim claims[] = {
	{BENCH_LATENCY_P50, "median latency", " \u00b5s", "buys"},
	{BENCH_LATENCY_P99, "latency p99", " \u00b5s", "buys"},
	{BENCH_IOPS, "I/Os per second", "", "buys"},
	{BENCH_CPU_PER_MILLION, "CPU seconds per million I/Os", "", "costs"},
};

static struct bench_spread question_spread(const struct question *question, size_t load,
					   size_t contender, enum bench_metric metric)
{
	return bench_page_spread(bench_page_cell(question->view, question->target, load, contender),
				 metric);
}

static struct bench_spread question_ratio(const struct question *question, size_t load, size_t of,
					  size_t over, enum bench_metric metric)
{
	return bench_page_ratio(question->view, question->target, load, of, over, metric);
}

/* -1: all of the interval is less; 1: more; 0: it reaches over 1. */
static int ratio_sign(struct bench_spread ratio)
{
	return ratio.high < 1 ? -1 : ratio.low > 1 ? 1 : 0;
}

/* "28 % less", "2.3 times as much" */
static void factor_put(FILE *out, double factor)
{
	double percent = fabs(factor - 1) * 100;

	if (factor >= 2) {
		bench_page_number_put(out, factor);
		fputs(" times as much", out);
	} else {
		fprintf(out, "%.*f %% %s", percent < 9.95 ? 1 : 0, percent,
			factor < 1 ? "less" : "more");
	}
}

static void ratio_put(FILE *out, struct bench_spread ratio)
{
	if (!isfinite(ratio.median)) {
		fputs("not compared", out);
	} else if (!isfinite(ratio.low)) {
		fputs("one run, no spread", out);
	} else if (ratio_sign(ratio) == 0) {
		fputs("no clear difference", out);
	} else {
		factor_put(out, ratio.median);
	}
}

/* "(x 2.2 to 2.4)" */
static void interval_put(FILE *out, struct bench_spread ratio)
{
	if (isfinite(ratio.low) && isfinite(ratio.high)) {
		fputs(" <small>(\u00d7 ", out);
		bench_page_number_put(out, ratio.low);
		fputs(" to ", out);
		bench_page_number_put(out, ratio.high);
		fputs(")</small>", out);
	}
}

static void claim_put(const struct question *question, size_t load, const struct claim *claim,
		      FILE *out)
{
	double poll = question_spread(question, load, question->poll, claim->metric).median;
	double interrupt =
		question_spread(question, load, question->interrupt, claim->metric).median;
	struct bench_spread ratio =
		question_ratio(question, load, question->poll, question->interrupt, claim->metric);

	fprintf(out, "<li class=\"%s\"><span class=\"what\">%s</span> <span class=\"factor\">",
		claim->class, claim->what);
	ratio_put(out, ratio);
	fputs("</span> <span class=\"figures\">", out);
	bench_page_number_put(out, poll);
	fputs(" instead of ", out);
	bench_page_number_put(out, interrupt);
	fputs(claim->unit, out);
	interval_put(out, ratio);
	fputs("</span></li>\n", out);
}

static void adaptive_put(const struct question *question, size_t load, FILE *out)
{
	size_t adaptive = question->adaptive;
	double p50 = question_spread(question, load, adaptive, BENCH_LATENCY_P50).median;
	double cpu = question_spread(question, load, adaptive, BENCH_CPU_PER_MILLION).median;
	struct bench_spread latency =
		question_ratio(question, load, adaptive, question->poll, BENCH_LATENCY_P50);
	struct bench_spread price = question_ratio(question, load, adaptive, question->interrupt,
						   BENCH_CPU_PER_MILLION);

	if (!isfinite(p50) || !isfinite(cpu)) {
		return;
	}
	fputs("<p>The adaptive mode: a median latency of ", out);
	bench_page_number_put(out, p50);
	fputs(" \u00b5s, <b>", out);
	ratio_put(out, latency);
	fputs("</b>", out);
	interval_put(out, latency);
	fputs(" against polling; ", out);
	bench_page_number_put(out, cpu);
	fputs(" CPU seconds per million I/Os, <b>", out);
	ratio_put(out, price);
	fputs("</b>", out);
	interval_put(out, price);
	fputs(" against interrupts.</p>\n", out);
}

static bool question_has(const struct question *question, size_t load)
{
	return isfinite(question_ratio(question, load, question->poll, question->interrupt,
				       BENCH_CPU_PER_MILLION)
				.median);
}

/* The load that tells most about waiting: of those measured, the first with the least in flight. */
static size_t question_load(const struct question *question)
{
	const struct bench_page_view *view = question->view;
	size_t found = view->num_loads;

	for (size_t load = 0; load < view->num_loads; load++) {
		if (!question_has(question, load) || bench_page_load_is_open(view, load)) {
			continue;
		}
		if (found == view->num_loads ||
		    bench_page_load_x(view, load) < bench_page_load_x(view, found)) {
			found = load;
		}
	}
	for (size_t load = 0; load < view->num_loads && found == view->num_loads; load++) {
		found = question_has(question, load) ? load : found;
	}
	return found;
}

/* What few rounds cannot tell: all on one side of 1 are there by chance in 2 of 2^rounds cases. */
static void rounds_put(const struct question *question, size_t load, FILE *out)
{
	const struct bench_page_view *view = question->view;
	size_t target = question->target;
	double rounds =
		fmin(bench_page_number(bench_page_cell(view, target, load, question->poll), "runs"),
		     bench_page_number(bench_page_cell(view, target, load, question->interrupt),
				       "runs"));

	if (rounds >= 2 && rounds < ROUNDS_ENOUGH) {
		fprintf(out,
			"<p>After %.0f rounds that is not certain: by chance alone all of them "
			"differ in the same way in %.0f of 100 cases.</p>\n",
			rounds, 200 * exp2(-rounds));
	}
}

/* Over all loads: how often polling was faster, and at which price. */
static void sum_put(const struct question *question, FILE *out)
{
	unsigned signs[3] = {0};
	unsigned count = 0;
	double least = INFINITY;
	double most = 0;

	for (size_t load = 0; load < question->view->num_loads; load++) {
		struct bench_spread latency =
			question_ratio(question, load, question->poll, question->interrupt,
				       BENCH_LATENCY_P50);
		struct bench_spread cpu =
			question_ratio(question, load, question->poll, question->interrupt,
				       BENCH_CPU_PER_MILLION);

		if (isfinite(latency.median) && isfinite(cpu.median)) {
			signs[1 + ratio_sign(latency)]++;
			count++;
			least = fmin(least, cpu.median);
			most = fmax(most, cpu.median);
		}
	}
	if (count < 2) {
		return;
	}
	fprintf(out, "<p>Over %u loads, polling has the lower median latency in ", count);
	if (signs[0] == count) {
		fputs("all of them", out);
	} else {
		fprintf(out, "%u, the higher one in %u, and in %u there is no clear difference",
			signs[0], signs[2], signs[1]);
	}
	fputs(". An I/O takes ", out);
	bench_page_number_put(out, least);
	fputs(" to ", out);
	bench_page_number_put(out, most);
	fputs(" times the CPU that it takes with interrupts.</p>\n", out);
}

static void ratio_row(const struct question *question, size_t load, FILE *out)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(claims); i++) {
		bench_page_spread_cell(out, question_ratio(question, load, question->poll,
							   question->interrupt, claims[i].metric));
	}
	if (question->adaptive < question->view->num_contenders) {
		bench_page_spread_cell(out, question_ratio(question, load, question->adaptive,
							   question->poll, BENCH_LATENCY_P50));
		bench_page_spread_cell(out,
				       question_ratio(question, load, question->adaptive,
						      question->interrupt, BENCH_CPU_PER_MILLION));
	}
}

static void ratio_table(const struct question *question, FILE *out)
{
	fputs("<details open><summary>Load by load</summary>\n", out);
	bench_page_table_begin(out, "polling over interrupts, and adaptive over both: factors with "
				    "their intervals, 1 is no difference");
	fputs("<thead><tr><th scope=\"col\">load</th>", out);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(claims); i++) {
		fprintf(out, "<th scope=\"col\">%s, poll / interrupt</th>", claims[i].what);
	}
	if (question->adaptive < question->view->num_contenders) {
		fputs("<th scope=\"col\">median latency, adaptive / poll</th><th scope=\"col\">CPU "
		      "seconds per million I/Os, adaptive / interrupt</th>",
		      out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t load = 0; load < question->view->num_loads; load++) {
		if (question_has(question, load)) {
			fputs("<tr><th scope=\"row\">", out);
			bench_page_text(out, bench_page_load_name(question->view, load));
			fputs("</th>", out);
			ratio_row(question, load, out);
			fputs("</tr>\n", out);
		}
	}
	fputs("</tbody>\n", out);
	bench_page_table_end(out);
	fputs("</details>\n", out);
}

static void question_answer(const struct question *question, FILE *out)
{
	size_t load = question_load(question);

	if (load == question->view->num_loads) {
		fputs("<p>Polling and interrupts were not both measured here, so there is no "
		      "answer; what was measured is below.</p>\n",
		      out);
		return;
	}
	fputs("<p>Polling instead of interrupts, ", out);
	bench_page_text(out, bench_page_load_name(question->view, load));
	fputs(":</p>\n<ul class=\"claims\">\n", out);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(claims); i++) {
		claim_put(question, load, &claims[i], out);
	}
	fputs("</ul>\n", out);
	rounds_put(question, load, out);
	adaptive_put(question, load, out);
	sum_put(question, out);
	ratio_table(question, out);
}

void bench_page_answer(const struct bench_page_view *view, FILE *out)
{
	struct question question = {
		.view = view,
		.poll = bench_page_contender_find(view, "poll"),
		.interrupt = bench_page_contender_find(view, "interrupt"),
		.adaptive = bench_page_contender_find(view, "adaptive"),
	};

	for (question.target = 0; question.target < view->num_targets; question.target++) {
		fputs("<div class=\"answer\">\n", out);
		if (view->num_targets > 1) {
			fputs("<h3>", out);
			bench_page_text(out, bench_page_target_name(view, question.target));
			fputs("</h3>\n", out);
		}
		question_answer(&question, out);
		fputs("</div>\n", out);
	}
}
