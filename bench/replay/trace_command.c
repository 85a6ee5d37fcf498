/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/trace_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/compare/output.h"
#include "bench/nearest.h"
#include "bench/replay/options.h"
#include "bench/replay/sample.h"
#include "bench/report/text.h"

#define SAMPLES_MAX 16

static void samples_list(FILE *out)
{
	const struct bench_sample *sample = NULL;

	while ((sample = bench_sample_next(sample)) != NULL) {
		fprintf(out, "%-12s %s\n", bench_sample_name(sample), bench_sample_help(sample));
	}
}

static int unknown_complain(const char *name)
{
	const char *names[SAMPLES_MAX + 1] = {NULL};
	const struct bench_sample *sample = NULL;
	const char *nearest;

	for (unsigned i = 0; i < SAMPLES_MAX && (sample = bench_sample_next(sample)) != NULL; i++) {
		names[i] = bench_sample_name(sample);
	}
	nearest = bench_nearest(name, strlen(name), names);
	bench_text_say("trace: %.40s: no such sample; %s%s%ssee ebb-bench trace --list", name,
		       nearest != NULL ? "did you mean " : "", nearest != NULL ? nearest : "",
		       nearest != NULL ? "? " : "");
	return BENCH_EXIT_USAGE;
}

static int trace_print(void *arg, FILE *out)
{
	return bench_sample_print(arg, out);
}

/* stdout's own troubles are reported at the end of the program. */
static int trace_write(struct bench_trace *trace, const char *path)
{
	char error[BENCH_TEXT_MAX];

	if (path == NULL) {
		return bench_sample_print(trace, stdout) < 0 ? BENCH_EXIT_FAILED : 0;
	}
	if (bench_output_check("--out", path, error) < 0) {
		bench_text_say("%s", error);
		return BENCH_EXIT_USAGE;
	}
	if (bench_output_write(path, trace_print, trace, error) < 0) {
		bench_text_say("%s", error);
		return BENCH_EXIT_FAILED;
	}
	return 0;
}

int bench_trace_command(char *const *args, int num_args)
{
	struct bench_trace_options options;
	const struct bench_sample *sample;
	char error[BENCH_ERROR_MAX];
	struct bench_trace trace;
	int code;
	int rc = bench_trace_options_read(args, num_args, &options, error);

	if (rc == -ECANCELED) {
		bench_replay_options_help("trace", stdout);
		return 0;
	}
	if (rc < 0) {
		bench_text_say("%s", error);
		return BENCH_EXIT_USAGE;
	}
	if (options.list) {
		samples_list(stdout);
		return 0;
	}
	sample = bench_sample_find(options.words.text[0]);
	if (sample == NULL) {
		return unknown_complain(options.words.text[0]);
	}
	if (bench_sample_make(sample, options.seed, &trace) < 0) {
		bench_text_say("trace: out of memory");
		return BENCH_EXIT_FAILED;
	}
	code = trace_write(&trace, options.out);
	free(trace.ios);
	return code;
}
