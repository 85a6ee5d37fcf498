/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/server/test_params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/memory.h>
#include <ebb/reactor.h>

#include "core/os/cpumask.h"

#define IO_SIZE_DEFAULT 4096

#define PARAM(field, type, ...) EBB_PARAM(struct bench_test_params, field, type, __VA_ARGS__)

/* Those of bench_load_shape_names that need no parameters beside the rate. */
static const char *const shape_names[] = {"poisson", "even", NULL};

static const enum bench_shape shapes[] = {BENCH_SHAPE_POISSON, BENCH_SHAPE_EVEN};

const struct ebb_param bench_test_params_table[BENCH_TEST_PARAMS_COUNT] = {
	PARAM(name, EBB_PARAM_STRING, .optional = true,
	      .help = "the bdev to test, by its name, alias or uuid (default: the only one on "
		      "which no other stands)"),
	PARAM(workload_type, EBB_PARAM_ENUM, .optional = true, .names = bench_load_rw_names,
	      .help = "what writes destroys what the bdev holds"),
	PARAM(rw_percentage, EBB_PARAM_UINT32, .optional = true, .max = 100,
	      .help = "reads among the requests of randrw"),
	PARAM(queue_depth, EBB_PARAM_UINT32, .optional = true, .min = 1,
	      .max = BENCH_TEST_DEPTH_MAX,
	      .help = "requests that each reactor keeps in flight; with a rate, at "
		      "most so many, and others wait in line"),
	PARAM(io_size, EBB_PARAM_ANY, .optional = true,
	      .help = "bytes of a request: 4096, \"4096\" or \"4k\" (default: 4096)"),
	PARAM(cpumask, EBB_PARAM_STRING, .optional = true,
	      .help = "only the reactors on these CPUs do it: 0x3 or [0,2-3] (default: all)"),
	PARAM(time_in_sec, EBB_PARAM_UINT32, .optional = true, .min = 1,
	      .max = BENCH_TEST_TIME_MAX_S,
	      .given_offset = offsetof(struct bench_test_params, time_in_sec_given),
	      .help = "how long it counts; or give"),
	PARAM(time_in_usec, EBB_PARAM_UINT64, .optional = true, .min = 1000,
	      .max = BENCH_TEST_TIME_MAX_S * UINT64_C(1000000),
	      .given_offset = offsetof(struct bench_test_params, time_in_usec_given),
	      .help = "the same in microseconds"),
	PARAM(warmup_in_usec, EBB_PARAM_UINT64, .optional = true, .max = BENCH_TEST_WARMUP_MAX,
	      .help = "how long it runs before it counts"),
	PARAM(rate, EBB_PARAM_UINT64, .optional = true, .max = 100000000,
	      .help = "an open loop: so many requests come a second, however the bdev does; 0: a "
		      "closed loop"),
	PARAM(shape, EBB_PARAM_ENUM, .optional = true, .names = shape_names,
	      .help = "how they come, with a rate"),
	PARAM(size, EBB_PARAM_UINT64, .optional = true,
	      .help = "use only so many bytes of the bdev, from its start; 0: all"),
	PARAM(seed, EBB_PARAM_UINT64, .optional = true, .help = "of the random offsets"),
	PARAM(histogram, EBB_PARAM_BOOL, .optional = true,
	      .help = "add the latencies' histogram to the result"),
	PARAM(force, EBB_PARAM_BOOL, .optional = true,
	      .help = "write also on a bdev that is exported or open elsewhere; "
		      "never on one that is claimed"),
};

const struct bench_test_params bench_test_params_defaults = {
	.workload_type = BENCH_RW_RANDREAD,
	.rw_percentage = 50,
	.queue_depth = 1,
	.time_in_sec = 2,
	.time_in_usec = 2000000,
	.warmup_in_usec = 100000,
	.seed = 1,
};

