/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/wake.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include <ebb/assert.h>

#include "bench/wake/baseline.h"
#include "bench/wake/batch.h"
#include "bench/wake/pair.h"
#include "bench/harness.h"
#include "bench/json.h"
#include "bench/machine/disturbance.h"
#include "bench/machine/facts.h"
#include "bench/machine/facts_warnings.h"
#include "bench/machine/pin.h"
#include "bench/wake/ping.h"
#include "bench/wake/prices_report.h"
#include "bench/signals.h"

/*
 * What is compared with what.
 *
 * Each of ebb's metrics is one way of a message between two ebb threads, on two reactors: half of a
 * round trip of the median batch (batch.h). Its baseline is one way between two bare OS threads, in
 * the same process, on the same CPUs, in the same second. Both sides have the same number of hops
 * and of wakeups in a round trip, two.
 *
 *   poll_to_poll            both reactors spin on their CPUs; the baseline's threads spin on one
 *                           cache line that is stored to and loaded from, and nothing else.
 *   wake_across_cores       both reactors are in interrupt mode, each held on its CPU, and each
 *                           falls asleep before it is woken again; the baseline's threads sleep in
 *                           epoll_wait() on an eventfd, which is read after each wakeup.
 *   wake_on_one_core        the same, with all threads of both sides held on one CPU: reactors are
 *                           made one for each CPU, so the second one's OS thread is moved over.
 *   …_edge                  the same two beside the leanest baseline there is: the eventfd is
 *                           watched edge-triggered and never read. A reactor does that, too; beyond
 *                           it there are its queues, its clock, and its second look before sleep.
 *
 * While a baseline is measured the reactors sleep, so that they take no CPU; while ebb is measured
 * the baseline's threads do not exist, and the harness sleeps.
 *
 * Idle wakeups are counted after the reactors have settled, in interrupt and in adaptive mode: the
 * returns from sleep of all reactors, and the context switches and the CPU time of all OS threads
 * of the process but the harness.
 *
 * With one CPU there are no two reactors, and only the idle part and the prices can be measured.
 *
 * The prices are the machine's own (prices.h): the harness sleeps on the first reactor's CPU, and is
 * woken from the second's, while both reactors are asleep.
 */

#define NUM_PAIRS 5

static const enum ebb_reactor_mode idle_modes[] = {EBB_REACTOR_INTERRUPT, EBB_REACTOR_ADAPTIVE};

#define NUM_IDLE_MODES EBB_ARRAY_SIZE(idle_modes)

#define WARNINGS_MAX 32

struct wake_run {
	const struct bench_wake_options *options;
	int core_a; /* reactors and CPUs */
	int core_b; /* -1: there is only one */
	struct ebb_thread *a;
	struct ebb_thread *b;
	struct bench_pair pairs[NUM_PAIRS];
	unsigned num_idle; /* of those below that were measured */
	struct bench_rusage idle[NUM_IDLE_MODES];
	int device_fd; /* -1: none was given */
	uint64_t device_bytes;
	struct bench_prices prices;
	struct bench_disturbance *disturbance; /* NULL: nobody looks */
	struct json_object *machine;
	char warnings[WARNINGS_MAX][BENCH_WARNING_MAX];
	unsigned num_warnings;
};

static double ebb_poll_to_poll(void *arg)
{
	struct wake_run *run = arg;
	double one_way_ns;

	if (bench_harness_set_mode(EBB_REACTOR_POLL) < 0) {
		return NAN;
	}
	one_way_ns = bench_ping(run->a, run->b, BENCH_TRIPS_SPINNING, run->options->time_ns);
	return bench_harness_set_mode(EBB_REACTOR_INTERRUPT) < 0 ? NAN : one_way_ns;
}

static double baseline_hop(void *arg)
{
	struct wake_run *run = arg;

	return bench_baseline_hop(run->core_a, run->core_b, run->options->time_ns);
}

