/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A replay from its first line to its last: the trace is read, the target becomes a bdev as in a
 * comparison, the trace is made to fit it, and then come the rounds through the modes. A latency
 * counts from when the request came in the trace; one that finds all places taken waits in line.
 */
#include "bench/replay/replay.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ebb/app.h>
#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/memory.h>

#include "bench/compare/command.h"
#include "bench/compare/entries.h"
#include "bench/compare/outputs.h"
#include "bench/compare/rounds.h"
#include "bench/compare/surroundings.h"
#include "bench/harness.h"
#include "bench/machine/disturbance.h"
#include "bench/replay/file.h"
#include "bench/replay/fit.h"
#include "bench/replay/options.h"
#include "bench/replay/parse.h"
#include "bench/report/text.h"

/* How long after the trace's end a device that cannot keep up is waited for, besides as long again. */
#define TAIL_NS (2 * EBB_NS_PER_S)

struct replay {
	struct bench_replay_options options;
	struct bench_parsed parsed;
	struct bench_trace trace; /* as it fits the target */
	struct bench_load load;
	struct bench_entries entries;
	struct bench_modes modes;
	struct bench_results results;
	char command[2048];
	char error[BENCH_ERROR_MAX];
};

/* What was done to the trace is told before it is replayed, not hidden in the figures. */
static void notes_print(const struct replay *replay, const struct bench_fit_notes *notes)
{
	const struct bench_parsed *parsed = &replay->parsed;
	const struct {
		uint64_t count;
		const char *what;
	} rows[] = {
		{parsed->other, "flushes or trims are left out"},
		{parsed->zero_length, "requests for no bytes are left out"},
		{notes->writes_left_out, "writes are left out"},
		{notes->moved, "requests are moved, for the target's size"},
		{notes->rounded, "requests are made larger, to whole blocks"},
		{notes->cut, "requests are cut, as they are longer than a buffer"},
		{parsed->num_sources > 1 ? parsed->num_sources : 0,
		 "files or devices are in it, which all become this target"},
	};

	bench_text_say("%s: %s, %zu requests (%zu write) in %.6g s%s", parsed->trace.name,
		       parsed->format, parsed->trace.num_ios, parsed->num_writes,
		       (double)parsed->trace.ios[parsed->trace.num_ios - 1].at_ns /
			       (double)EBB_NS_PER_S,
		       parsed->unsorted ? "; its lines were not in the order of time" : "");
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		if (rows[i].count > 0) {
			bench_text_say("%s: %llu %s", parsed->trace.name,
				       (unsigned long long)rows[i].count, rows[i].what);
		}
	}
}

/* The trace on this target. Return: 0; -errno: replay->error says why. */
static int trace_fit(struct replay *replay)
{
	const struct bench_replay_options *options = &replay->options;
	const struct bench_target *target = &replay->entries.targets[0];
	const struct bench_fit_opts opts = {
		.block_size = target->block_size,
		.size_bytes = target->size_bytes,
		.piece_bytes = EBB_MEM_ALLOC_MAX,
		.offsets = (enum bench_fit_offsets)options->offsets,
		.reads_only = options->reads_only,
		.speed = options->speed,
		.loops = options->loops,
		.time_ns = options->compare.time_ns,
	};
	struct bench_fit_notes notes;
	struct bench_load *load = &replay->load;
	uint64_t num_reads = 0;
	uint64_t last_ns;
	int rc;

	rc = bench_fit(&replay->parsed.trace, &opts, &replay->trace, &notes, replay->error);
	if (rc < 0) {
		return rc;
	}
	ebb_assert(replay->trace.num_ios > 0); /* it fails where nothing is left */
	notes_print(replay, &notes);
	last_ns = replay->trace.ios[replay->trace.num_ios - 1].at_ns;
	*load = (struct bench_load){
		.rw = BENCH_RW_RANDREAD,
		.queue_depth = options->depth,
		.shape = BENCH_SHAPE_TRACE,
		.trace = &replay->trace,
		.time_ns = 2 * last_ns + TAIL_NS,
		.seed = 1,
	};
	if (last_ns > 0) {
		load->rate_iops =
			(double)replay->trace.num_ios * (double)EBB_NS_PER_S / (double)last_ns;
	}
	for (size_t i = 0; i < replay->trace.num_ios; i++) {
		const struct bench_trace_io *io = &replay->trace.ios[i];

		load->block_bytes =
			io->len_bytes > load->block_bytes ? io->len_bytes : load->block_bytes;
		load->rw = io->write ? BENCH_RW_RANDRW : load->rw;
		num_reads += !io->write;
	}
	load->read_percent = num_reads * 100 / replay->trace.num_ios;
	return 0;
}

static int results_prepare(struct replay *replay)
{
	struct bench_results *results = &replay->results;
	time_t now = time(NULL);
	struct tm utc;
	int rc = bench_results_init(results, 1, 1, replay->entries.num_contenders);

	if (rc < 0) {
		snprintf(replay->error, BENCH_ERROR_MAX, "replay: %s", strerror(-rc));
		return rc;
	}
	gmtime_r(&now, &utc);
	strftime(results->started, sizeof(results->started), "%Y-%m-%dT%H:%M:%SZ", &utc);
	memcpy(results->command, replay->command, sizeof(results->command));
	results->targets[0] = replay->entries.targets[0];
	memcpy(results->contenders, replay->entries.contenders,
	       replay->entries.num_contenders * sizeof(results->contenders[0]));
	results->loads[0] = replay->load;
	results->rounds = (unsigned)replay->options.compare.runs;
	bench_surroundings_look(results);
	return 0;
}

