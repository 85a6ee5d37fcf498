/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/options.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <ebb/memory.h>
#include <ebb/reactor.h>

#include "bench/command_options.h"
#include "bench/compare/stand_ins.h"
#include "bench/load/load.h"
#include "bench/option_value.h"

#define PERCENT_MAX 200 /* above 100 the device cannot keep up: that can be shown, too */

static const char *const format_names[] = {
	[BENCH_COMPARE_TEXT] = "text",
	[BENCH_COMPARE_JSON] = "json",
	[BENCH_COMPARE_CSV] = "csv",
	NULL,
};

/* One of a list of rates, of @len characters. */
static int rate_read(const char *text, size_t len, struct bench_rate *ret_rate)
{
	struct bench_rate rate = {.percent = false};
	const char *end;

	if (!bench_option_value_decimal(text, &end, &rate.value)) {
		return -EINVAL;
	}
	if (*end == '%') {
		rate.percent = true;
		end++;
	} else if (*end == 'k' || *end == 'K') {
		rate.value *= 1e3;
		end++;
	} else if (*end == 'm' || *end == 'M') {
		rate.value *= 1e6;
		end++;
	}
	if (end != text + len) {
		return -EINVAL;
	}
	if (rate.percent ? rate.value <= 0 || rate.value > PERCENT_MAX
			 : rate.value < 1 || rate.value > 1e9) {
		return -ERANGE;
	}
	*ret_rate = rate;
	return 0;
}

static int rates_read(const char *text, void *field)
{
	struct bench_rates rates = {0};
	struct bench_rate rate;
	size_t len;
	int rc;

	for (;;) {
		len = strcspn(text, ",");
		rc = rate_read(text, len, &rate);
		if (rc < 0) {
			return rc;
		}
		for (unsigned i = 0; i < rates.count; i++) {
			if (rates.rate[i].percent == rate.percent &&
			    rates.rate[i].value <= rate.value &&
			    rates.rate[i].value >= rate.value) {
				return -EEXIST;
			}
		}
		if (rates.count == BENCH_NUMBERS_MAX) {
			return -E2BIG;
		}
		rates.rate[rates.count++] = rate;
		if (text[len] == '\0') {
			*(struct bench_rates *)field = rates;
			return 0;
		}
		text += len + 1;
	}
}

int bench_compare_options_plan(const char *text, void *field)
{
	struct bench_plans *plans = field;
	struct bench_plan plan;
	const char *comma = strchr(text, ',');
	char sleep[32];

	if (comma == NULL || (size_t)(comma - text) >= sizeof(sleep)) {
		return -EINVAL;
	}
	memcpy(sleep, text, (size_t)(comma - text));
	sleep[comma - text] = '\0';
	if (!bench_option_value_seconds(sleep, &plan.sleep_ns)) {
		return -EINVAL;
	}
	if (strcmp(comma + 1, "forever") == 0) {
		plan.look_ns = EBB_REACTOR_FOREVER;
	} else if (!bench_option_value_seconds(comma + 1, &plan.look_ns)) {
		return -EINVAL;
	} else if (plan.look_ns > BENCH_PLAN_MAX_NS) {
		return -ERANGE;
	}
	if (plan.sleep_ns > BENCH_PLAN_MAX_NS || plan.look_ns < plan.sleep_ns) {
		return -ERANGE;
	}
	for (unsigned i = 0; i < plans->count; i++) {
		if (plans->plan[i].sleep_ns == plan.sleep_ns &&
		    plans->plan[i].look_ns == plan.look_ns) {
			return -EEXIST;
		}
	}
	if (plans->count == BENCH_NUMBERS_MAX) {
		return -E2BIG;
	}
	plans->plan[plans->count++] = plan;
	return 0;
}

static int price_read(const char *text, void *field)
{
	const char *end;
	double price;

	if (!bench_option_value_decimal(text, &end, &price) || *end != '\0') {
		return -EINVAL;
	}
	if (price < 0.001 || price > 1000) {
		return -ERANGE;
	}
	*(double *)field = price;
	return 0;
}

