/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/run_report.h"

#include <math.h>

#include <json-c/json.h>

#include <ebb/reactor.h>

#include "bench/json.h"

#define LABEL_WIDTH  24
#define COLUMN_WIDTH 14

/* 1234567.8 as "1,234,567.8": eight digits in a row are not read right. */
static void number_group(double number, int decimals, char *into, size_t size)
{
	char plain[64];
	size_t used = 0;
	size_t digits = 0;

	if (isnan(number)) {
		snprintf(into, size, "-");
		return;
	}
	snprintf(plain, sizeof(plain), "%.*f", decimals, number);
	while (plain[digits] >= '0' && plain[digits] <= '9') {
		digits++;
	}
	for (size_t i = 0; plain[i] != '\0' && used + 2 < size; i++) {
		if (i > 0 && i < digits && (digits - i) % 3 == 0) {
			into[used++] = ',';
		}
		into[used++] = plain[i];
	}
	into[used] = '\0';
}

static const char *mode_name(const struct bench_run_options *options, unsigned column)
{
	return ebb_reactor_mode_name(options->modes.index[column]);
}

static void heading_print(const struct bench_run_options *options,
			  const struct bench_run_result *result, FILE *out)
{
	fprintf(out, "bdev %s: %llu blocks of %u bytes; %s of %llu bytes", options->bdev,
		(unsigned long long)result->num_blocks, result->block_size,
		bench_load_rw_name(options->rw), (unsigned long long)options->block_bytes);
	if (options->rw == BENCH_RW_RANDRW) {
		fprintf(out, ", %u%% reads", (unsigned)options->read_percent);
	}
	fprintf(out, " in the first %llu KiB\n", (unsigned long long)(result->range_bytes / 1024));
	fprintf(out, "queue depth %u on CPU", (unsigned)options->queue_depth);
	for (unsigned i = 0; i < result->num_cores; i++) {
		fprintf(out, "%s %d", i == 0 ? "" : ",", result->cores[i]);
	}
	fprintf(out, "; %u run%s of %.10g s in each mode%s%s\n\n", (unsigned)options->runs,
		options->runs == 1 ? "" : "s", (double)options->time_ns / (double)EBB_NS_PER_S,
		options->runs == 1 ? "" : ", medians",
		result->interrupted ? "; ended early by a signal" : "");
}

static void stamps_print(const struct bench_run_options *options,
			 const struct bench_run_result *result, FILE *out)
{
	fprintf(out,
		"\nLatencies: the clock was read when a request was submitted and when its end "
		"was told.\n");
	for (unsigned i = 0; i < options->modes.count; i++) {
		if (result->modes[i].stamps == BENCH_STAMPS_SAMPLED) {
			fprintf(out,
				"%s: requests are so quick that this was done for a sample of "
				"them only.\n",
				mode_name(options, i));
		}
	}
}

/* Cells are right-aligned; the mode "poll" has no wakeups to divide by, and shows a dash. */
void bench_run_report_text(const struct bench_run_options *options,
			   const struct bench_run_result *result, FILE *out)
{
	struct bench_metric_sample medians[BENCH_CHOICES_MAX];
	char cell[32];

	heading_print(options, result, out);
	fprintf(out, "%-*s", LABEL_WIDTH, "");
	for (unsigned i = 0; i < options->modes.count; i++) {
		const struct bench_mode_result *mode = &result->modes[i];

		bench_metric_sample_median(mode->samples, mode->num_samples, &medians[i]);
		fprintf(out, "%*s", COLUMN_WIDTH, mode_name(options, i));
	}
	fprintf(out, "\n");
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		const struct bench_metric_info *info = &bench_metrics[metric];

		if (info->open_loop) {
			continue;
		}
		fprintf(out, "%-*s", LABEL_WIDTH, info->label);
		for (unsigned i = 0; i < options->modes.count; i++) {
			number_group(medians[i].metric[metric] * info->scale, info->decimals, cell,
				     sizeof(cell));
			fprintf(out, "%*s", COLUMN_WIDTH, cell);
		}
		fprintf(out, "\n");
	}
	stamps_print(options, result, out);
	for (unsigned i = 0; i < options->modes.count; i++) {
		if (result->modes[i].errors > 0) {
			fprintf(out, "%s: %llu errors\n", mode_name(options, i),
				(unsigned long long)result->modes[i].errors);
		}
	}
}

