/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bench/report/made_up.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "tests/unit/unit.h"

#define RUN_NS EBB_NS_PER_S

/* Half of them within 20 % of the median, one in a hundred five times as long, one in 1000 twenty times. */
static void latencies_make(struct ebb_histogram *histogram, double p50_ns)
{
	ebb_histogram_reset(histogram);
	for (unsigned i = 0; i < 1000; i++) {
		double factor = 0.8 + 0.4 * i / 1000;

		if (i >= 999) {
			factor = 20;
		} else if (i >= 985) {
			factor = 5;
		}
		ebb_histogram_add(histogram, (uint64_t)(p50_ns * factor));
	}
}

void made_up_add(struct bench_cell *cell, const struct bench_load *load,
		 const struct made_up *made_up, double factor)
{
	static struct bench_count count;
	static struct bench_outcome outcome;
	double ios = made_up->iops / factor * (double)RUN_NS / (double)EBB_NS_PER_S;

	memset(&count, 0, sizeof(count));
	memset(&outcome, 0, sizeof(outcome));
	latencies_make(&count.latency, (double)made_up->p50_ns * factor);
	count.ios = (uint64_t)ios;
	count.io_bytes = load->block_bytes;
	count.elapsed_ns = RUN_NS;
	count.user_ns = (uint64_t)(ios * (double)made_up->user_ns * factor);
	count.system_ns = (uint64_t)(ios * (double)made_up->system_ns * factor);
	count.wakeups = (uint64_t)(ios * made_up->wakeups);
	count.voluntary = count.wakeups;
	count.joules = made_up->joules * ios;
	count.offered = load->shape == BENCH_SHAPE_POISSON ? load->rate_iops : NAN;
	count.backlog = load->shape == BENCH_SHAPE_POISSON ? 20 : NAN;
	count.late_p50_ns = load->shape == BENCH_SHAPE_POISSON ? 300 : NAN;
	count.late_p99_ns = load->shape == BENCH_SHAPE_POISSON ? 2100 : NAN;
	bench_metric_sample_make(&count, &outcome.sample);
	outcome.latency = count.latency;
	outcome.stamps = made_up->stamps;
	outcome.companion_percent = load->shape == BENCH_SHAPE_CLOSED ? NAN : 100;
	ck_assert_int_eq(bench_results_add(cell, &outcome), 0);
}

void made_up_rounds(struct bench_cell *cell, const struct bench_load *load,
		    const struct made_up *made_up, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		made_up_add(cell, load, made_up,
			    1 + 0.01 * ((int)((i * 7 + i * i * cell->contender) % 5) - 2));
	}
}

static const struct made_up poll = {
	.iops = 95000, .p50_ns = 10000, .user_ns = 4000, .system_ns = 6500, .joules = 1.1e-4};
static const struct made_up interrupt = {.iops = 78000,
					 .p50_ns = 12100,
					 .user_ns = 900,
					 .system_ns = 2350,
					 .wakeups = 1,
					 .joules = 0.6e-4};
static const struct made_up adaptive = {.iops = 94000,
					.p50_ns = 10050,
					.user_ns = 2000,
					.system_ns = 3500,
					.wakeups = 0.25,
					.joules = 0.8e-4};

static void head_make(struct bench_results *results)
{
	struct json_object *cpu = json_object_new_object();

	snprintf(results->started, sizeof(results->started), "2026-01-02T03:04:05Z");
	results->elapsed_ns = 93 * EBB_NS_PER_S;
	results->rounds = 7;
	results->machine = json_object_new_object();
	json_object_object_add(results->machine, "cpu", cpu);
	json_object_object_add(cpu, "model", json_object_new_string("a CPU"));
	json_object_object_add(cpu, "allowed", json_object_new_string("0-1"));
	json_object_object_add(results->machine, "energy",
			       json_object_new_string("unavailable: no \x1b[1mRAPL"));
}

