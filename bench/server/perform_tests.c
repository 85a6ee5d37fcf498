/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perform_tests: a load on a bdev of this service, beside whatever it serves, in the JSON of SPDK's
 * bdevperf. A test lasts as long as somebody waits for its answer, its bdev is there, and its time is
 * not over. There is one at a time: what the process used meanwhile is part of the result.
 *
 *	called -> opening -> running -> closing -> answered
 *
 * The answer comes when all has been given back, so whoever has it may ask for the next one.
 */
#include <ebb/method.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/log.h>

#include "bench/load/engine.h"
#include "bench/server/in_use.h"
#include "bench/server/test_params.h"
#include "bench/server/test_result.h"
#include "core/bdev/answer.h"
#include "core/method/call.h"

struct test {
	struct ebb_call *call;
	char bdev[BENCH_LOAD_ERROR_MAX / 2];
	struct bench_load load;
	bool histogram;
	bool left; /* nobody waits for the answer */
	struct bench_engine *engine;
	struct json_object *result; /* the answer, if it is not an error */
	int rc;
	char error[BENCH_LOAD_ERROR_MAX];
};

static struct test *running;

static void test_answer(struct test *test)
{
	if (test->result != NULL) {
		ebb_call_result(test->call, test->result);
	} else {
		ebb_call_error(test->call, test->rc, "%s", test->error);
	}
	free(test);
}

static void engine_closed(void *arg, int rc)
{
	struct test *test = arg;

	if (rc < 0) {
		ebb_warn("bench", "%s: what they read into is kept until they are",
			 test->rc < 0 ? test->error : "requests of a test are not answered");
	}
	running = NULL;
	test_answer(test);
}

static void test_fail(struct test *test, int rc, const char *error)
{
	test->rc = rc;
	snprintf(test->error, sizeof(test->error), "%s", error);
	bench_engine_close(test->engine, engine_closed, test);
}

/* A bdev that has gone, or a device that does not answer, is an error; I/O that failed is a result. */
static bool is_result(const struct bench_engine_result *result)
{
	return result->elapsed_ns != 0 &&
	       (result->rc == 0 || (result->errors > 0 && result->rc != -ENODEV));
}

static void run_done(void *arg, const struct bench_engine_result *result)
{
	struct test *test = arg;
	struct bench_engine_info info;
	struct bench_test_result_opts opts = {
		.bdev = test->bdev,
		.load = &test->load,
		.info = &info,
		.terminated = test->left,
		.histogram = test->histogram,
	};

	if (!is_result(result)) {
		test_fail(test, result->rc < 0 ? result->rc : -ECANCELED,
			  result->rc < 0 ? result->error : "the test was ended before it counted");
		return;
	}
	bench_engine_get_info(test->engine, &info);
	test->result = bench_test_result_json(&opts, result);
	bench_engine_close(test->engine, engine_closed, test);
}

static void engine_opened(void *arg, int rc)
{
	struct test *test = arg;
	char error[BENCH_LOAD_ERROR_MAX];

	if (rc < 0) {
		test_fail(test, rc, bench_engine_error(test->engine));
		return;
	}
	if (test->left) {
		test_fail(test, -ECANCELED, "the test was ended before it began");
		return;
	}
	rc = bench_engine_run(test->engine, &test->load, run_done, test, error);
	if (rc < 0) {
		test_fail(test, rc, error);
	}
}

/* The client has gone: the test ends, and its call with it. */
static void test_left(void *arg)
{
	struct test *test = arg;

	test->left = true;
	bench_engine_stop(test->engine);
}