int bench_test_params_cpus(const struct bench_test_params *params, cpu_set_t *ret_cpus,
			   char error[BENCH_LOAD_ERROR_MAX])
{
	cpu_set_t asked;
	char why[144];
	int count = 0;
	int core;

	if (params->cpumask != NULL && os_cpumask_parse(params->cpumask, &asked) < 0) {
		os_cpumask_explain(params->cpumask, why, sizeof(why));
		snprintf(error, BENCH_LOAD_ERROR_MAX, "cpumask %.80s: %s", params->cpumask, why);
		return -EINVAL;
	}
	CPU_ZERO(ret_cpus);
	for (unsigned i = 0; (core = ebb_reactor_core(i)) >= 0; i++) {
		if (params->cpumask == NULL || CPU_ISSET((size_t)core, &asked)) {
			CPU_SET((size_t)core, ret_cpus);
			count++;
		}
	}
	if (count == 0) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "cpumask %.80s: there is no reactor on any of these CPUs; "
			 "framework_get_reactors lists them",
			 params->cpumask);
		return -EINVAL;
	}
	return count;
}

/* A number, or a text of one with k or m behind it. */
static bool io_size_read(struct json_object *value, uint64_t *ret_bytes)
{
	const char *text;
	char *end;

	if (value == NULL) {
		*ret_bytes = IO_SIZE_DEFAULT;
		return true;
	}
	if (json_object_is_type(value, json_type_int)) {
		int64_t number = json_object_get_int64(value);

		*ret_bytes = (uint64_t)number;
		return number > 0;
	}
	if (!json_object_is_type(value, json_type_string)) {
		return false;
	}
	text = json_object_get_string(value);
	if (text[0] < '0' || text[0] > '9' || strlen(text) > 9) {
		return false;
	}
	*ret_bytes = strtoull(text, &end, 10);
	if (*end == 'k' || *end == 'K') {
		*ret_bytes <<= 10;
		end++;
	} else if (*end == 'm' || *end == 'M') {
		*ret_bytes <<= 20;
		end++;
	}
	return *end == '\0' && *ret_bytes > 0;
}

static int time_read(const struct bench_test_params *params, uint64_t *ret_ns,
		     char error[BENCH_LOAD_ERROR_MAX])
{
	if (params->time_in_sec_given && params->time_in_usec_given) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "time_in_sec and time_in_usec say the same thing: give one of them");
		return -EINVAL;
	}
	*ret_ns = params->time_in_sec_given ? params->time_in_sec * EBB_NS_PER_S
					    : params->time_in_usec * EBB_NS_PER_US;
	return 0;
}

int bench_test_params_load(const struct bench_test_params *params, unsigned num_cores,
			   struct bench_load *ret_load, char error[BENCH_LOAD_ERROR_MAX])
{
	struct bench_load load = {
		.rw = (enum bench_rw)params->workload_type,
		.read_percent = params->rw_percentage,
		.queue_depth = params->queue_depth,
		.size_bytes = params->size,
		.shape = params->rate != 0 ? shapes[params->shape] : BENCH_SHAPE_CLOSED,
		.rate_iops = (double)params->rate,
		.warmup_ns = params->warmup_in_usec * EBB_NS_PER_US,
		.seed = params->seed,
	};
	uint64_t buffers;

	if (time_read(params, &load.time_ns, error) < 0) {
		return -EINVAL;
	}
	if (!io_size_read(params->io_size, &load.block_bytes) ||
	    load.block_bytes > EBB_MEM_ALLOC_MAX) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "io_size %.40s: give bytes, at most %u, as a number or as text with k or "
			 "m behind it",
			 json_object_to_json_string(params->io_size), EBB_MEM_ALLOC_MAX);
		return -EINVAL;
	}
	buffers = load.block_bytes * load.queue_depth * num_cores;
	if (buffers > BENCH_TEST_BUFFERS_MAX) {
		snprintf(error, BENCH_LOAD_ERROR_MAX,
			 "%u requests of %llu bytes on each of %u reactors take %llu MiB of the "
			 "service's buffers, and a test may have %u: give a smaller queue_depth or "
			 "io_size",
			 params->queue_depth, (unsigned long long)load.block_bytes, num_cores,
			 (unsigned long long)buffers >> 20, BENCH_TEST_BUFFERS_MAX >> 20);
		return -EINVAL;
	}
	*ret_load = load;
	return 0;
}