static void json_count(struct json_object *into, const char *name, uint64_t number)
{
	json_object_object_add(into, name, json_object_new_uint64(number));
}

/* In JSON a nanosecond has one decimal, a rate three, the CPU time of an I/O six. */
static int json_decimals(unsigned metric)
{
	if (metric >= BENCH_LATENCY_MEAN && metric <= BENCH_LATENCY_MAX) {
		return 1;
	}
	return metric == BENCH_CPU_PER_MILLION ? 6 : 3;
}

static void json_metrics(struct json_object *into, const struct bench_metric_sample *sample)
{
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		if (bench_metrics[metric].open_loop) {
			continue;
		}
		json_object_object_add(into, bench_metrics[metric].name,
				       bench_json_number(sample->metric[metric],
							 json_decimals(metric)));
	}
}

static struct json_object *json_mode(const char *name, const struct bench_mode_result *mode)
{
	struct json_object *object = json_object_new_object();
	struct json_object *samples = json_object_new_array();
	struct bench_metric_sample median;

	bench_metric_sample_median(mode->samples, mode->num_samples, &median);
	json_object_object_add(object, "mode", json_object_new_string(name));
	json_count(object, "runs", mode->num_samples);
	json_count(object, "errors", mode->errors);
	if (mode->num_samples > 0) {
		json_object_object_add(object, "stamps",
				       json_object_new_string(
					       bench_load_stamps_name(mode->stamps)));
	} else {
		json_object_object_add(object, "stamps", NULL);
	}
	json_metrics(object, &median);
	for (unsigned i = 0; i < mode->num_samples; i++) {
		struct json_object *sample = json_object_new_object();

		json_metrics(sample, &mode->samples[i]);
		json_object_array_add(samples, sample);
	}
	json_object_object_add(object, "samples", samples);
	return object;
}

static struct json_object *json_workload(const struct bench_run_options *options,
					 const struct bench_run_result *result)
{
	struct json_object *workload = json_object_new_object();
	struct json_object *cores = json_object_new_array();

	json_object_object_add(workload, "rw",
			       json_object_new_string(bench_load_rw_name(options->rw)));
	if (options->rw == BENCH_RW_RANDRW) {
		json_count(workload, "read_percent", options->read_percent);
	}
	json_count(workload, "io_bytes", options->block_bytes);
	json_count(workload, "queue_depth", options->queue_depth);
	json_count(workload, "range_bytes", result->range_bytes);
	json_count(workload, "time_ns", options->time_ns);
	json_count(workload, "warmup_ns", options->warmup_ns);
	json_count(workload, "seed", options->seed);
	json_count(workload, "spin_us_max", options->spin_us);
	for (unsigned i = 0; i < result->num_cores; i++) {
		json_object_array_add(cores, json_object_new_int(result->cores[i]));
	}
	json_object_object_add(workload, "cores", cores);
	return workload;
}

struct json_object *bench_run_report_json(const struct bench_run_options *options,
					  const struct bench_run_result *result)
{
	struct json_object *report = json_object_new_object();
	struct json_object *bdev = json_object_new_object();
	struct json_object *modes = json_object_new_array();

	json_object_object_add(report, "benchmark", json_object_new_string("run"));
	json_object_object_add(report, "version", json_object_new_string(EBB_VERSION));
	json_object_object_add(bdev, "name", json_object_new_string(options->bdev));
	json_count(bdev, "block_size_bytes", result->block_size);
	json_count(bdev, "num_blocks", result->num_blocks);
	json_object_object_add(report, "bdev", bdev);
	json_object_object_add(report, "workload", json_workload(options, result));
	json_object_object_add(report, "interrupted", json_object_new_boolean(result->interrupted));
	json_object_object_add(report, "error",
			       result->error[0] == '\0' ? NULL
							: json_object_new_string(result->error));
	for (unsigned i = 0; i < options->modes.count; i++) {
		json_object_array_add(modes, json_mode(mode_name(options, i), &result->modes[i]));
	}
	json_object_object_add(report, "modes", modes);
	return report;
}
