/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/rpc.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include <ebb/reactor.h>

#include "bench/wake/baseline_rpc.h"
#include "bench/wake/pair.h"
#include "bench/harness.h"
#include "bench/json.h"
#include "bench/machine/pin.h"
#include "bench/wake/rpc_client.h"
#include "bench/signals.h"
#include "core/base/json_build.h"

/*
 * What is compared with what.
 *
 * A client sends a request over a Unix socket and sleeps until the answer is there. In ebb the
 * request wakes the control thread, which parses it and wakes the app thread, which makes the
 * answer and wakes the control thread, which writes it and so wakes the client: four wakeups, and
 * everybody is asleep before each. The baseline is the same chain of bare OS threads, in the same
 * process and the same places, with the same client, the same bytes both ways, and nothing done
 * with them.
 *
 *   rpc_across_cores   client and app thread on one CPU, the control thread on another: each of the
 *                      four wakeups crosses
 *   rpc_on_one_core    all on one CPU
 */

#define NUM_PAIRS 2

struct rpc_run {
	const struct bench_wake_options *options;
	char directory[64];
	char socket[80];
	int fd;
	char reply[BENCH_RPC_REPLY_MAX];
	pid_t client_tid;
	pid_t reactor_tid;
	int cpu_a;
	int cpu_b; /* -1: there is only one */
	struct bench_pair pairs[NUM_PAIRS];
};

/* Holds the reactor and the client on CPU a, and every other OS thread of ebb's on @cpu_others. */
static int place(const struct rpc_run *run, int cpu_others)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int rc = 0;

	if (tasks == NULL) {
		fprintf(stderr, "ebb-bench: /proc/self/task: %s\n", strerror(errno));
		return -EIO;
	}
	while (rc == 0 && (entry = readdir(tasks)) != NULL) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		bool on_a = tid == run->client_tid || tid == run->reactor_tid;

		if (tid > 0) {
			rc = bench_pin(tid, on_a ? run->cpu_a : cpu_others);
		}
	}
	closedir(tasks);
	if (rc < 0) {
		fprintf(stderr, "ebb-bench: a thread cannot be held on its CPU: %s\n",
			strerror(-rc));
	}
	return rc;
}

static double ebb_rpc(struct rpc_run *run, int cpu_others)
{
	if (place(run, cpu_others) < 0) {
		return NAN;
	}
	return bench_rpc_client_measure(run->fd, run->options->time_ns);
}

static double ebb_rpc_across(void *arg)
{
	struct rpc_run *run = arg;

	return ebb_rpc(run, run->cpu_b);
}

static double ebb_rpc_one(void *arg)
{
	struct rpc_run *run = arg;

	return ebb_rpc(run, run->cpu_a);
}

static double baseline_across(void *arg)
{
	struct rpc_run *run = arg;

	return bench_baseline_rpc(run->cpu_b, run->cpu_a, run->reply, run->options->time_ns);
}

static double baseline_one(void *arg)
{
	struct rpc_run *run = arg;

	return bench_baseline_rpc(run->cpu_a, run->cpu_a, run->reply, run->options->time_ns);
}

static const struct bench_pair rpc_pairs[NUM_PAIRS] = {
	{.name = "rpc_across_cores",
	 .what = "JSON-RPC round trip by the app thread, all asleep, across cores",
	 .baseline = "socket, eventfd, eventfd, socket between bare OS threads",
	 .measure_ebb = ebb_rpc_across,
	 .measure_baseline = baseline_across},
	{.name = "rpc_on_one_core",
	 .what = "JSON-RPC round trip by the app thread, all asleep, on one core",
	 .baseline = "socket, eventfd, eventfd, socket between bare OS threads",
	 .measure_ebb = ebb_rpc_one,
	 .measure_baseline = baseline_one},
};

/* The first call: its reply is what the baseline sends too, so it must be one. */
static int reply_get(struct rpc_run *run)
{
	struct json_object *reply = NULL;
	struct json_object *result = NULL;

	run->fd = bench_rpc_client_connect(run->socket);
	if (run->fd < 0 || bench_rpc_client_call(run->fd, run->reply) < 0) {
		return -EIO;
	}
	if (base_json_parse(run->reply, strlen(run->reply), &reply) == 0) {
		json_object_object_get_ex(reply, "result", &result);
	}
	if (result == NULL) {
		fprintf(stderr, "ebb-bench: not the answer to " BENCH_RPC_REQUEST ": %s\n",
			run->reply);
	}
	json_object_put(reply);
	return result == NULL ? -EPROTO : 0;
}