static int rounds_run(struct replay *replay)
{
	struct bench_results *results = &replay->results;
	struct bench_rounds rounds = {
		.results = results,
		.modes = &replay->modes,
		.seed = replay->options.compare.seed,
	};
	uint64_t start_ns = ebb_clock_now_ns();
	cpu_set_t cpus;
	int rc;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0) {
		rounds.disturbance = bench_disturbance_create("", &cpus);
	}
	rc = bench_rounds_run(&rounds);
	results->elapsed_ns = ebb_clock_now_ns() - start_ns;
	bench_surroundings_warn(results, rounds.disturbance);
	if (rounds.disturbance != NULL) {
		bench_disturbance_destroy(rounds.disturbance);
	}
	for (unsigned i = 0; i < results->num_cells && replay->error[0] == '\0'; i++) {
		snprintf(replay->error, sizeof(replay->error), "%s", results->cells[i].error);
	}
	return rounds.failed || rc < 0 ? BENCH_EXIT_FAILED : 0;
}

static int replay_script(void *arg)
{
	struct replay *replay = arg;
	int code = BENCH_EXIT_USAGE;
	int rc = bench_entries_make(&replay->entries, &replay->modes, NULL, 0, replay->error);

	rc = rc == 0 ? bench_outputs_check_open(&replay->options.compare, replay->error) : rc;
	rc = rc == 0 ? trace_fit(replay) : rc;
	rc = rc == 0 ? results_prepare(replay) : rc;
	if (rc == 0) {
		replay->modes.largest = replay->load;
		replay->modes.write = replay->entries.write;
		code = rounds_run(replay);
	} else if (rc == -ENOMEM) {
		code = BENCH_EXIT_FAILED;
	}
	(void)bench_modes_rest(&replay->modes, NULL, NULL);
	bench_entries_destroy(&replay->entries);
	return code;
}

static int trace_read(struct replay *replay)
{
	const struct bench_replay_options *options = &replay->options;
	const struct bench_parse_opts opts = {
		.limit = options->limit,
		.blk_action = bench_replay_options_action(options),
	};
	const char *slash = strrchr(options->trace, '/');
	const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : options->trace;
	char *text;
	size_t len;
	int rc = bench_replay_file_read(options->trace, &text, &len, replay->error);

	if (rc < 0) {
		return rc;
	}
	rc = bench_parse(strcmp(name, "-") == 0 ? "stdin" : name, text, len, &opts, &replay->parsed,
			 replay->error);
	free(text);
	if (rc == 0 && replay->parsed.num_writes > 0 && !options->compare.write &&
	    !options->reads_only) {
		snprintf(replay->error, sizeof(replay->error),
			 "replay: %.60s: %zu of its %zu requests write: give --write, if what the "
			 "target holds may be destroyed, or --reads-only",
			 replay->parsed.trace.name, replay->parsed.num_writes,
			 replay->parsed.trace.num_ios);
		return -EINVAL;
	}
	return rc;
}

static int replay_run(struct replay *replay)
{
	struct bench_compare_options *options = &replay->options.compare;
	struct ebb_app_opts app;
	int code;

	replay->entries.options = options;
	replay->entries.write = replay->parsed.num_writes > 0 && !replay->options.reads_only;
	if (bench_entries_resolve(&replay->entries, replay->error) < 0) {
		return BENCH_EXIT_USAGE;
	}
	ebb_app_opts_init(&app, sizeof(app));
	app.cpumask = options->cpumask;
	app.mode = EBB_REACTOR_INTERRUPT;
	app.json_file = options->bdev_json;
	code = bench_harness_run(&app, replay_script, replay);
	if (code != 0 && replay->error[0] == '\0') {
		snprintf(replay->error, BENCH_ERROR_MAX,
			 "replay: the service did not start; its log above says why");
	}
	return code;
}

static int replay_begin(struct replay *replay)
{
	int written = 0;
	int code = BENCH_EXIT_USAGE;

	if (bench_outputs_check(&replay->options.compare, replay->options.trace, replay->error) ==
		    0 &&
	    trace_read(replay) == 0) {
		code = replay_run(replay);
	}
	if (replay->results.num_cells > 0) {
		written = bench_compare_command_print(&replay->options.compare, &replay->results);
	}
	if (replay->error[0] != '\0') {
		bench_text_say("%s", replay->error);
	}
	bench_results_fini(&replay->results);
	bench_parsed_fini(&replay->parsed);
	free(replay->trace.ios);
	return code != 0 ? code : written;
}

int bench_replay_command(char *const *args, int num_args)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	int code = BENCH_EXIT_USAGE;
	int rc;

	if (replay == NULL) {
		bench_text_say("replay: out of memory");
		return BENCH_EXIT_FAILED;
	}
	rc = bench_replay_options_read(args, num_args, &replay->options, replay->error);
	if (rc == -ECANCELED) {
		bench_replay_options_help("replay", stdout);
		code = 0;
	} else if (rc < 0) {
		bench_text_say("%s", replay->error);
	} else {
		bench_compare_command_join("replay", args, num_args, replay->command,
					   sizeof(replay->command));
		code = replay_begin(replay);
	}
	free(replay);
	return code;
}