#define ROW(option_name, field, option_type, ...)                                             \
	{                                                                                     \
		.name = option_name, .offset = offsetof(struct bench_compare_options, field), \
		.type = BENCH_OPTION_##option_type, __VA_ARGS__                               \
	}

static const struct bench_option table[] = {
	ROW("", targets, TEXTS, .value = "[TARGET...]",
	    .help = "a file, a block device, /dev/ngXnY, or a bdev that --bdev-json makes"),
	ROW("bdev-json", bdev_json, TEXT, .value = "FILE",
	    .help = "configuration that makes bdevs which TARGETs name"),
	ROW("stand-in", stand_ins, TEXTS, .value = "T[,JITTER]",
	    .help = "a device of known speed: answers each request after T (10us); repeatable; "
		    "with ,polled it wakes nobody"),
	ROW("server", server, TEXT, .value = "SOCK",
	    .help = "TARGETs are bdevs of the ebbd that listens there"),
	ROW("nbd", nbd, TEXTS, .value = "URI",
	    .help = "an export as a client sees it, of any server; repeatable"),
	ROW("rw", rw, CHOICES, .value = "HOW[,HOW]", .choices = bench_load_rw_names,
	    .help = "read, write, randread, randwrite, randrw (default randread)"),
	ROW("rwmixread", read_percent, COUNTS, .value = "PERCENT,...", .max = 100,
	    .help = "reads among the requests of randrw (default 50)"),
	ROW("bs", block_bytes, SIZES, .value = "BYTES,...", .min = 512, .max = EBB_MEM_ALLOC_MAX,
	    .help = "size of a request (default 4k)"),
	ROW("qd", queue_depth, COUNTS, .value = "N,...", .min = 1, .max = 4096,
	    .help = "requests in flight (default 1,8,32); at rates, the largest is the limit"),
	ROW("rate", rates, OTHER, .value = "IOPS,...", .read = rates_read,
	    .form = "give I/Os a second (500, 20k, 1.5m), or percent of what poll mode sustains "
		    "(50%, at most 200%)",
	    .help = "open loop: 20k, or 50% of what poll mode sustains, measured first"),
	ROW("shape", shapes, CHOICES, .value = "SHAPE,...", .choices = bench_load_shape_names,
	    .help = "closed, or how requests come: poisson, even, burst, on-off, day"),
	ROW("burst", burst_ios, COUNT, .value = "N", .min = 1, .max = 4096,
	    .help = "of the shape burst: requests that come at once (default 32)"),
	ROW("on", on_ns, SECONDS, .value = "TIME", .min = EBB_NS_PER_US, .max = 3600 * EBB_NS_PER_S,
	    .help = "of the shape on-off: requests come (default 10ms)"),
	ROW("off", off_ns, SECONDS, .value = "TIME", .min = EBB_NS_PER_US,
	    .max = 3600 * EBB_NS_PER_S, .help = "of the shape on-off: none come (default 40ms)"),
	ROW("size", size_bytes, BYTES, .value = "BYTES", .min = 512,
	    .help = "use only that much of each target, from its start (default all)"),
	ROW("verify", verify, FLAG, .help = "write patterns, and check what is read"),
	ROW("mode", modes, CHOICES, .value = "MODE[,MODE]", .choices = bench_command_mode_names,
	    .help = "poll, interrupt, adaptive (default all three; with --server: as it is)"),
	ROW("plan", plans, OTHER, .value = "SLEEP,LOOK", .read = bench_compare_options_plan,
	    .form = "give two times (30us,65us): sleep first, then look until, the second not "
		    "before the first, at most 10 seconds or forever",
	    .help = "a fixed plan as a mode of its own (30us,65us); repeatable"),
	ROW("search-plan", search_plan, FLAG, .help = "find the best fixed plan for each load"),
	ROW("price", price, OTHER, .value = "PRICE", .read = price_read,
	    .form = "give a number of 0.001 to 1000: CPU time that a time of latency is worth",
	    .help = "of the search: us of CPU for a us of latency (default 0.25, 1 and 4)"),
	ROW("with", peers, TEXTS, .value = "PEER",
	    .help = "fio, qemu-storage-daemon, nbdkit, spdk=PATH, pas; repeatable"),
	ROW("runs", runs, COUNT, .value = "N", .min = 1, .max = BENCH_COMPARE_RUNS,
	    .help = "rounds through all of it (default 6)"),
	ROW("time", time_ns, SECONDS, .value = "TIME", .min = 10 * EBB_NS_PER_MS,
	    .max = 86400 * EBB_NS_PER_S, .help = "length of each run (default 0.7)"),
	ROW("warmup", warmup_ns, SECONDS, .value = "TIME", .max = 3600 * EBB_NS_PER_S,
	    .help = "before each run, not counted (default 0.1)"),
	ROW("seed", seed, COUNT, .value = "N",
	    .help = "of offsets, arrivals and the order of runs (default 1)"),
	ROW("core", core, COUNT, .value = "N", .max = CPU_SETSIZE - 1,
	    .help = "the CPU of the reactor (default the first allowed)"),
	ROW("cpumask", cpumask, TEXT, .value = "MASK", .help = "several: 0x3 or [0,2-3]"),
	ROW("write", write, FLAG, .help = "allow what destroys the contents of the targets"),
	ROW("force", force, FLAG, .help = "write also to a bdev that the --server exports"),
	ROW("format", format, CHOICE, .value = "FORMAT", .choices = format_names,
	    .help = "of what is printed: text, json or csv (default text)"),
	ROW("json", json, TEXT, .value = "FILE", .help = "also write the results there, as JSON"),
	ROW("csv", csv, TEXT, .value = "FILE", .help = "the same as CSV"),
	ROW("html", html, TEXT, .value = "FILE", .help = "the same as a page with plots"),
};