/* The whole measurement, on the harness, which is the client. */
static int rpc_script(void *arg)
{
	struct rpc_run *run = arg;
	struct ebb_reactor_stats stats;
	int rc;

	run->client_tid = gettid();
	rc = bench_pin(run->client_tid, run->cpu_a);
	if (rc == 0) {
		rc = ebb_reactor_get_stats(ebb_reactor_core(0), &stats);
	}
	if (rc == 0) {
		run->reactor_tid = stats.tid;
		rc = reply_get(run);
	}
	for (unsigned round = 0; rc == 0 && round < run->options->rounds; round++) {
		for (unsigned i = 0; rc == 0 && i < NUM_PAIRS && !bench_signals_seen(); i++) {
			if (run->cpu_b >= 0 || run->pairs[i].measure_ebb == ebb_rpc_one) {
				rc = bench_pair_round(&run->pairs[i]);
			}
		}
	}
	if (run->fd >= 0) {
		close(run->fd);
	}
	return rc < 0 ? BENCH_EXIT_FAILED : 0;
}

static int directory_make(struct rpc_run *run)
{
	const char *base = getenv("TMPDIR");

	if (base == NULL || strlen(base) > 32) {
		base = "/tmp"; /* a socket's path must be short */
	}
	snprintf(run->directory, sizeof(run->directory), "%s/ebb-bench-XXXXXX", base);
	if (mkdtemp(run->directory) == NULL) {
		fprintf(stderr, "ebb-bench: no directory for the socket in %s: %s\n", base,
			strerror(errno));
		return -errno;
	}
	snprintf(run->socket, sizeof(run->socket), "%s/rpc.sock", run->directory);
	return 0;
}

/* The directory is ours alone: whatever is in it was put there by the framework. */
static void directory_remove(const struct rpc_run *run)
{
	DIR *directory = opendir(run->directory);
	struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			unlinkat(dirfd(directory), entry->d_name, 0);
		}
	}
	if (directory != NULL) {
		closedir(directory);
	}
	rmdir(run->directory);
}

static void rpc_json(const struct rpc_run *run)
{
	struct json_object *report = json_object_new_object();
	struct json_object *cores = json_object_new_array();

	json_object_object_add(report, "benchmark", json_object_new_string("rpc"));
	json_object_object_add(report, "version", json_object_new_string(EBB_VERSION));
	json_object_array_add(cores, json_object_new_int(run->cpu_a));
	if (run->cpu_b >= 0) {
		json_object_array_add(cores, json_object_new_int(run->cpu_b));
	}
	json_object_object_add(report, "cores", cores);
	json_object_object_add(report, "interrupted",
			       json_object_new_boolean(bench_signals_seen()));
	json_object_object_add(report, "pairs", bench_pair_json(run->pairs, NUM_PAIRS));
	bench_json_print(report, stdout);
}

int bench_rpc(const struct bench_wake_options *options)
{
	struct rpc_run run = {.options = options, .fd = -1};
	struct ebb_app_opts app;
	int rc;

	run.cpu_a = bench_pin_cpu(0);
	run.cpu_b = bench_pin_cpu(1);
	for (unsigned i = 0; i < NUM_PAIRS; i++) {
		run.pairs[i] = rpc_pairs[i];
		run.pairs[i].arg = &run;
	}
	if (directory_make(&run) < 0) {
		return BENCH_EXIT_FAILED;
	}
	ebb_app_opts_init(&app, sizeof(app));
	app.mode = EBB_REACTOR_INTERRUPT;
	app.rpc_socket = run.socket;
	rc = bench_harness_run(&app, rpc_script, &run);
	directory_remove(&run);
	if (rc != 0) {
		return rc;
	}
	if (options->format == BENCH_FORMAT_JSON) {
		rpc_json(&run);
		return 0;
	}
	if (run.cpu_b < 0) {
		printf("One CPU: the round trip across cores cannot be measured here.\n");
	}
	bench_pair_print(run.pairs, NUM_PAIRS, stdout);
	return 0;
}
