/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/sections.h"

#include <math.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/report/page/figure.h"
#include "bench/report/page/html.h"
#include "bench/report/page/write.h"

#define FACTS_DEPTH_MAX 8

static void item_begin(FILE *out, unsigned *count, const char *class)
{
	if (*count == 0) {
		fprintf(out, "<ul class=\"%s\">\n", class);
	}
	*count += 1;
	fputs("<li>", out);
}

/* Something that a cell says of itself, in words: its error, or its note. */
struct trouble {
	const char *name;
	const char *class; /* of the list */
	bool counted;      /* requests that failed belong to it */
};

static double trouble_count(const struct trouble *trouble, struct json_object *cell)
{
	return trouble->counted ? fmax(bench_page_number(cell, "errors"), 0) : 0;
}

static bool cell_has(const struct trouble *trouble, struct json_object *cell)
{
	return bench_page_string(cell, trouble->name)[0] != '\0' ||
	       trouble_count(trouble, cell) > 0;
}

/* True if both are in the same trouble: what failed once for all is told once. */
static bool cells_share(const struct trouble *trouble, struct json_object *cell,
			struct json_object *other)
{
	return bench_page_number(cell, "contender") == bench_page_number(other, "contender") &&
	       strcmp(bench_page_string(cell, trouble->name),
		      bench_page_string(other, trouble->name)) == 0;
}

static size_t index_of(struct json_object *cell, const char *name)
{
	return (size_t)fmax(bench_page_number(cell, name), 0);
}

/* The trouble of the cell at @first, with all that share it; nothing if one before it does. */
static void trouble_put(const struct bench_page_view *view, const struct trouble *trouble,
			size_t first, unsigned *count, FILE *out)
{
	struct json_object *cell = bench_page_at(view->cells, first);
	const char *text = bench_page_string(cell, trouble->name);
	unsigned more = 0;
	double failed = 0;

	for (size_t i = 0; i < view->num_cells; i++) {
		struct json_object *other = bench_page_at(view->cells, i);

		if (!cell_has(trouble, other) || !cells_share(trouble, cell, other)) {
			continue;
		}
		if (i < first) {
			return;
		}
		more += i > first;
		failed += trouble_count(trouble, other);
	}
	item_begin(out, count, trouble->class);
	bench_page_textf(out, "%s, %s, %s",
			 bench_page_contender_name(view, index_of(cell, "contender")),
			 bench_page_load_name(view, index_of(cell, "load")),
			 bench_page_target_name(view, index_of(cell, "target")));
	if (more > 0) {
		fprintf(out, ", and %u more", more);
	}
	fputs("<br>", out);
	bench_page_text(out, text);
	if (failed > 0) {
		fprintf(out, "%s%.0f request%s failed", text[0] == '\0' ? "" : "; ", failed,
			failed == 1 ? "" : "s");
	}
	fputs("</li>\n", out);
}

/* Return: how many there are. */
static unsigned troubles_put(const struct bench_page_view *view, const struct trouble *trouble,
			     FILE *out)
{
	unsigned count = 0;

	for (size_t i = 0; i < view->num_cells; i++) {
		if (cell_has(trouble, bench_page_at(view->cells, i))) {
			trouble_put(view, trouble, i, &count, out);
		}
	}
	fputs(count > 0 ? "</ul>\n" : "", out);
	return count;
}

void bench_page_warnings(const struct bench_page_view *view, FILE *out)
{
	struct json_object *warnings = bench_page_get(view->report, "warnings");
	struct json_object *warning;
	static const struct trouble troubles[] = {
		{"note", "warnings", false},
		{"error", "errors", true},
	};
	unsigned count = 0;

	fputs("<section id=\"warnings\">\n<h2>What spoils these figures</h2>\n", out);
	if (bench_page_true(view->report, "interrupted")) {
		item_begin(out, &count, "warnings");
		fputs("The comparison was ended early, by a signal: there are fewer runs than were "
		      "asked for.</li>\n",
		      out);
	}
	for (size_t i = 0; i < view->num_targets; i++) {
		if (bench_page_true(bench_page_at(view->targets, i), "sparse")) {
			item_begin(out, &count, "warnings");
			bench_page_text(out, bench_page_target_name(view, i));
			fputs(" has holes: reading these costs no device.</li>\n", out);
		}
	}
	for (size_t i = 0; (warning = bench_page_at(warnings, i)) != NULL; i++) {
		item_begin(out, &count, "warnings");
		bench_page_text(out, json_object_get_string(warning));
		fputs("</li>\n", out);
	}
	fputs(count > 0 ? "</ul>\n" : "", out);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(troubles); i++) {
		count += troubles_put(view, &troubles[i], out);
	}
	if (count == 0) {
		fputs("<p>Nothing was found that does.</p>\n", out);
	}
	fputs("</section>\n", out);
}

