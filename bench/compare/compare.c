/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comparison from its first line to its last, on the harness: the targets become bdevs, poll mode
 * says what they sustain where rates are in percent of that, then come the rounds. What cannot be
 * measured at all is found before the first run; what goes wrong in a run stays in its cell.
 */
#include "bench/compare/compare.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/clock.h>

#include "bench/compare/best_plans.h"
#include "bench/compare/calibrate.h"
#include "bench/compare/entries.h"
#include "bench/compare/matrix.h"
#include "bench/compare/modes.h"
#include "bench/compare/output.h"
#include "bench/compare/rounds.h"
#include "bench/compare/surroundings.h"
#include "bench/harness.h"
#include "bench/machine/disturbance.h"
#include "bench/signals.h"

struct compare {
	const struct bench_compare_options *options;
	struct bench_results *results;
	struct bench_entries entries;
	struct bench_matrix_row *rows;
	unsigned num_rows;
	struct bench_modes modes;
	struct bench_best_plans best;
	cpu_set_t cpus; /* that this process may use */
	char *error;    /* BENCH_ERROR_MAX */
};

/* Is it a mistake of who asked, that he can mend, or has something failed? */
static int exit_code_of(int rc)
{
	switch (rc) {
	case -EINVAL:
	case -ENODEV:
	case -ENOENT:
	case -EBUSY:
	case -EPERM:
	case -EROFS:
	case -EEXIST:
	case -EACCES:
	case -ENOSPC:
		return BENCH_EXIT_USAGE;
	default:
		return BENCH_EXIT_FAILED;
	}
}

static int outputs_check(struct compare *compare)
{
	const struct bench_compare_options *options = compare->options;

	return bench_output_check_files(options->json, options->csv, options->html, compare->error);
}

/* How long it will take, before it begins to. */
static void announce(const struct compare *compare)
{
	const struct bench_compare_options *options = compare->options;
	unsigned targets = compare->entries.num_targets;
	unsigned contenders = compare->entries.num_contenders;
	uint64_t search_ns = 0;
	uint64_t runs;
	char time[32];

	for (unsigned i = 0; i < compare->num_rows && options->search_plan; i++) {
		search_ns += targets * bench_best_plans_time_ns(&compare->rows[i].load);
	}
	contenders += options->search_plan ? compare->best.num_prices : 0;
	runs = targets * compare->num_rows * contenders * options->runs +
	       bench_calibrate_count(compare->rows, compare->num_rows, targets);
	bench_progress_time(runs * (options->time_ns + options->warmup_ns) + search_ns, time,
			    sizeof(time));
	fprintf(stderr,
		"ebb-bench: %u load%s, %u contender%s, %u round%s: %llu runs, about %s; Ctrl-C "
		"ends "
		"it with what there is\n",
		compare->num_rows, compare->num_rows == 1 ? "" : "s", contenders,
		contenders == 1 ? "" : "s", (unsigned)options->runs, options->runs == 1 ? "" : "s",
		(unsigned long long)runs, time);
}

/* All is known: the table that is to be filled. */
static int results_prepare(struct compare *compare)
{
	struct bench_results *results = compare->results;
	char started[sizeof(results->started)];
	char command[sizeof(results->command)];
	int rc;

	memcpy(started, results->started, sizeof(started));
	memcpy(command, results->command, sizeof(command));
	rc = bench_results_init(results, compare->entries.num_targets, compare->num_rows,
				compare->entries.num_contenders);
	if (rc < 0) {
		snprintf(compare->error, BENCH_ERROR_MAX, "compare: %s", strerror(-rc));
		return rc;
	}
	memcpy(results->started, started, sizeof(started));
	memcpy(results->command, command, sizeof(command));
	memcpy(results->targets, compare->entries.targets,
	       compare->entries.num_targets * sizeof(compare->entries.targets[0]));
	memcpy(results->contenders, compare->entries.contenders,
	       compare->entries.num_contenders * sizeof(compare->entries.contenders[0]));
	for (unsigned i = 0; i < compare->num_rows; i++) {
		results->loads[i] = compare->rows[i].load;
	}
	results->rounds = (unsigned)compare->options->runs;
	bench_surroundings_look(results);
	return 0;
}

static int rounds_run(struct compare *compare)
{
	struct bench_rounds rounds = {
		.results = compare->results,
		.modes = &compare->modes,
		.disturbance = bench_disturbance_create("", &compare->cpus),
		.seed = compare->options->seed,
	};
	uint64_t start_ns = ebb_clock_now_ns();
	int rc = bench_rounds_run(&rounds);

	compare->results->elapsed_ns = ebb_clock_now_ns() - start_ns;
	bench_surroundings_tell_lateness(compare->results, &compare->modes.lateness);
	bench_surroundings_warn(compare->results, rounds.disturbance);
	if (rounds.disturbance != NULL) {
		bench_disturbance_destroy(rounds.disturbance);
	}
	snprintf(compare->error, BENCH_ERROR_MAX, "%s", rounds.error);
	if (rc < 0) {
		snprintf(compare->error, BENCH_ERROR_MAX, "compare: some runs are lost: %s",
			 strerror(-rc));
	}
	return rounds.failed || rc < 0 ? BENCH_EXIT_FAILED : 0;
}