static void contender_name(struct bench_contender *contender, enum bench_contender_kind kind,
			   const char *name)
{
	contender->kind = kind;
	snprintf(contender->name, sizeof(contender->name), "%s", name);
}

static void loads_make(struct bench_load *loads)
{
	loads[0] = (struct bench_load){.rw = BENCH_RW_RANDREAD,
				       .block_bytes = 4096,
				       .queue_depth = 1,
				       .time_ns = RUN_NS,
				       .warmup_ns = EBB_NS_PER_S / 5,
				       .seed = 1};
	loads[1] = loads[0];
	loads[1].shape = BENCH_SHAPE_POISSON;
	loads[1].queue_depth = 128;
	loads[1].rate_iops = 20000;
}

void made_up_plain(struct bench_results *results)
{
	static const struct made_up *const closed[] = {&poll, &interrupt, &adaptive};
	static const struct made_up open[] = {
		{.iops = 20000,
		 .p50_ns = 10200,
		 .user_ns = 19000,
		 .system_ns = 31000,
		 .joules = 4e-4},
		{.iops = 20000,
		 .p50_ns = 15300,
		 .user_ns = 1000,
		 .system_ns = 2800,
		 .wakeups = 0.98,
		 .joules = 1.5e-4},
		{.iops = 20000,
		 .p50_ns = 12900,
		 .user_ns = 2000,
		 .system_ns = 5100,
		 .wakeups = 0.9,
		 .joules = 1.8e-4},
	};

	ck_assert_int_eq(bench_results_init(results, 1, 2, 3), 0);
	head_make(results);
	snprintf(results->command, sizeof(results->command), "ebb-bench compare disk.img");
	results->targets[0] = (struct bench_target){.name = "disk.img",
						    .kind = "file",
						    .driver = "file",
						    .path = "/srv/disk.img",
						    .bdev = "target0",
						    .block_size = 512,
						    .size_bytes = 1 << 30};
	loads_make(results->loads);
	contender_name(&results->contenders[0], BENCH_CONTENDER_MODE, "poll");
	contender_name(&results->contenders[1], BENCH_CONTENDER_MODE, "interrupt");
	contender_name(&results->contenders[2], BENCH_CONTENDER_MODE, "adaptive");
	for (unsigned i = 0; i < 3; i++) {
		made_up_rounds(bench_results_cell(results, 0, 0, i), &results->loads[0], closed[i],
			       7);
		made_up_rounds(bench_results_cell(results, 0, 1, i), &results->loads[1], &open[i],
			       7);
	}
}

static void odd_targets_make(struct bench_results *results)
{
	results->targets[0] = (struct bench_target){.name = "Nvme0\x1b[31mn1, \"the second\"",
						    .kind = "bdev",
						    .driver = "nvme",
						    .bdev = "Nvme0\x1b[31mn1, \"the second\"",
						    .block_size = 4096,
						    .size_bytes = 1ull << 40};
	results->targets[1] =
		(struct bench_target){.name = "sp\xc3\xa4rlich\n\xff\xe2\x80\xae.img",
				      .kind = "file",
				      .driver = "file",
				      .path = "/tmp/sp\xc3\xa4rlich\n\xff\xe2\x80\xae.img",
				      .block_size = 512,
				      .size_bytes = 1 << 20,
				      .sparse = true};
}

static void odd_contenders_make(struct bench_results *results)
{
	contender_name(&results->contenders[0], BENCH_CONTENDER_MODE, "interrupt");
	contender_name(&results->contenders[1], BENCH_CONTENDER_MODE, "poll");
	contender_name(&results->contenders[2], BENCH_CONTENDER_PLAN, "plan 30us,65us");
	contender_name(&results->contenders[3], BENCH_CONTENDER_PEER, "fio io_uring");
	contender_name(&results->contenders[4], BENCH_CONTENDER_PEER, "nbdkit over NBD");
	contender_name(&results->contenders[5], BENCH_CONTENDER_PEER, "\xe7\xa3\x81\xe7\x9b\xa4");
	snprintf(results->contenders[3].version, sizeof(results->contenders[3].version),
		 "fio-3.33\n");
	snprintf(results->contenders[3].note, sizeof(results->contenders[3].note),
		 "its latencies begin when it made the request");
	snprintf(results->contenders[3].command, sizeof(results->contenders[3].command),
		 "fio --name=x --filename='/tmp/a b' --rw=randread\t# \x07");
}