static double ebb_wake(struct wake_run *run, int cpu_b)
{
	bench_harness_pin(run->core_a, run->core_a);
	bench_harness_pin(run->core_b, cpu_b);
	return bench_ping(run->a, run->b, BENCH_TRIPS_SLEEPING, run->options->time_ns);
}

static double ebb_wake_across(void *arg)
{
	struct wake_run *run = arg;

	return ebb_wake(run, run->core_b);
}

static double ebb_wake_one(void *arg)
{
	struct wake_run *run = arg;

	return ebb_wake(run, run->core_a);
}

static double baseline_wake_across(void *arg)
{
	struct wake_run *run = arg;

	return bench_baseline_wake(run->core_a, run->core_b, run->options->time_ns, false);
}

static double baseline_wake_one(void *arg)
{
	struct wake_run *run = arg;

	return bench_baseline_wake(run->core_a, run->core_a, run->options->time_ns, false);
}

static double baseline_edge_across(void *arg)
{
	struct wake_run *run = arg;

	return bench_baseline_wake(run->core_a, run->core_b, run->options->time_ns, true);
}

static double baseline_edge_one(void *arg)
{
	struct wake_run *run = arg;

	return bench_baseline_wake(run->core_a, run->core_a, run->options->time_ns, true);
}

static const struct bench_pair wake_pairs[NUM_PAIRS] = {
	{.name = "poll_to_poll",
	 .what = "message one way, polling reactor to polling reactor",
	 .baseline = "one cache line between two spinning OS threads",
	 .measure_ebb = ebb_poll_to_poll,
	 .measure_baseline = baseline_hop},
	{.name = "wake_across_cores",
	 .what = "message one way to a sleeping reactor, across cores",
	 .baseline = "eventfd, epoll_wait(), read()",
	 .measure_ebb = ebb_wake_across,
	 .measure_baseline = baseline_wake_across},
	{.name = "wake_on_one_core",
	 .what = "message one way to a sleeping reactor, on one core",
	 .baseline = "eventfd, epoll_wait(), read()",
	 .measure_ebb = ebb_wake_one,
	 .measure_baseline = baseline_wake_one},
	{.name = "wake_across_cores_edge",
	 .what = "message one way to a sleeping reactor, across cores",
	 .baseline = "eventfd, edge-triggered epoll_wait(), no read()",
	 .measure_ebb = ebb_wake_across,
	 .measure_baseline = baseline_edge_across},
	{.name = "wake_on_one_core_edge",
	 .what = "message one way to a sleeping reactor, on one core",
	 .baseline = "eventfd, edge-triggered epoll_wait(), no read()",
	 .measure_ebb = ebb_wake_one,
	 .measure_baseline = baseline_edge_one},
};

/* Counts what the reactors do while nobody wants anything. */
static int idle_measure(struct wake_run *run, enum ebb_reactor_mode mode)
{
	struct bench_rusage before;
	struct bench_rusage after;
	int rc = bench_harness_set_mode(mode);

	if (rc < 0) {
		return rc;
	}
	bench_harness_sleep(run->options->settle_ns);
	bench_rusage_get_others(&before);
	bench_harness_sleep(run->options->idle_ns);
	bench_rusage_get_others(&after);
	if (!bench_signals_seen()) {
		bench_rusage_subtract(&after, &before, &run->idle[run->num_idle]);
		run->num_idle++;
	}
	return 0;
}

static void thread_leave(void *arg)
{
	(void)arg;
	ebb_thread_exit();
}

static int pairs_measure(struct wake_run *run)
{
	int rc;

	rc = ebb_thread_create("bench", run->core_b, &run->b);
	if (rc < 0) {
		fprintf(stderr, "ebb-bench: no ebb thread on core %d: %s\n", run->core_b,
			strerror(-rc));
		return rc;
	}
	for (unsigned round = 0; rc == 0 && round < run->options->rounds; round++) {
		for (unsigned i = 0; rc == 0 && i < NUM_PAIRS && !bench_signals_seen(); i++) {
			rc = bench_pair_round(&run->pairs[i]);
		}
	}
	ebb_thread_send_msg(run->b, thread_leave, NULL);
	return rc;
}

