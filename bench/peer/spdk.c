/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/spdk.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include <ebb/clock.h>

#include "bench/peer/argv.h"
#include "bench/peer/folder.h"
#include "bench/peer/program.h"
#include "bench/peer/rpc_call.h"
#include "bench/peer/spdk_report.h"
#include "bench/peer/usage.h"
#include "bench/signals.h"

#define BUILT_AT "build/examples/bdevperf"

#define MEMORY_MIB        512
#define START_PATIENCE_NS (20 * EBB_NS_PER_S)
#define START_PAUSE_NS    (5 * EBB_NS_PER_MS)
#define ANSWER_PATIENCE_S 10

struct spdk {
	char path[PATH_MAX];
	bool interrupt;
};

/* One bdevperf, from its start to its end. */
struct bdevperf {
	struct bench_folder folder;
	char config[BENCH_FOLDER_MAX + 16];
	char rpc[BENCH_FOLDER_MAX + 16];
	struct bench_program *program;
	unsigned seconds;
};

static bool spdk_fits(const struct bench_contender *contender, const struct bench_target *target)
{
	struct stat status;

	(void)contender;
	return target->path[0] != '\0' && stat(target->path, &status) == 0 &&
	       (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

static int load_check(const struct bench_contender *contender, const struct bench_target *target,
		      const struct bench_load *load, char error[BENCH_TEXT_MAX])
{
	const char *why = NULL;

	if (!spdk_fits(contender, target)) {
		why = "it measures files and block devices only";
	} else if (load->shape != BENCH_SHAPE_CLOSED) {
		why = "it has no open loop";
	} else if (load->verify) {
		why = "it does not know the pattern of --verify";
	} else if (load->size_bytes != 0 && load->size_bytes != target->size_bytes) {
		why = "it measures all of a device: leave --size out";
	}
	if (why != NULL) {
		snprintf(error, BENCH_TEXT_MAX, "%s: %s", contender->name, why);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int config_write(const struct bdevperf *bdevperf, const struct bench_target *target,
			const char *driver, struct json_object **ret_config)
{
	struct json_object *config;
	struct json_object *params = json_object_new_object();
	char method[32];

	snprintf(method, sizeof(method), "bdev_%s_create", driver);
	json_object_object_add(params, "name", json_object_new_string("disk"));
	json_object_object_add(params, "filename", json_object_new_string(target->path));
	json_object_object_add(params, "block_size", json_object_new_int((int)target->block_size));
	config = bench_folder_config("bdev", method, params, NULL, NULL, NULL);
	if (json_object_to_file(bdevperf->config, config) < 0) {
		json_object_put(config);
		return -EIO;
	}
	*ret_config = config;
	return 0;
}

static const char *workload_of(const struct bench_load *load)
{
	return bench_load_rw_name(load->rw); /* SPDK has the same names */
}

static void argv_make(const struct spdk *spdk, const struct bdevperf *bdevperf,
		      const struct bench_load *load, const struct bench_place *place,
		      struct bench_argv *argv)
{
	bench_argv_add(argv, "%s", spdk->path);
	bench_argv_add(argv, "--json");
	bench_argv_add(argv, "%s", bdevperf->config);
	bench_argv_add(argv, "-r");
	bench_argv_add(argv, "%s", bdevperf->rpc);
	bench_argv_add(argv, "-m");
	bench_argv_add(argv, "[%s]", place->list);
	bench_argv_add(argv, "--no-huge");
	bench_argv_add(argv, "-s");
	bench_argv_add(argv, "%d", MEMORY_MIB);
	bench_argv_add(argv, "--no-pci");
	if (spdk->interrupt) {
		bench_argv_add(argv, "--interrupt-mode");
	}
	if (place->num_cpus > 1) {
		bench_argv_add(argv, "-C");
	}
	bench_argv_add(argv, "-q");
	bench_argv_add(argv, "%llu", (unsigned long long)load->queue_depth);
	bench_argv_add(argv, "-o");
	bench_argv_add(argv, "%llu", (unsigned long long)load->block_bytes);
	bench_argv_add(argv, "-w");
	bench_argv_add(argv, "%s", workload_of(load));
	if (load->rw == BENCH_RW_RANDRW) {
		bench_argv_add(argv, "-M");
		bench_argv_add(argv, "%llu", (unsigned long long)load->read_percent);
	}
	bench_argv_add(argv, "-t");
	bench_argv_add(argv, "%u", bdevperf->seconds);
	bench_argv_add(argv, "-l");
	bench_argv_add(argv, "-l");
	bench_argv_add(argv, "-z");
}

/* Waits until it can be asked. */
static int bdevperf_wait(const struct bench_contender *contender, struct bdevperf *bdevperf,
			 char error[BENCH_TEXT_MAX])
{
	const struct timespec pause = {.tv_nsec = START_PAUSE_NS};
	uint64_t begin_ns = ebb_clock_now_ns();
	char why[BENCH_TEXT_MAX - 80];

	while (bench_rpc_call(bdevperf->rpc, "framework_wait_init", NULL, START_PATIENCE_NS, NULL,
			      error) < 0) {
		if (bench_signals_seen()) {
			snprintf(error, BENCH_TEXT_MAX, "%s: ended by a signal", contender->name);
			return -ECANCELED;
		}
		if (!bench_program_running(bdevperf->program)) {
			bench_program_explain(bdevperf->program, why, sizeof(why));
			snprintf(error, BENCH_TEXT_MAX, "%s: %s", contender->name, why);
			return -EIO;
		}
		if (ebb_clock_now_ns() - begin_ns > START_PATIENCE_NS) {
			snprintf(error, BENCH_TEXT_MAX, "%s: it does not listen after %llu s",
				 contender->name,
				 (unsigned long long)(START_PATIENCE_NS / EBB_NS_PER_S));
			return -ETIMEDOUT;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int bdevperf_start(struct bench_contender *contender, struct bdevperf *bdevperf,
			  const struct bench_target *target, const struct bench_load *load,
			  const struct bench_place *place, const char *driver,
			  char error[BENCH_TEXT_MAX])
{
	const struct spdk *spdk = contender->context;
	struct bench_argv argv = {0};
	struct json_object *config;
	int rc = config_write(bdevperf, target, driver, &config);

	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "%s: %s cannot be written", contender->name,
			 bdevperf->config);
		return rc;
	}
	argv_make(spdk, bdevperf, load, place, &argv);
	bench_folder_command(&argv, bdevperf->config, config, contender->command,
			     sizeof(contender->command));
	json_object_put(config);
	rc = bench_program_start(&argv, NULL, &place->cpus, &bdevperf->program, error);
	bench_argv_clear(&argv);
	if (rc == 0) {
		rc = bdevperf_wait(contender, bdevperf, error);
	}
	if (rc < 0) {
		bench_program_end(bdevperf->program);
		bdevperf->program = NULL;
	}
	return rc;
}

static void outcome_make(const struct bench_spdk_report *report, const struct bench_usage *used,
			 uint64_t io_bytes, const char *output, struct bench_outcome *ret_outcome)
{
	struct bench_count count = {
		.ios = (uint64_t)(report->iops * report->seconds),
		.io_bytes = io_bytes,
		.elapsed_ns = (uint64_t)(report->seconds * (double)EBB_NS_PER_S),
		.joules = NAN,
		.offered = NAN,
		.backlog = NAN,
		.late_p50_ns = NAN,
		.late_p99_ns = NAN,
	};

	ebb_histogram_reset(&count.latency);
	bench_spdk_report_histogram(output, &count.latency);
	if (count.latency.count > 0 && !isnan(report->min_ns + report->max_ns + report->mean_ns)) {
		count.latency.min = (uint64_t)report->min_ns;
		count.latency.max = (uint64_t)report->max_ns;
		count.latency.sum = (uint64_t)(report->mean_ns * (double)count.latency.count);
	}
	bench_usage_sample(&count, used, &ret_outcome->sample);
	ret_outcome->sample.metric[BENCH_LATENCY_MEAN] = report->mean_ns;
	ret_outcome->sample.metric[BENCH_LATENCY_MIN] = report->min_ns;
	ret_outcome->sample.metric[BENCH_LATENCY_MAX] = report->max_ns;
	ret_outcome->latency = count.latency;
	ret_outcome->stamps = BENCH_STAMPS_FOREIGN;
	ret_outcome->errors = report->failed;
	ret_outcome->companion_percent = NAN;
}

static int bdevperf_run(struct bdevperf *bdevperf, const struct bench_load *load,
			struct bench_outcome *ret_outcome, char error[BENCH_TEXT_MAX])
{
	pid_t pid = bench_program_pid(bdevperf->program);
	struct bench_spdk_report report;
	struct json_object *result;
	struct bench_usage from;
	struct bench_usage to;
	char *output;
	int rc;

	bench_usage_get_process(pid, &from);
	rc = bench_rpc_call(bdevperf->rpc, "perform_tests", NULL,
			    (bdevperf->seconds + ANSWER_PATIENCE_S) * EBB_NS_PER_S, &result, error);
	if (rc < 0) {
		return rc;
	}
	bench_usage_get_process(pid, &to);
	rc = bench_spdk_report_parse(result, &report, error);
	json_object_put(result);
	if (rc < 0) {
		return rc;
	}
	/* It prints the latencies after it has answered, and flushes them before it ends. */
	bench_program_stop(bdevperf->program);
	output = bench_program_output(bdevperf->program);
	to = bench_usage_subtract(&to, &from);
	outcome_make(&report, &to, load->block_bytes, output != NULL ? output : "", ret_outcome);
	free(output);
	return 0;
}

/* The uring bdev is there if SPDK was built with it; interrupts are only aio's. */
static int bdevperf_measure(struct bench_contender *contender, struct bdevperf *bdevperf,
			    const struct bench_target *target, const struct bench_load *load,
			    const struct bench_place *place, struct bench_outcome *ret_outcome,
			    char error[BENCH_TEXT_MAX])
{
	const struct spdk *spdk = contender->context;
	int rc = -EIO;

	if (!spdk->interrupt) {
		rc = bdevperf_start(contender, bdevperf, target, load, place, "uring", error);
	}
	if (rc == -EIO) {
		rc = bdevperf_start(contender, bdevperf, target, load, place, "aio", error);
	}
	if (rc == 0) {
		rc = bdevperf_run(bdevperf, load, ret_outcome, error);
	}
	bench_program_end(bdevperf->program);
	return rc;
}

static int spdk_measure(struct bench_contender *contender, const struct bench_target *target,
			const struct bench_load *load, struct bench_outcome *ret_outcome,
			char error[BENCH_TEXT_MAX])
{
	struct bdevperf bdevperf = {0};
	struct bench_place place;
	int rc = load_check(contender, target, load, error);

	bench_place_get(&place);
	if (rc == 0) {
		rc = bench_place_quiet(error);
	}
	if (rc == 0) {
		rc = bench_folder_make(&bdevperf.folder, error);
	}
	if (rc < 0) {
		return rc;
	}
	bdevperf.seconds = (unsigned)((load->time_ns + EBB_NS_PER_S - 1) / EBB_NS_PER_S);
	snprintf(bdevperf.config, sizeof(bdevperf.config), "%s/spdk.json", bdevperf.folder.path);
	snprintf(bdevperf.rpc, sizeof(bdevperf.rpc), "%s/rpc.sock", bdevperf.folder.path);
	rc = bdevperf_measure(contender, &bdevperf, target, load, &place, ret_outcome, error);
	bench_folder_remove(&bdevperf.folder);
	return rc;
}

static void spdk_destroy(struct bench_contender *contender)
{
	free(contender->context);
}

static int path_find(const char *path, char found[PATH_MAX], char error[BENCH_TEXT_MAX])
{
	struct stat status;

	if (stat(path, &status) < 0) {
		snprintf(error, BENCH_TEXT_MAX, "--with spdk=%.160s: %s", path, strerror(errno));
		return -ENOENT;
	}
	if (S_ISDIR(status.st_mode)) {
		snprintf(found, PATH_MAX, "%s/" BUILT_AT, path);
		if (access(found, X_OK) < 0) {
			snprintf(error, BENCH_TEXT_MAX,
				 "--with spdk=%.100s: there is no " BUILT_AT
				 " in it: build SPDK there (./configure && make)",
				 path);
			return -ENOENT;
		}
		return 0;
	}
	snprintf(found, PATH_MAX, "%s%s", strchr(path, '/') != NULL ? "" : "./", path);
	if (access(found, X_OK) < 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "--with spdk=%.140s: this cannot be run: give SPDK's tree, or bdevperf",
			 path);
		return -ENOENT;
	}
	return 0;
}

int bench_spdk_make(const char *path, struct bench_contender *contenders,
		    char error[BENCH_TEXT_MAX])
{
	char found[PATH_MAX];
	int rc = path_find(path, found, error);

	if (rc < 0) {
		return rc;
	}
	for (unsigned i = 0; i < BENCH_SPDK_CONTENDERS_MAX; i++) {
		struct bench_contender *contender = &contenders[i];
		struct spdk *spdk = calloc(1, sizeof(*spdk));

		if (spdk == NULL) {
			snprintf(error, BENCH_TEXT_MAX, "spdk: out of memory");
			while (i-- > 0) {
				spdk_destroy(&contenders[i]);
			}
			return -ENOMEM;
		}
		spdk->interrupt = i > 0;
		memcpy(spdk->path, found, sizeof(found));
		memset(contender, 0, sizeof(*contender));
		snprintf(contender->name, sizeof(contender->name), "spdk bdevperf, %s",
			 spdk->interrupt ? "interrupt" : "poll");
		contender->kind = BENCH_CONTENDER_PEER;
		snprintf(contender->note, sizeof(contender->note),
			 "it measures whole seconds, without a warm-up");
		contender->fits = spdk_fits;
		contender->measure = spdk_measure;
		contender->destroy = spdk_destroy;
		contender->context = spdk;
	}
	return BENCH_SPDK_CONTENDERS_MAX;
}