static bool has_choice(const struct bench_choices *choices, unsigned index)
{
	for (unsigned i = 0; i < choices->count; i++) {
		if (choices->index[i] == index) {
			return true;
		}
	}
	return false;
}

static int complain(char error[BENCH_ERROR_MAX], const char *text)
{
	snprintf(error, BENCH_ERROR_MAX, "compare: %s", text);
	return -EINVAL;
}

/* What only the reactors of this process can do. */
static int server_check(const struct bench_compare_options *options, char error[BENCH_ERROR_MAX])
{
	if (options->plans.count > 0 || options->search_plan) {
		return complain(error, "--server: its reactors take no plan: do without --plan "
				       "and --search-plan");
	}
	if (options->stand_ins.count > 0 || options->nbd.count > 0) {
		return complain(error, "--server: --stand-in and --nbd are no bdevs of it: compare "
				       "them by themselves");
	}
	if (options->core != BENCH_CORE_ANY || options->cpumask != NULL) {
		return complain(error, "--server: its reactors are where it was told to have them: "
				       "do without --core and --cpumask");
	}
	if (options->peers.count > 0) {
		return complain(error, "--server: no peer can open its bdevs: do without --with");
	}
	for (unsigned i = 0; i < options->rates.count; i++) {
		if (options->rates.rate[i].percent && options->modes.count == 0) {
			return complain(error, "--server: what poll mode sustains is not measured "
					       "while its mode stays as it is: give --rate in I/Os "
					       "a second, or --mode");
		}
	}
	return 0;
}