/* "64 GiB" */
static void size_put(FILE *out, double bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;

	while (unit + 1 < EBB_ARRAY_SIZE(units) && bytes >= 1024) {
		bytes /= 1024;
		unit++;
	}
	bench_page_count_put(out, bytes);
	fprintf(out, " %s", units[unit]);
}

static void text_cell(FILE *out, const char *text)
{
	fputs("<td class=\"text\">", out);
	bench_page_text(out, text);
	fputs("</td>", out);
}

void bench_page_targets(const struct bench_page_view *view, FILE *out)
{
	bench_page_table_begin(out, "what was measured");
	fputs("<thead><tr><th scope=\"col\" class=\"text\">target</th><th scope=\"col\" "
	      "class=\"text\">kind</th>"
	      "<th scope=\"col\" class=\"text\">driver</th><th scope=\"col\" "
	      "class=\"text\">path</th>"
	      "<th scope=\"col\">block</th><th scope=\"col\">size</th></tr></thead>\n<tbody>\n",
	      out);
	for (size_t i = 0; i < view->num_targets; i++) {
		struct json_object *target = bench_page_at(view->targets, i);

		fputs("<tr><th scope=\"row\">", out);
		bench_page_text(out, bench_page_target_name(view, i));
		fputs("</th>", out);
		text_cell(out, bench_page_string(target, "kind"));
		text_cell(out, bench_page_string(target, "driver"));
		text_cell(out, bench_page_string(target, "path"));
		fputs("<td>", out);
		size_put(out, bench_page_number(target, "block_size_bytes"));
		fputs("</td><td>", out);
		size_put(out, bench_page_number(target, "size_bytes"));
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody>\n", out);
	bench_page_table_end(out);
}

/* What whoever did the I/O does while there is none. */
static const char *contender_text(const char *name, const char *kind)
{
	static const char *const modes[][2] = {
		{"poll", "looks for completions without a pause"},
		{"interrupt", "sleeps until it is woken for a completion"},
		{"adaptive", "looks as long as that pays, else sleeps, as it has learned"},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(modes); i++) {
		if (strcmp(name, modes[i][0]) == 0) {
			return modes[i][1];
		}
	}
	return strcmp(kind, "plan") == 0
		       ? "a fixed plan: sleep first, then look, then sleep until woken"
		       : "another program, or another way to wait";
}

void bench_page_contenders(const struct bench_page_view *view, FILE *out)
{
	static const char *const texts[] = {"version", "note"};

	fputs("<ul class=\"contenders\">\n", out);
	for (size_t i = 0; i < view->num_contenders; i++) {
		struct json_object *contender = bench_page_at(view->contenders, i);
		const char *command = bench_page_string(contender, "command");

		fputs("<li><b", out);
		bench_page_contender_attributes(view, i, out);
		fputs(">", out);
		bench_page_text(out, bench_page_contender_name(view, i));
		fprintf(out, "</b>: %s",
			contender_text(bench_page_contender_name(view, i),
				       bench_page_contender_kind(view, i)));
		for (size_t text = 0; text < EBB_ARRAY_SIZE(texts); text++) {
			const char *said = bench_page_string(contender, texts[text]);

			fputs(said[0] != '\0' ? "; " : "", out);
			bench_page_text(out, said);
		}
		if (command[0] != '\0') {
			fputs("<pre tabindex=\"0\"><code>", out);
			bench_page_text(out, command);
			fputs("</code></pre>", out);
		}
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
}

static void figures_row(const struct bench_page_view *view, struct json_object *cell, size_t load,
			size_t contender, FILE *out)
{
	const char *error = bench_page_string(cell, "error");

	fputs("<tr><th scope=\"row\">", out);
	bench_page_text(out, bench_page_load_name(view, load));
	fputs("</th><th scope=\"row\"", out);
	bench_page_contender_attributes(view, contender, out);
	fputs(">", out);
	bench_page_text(out, bench_page_contender_name(view, contender));
	fputs("</th><td>", out);
	bench_page_count_put(out, bench_page_number(cell, "runs"));
	fputs("</td>", out);
	text_cell(out, bench_page_string(cell, "stamps"));
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		bench_page_spread_cell(out, bench_page_spread(cell, metric));
	}
	fputs("<td>", out);
	bench_page_number_put(out, bench_page_number(cell, "companion_percent"));
	fputs("</td><td>", out);
	bench_page_count_put(out, bench_page_number(cell, "errors"));
	fputs("</td>", out);
	text_cell(out, error);
	text_cell(out, bench_page_string(cell, "note"));
	fputs("</tr>\n", out);
}

static void figures_table(const struct bench_page_view *view, size_t target, FILE *out)
{
	char caption[BENCH_TEXT_MAX + 64];

	snprintf(caption, sizeof(caption), "every metric of every cell on %s",
		 bench_page_target_name(view, target));
	bench_page_table_begin(out, caption);
	fputs("<thead><tr><th scope=\"col\">load</th><th scope=\"col\" class=\"text\">who</th>"
	      "<th scope=\"col\">runs</th><th scope=\"col\">time stamps</th>",
	      out);
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		fputs("<th scope=\"col\">", out);
		bench_page_text(out, bench_metrics[metric].label);
		fputs("</th>", out);
	}
	fputs("<th scope=\"col\">companion CPU, %</th><th scope=\"col\">failed requests</th>"
	      "<th scope=\"col\" class=\"text\">error</th><th scope=\"col\" "
	      "class=\"text\">note</th></tr></thead>\n<tbody>\n",
	      out);
	for (size_t load = 0; load < view->num_loads; load++) {
		for (size_t i = 0; i < view->num_contenders; i++) {
			figures_row(view, bench_page_cell(view, target, load, i), load, i, out);
		}
	}
	fputs("</tbody>\n", out);
	bench_page_table_end(out);
}