void made_up_odd(struct bench_results *results)
{
	struct made_up no_rapl = {.iops = 50000,
				  .p50_ns = 19000,
				  .user_ns = 3000,
				  .system_ns = 9000,
				  .wakeups = 1,
				  .joules = NAN,
				  .stamps = BENCH_STAMPS_FOREIGN};
	struct made_up sampled = poll;
	struct bench_cell *cell;

	ck_assert_int_eq(bench_results_init(results, 2, 2, 6), 0);
	head_make(results);
	results->interrupted = true;
	snprintf(results->command, sizeof(results->command),
		 "ebb-bench compare $'a\nb' --with fio");
	loads_make(results->loads);
	results->loads[1].shape = BENCH_SHAPE_ON_OFF;
	results->loads[1].on_ns = 10 * EBB_NS_PER_MS;
	results->loads[1].off_ns = 90 * EBB_NS_PER_MS;
	results->sustained[1] = (struct bench_sustained){
		.percent = 50,
		.by = "poll mode",
		.target = "disk.img",
		.runs = 5,
		.iops = {.median = 40000, .low = 39000, .high = 41000},
	};
	odd_targets_make(results);
	odd_contenders_make(results);
	bench_results_warn(results, "the host took 12.1 %% of CPU 1\x1b[2J meanwhile (steal)");
	bench_results_warn(results, "CPU 0 runs at 1200 MHz of 3600: governor powersave");

	sampled.stamps = BENCH_STAMPS_SAMPLED;
	sampled.joules = NAN;
	made_up_rounds(bench_results_cell(results, 0, 0, 0), &results->loads[0], &interrupt, 1);
	made_up_rounds(bench_results_cell(results, 0, 0, 1), &results->loads[0], &sampled, 3);
	cell = bench_results_cell(results, 0, 0, 2);
	made_up_rounds(cell, &results->loads[0], &adaptive, 3);
	cell->samples[0].metric[BENCH_LATENCY_P99] = NAN;
	cell->samples[1].metric[BENCH_LATENCY_P99] = NAN;
	cell->samples[2].metric[BENCH_LATENCY_P99] = NAN;
	cell->errors = 3;
	cell = bench_results_cell(results, 0, 0, 3);
	made_up_rounds(cell, &results->loads[0], &no_rapl, 2);
	snprintf(cell->error, sizeof(cell->error),
		 "fio io_uring: it ended with code 1: \x1b]0;x\x07 no space");
	cell = bench_results_cell(results, 0, 0, 4);
	snprintf(cell->error, sizeof(cell->error),
		 "nbdkit over NBD: it serves files, and this is a bdev: name a file");
	no_rapl.iops = 1000;
	made_up_rounds(bench_results_cell(results, 0, 1, 5), &results->loads[1], &no_rapl, 2);
	made_up_rounds(bench_results_cell(results, 0, 1, 0), &results->loads[1], &no_rapl, 2);
	snprintf(bench_results_cell(results, 0, 1, 0)->note, BENCH_TEXT_MAX,
		 "20 requests waited at the end\x9b");
}

void made_up_path(const char *path, char *ret_path, size_t size)
{
	const char *here = __FILE__;
	char exe[512] = "";
	char top[1024] = "";
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	/* The compiler ran in the build folder, where this program is tests/unit/test_x. */
	ck_assert_int_gt(length, 0);
	if (here[0] != '/') {
		snprintf(top, sizeof(top), "%.*s/../../", (int)(strrchr(exe, '/') - exe), exe);
	}
	snprintf(ret_path, size, "%s%.*s/%s", top, (int)(strrchr(here, '/') - here), here, path);
}