static void prices_measure(struct wake_run *run)
{
	const struct bench_prices_opts opts = {
		.cpu = run->core_a,
		.waker_cpu = run->core_b >= 0 ? run->core_b : run->core_a,
		.samples = (unsigned)run->options->samples,
		.idle_ns = run->options->sleep_ns,
		.device_fd = run->device_fd,
		.device_bytes = run->device_bytes,
		.stopped = bench_signals_seen,
	};

	bench_prices_measure(&opts, &run->prices);
}

/* Facts and warnings: what is true anyway, and what went on meanwhile. */
static void surroundings_tell(struct wake_run *run)
{
	run->num_warnings = bench_facts_warnings(run->machine, run->warnings, WARNINGS_MAX);
	if (run->disturbance != NULL) {
		bench_disturbance_end(run->disturbance);
		run->num_warnings += bench_disturbance_warnings(run->disturbance,
								run->warnings + run->num_warnings,
								WARNINGS_MAX - run->num_warnings);
	}
}

/* The whole measurement, on the harness. */
static int wake_script(void *arg)
{
	struct wake_run *run = arg;
	const struct bench_wake_options *options = run->options;
	int rc = 0;

	run->a = ebb_thread_app();
	run->core_a = ebb_reactor_core(0);
	run->core_b = ebb_reactor_core(1);
	if (run->disturbance != NULL) {
		bench_disturbance_begin(run->disturbance);
	}
	if (run->core_b >= 0 && !options->prices_only) {
		rc = pairs_measure(run);
	}
	if (rc == 0 && options->samples > 0) {
		prices_measure(run);
	}
	for (unsigned i = 0; rc == 0 && i < NUM_IDLE_MODES && options->idle_ns > 0; i++) {
		rc = options->prices_only ? 0 : idle_measure(run, idle_modes[i]);
	}
	surroundings_tell(run);
	return rc < 0 ? BENCH_EXIT_FAILED : 0;
}

static double per_second(uint64_t count, const struct bench_rusage *usage)
{
	return (double)count * (double)EBB_NS_PER_S / (double)usage->now_ns;
}

static void pairs_print(const struct wake_run *run)
{
	if (run->core_b < 0) {
		printf("One CPU: messages between reactors cannot be measured here.\n");
	} else {
		printf("reactors on CPUs %d and %d; medians\n\n", run->core_a, run->core_b);
		bench_pair_print(run->pairs, NUM_PAIRS, stdout);
	}
}

static void wake_print(const struct wake_run *run)
{
	if (!run->options->prices_only) {
		pairs_print(run);
	}
	if (run->options->samples > 0) {
		printf("%s", run->options->prices_only ? "" : "\n");
		bench_prices_report_text(&run->prices, stdout);
	}
	for (unsigned i = 0; i < run->num_idle; i++) {
		const struct bench_rusage *idle = &run->idle[i];

		printf("%sidle in %s mode, %.10g s: %llu reactor wakeups, %llu context switches, "
		       "%llu us of CPU\n",
		       i == 0 ? "\n" : "", ebb_reactor_mode_name(idle_modes[i]),
		       (double)run->options->idle_ns / (double)EBB_NS_PER_S,
		       (unsigned long long)idle->wakeups,
		       (unsigned long long)(idle->voluntary + idle->involuntary),
		       (unsigned long long)(idle->cpu_ns / EBB_NS_PER_US));
	}
	for (unsigned i = 0; i < run->num_warnings; i++) {
		printf("%swarning: %s\n", i == 0 ? "\n" : "", run->warnings[i]);
	}
}

static struct json_object *idle_json(const struct bench_rusage *idle, enum ebb_reactor_mode mode)
{
	struct json_object *object = json_object_new_object();
	uint64_t switches = idle->voluntary + idle->involuntary;