static int targets_check(const struct bench_compare_options *options, char error[BENCH_ERROR_MAX])
{
	struct bench_stand_in_opts stand_in;

	for (unsigned i = 0; i < options->stand_ins.count; i++) {
		if (bench_stand_ins_read(options->stand_ins.text[i], &stand_in) < 0) {
			snprintf(
				error, BENCH_ERROR_MAX,
				"compare: --stand-in %.40s: give a time of at most a second, and "
				"perhaps how much it varies (10us, or 10us,2us), and ,polled if it "
				"is to wake nobody",
				options->stand_ins.text[i]);
			return -EINVAL;
		}
	}
	if (options->server != NULL && options->targets.count == 0) {
		return complain(error, "--server: which bdev? give its name as a TARGET");
	}
	if (options->targets.count == 0 && options->stand_ins.count == 0 &&
	    options->nbd.count == 0) {
		return complain(error, "what is to be measured? give a file, a block device, or a "
				       "bdev's name with --bdev-json FILE; or --stand-in 10us");
	}
	if (options->server != NULL && server_check(options, error) < 0) {
		return -EINVAL;
	}
	if (options->server != NULL && options->bdev_json != NULL) {
		return complain(error,
				"--server and --bdev-json: TARGETs are bdevs of one of them: "
				"give one");
	}
	return 0;
}

static int loads_check(const struct bench_compare_options *options, char error[BENCH_ERROR_MAX])
{
	for (unsigned i = 0; i < options->rw.count; i++) {
		if (bench_load_writes(options->rw.index[i]) && !options->write) {
			snprintf(error, BENCH_ERROR_MAX,
				 "compare: --rw %s writes: give --write, too, if what the targets "
				 "hold may be destroyed",
				 bench_load_rw_name(options->rw.index[i]));
			return -EINVAL;
		}
	}
	if (has_choice(&options->shapes, BENCH_SHAPE_TRACE)) {
		return complain(error, "--shape trace: a trace is replayed: see ebb-bench replay "
				       "--help");
	}
	for (unsigned i = 0; i < options->rw.count && options->verify; i++) {
		if (options->rw.index[i] == BENCH_RW_WRITE ||
		    options->rw.index[i] == BENCH_RW_RANDWRITE) {
			snprintf(error, BENCH_ERROR_MAX,
				 "compare: --verify: --rw %s reads nothing that could be checked: "
				 "give randrw, or a read, which writes first what it is to read",
				 bench_load_rw_name(options->rw.index[i]));
			return -EINVAL;
		}
	}
	if (options->verify && !options->write) {
		return complain(error, "--verify writes patterns: give --write, too, if what the "
				       "targets hold may be destroyed");
	}
	if (options->read_percent.count > 0 && !has_choice(&options->rw, BENCH_RW_RANDRW)) {
		return complain(error, "--rwmixread: only randrw mixes: give --rw randrw, too");
	}
	if (options->rates.count > 0 && options->shapes.count == 1 &&
	    options->shapes.index[0] == BENCH_SHAPE_CLOSED) {
		return complain(error,
				"--rate: a closed loop has none: give --shape poisson, or leave "
				"--rate out");
	}
	if (options->burst_ios != 0 && !has_choice(&options->shapes, BENCH_SHAPE_BURST)) {
		return complain(error, "--burst: is for bursts: give --shape burst, too");
	}
	if ((options->on_ns != 0 || options->off_ns != 0) &&
	    !has_choice(&options->shapes, BENCH_SHAPE_ON_OFF)) {
		return complain(error,
				"--on and --off: are for that shape: give --shape on-off, too");
	}
	for (unsigned i = 0; i < options->block_bytes.count; i++) {
		uint64_t bytes = options->block_bytes.number[i];

		if (bytes % 512 != 0) {
			snprintf(error, BENCH_ERROR_MAX,
				 "compare: --bs %llu: give a multiple of 512, the smallest block "
				 "there is",
				 (unsigned long long)bytes);
			return -EINVAL;
		}
		if (options->size_bytes != 0 && options->size_bytes < bytes) {
			snprintf(error, BENCH_ERROR_MAX,
				 "compare: --size %llu holds not one request of %llu bytes; make "
				 "--size larger or --bs smaller",
				 (unsigned long long)options->size_bytes,
				 (unsigned long long)bytes);
			return -EINVAL;
		}
	}
	return 0;
}

