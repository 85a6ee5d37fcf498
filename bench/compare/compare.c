/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comparison from its first line to its last, on the harness: the targets become bdevs, poll mode
 * says what they sustain where rates are in percent of that, then come the rounds. What cannot be
 * measured at all is found before the first run; what goes wrong in a run stays in its cell.
 */
#include "bench/compare/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/clock.h>

#include "bench/compare/calibrate.h"
#include "bench/compare/matrix.h"
#include "bench/compare/modes.h"
#include "bench/compare/output.h"
#include "bench/compare/rounds.h"
#include "bench/compare/setup.h"
#include "bench/compare/target.h"
#include "bench/harness.h"
#include "bench/peer/peer.h"
#include "bench/signals.h"

#define CONTENDERS_MAX (EBB_REACTOR_MODE_COUNT + BENCH_NUMBERS_MAX + 4 * BENCH_PEER_CONTENDERS_MAX)

struct compare {
	const struct bench_compare_options *options;
	struct bench_results *results;
	bool write; /* some load does */
	struct bench_target targets[BENCH_TEXTS_MAX];
	unsigned num_targets;
	struct bench_matrix_row *rows;
	unsigned num_rows;
	struct bench_contender contenders[CONTENDERS_MAX];
	unsigned num_contenders;
	struct bench_modes modes;
	char *error; /* BENCH_ERROR_MAX */
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

static int targets_resolve(struct compare *compare)
{
	const struct bench_texts *texts = &compare->options->targets;

	for (unsigned i = 0; i < texts->count; i++) {
		int rc = bench_target_resolve(texts->text[i], compare->options->bdev_json != NULL,
					      compare->write, &compare->targets[i], compare->error);

		if (rc < 0) {
			return rc;
		}
		compare->num_targets++;
	}
	return 0;
}

static int outputs_check(struct compare *compare)
{
	const struct bench_compare_options *options = compare->options;
	const struct {
		const char *option;
		const char *path;
	} outputs[] = {
		{"--json", options->json},
		{"--csv", options->csv},
		{"--html", options->html},
	};

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(outputs); i++) {
		int rc = outputs[i].path == NULL
				 ? 0
				 : bench_output_check(outputs[i].option, outputs[i].path,
						      compare->error);

		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

/* What each target must be able to take. */
static int load_fits(const struct bench_target *target, const struct bench_load *load,
		     char error[BENCH_TEXT_MAX])
{
	if (target->block_size != 0 && load->block_bytes % target->block_size != 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "compare: --bs %llu: give a multiple of %u, the block size of %.80s",
			 (unsigned long long)load->block_bytes, target->block_size, target->name);
		return -EINVAL;
	}
	if (load->size_bytes > target->size_bytes || load->block_bytes > target->size_bytes) {
		snprintf(error, BENCH_TEXT_MAX,
			 "compare: --%s %llu: give at most %llu, the size of %.80s",
			 load->size_bytes > target->size_bytes ? "size" : "bs",
			 (unsigned long long)(load->size_bytes > target->size_bytes
						      ? load->size_bytes
						      : load->block_bytes),
			 (unsigned long long)target->size_bytes, target->name);
		return -EINVAL;
	}
	return 0;
}

static int targets_setup(struct compare *compare)
{
	for (unsigned i = 0; i < compare->num_targets; i++) {
		struct bench_target *target = &compare->targets[i];
		int rc = bench_setup_target(target, compare->write, compare->error);

		for (unsigned row = 0; row < compare->num_rows && rc == 0; row++) {
			rc = load_fits(target, &compare->rows[row].load, compare->error);
		}
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

static int contenders_make(struct compare *compare)
{
	const struct bench_compare_options *options = compare->options;
	int rc = 0;

	for (unsigned i = 0; i < options->modes.count && rc == 0; i++) {
		rc = bench_modes_make(&compare->modes, options->modes.index[i],
				      &compare->contenders[compare->num_contenders]);
		compare->num_contenders += rc == 0;
	}
	for (unsigned i = 0; i < options->plans.count && rc == 0; i++) {
		rc = bench_modes_make_plan(&compare->modes, options->plans.plan[i].sleep_ns,
					   options->plans.plan[i].look_ns,
					   &compare->contenders[compare->num_contenders]);
		compare->num_contenders += rc == 0;
	}
	if (rc < 0) {
		snprintf(compare->error, BENCH_ERROR_MAX, "compare: %s", strerror(-rc));
	}
	for (unsigned i = 0; i < options->peers.count && rc == 0; i++) {
		unsigned num = 0;

		rc = bench_peer_make(options->peers.text[i],
				     &compare->contenders[compare->num_contenders],
				     CONTENDERS_MAX - compare->num_contenders, &num,
				     compare->error);
		compare->num_contenders += num;
	}
	return rc;
}

static void contenders_destroy(struct compare *compare)
{
	for (unsigned i = 0; i < compare->num_contenders; i++) {
		struct bench_contender *contender = &compare->contenders[i];

		if (contender->destroy != NULL) {
			contender->destroy(contender);
		}
	}
}

/* How long it will take, before it begins to. */
static void announce(const struct compare *compare)
{
	const struct bench_compare_options *options = compare->options;
	unsigned cells = compare->num_targets * compare->num_rows * compare->num_contenders;
	uint64_t runs =
		cells * options->runs +
		bench_calibrate_count(compare->rows, compare->num_rows, compare->num_targets);
	char time[32];

	bench_progress_time(runs * (options->time_ns + options->warmup_ns), time, sizeof(time));
	fprintf(stderr,
		"ebb-bench: %u load%s, %u contender%s, %u round%s: %llu runs, about %s; Ctrl-C "
		"ends "
		"it with what there is\n",
		compare->num_rows, compare->num_rows == 1 ? "" : "s", compare->num_contenders,
		compare->num_contenders == 1 ? "" : "s", (unsigned)options->runs,
		options->runs == 1 ? "" : "s", (unsigned long long)runs, time);
}

static void sparse_warn(struct bench_results *results)
{
	for (unsigned i = 0; i < results->num_targets; i++) {
		if (results->targets[i].sparse) {
			bench_results_warn(
				results,
				"%.80s is sparse: what is read from its holes comes from "
				"no device; fill it first: fio --name=fill "
				"--filename=FILE --rw=write --bs=1m",
				results->targets[i].name);
		}
	}
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
	rc = bench_results_init(results, compare->num_targets, compare->num_rows,
				compare->num_contenders);
	if (rc < 0) {
		snprintf(compare->error, BENCH_ERROR_MAX, "compare: %s", strerror(-rc));
		return rc;
	}
	memcpy(results->started, started, sizeof(started));
	memcpy(results->command, command, sizeof(command));
	memcpy(results->targets, compare->targets,
	       compare->num_targets * sizeof(compare->targets[0]));
	memcpy(results->contenders, compare->contenders,
	       compare->num_contenders * sizeof(compare->contenders[0]));
	for (unsigned i = 0; i < compare->num_rows; i++) {
		results->loads[i] = compare->rows[i].load;
	}
	results->rounds = (unsigned)compare->options->runs;
	sparse_warn(results);
	return 0;
}

/* The first cell's error, for the last line on the terminal. */
static void error_find(const struct bench_results *results, char error[BENCH_ERROR_MAX])
{
	for (unsigned i = 0; i < results->num_cells && error[0] == '\0'; i++) {
		const struct bench_cell *cell = &results->cells[i];

		if (cell->error[0] != '\0') {
			snprintf(error, BENCH_ERROR_MAX, "%s", cell->error);
		}
	}
}

static int rounds_run(struct compare *compare)
{
	struct bench_rounds rounds = {
		.results = compare->results,
		.modes = &compare->modes,
		.seed = compare->options->seed,
	};
	uint64_t start_ns = ebb_clock_now_ns();
	int rc = bench_rounds_run(&rounds);

	compare->results->elapsed_ns = ebb_clock_now_ns() - start_ns;
	if (rounds.failed) {
		error_find(compare->results, compare->error);
	}
	if (rc < 0) {
		snprintf(compare->error, BENCH_ERROR_MAX, "compare: some runs are lost: %s",
			 strerror(-rc));
	}
	return rounds.failed || rc < 0 ? BENCH_EXIT_FAILED : 0;
}

static int compare_script(void *arg)
{
	struct compare *compare = arg;
	int code = 0;
	int rc;

	compare->modes.largest = bench_matrix_largest(compare->rows, compare->num_rows);
	rc = targets_setup(compare);
	rc = rc == 0 ? contenders_make(compare) : rc;
	if (rc == 0) {
		announce(compare);
		rc = bench_calibrate_rows(&compare->modes, compare->targets, compare->num_targets,
					  compare->rows, compare->num_rows, compare->error);
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
	contenders_destroy(compare);
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
	compare->results = ret_results;
	compare->error = error;
	started_set(ret_results);
	snprintf(ret_results->command, sizeof(ret_results->command), "%s", command);
	rc = bench_matrix_make(options, &compare->rows);
	if (rc < 0) {
		snprintf(error, BENCH_ERROR_MAX, "compare: %s", strerror(-rc));
		goto out;
	}
	compare->num_rows = (unsigned)rc;
	for (unsigned i = 0; i < compare->num_rows; i++) {
		compare->write = compare->write || bench_load_writes(compare->rows[i].load.rw);
	}
	rc = outputs_check(compare);
	rc = rc == 0 ? targets_resolve(compare) : rc;
	if (rc == 0 && options->bdev_json != NULL && access(options->bdev_json, R_OK) < 0) {
		snprintf(error, BENCH_ERROR_MAX, "compare: --bdev-json %.160s: %s",
			 options->bdev_json, strerror(errno));
		rc = -errno;
	}
	code = rc < 0 ? BENCH_EXIT_USAGE : compare_run(compare);
out:
	free(compare->rows);
	free(compare);
	return code;
}
