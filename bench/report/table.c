/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/table.h"

#include <stdlib.h>
#include <sys/ioctl.h>

#include "bench/json.h"
#include "bench/report/block.h"
#include "bench/report/notes.h"
#include "bench/report/number.h"
#include "bench/report/text.h"
#include "bench/report/verdict.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN     40

unsigned bench_report_columns(FILE *out)
{
	const char *text = getenv("COLUMNS");
	unsigned long columns = text != NULL ? strtoul(text, NULL, 10) : 0;
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		columns = size.ws_col;
	} else if (columns == 0 || columns > 10000) {
		columns = COLUMNS_DEFAULT;
	}
	return columns < COLUMNS_MIN ? COLUMNS_MIN : (unsigned)columns;
}

static void bytes_say(char *text, size_t size, uint64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double number = (double)bytes;
	unsigned unit = 0;

	while (unit + 1 < EBB_ARRAY_SIZE(units) && number >= 1024) {
		number /= 1024;
		unit++;
	}
	bench_text_add(text, size, ", %.4g %s", number, units[unit]);
}

static void target_print(const struct bench_target *target, unsigned columns, FILE *out)
{
	char text[1024] = "";

	bench_text_add(text, sizeof(text), "%s: %s", target->name, target->kind);
	if (target->size_bytes > 0) {
		bytes_say(text, sizeof(text), target->size_bytes);
	}
	if (target->block_size > 0) {
		bench_text_add(text, sizeof(text), ", blocks of %u bytes", target->block_size);
	}
	if (target->driver[0] != '\0') {
		bench_text_add(text, sizeof(text), ", driver %s", target->driver);
	}
	if (target->sparse) {
		bench_text_add(text, sizeof(text),
			       "; it is sparse: reading a hole costs no device");
	}
	bench_text_paragraph(text, 0, 4, columns, out);
}

/* What of the machine belongs beside any figure that is quoted. */
static void machine_print(struct json_object *machine, unsigned columns, FILE *out)
{
	static const struct {
		const char *path;
		const char *format;
	} facts[] = {
		{"cpu.model", "%s"},
		{"cpu.allowed", "CPUs %s"},
		{"cpu.frequency.governor", "governor %s"},
		{"cpu.idle.driver", "idle driver %s"},
		{"kernel.release", "Linux %s"},
		{"hypervisor.name", "virtual (%s)"},
		{"device.device.name", "on %s"},
		{"device.device.scheduler", "scheduler %s"},
	};
	char text[1024] = "";
	char piece[BENCH_TEXT_MAX];

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(facts); i++) {
		const char *fact = bench_json_find_text(machine, facts[i].path);

		if (fact[0] != '\0') {
			snprintf(piece, sizeof(piece), facts[i].format, fact);
			bench_text_add(text, sizeof(text), "%s%s", text[0] != '\0' ? ", " : "",
				       piece);
		}
	}
	if (text[0] != '\0') {
		bench_text_paragraph(text, 0, 4, columns, out);
	}
}

static void head_print(const struct bench_results *results, unsigned columns, FILE *out)
{
	char text[4096] = "";

	bench_text_add(text, sizeof(text), "%s", results->command);
	bench_text_paragraph(text, 0, 4, columns, out);
	text[0] = '\0';
	bench_text_add(text, sizeof(text), "%s, %u round%s, %.0f s, ebb %s", results->started,
		       results->rounds, results->rounds == 1 ? "" : "s",
		       (double)results->elapsed_ns / 1e9, EBB_VERSION);
	bench_text_paragraph(text, 0, 4, columns, out);
	machine_print(results->machine, columns, out);
	for (unsigned i = 0; i < results->num_targets; i++) {
		target_print(&results->targets[i], columns, out);
	}
	if (results->interrupted) {
		bench_text_paragraph(
			"Ended early by a signal: this is what was measured until then.", 0, 4,
			columns, out);
	}
	if (results->num_warnings > 0) {
		text[0] = '\0';
		bench_text_add(text, sizeof(text), "%u warning%s: see the end.",
			       results->num_warnings, results->num_warnings == 1 ? "" : "s");
		bench_text_paragraph(text, 0, 4, columns, out);
	}
}

/* With one target its name goes without saying. */
static void place_say(const struct bench_results *results, unsigned target, unsigned load,
		      char *text, size_t size)
{
	char name[BENCH_TEXT_MAX];

	bench_results_load_name(&results->loads[load], name);
	if (results->num_targets > 1) {
		bench_text_add(text, size, "%s, ", results->targets[target].name);
	}
	bench_text_add(text, size, "%s", name);
}

static void answer_print(const struct bench_results *results, unsigned columns, FILE *out)
{
	char verdict[BENCH_VERDICT_MAX];

	if (!bench_verdict_overall(results, verdict)) {
		return;
	}
	fprintf(out, "\n");
	bench_text_paragraph("What does polling buy, and what does it cost?", 0, 2, columns, out);
	bench_text_paragraph(verdict, 2, 2, columns, out);
	for (unsigned i = 0; i < results->num_targets * results->num_loads; i++) {
		unsigned target = i / results->num_loads;
		unsigned load = i % results->num_loads;
		char text[BENCH_VERDICT_MAX + 2 * BENCH_TEXT_MAX] = "";

		if (bench_verdict_polling(results, target, load, verdict)) {
			place_say(results, target, load, text, sizeof(text));
			bench_text_add(text, sizeof(text), ": %s", verdict);
			bench_text_paragraph(text, 4, 8, columns, out);
		}
	}
}

static void place_print(const struct bench_results *results, unsigned target, unsigned load,
			unsigned columns, FILE *out)
{
	char text[BENCH_VERDICT_MAX] = "";

	fprintf(out, "\n");
	place_say(results, target, load, text, sizeof(text));
	bench_text_paragraph(text, 0, 4, columns, out);
	for (unsigned i = 0; i < results->num_contenders; i++) {
		if (bench_verdict_contender(results, bench_results_cell(results, target, load, i),
					    text)) {
			bench_text_paragraph(text, 2, 4, columns, out);
		}
	}
	if (results->num_contenders > 3 && bench_verdict_front(results, target, load, text)) {
		bench_text_paragraph(text, 2, 4, columns, out);
	}
	fprintf(out, "\n");
	bench_block_print(results, target, load, columns, out);
	bench_notes_block(results, target, load, columns, out);
}

void bench_report_table(const struct bench_results *results, unsigned columns, FILE *out)
{
	head_print(results, columns, out);
	answer_print(results, columns, out);
	for (unsigned target = 0; target < results->num_targets; target++) {
		for (unsigned load = 0; load < results->num_loads; load++) {
			place_print(results, target, load, columns, out);
		}
	}
	bench_notes_end(results, columns, out);
}