/* What belongs to another option. */
static int owners_check(const struct bench_compare_options *options, char error[BENCH_ERROR_MAX])
{
	if (options->price > 0 && !options->search_plan) {
		return complain(error, "--price: is the search's: give --search-plan, too");
	}
	if (options->force && options->server == NULL) {
		return complain(error, "--force: is for what a --server exports: do without, or "
				       "name its socket with --server");
	}
	return 0;
}

/* What was not asked for, and depends on what was. */
static void defaults_fill(struct bench_compare_options *options)
{
	bool remote = options->server != NULL;
	bool preset = !remote && options->rates.count == 0 && options->shapes.count == 0 &&
		      options->queue_depth.count == 0;
	bool open = false;

	if (options->shapes.count == 0) {
		if (preset || options->rates.count == 0) {
			options->shapes.index[options->shapes.count++] = BENCH_SHAPE_CLOSED;
		}
		if (preset || options->rates.count > 0) {
			options->shapes.index[options->shapes.count++] = BENCH_SHAPE_POISSON;
		}
	}
	for (unsigned i = 0; i < options->shapes.count; i++) {
		open = open || options->shapes.index[i] != BENCH_SHAPE_CLOSED;
	}
	if (open && options->rates.count == 0) {
		static const double percents[] = {10, 50, 80};

		for (unsigned i = 0; i < EBB_ARRAY_SIZE(percents); i++) {
			options->rates.rate[options->rates.count++] =
				(struct bench_rate){.value = percents[i], .percent = true};
		}
	}
	if (options->modes.count == 0 && !remote) {
		options->modes = (struct bench_choices){3,
							{EBB_REACTOR_POLL, EBB_REACTOR_INTERRUPT,
							 EBB_REACTOR_ADAPTIVE}};
	}
	if (options->queue_depth.count == 0) {
		options->queue_depth = (struct bench_numbers){3, {1, 8, 32}};
	}
	if (options->block_bytes.count == 0) {
		options->block_bytes = (struct bench_numbers){1, {4096}};
	}
	if (options->read_percent.count == 0) {
		options->read_percent = (struct bench_numbers){1, {50}};
	}
	options->burst_ios = options->burst_ios != 0 ? options->burst_ios : 32;
	options->on_ns = options->on_ns != 0 ? options->on_ns : 10 * EBB_NS_PER_MS;
	options->off_ns = options->off_ns != 0 ? options->off_ns : 40 * EBB_NS_PER_MS;
}

int bench_compare_options_read(char *const *args, int num_args,
			       struct bench_compare_options *ret_options,
			       char error[BENCH_ERROR_MAX])
{
	struct bench_compare_options options = {
		.rw = {.count = 1, .index = {BENCH_RW_RANDREAD}},
		.runs = 6,
		.time_ns = 700 * EBB_NS_PER_MS,
		.warmup_ns = 100 * EBB_NS_PER_MS,
		.seed = 1,
		.core = BENCH_CORE_ANY,
		.format = BENCH_COMPARE_TEXT,
	};
	int rc;

	rc = bench_option_parse("compare", table, EBB_ARRAY_SIZE(table), args, num_args, &options,
				error);
	rc = rc == 0 ? targets_check(&options, error) : rc;
	rc = rc == 0 ? loads_check(&options, error) : rc;
	rc = rc == 0 ? owners_check(&options, error) : rc;
	if (rc < 0) {
		return rc;
	}
	defaults_fill(&options);
	*ret_options = options;
	return bench_command_options_cpus("compare", ret_options->core, ret_options->core_text,
					  &ret_options->cpumask, error);
}

void bench_compare_options_help(FILE *out)
{
	fprintf(out, "ebb-bench compare: what polling buys and costs, over loads, beside others\n");
	bench_option_help(table, EBB_ARRAY_SIZE(table), out);
}
