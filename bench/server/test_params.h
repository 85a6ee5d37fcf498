/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TEST_PARAMS_H
#define BENCH_TEST_PARAMS_H

/* What perform_tests can be asked for: SPDK's parameters, and those that ebb needs. */

#include <sched.h>

#include <ebb/method.h>

#include "bench/load/load.h"

#define BENCH_TEST_DEPTH_MAX   1024u
#define BENCH_TEST_TIME_MAX_S  3600u
#define BENCH_TEST_WARMUP_MAX  (60 * EBB_NS_PER_S / EBB_NS_PER_US)
#define BENCH_TEST_BUFFERS_MAX (64u << 20) /* bytes of all requests in flight, of all cores */

struct bench_test_params {
	char *name;
	char *cpumask;     /* NULL: all reactors */
	int workload_type; /* enum bench_rw */
	uint32_t rw_percentage;
	uint32_t queue_depth;
	struct json_object *io_size; /* a number, or SPDK's text */
	uint32_t time_in_sec;
	bool time_in_sec_given;
	uint64_t time_in_usec;
	bool time_in_usec_given;
	uint64_t warmup_in_usec;
	uint64_t rate;
	int shape; /* index in the names that an open loop may have */
	uint64_t size;
	uint64_t seed;
	bool histogram;
	bool force;
};

#define BENCH_TEST_PARAMS_COUNT 15

extern const struct ebb_param bench_test_params_table[BENCH_TEST_PARAMS_COUNT];
extern const struct bench_test_params bench_test_params_defaults;

/**
 * bench_test_params_cpus() - the CPUs of the reactors that are to do it
 * @error: what is wrong with the parameter cpumask
 * Thread: app.
 * Return: how many these are; -EINVAL.
 */
int bench_test_params_cpus(const struct bench_test_params *params, cpu_set_t *ret_cpus,
			   char error[BENCH_LOAD_ERROR_MAX]);

/**
 * bench_test_params_load() - the load that was asked for
 * @num_cores: that will each keep queue_depth requests in flight
 * @error: which parameter cannot be so, and what can
 * Return: 0; -EINVAL.
 */
int bench_test_params_load(const struct bench_test_params *params, unsigned num_cores,
			   struct bench_load *ret_load, char error[BENCH_LOAD_ERROR_MAX]);

#endif
