/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ebb/clock.h>
#include <ebb/log.h>
#include <ebb/reactor.h>

#include "core/event/framework.h"

#define RESTARTS      200
#define MODE_SWITCHES 10000
#define REACTORS_MAX  4

/* Under ThreadSanitizer everything is ten times slower. */
#if defined(__SANITIZE_THREAD__)
#define LIMIT_NS (20 * EBB_NS_PER_S)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LIMIT_NS (20 * EBB_NS_PER_S)
#endif
#endif
#ifndef LIMIT_NS
#define LIMIT_NS (2 * EBB_NS_PER_S)
#endif

/* Nothing acts before everything is there. */
_Atomic enum stress_phase stress_phase = STRESS_SILENT;
uint64_t stress_limit_ns = LIMIT_NS;
uint64_t stress_seed;
bool stress_verbose;

static unsigned run_seconds = 5;
struct stress_flow stress_pulse;

static struct stress_flow start_flow;
static struct stress_flow stop_flow;
static struct stress_flow app_phase_flow;
static unsigned num_phases;

void stress_allowed_cpus(cpu_set_t *ret_cpus)
{
	cpu_set_t allowed;
	int count = 0;

	CPU_ZERO(ret_cpus);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
		stress_fail("sched_getaffinity");
	}
	for (size_t cpu = 0; cpu < CPU_SETSIZE && count < REACTORS_MAX; cpu++) {
		if (CPU_ISSET(cpu, &allowed)) {
			CPU_SET(cpu, ret_cpus);
			count++;
		}
	}
}

static void on_log(enum ebb_log_level level, const char *component, const char *text)
{
	/* Whatever this test makes can end by itself: nothing may have to be forced. */
	if (strstr(text, "forced") != NULL) {
		stress_fail("%s: %s", component, text);
	}
	if (stress_verbose) {
		printf("# %s %s: %s\n", ebb_log_level_name(level), component, text);
	}
}

/* ---- on the app thread ---- */

static void victim_here(void *arg)
{
	(void)arg;
	stress_senders_add_victim();
}

static void victims_known(void *arg)
{
	(void)arg;
	stress_flow_end(&start_flow);
}

static void app_begin(void *arg)
{
	(void)arg;
	stress_objects_start();
	/*
	 * Some OS threads enter twice, when two workers live there: then they are hit more often.
	 */
	if (ebb_for_each_thread(victim_here, NULL, victims_known) != 0) {
		stress_fail("no round over the threads can begin");
	}
}

static void app_start(void *arg)
{
	(void)arg;
	stress_io_register();
	stress_workers_start(app_begin);
}

static void app_phase_changed(void *arg)
{
	(void)arg;
	stress_objects_set_quiet(stress_phase_quiet(stress_phase_now()));
	stress_flow_end(&app_phase_flow);
}

static void app_stop(void *arg)
{
	(void)arg;
	stress_objects_stop();
	stress_workers_stop();
}

/* ---- the checker ---- */

static void check_nap(void)
{
	static const struct timespec nap = {.tv_nsec = 10 * (long)EBB_NS_PER_MS};

	nanosleep(&nap, NULL);
}

static void set_phase(enum stress_phase phase)
{
	atomic_store(&stress_phase, phase);
	stress_flow_set_open(&stress_pulse, stress_phase_quiet(phase));
	stress_flow_begin(&app_phase_flow);
	ebb_thread_send_msg(ebb_thread_app(), app_phase_changed, NULL);
	stress_workers_tell_phase();
	num_phases++;
}

/*
 * A quiet phase ends only when its pulse has been felt again after its time: otherwise the next
 * phase would wake what sleeps for ever, and nobody would notice.
 */
static void run_phase(enum stress_phase phase, uint64_t length_ns)
{
	uint64_t end_ns = ebb_clock_now_ns() + length_ns;
	uint64_t pulse = UINT64_MAX;

	set_phase(phase);
	for (;;) {
		uint64_t now_ns = ebb_clock_now_ns();

		stress_flows_check(now_ns);
		if (phase == STRESS_TOKEN) {
			stress_token_launch();
		}
		if (now_ns >= end_ns) {
			uint64_t felt = atomic_load(&stress_pulse.ended);

			if (!stress_phase_quiet(phase) || (pulse != UINT64_MAX && felt != pulse)) {
				return;
			}
			pulse = felt;
		}
		check_nap();
	}
}