void bench_page_figures(const struct bench_page_view *view, FILE *out)
{
	for (size_t target = 0; target < view->num_targets; target++) {
		fputs("<details open><summary>All figures of ", out);
		bench_page_text(out, bench_page_target_name(view, target));
		fputs("</summary>\n", out);
		figures_table(view, target, out);
		fputs("</details>\n", out);
	}
}

/* "exit_latency_ns" as "exit latency ns". */
static void fact_name_put(FILE *out, const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "%s", name);
	for (char *at = strchr(text, '_'); at != NULL; at = strchr(at, '_')) {
		*at = ' ';
	}
	bench_page_text(out, text);
}

static void fact_put(FILE *out, struct json_object *fact, unsigned depth)
{
	if (json_object_is_type(fact, json_type_null)) {
		fputs("<i>unknown</i>", out);
	} else if (depth >= FACTS_DEPTH_MAX) {
		fputs("...", out);
	} else if (json_object_is_type(fact, json_type_object)) {
		fputs("<dl>\n", out);
		json_object_object_foreach(fact, name, value)
		{
			fputs("<div><dt>", out);
			fact_name_put(out, name);
			fputs("</dt><dd>", out);
			fact_put(out, value, depth + 1);
			fputs("</dd></div>\n", out);
		}
		fputs("</dl>", out);
	} else if (json_object_is_type(fact, json_type_array)) {
		fputs("<ul>\n", out);
		for (size_t i = 0; i < json_object_array_length(fact); i++) {
			fputs("<li>", out);
			fact_put(out, json_object_array_get_idx(fact, i), depth + 1);
			fputs("</li>\n", out);
		}
		fputs("</ul>", out);
	} else {
		bench_page_text(out, json_object_get_string(fact));
	}
}

void bench_page_machine(const struct bench_page_view *view, FILE *out)
{
	struct json_object *machine = bench_page_get(view->report, "machine");

	if (machine == NULL) {
		fputs("<p>Nothing is known of the machine.</p>\n", out);
		return;
	}
	fputs("<div class=\"facts\">\n", out);
	fact_put(out, machine, 0);
	fputs("</div>\n", out);
}