static int test_open(struct test *test, const cpu_set_t *cpus)
{
	struct bench_engine_opts opts = {
		.bdev = test->bdev,
		.write = bench_load_writes(test->load.rw),
		.max = test->load,
		.cpus = cpus,
		.opened = engine_opened,
		.arg = test,
	};

	char error[BENCH_LOAD_ERROR_MAX];
	int rc = bench_engine_open(&opts, &test->engine, error);

	if (rc < 0 && strncmp(error, "bs ", 3) == 0) { /* as the command line calls it */
		snprintf(test->error, sizeof(test->error), "io_size %.240s", error + 3);
	} else if (rc < 0) {
		snprintf(test->error, sizeof(test->error), "%.240s", error);
	}
	return rc;
}

/* Return: 0; or why it cannot be, in @test->error. */
static int test_check(struct test *test, const struct bench_test_params *params,
		      const struct ebb_bdev *bdev, cpu_set_t *ret_cpus)
{
	int rc;

	if (running != NULL) {
		snprintf(
			test->error, sizeof(test->error),
			"a test of bdev '%s' is in progress, and there is one at a time: ask again "
			"when it has ended",
			running->bdev);
		return -EINPROGRESS;
	}
	rc = bench_test_params_cpus(params, ret_cpus, test->error);
	if (rc > 0) {
		rc = bench_test_params_load(params, (unsigned)rc, &test->load, test->error);
	}
	if (rc < 0) {
		return EBB_METHOD_INVALID_PARAMS;
	}
	if (bench_load_writes(test->load.rw)) {
		return bench_in_use(bdev, params->force, test->error);
	}
	return 0;
}

/* bdevperf's own client gives no name, as that tests all it has: here it must be clear which. */
static const struct ebb_bdev *only_bdev(struct ebb_call *call)
{
	const struct ebb_bdev *only = NULL;
	unsigned count = 0;

	for (struct ebb_bdev *bdev = ebb_bdev_next(NULL); bdev != NULL;
	     bdev = ebb_bdev_next(bdev)) {
		if (ebb_bdev_claim_holder(bdev) == NULL) {
			only = bdev;
			count++;
		}
	}
	if (count == 1) {
		return only;
	}
	if (count == 0) {
		ebb_call_error(call, -ENODEV, "there is no bdev to test: create one");
	} else {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "which of %u bdevs is to be tested? give name; bdev_get_bdevs lists "
			       "them",
			       count);
	}
	return NULL;
}

static const struct ebb_bdev *bdev_find(struct ebb_call *call, const char *name)
{
	const struct ebb_bdev *bdev;

	if (name == NULL) {
		return only_bdev(call);
	}
	bdev = ebb_bdev_find(name);
	if (bdev == NULL) {
		bdev_answer_not_found(call, name);
	}
	return bdev;
}

static void perform_tests(struct ebb_call *call, void *arg)
{
	const struct bench_test_params *params = arg;
	const struct ebb_bdev *bdev = bdev_find(call, params->name);
	struct test *test;
	cpu_set_t cpus;
	int rc;

	if (bdev == NULL) {
		return; /* said */
	}
	test = calloc(1, sizeof(*test));
	if (test == NULL) {
		ebb_call_error(call, -ENOMEM, "out of memory to test bdev '%s'",
			       ebb_bdev_name(bdev));
		return;
	}
	test->call = call;
	test->histogram = params->histogram;
	snprintf(test->bdev, sizeof(test->bdev), "%s", ebb_bdev_name(bdev));
	rc = test_check(test, params, bdev, &cpus);
	if (rc == 0) {
		rc = test_open(test, &cpus);
	}
	if (rc != 0) {
		test->rc = rc;
		test_answer(test);
		return;
	}
	running = test;
	method_call_on_leave(call, test_left, test);
}

static struct ebb_method method_perform_tests = {
	.name = "perform_tests",
	.states = EBB_METHOD_RUNTIME,
	.help = "measures a bdev with a load that you choose, beside whatever is served",
	.params = bench_test_params_table,
	.num_params = BENCH_TEST_PARAMS_COUNT,
	.params_size = sizeof(struct bench_test_params),
	.defaults = &bench_test_params_defaults,
	.fn = perform_tests,
};

EBB_METHOD_REGISTER(method_perform_tests)