static void wait_for(struct stress_flow *flow)
{
	while (stress_flow_under_way(flow) != 0) {
		stress_flows_check(ebb_clock_now_ns());
		check_nap();
	}
}

static void *checker_main(void *arg)
{
	uint64_t end_ns = ebb_clock_now_ns() + run_seconds * EBB_NS_PER_S;
	struct stress_random random;

	(void)arg;
	stress_random_init(&random, 700);
	wait_for(&start_flow);
	stress_senders_start();
	stress_source_start();
	while (ebb_clock_now_ns() < end_ns) {
		uint64_t length_ns = (50 + stress_random_below(&random, 300)) * EBB_NS_PER_MS;

		run_phase((enum stress_phase)stress_random_below(&random, STRESS_PHASES),
			  length_ns);
	}
	set_phase(STRESS_END);
	stress_senders_join();
	stress_source_join();
	while (!stress_flows_check(ebb_clock_now_ns())) {
		check_nap();
	}
	stress_flow_begin(&stop_flow);
	ebb_thread_send_msg(ebb_thread_app(), app_stop, NULL);
	wait_for(&stop_flow);
	return NULL;
}

/* ---- main ---- */

static void stress_run(void)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_ADAPTIVE, .spin_us_max = 50};
	pthread_t checker;

	stress_flow_init(&stress_pulse, "pulse", 0);
	stress_pulse.heartbeat = true;
	stress_flow_init(&start_flow, "start", 0);
	stress_flow_init(&stop_flow, "stop", 0);
	stress_flow_init(&app_phase_flow, "phase message, app", 0);
	stress_io_init();
	stress_source_init();
	stress_workers_init();
	stress_lives_init();
	stress_objects_init();
	stress_senders_init();
	stress_allowed_cpus(&opts.cpus);
	if (event_framework_init(&opts) != 0) {
		stress_fail("event_framework_init");
	}
	stress_flow_begin(&start_flow);
	ebb_thread_send_msg(ebb_thread_app(), app_start, NULL);
	if (pthread_create(&checker, NULL, checker_main, NULL) != 0) {
		stress_fail("the checker cannot be started");
	}
	if (event_framework_run() != 0) {
		stress_fail("event_framework_run");
	}
	stress_flow_end(&stop_flow);
	pthread_join(checker, NULL);
	if (!stress_flows_check(ebb_clock_now_ns())) {
		stress_fail("something is under way after the end");
	}
	stress_flows_print();
	event_framework_fini();
	stress_senders_fini();
	stress_workers_fini();
	stress_lives_fini();
	stress_flows_fini();
}

static void usage(const char *program, FILE *out)
{
	fprintf(out,
		"usage: %s [--seconds N] [--seed N] [--restarts N] [--switches N] [--verbose]\n",
		program);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seconds", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'r'},
		{"restarts", required_argument, NULL, 'n'},
		{"switches", required_argument, NULL, 'm'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	unsigned restarts = RESTARTS;
	unsigned switches = MODE_SWITCHES;
	int option;

	stress_seed = ebb_clock_now_ns() % 1000000007;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			run_seconds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			stress_seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			restarts = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			switches = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'v':
			stress_verbose = true;
			break;
		default:
			usage(argv[0], option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# --seed %llu --seconds %u, limit %llu ms\n", (unsigned long long)stress_seed,
	       run_seconds, (unsigned long long)(stress_limit_ns / EBB_NS_PER_MS));
	ebb_log_set_sink(on_log);
	stress_run();
	printf("ok 1 - %u phases, nothing lost, late or out of order\n", num_phases);
	if (restarts > 0) {
		stress_restart(restarts);
		printf("ok 2 - %u restarts\n", restarts);
	}
	if (switches > 0) {
		printf("ok 3 - %u switches of mode on two reactors%s\n", switches,
		       stress_modes(switches) ? "" : " # SKIP this needs two CPUs");
	}
	return 0;
}