/* The best plans of all loads, as contenders. */
static int best_plans_add(struct compare *compare)
{
	struct bench_entries *entries = &compare->entries;
	struct bench_best_plans *best = &compare->best;
	int rc;

	best->modes = &compare->modes;
	best->targets = entries->targets;
	best->num_targets = entries->num_targets;
	best->rows = compare->rows;
	best->num_rows = compare->num_rows;
	rc = bench_best_plans_search(best, compare->error);
	for (unsigned i = 0; i < best->num_prices && rc == 0; i++) {
		if (entries->num_contenders == BENCH_ENTRIES_CONTENDERS_MAX) {
			snprintf(
				compare->error, BENCH_ERROR_MAX,
				"compare: more than %u contenders: give fewer of --plan and --with",
				BENCH_ENTRIES_CONTENDERS_MAX);
			return -EINVAL;
		}
		rc = bench_best_plans_make(best, i, &entries->contenders[entries->num_contenders]);
		entries->num_contenders += rc == 0;
	}
	return rc;
}

static void prices_set(const struct bench_compare_options *options, struct bench_best_plans *best)
{
	static const double usual[] = {0.25, 1, 4};

	if (options->price > 0) {
		best->num_prices = 1;
		best->prices[0] = options->price;
		return;
	}
	best->num_prices = EBB_ARRAY_SIZE(usual);
	memcpy(best->prices, usual, sizeof(usual));
}

static int compare_script(void *arg)
{
	struct compare *compare = arg;
	int code = 0;
	int rc;

	prices_set(compare->options, &compare->best);
	compare->modes.write = compare->entries.write;
	compare->modes.largest = bench_matrix_largest(compare->rows, compare->num_rows);
	rc = bench_entries_make(&compare->entries, &compare->modes, compare->rows,
				compare->num_rows, compare->error);
	if (rc == 0) {
		announce(compare);
		rc = bench_calibrate_rows(&compare->entries, &compare->modes, compare->rows,
					  compare->num_rows, compare->error);
	}
	if (rc == 0 && compare->options->search_plan) {
		rc = best_plans_add(compare);
	}
	rc = rc == 0 ? results_prepare(compare) : rc;
	if (rc == 0) {
		code = rounds_run(compare);
	} else if (rc == -ECANCELED) {
		snprintf(compare->error, BENCH_ERROR_MAX,
			 "compare: a signal came before anything was measured");
	} else {
		code = exit_code_of(rc);
	}
	bench_modes_rest(&compare->modes);
	bench_entries_destroy(&compare->entries);
	bench_best_plans_fini(&compare->best);
	return code;
}

static int compare_run(struct compare *compare)
{
	const struct bench_compare_options *options = compare->options;
	struct ebb_app_opts app;
	int code;

	ebb_app_opts_init(&app, sizeof(app));
	app.cpumask = options->cpumask;
	app.mode = EBB_REACTOR_INTERRUPT;
	app.json_file = options->bdev_json;
	code = bench_harness_run(&app, compare_script, compare);
	if (code != 0 && compare->error[0] == '\0') {
		snprintf(compare->error, BENCH_ERROR_MAX,
			 "compare: the service did not start; its log above says why");
	}
	return code;
}

/* Return: the exit code, which is not 0 if the server is not as it was (said). */
static int server_leave(struct compare *compare, int code)
{
	char error[BENCH_TEXT_MAX];

	if (bench_entries_leave(&compare->entries, error) < 0) {
		fprintf(stderr, "ebb-bench: %s\n", error);
		return code != 0 ? code : BENCH_EXIT_FAILED;
	}
	return code;
}

static void started_set(struct bench_results *results)
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(results->started, sizeof(results->started), "%Y-%m-%dT%H:%M:%SZ", &utc);
}

int bench_compare(const struct bench_compare_options *options, const char *command,
		  struct bench_results *ret_results, char error[BENCH_ERROR_MAX])
{
	struct compare *compare = calloc(1, sizeof(*compare));
	int code = BENCH_EXIT_FAILED;
	int rc;

	memset(ret_results, 0, sizeof(*ret_results));
	error[0] = '\0';
	if (compare == NULL) {
		snprintf(error, BENCH_ERROR_MAX, "compare: %s", strerror(ENOMEM));
		return code;
	}
	compare->options = options;
	compare->entries.options = options;
	compare->results = ret_results;
	compare->error = error;
	if (sched_getaffinity(0, sizeof(compare->cpus), &compare->cpus) < 0) {
		CPU_ZERO(&compare->cpus);
	}
	started_set(ret_results);
	snprintf(ret_results->command, sizeof(ret_results->command), "%s", command);
	rc = bench_matrix_make(options, &compare->rows);
	if (rc < 0) {
		snprintf(error, BENCH_ERROR_MAX, "compare: %s", strerror(-rc));
		goto out;
	}
	compare->num_rows = (unsigned)rc;
	compare->entries.write = options->verify; /* patterns, before they can be read */
	for (unsigned i = 0; i < compare->num_rows; i++) {
		compare->entries.write =
			compare->entries.write || bench_load_writes(compare->rows[i].load.rw);
	}
	rc = outputs_check(compare);
	rc = rc == 0 ? bench_entries_resolve(&compare->entries, error) : rc;
	if (rc == 0 && options->bdev_json != NULL && access(options->bdev_json, R_OK) < 0) {
		snprintf(error, BENCH_ERROR_MAX, "compare: --bdev-json %.160s: %s",
			 options->bdev_json, strerror(errno));
		rc = -errno;
	}
	code = rc < 0 ? BENCH_EXIT_USAGE : compare_run(compare);
	code = server_leave(compare, code);
out:
	free(compare->rows);
	free(compare);
	return code;
}