	json_object_object_add(object, "mode", json_object_new_string(ebb_reactor_mode_name(mode)));
	json_object_object_add(object, "elapsed_ns", json_object_new_uint64(idle->now_ns));
	json_object_object_add(object, "wakeups", json_object_new_uint64(idle->wakeups));
	json_object_object_add(object, "wakeups_per_s",
			       bench_json_number(per_second(idle->wakeups, idle), 3));
	json_object_object_add(object, "context_switches", json_object_new_uint64(switches));
	json_object_object_add(object, "context_switches_per_s",
			       bench_json_number(per_second(switches, idle), 3));
	json_object_object_add(object, "cpu_ns", json_object_new_uint64(idle->cpu_ns));
	return object;
}

/* Takes the facts of the machine from @run. */
static void wake_json(struct wake_run *run)
{
	struct json_object *report = json_object_new_object();
	struct json_object *cores = json_object_new_array();
	struct json_object *idle = json_object_new_array();
	struct json_object *warnings = json_object_new_array();

	json_object_object_add(report, "benchmark", json_object_new_string("wake"));
	json_object_object_add(report, "version", json_object_new_string(EBB_VERSION));
	json_object_array_add(cores, json_object_new_int(run->core_a));
	if (run->core_b >= 0) {
		json_object_array_add(cores, json_object_new_int(run->core_b));
	}
	json_object_object_add(report, "cores", cores);
	json_object_object_add(report, "interrupted",
			       json_object_new_boolean(bench_signals_seen()));
	json_object_object_add(report, "pairs", bench_pair_json(run->pairs, NUM_PAIRS));
	json_object_object_add(report, "prices", bench_prices_report_json(&run->prices));
	for (unsigned i = 0; i < run->num_idle; i++) {
		json_object_array_add(idle, idle_json(&run->idle[i], idle_modes[i]));
	}
	json_object_object_add(report, "idle", idle);
	for (unsigned i = 0; i < run->num_warnings; i++) {
		json_object_array_add(warnings, json_object_new_string(run->warnings[i]));
	}
	json_object_object_add(report, "warnings", warnings);
	json_object_object_add(report, "machine", run->machine);
	run->machine = NULL;
	bench_json_print(report, stdout);
}

static int wake_run(struct wake_run *run)
{
	struct ebb_app_opts app;
	struct bench_disk disk;
	cpu_set_t allowed;
	char cpumask[32];
	int rc;

	for (unsigned i = 0; i < NUM_PAIRS; i++) {
		run->pairs[i] = wake_pairs[i];
		run->pairs[i].arg = run;
	}
	/* Now, as the framework is about to hold its threads on CPUs. */
	run->machine = bench_facts_get(run->options->device);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
		run->disturbance = bench_disturbance_create("", &allowed);
	}
	if (run->disturbance != NULL && run->options->device != NULL &&
	    bench_device_facts_disk("", run->options->device, &disk)) {
		bench_disturbance_watch(run->disturbance, &disk);
	}
	ebb_app_opts_init(&app, sizeof(app));
	app.mode = EBB_REACTOR_INTERRUPT;
	if (bench_pin_cpu(1) >= 0) {
		snprintf(cpumask, sizeof(cpumask), "[%d,%d]", bench_pin_cpu(0), bench_pin_cpu(1));
		app.cpumask = cpumask;
	}
	rc = bench_harness_run(&app, wake_script, run);
	if (rc == 0 && run->options->format == BENCH_FORMAT_JSON) {
		wake_json(run);
	} else if (rc == 0) {
		wake_print(run);
	}
	json_object_put(run->machine);
	bench_disturbance_destroy(run->disturbance);
	return rc;
}

int bench_wake(const struct bench_wake_options *options)
{
	struct wake_run run = {.options = options, .core_a = -1, .core_b = -1, .device_fd = -1};
	char error[BENCH_ERROR_MAX];
	int rc;

	if (options->device != NULL &&
	    bench_prices_device_open(options->device, &run.device_fd, &run.device_bytes, error,
				     sizeof(error)) < 0) {
		fprintf(stderr, "ebb-bench: %s\n", error);
		return BENCH_EXIT_USAGE;
	}
	rc = wake_run(&run);
	if (run.device_fd >= 0) {
		close(run.device_fd);
	}
	return rc;
}
