/* SPDX-License-Identifier: Apache-2.0 */
/* perform_tests, on one reactor that is stepped: its life, its ends, what it refuses. */
#include <ebb/method.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/reactor.h>

#include "core/bdev/desc.h"
#include "core/method/call.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;

static void setup(void)
{
	stage_begin();
	ebb_method_set_state(EBB_METHOD_RUNTIME);
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
	fake->mode = FAKE_HOLD;
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	stage_end();
}

/* Turns until so many requests are held. */
static void until_held(unsigned count)
{
	for (unsigned i = 0; i < 200 && fake->num_held < count; i++) {
		stage_turn();
	}
	ck_assert_uint_eq(fake->num_held, count);
}

/* Answers what is held, and not what comes of that. */
static void answer_held(int status)
{
	for (unsigned i = fake->num_held; i > 0; i--) {
		fake_complete_one(fake, status);
	}
}

/* Answers what is asked for, a millisecond later each time, until @call has ended. */
static void serve(struct call *call, int status)
{
	for (unsigned i = 0; i < 5000 && !call->done; i++) {
		stage_clock_advance(EBB_NS_PER_MS);
		answer_held(status);
		stage_turn();
	}
	ck_assert(call->done);
}

static struct json_object *job_of(const struct call *call)
{
	struct json_object *results = json_object_object_get(call->result, "results");

	ck_assert_msg(!call->failed, "%s", call->error.text);
	ck_assert_uint_eq(json_object_array_length(results), 1);
	return json_object_array_get_idx(results, 0);
}

static const char *text_of(struct json_object *job, const char *name)
{
	struct json_object *value;

	ck_assert_msg(json_object_object_get_ex(job, name, &value), "no \"%s\"", name);
	return json_object_get_string(value);
}

static double number_of(struct json_object *job, const char *name)
{
	struct json_object *value;

	ck_assert_msg(json_object_object_get_ex(job, name, &value), "no \"%s\"", name);
	ck_assert(json_object_is_type(value, json_type_double) ||
		  json_object_is_type(value, json_type_int));
	return json_object_get_double(value);
}

START_TEST(a_test_has_the_fields_of_bdevperf)
{
	struct call call;
	struct json_object *job;
	struct json_object *metrics;
	char mask[16];

	snprintf(mask, sizeof(mask), "0x%x", 1u << ebb_reactor_core(0));
	call_begin(&call, "perform_tests",
		   "{'name':'disk','workload_type':'randrw','rw_percentage':100,'queue_depth':4,"
		   "'io_size':'1k','time_in_usec':100000,'warmup_in_usec':10000,'histogram':true,"
		   "'force':true}");
	until_held(4);
	ck_assert_uint_eq(fake->records[0].num_blocks, 2);
	serve(&call, 0);
	job = job_of(&call);
	ck_assert_str_eq(text_of(job, "job"), "disk");
	ck_assert_str_eq(text_of(job, "core_mask"), mask);
	ck_assert_str_eq(text_of(job, "workload"), "randrw");
	ck_assert_str_eq(text_of(job, "status"), "finished");
	ck_assert_int_eq((int)number_of(job, "percentage"), 100);
	ck_assert_int_eq((int)number_of(job, "queue_depth"), 4);
	ck_assert_int_eq((int)number_of(job, "io_size"), 1024);
	ck_assert_int_eq((int)number_of(job, "io_failed"), 0);
	ck_assert_int_eq((int)number_of(job, "io_timeout"), 0);
	ck_assert_double_ge(number_of(job, "runtime"), 0.1);
	ck_assert_double_lt(number_of(job, "runtime"), 0.11);
	/* Four requests a millisecond, each for a millisecond. */
	ck_assert_double_ge(number_of(job, "iops"), 3500);
	ck_assert_double_le(number_of(job, "iops"), 4100);
	ck_assert_double_eq_tol(number_of(job, "mibps"), number_of(job, "iops") / 1024, 0.001);
	ck_assert_double_eq_tol(number_of(job, "avg_latency_us"), 1000, 20);
	ck_assert_double_eq_tol(number_of(job, "min_latency_us"), 1000, 20);
	ck_assert_double_eq_tol(number_of(job, "max_latency_us"), 1000, 20);
	ck_assert_double_eq_tol(number_of(job, "p99_latency_us"), 1000, 20);
	metrics = json_object_object_get(job, "metrics");
	ck_assert_double_eq(number_of(metrics, "iops"), number_of(job, "iops"));
	ck_assert_ptr_null(json_object_object_get(metrics, "joules_per_million_ios"));
	ck_assert_uint_eq(json_object_array_length(json_object_object_get(job, "histogram")), 1);
	ck_assert_int_eq((int)number_of(call.result, "core_count"), 1);
	call_end(&call);
}
END_TEST

START_TEST(one_test_at_a_time)
{
	struct call first;
	struct call second;

	call_begin(&first, "perform_tests", "{'name':'disk','time_in_usec':100000}");
	until_held(1);
	call_begin(&second, "perform_tests", "{'name':'disk','time_in_usec':100000}");
	ck_assert(second.done && second.failed);
	ck_assert_int_eq(second.error.code, -EINPROGRESS);
	ck_assert_ptr_nonnull(strstr(second.error.text, "bdev 'disk' is in progress"));
	call_end(&second);
	serve(&first, 0);
	ck_assert(!first.failed);
	call_end(&first);
	/* Whoever has the answer may ask again at once. */
	call_begin(&first, "perform_tests", "{'name':'disk','time_in_usec':100000}");
	serve(&first, 0);
	ck_assert(!first.failed);
	call_end(&first);
}
END_TEST

static void refused(const char *params, int code, const char *text)
{
	struct call call;

	call_begin(&call, "perform_tests", params);
	ck_assert_msg(call.done && call.failed, "%s was not refused", params);
	ck_assert_int_eq(call.error.code, code);
	ck_assert_msg(strstr(call.error.text, text) != NULL, "%s", call.error.text);
	call_end(&call);
	stage_turns(20);
	ck_assert_uint_eq(fake->num_held, 0);
}

static struct call at_once;

/* Asks again inside the end of the first one. */
static void ask_again(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	bool *done = arg;

	ck_assert_ptr_null(error);
	json_object_put(result);
	call_begin(&at_once, "perform_tests", "{'name':'disk','time_in_usec':10000}");
	*done = true;
}

START_TEST(the_next_one_may_be_asked_for_in_the_answer)
{
	struct json_object *params = json_object_new_object();
	bool done = false;

	json_object_object_add(params, "name", json_object_new_string("disk"));
	json_object_object_add(params, "time_in_usec", json_object_new_int(10000));
	ebb_method_dispatch(ebb_method_find("perform_tests"), params, ask_again, &done);
	for (unsigned i = 0; i < 500 && !done; i++) {
		stage_clock_advance(EBB_NS_PER_MS);
		answer_held(0);
		stage_turn();
	}
	ck_assert(done);
	serve(&at_once, 0);
	ck_assert_str_eq(text_of(job_of(&at_once), "status"), "finished");
	call_end(&at_once);
	json_object_put(params);
}
END_TEST

START_TEST(what_cannot_be_is_refused_by_name)
{
	const int params = EBB_METHOD_INVALID_PARAMS;

	refused("{'name':'tape'}", -ENODEV, "bdev 'tape' not found");
	refused("{'name':'disk','queue_depth':0}", params, "queue_depth");
	refused("{'name':'disk','queue_depth':1025}", params, "queue_depth");
	refused("{'name':'disk','time_in_sec':3601}", params, "time_in_sec");
	refused("{'name':'disk','time_in_sec':1,'time_in_usec':1000}", params, "give one of them");
	refused("{'name':'disk','rw_percentage':101}", params, "rw_percentage");
	refused("{'name':'disk','workload_type':'verify'}", params, "workload_type");
	refused("{'name':'disk','io_size':0}", params, "io_size 0: give bytes");
	refused("{'name':'disk','io_size':-4096}", params, "io_size -4096: give bytes");
	refused("{'name':'disk','io_size':'4q'}", params, "io_size \"4q\": give bytes");
	refused("{'name':'disk','io_size':'2m'}", params, "at most 1048576");
	refused("{'name':'disk','io_size':[]}", params, "io_size [ ]: give bytes");
	refused("{'name':'disk','cpumask':'fast'}", params, "cpumask fast: ");
	refused("{'name':'disk','cpumask':'[999]'}", params, "there is no reactor on any of");
	refused("{'name':'disk','io_size':1000}", -EINVAL, "io_size 1000: give a multiple of 512");
	refused("{'name':'disk','io_size':'1m','queue_depth':128}", params,
		"take 128 MiB of the service's buffers, and a test may have 64");
	refused("{'name':'disk','size':512}", -EINVAL, "io_size 4096: give at most 512");
}
END_TEST

static void tested_without_a_name(void)
{
	struct call call;

	call_begin(&call, "perform_tests", "{'time_in_usec':10000}");
	serve(&call, 0);
	ck_assert_str_eq(text_of(job_of(&call), "job"), "disk");
	call_end(&call);
}

/* As the client of SPDK's bdevperf asks. */
START_TEST(without_a_name_it_is_the_only_bdev)
{
	struct ebb_bdev_desc *other_desc;
	struct ebb_io_channel *other_ch;
	struct fake *other;

	tested_without_a_name();
	other = fake_create("other");
	fake_open(other, &other_desc, &other_ch);
	refused("{'time_in_usec':10000}", EBB_METHOD_INVALID_PARAMS,
		"which of 2 bdevs is to be tested? give name");
	ck_assert_int_eq(ebb_bdev_claim(other_desc, "disk"), 0);
	tested_without_a_name(); /* what stands on another is meant */
	ck_assert_int_eq(ebb_bdev_claim(desc, "mirror"), 0);
	refused("{'time_in_usec':10000}", -ENODEV, "there is no bdev to test");
	fake_close(other, other_desc, other_ch);
}
END_TEST

START_TEST(what_is_in_use_is_written_on_by_force_only)
{
	struct ebb_bdev_desc *own;
	struct call call;

	refused("{'name':'disk','workload_type':'write'}", -EBUSY,
		"bdev 'disk' is open on thread 'app");
	bdev_desc_set_clients(desc, "shop", 1);
	refused("{'name':'disk','workload_type':'randrw'}", -EBUSY,
		"bdev 'disk' is exported as 'shop'");
	ck_assert_uint_eq(fake->num_records, 0);
	bdev_desc_set_clients(desc, NULL, 0);
	call_begin(&call, "perform_tests",
		   "{'name':'disk','workload_type':'write','time_in_usec':10000,'force':true}");
	serve(&call, 0);
	ck_assert_str_eq(text_of(job_of(&call), "status"), "finished");
	ck_assert_int_eq(fake->records[0].type, EBB_BDEV_WRITE);
	call_end(&call);
	/* A claim stands against force, too. */
	fake_close(fake, desc, ch);
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
	fake->mode = FAKE_HOLD;
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	ck_assert_int_eq(ebb_bdev_open("disk", false, NULL, NULL, &own), 0);
	ck_assert_int_eq(ebb_bdev_claim(own, "mirror"), 0);
	refused("{'name':'disk','workload_type':'write','force':true}", -EPERM,
		"bdev 'disk' is claimed by 'mirror'");
	ebb_bdev_close(own);
	/* Nobody has it now. */
	call_begin(&call, "perform_tests",
		   "{'name':'disk','workload_type':'write','time_in_usec':10000}");
	serve(&call, 0);
	ck_assert_str_eq(text_of(job_of(&call), "status"), "finished");
	call_end(&call);
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
}
END_TEST

START_TEST(a_read_only_bdev_can_be_read)
{
	struct call call;

	fake->bdev.read_only = true;
	refused("{'name':'disk','workload_type':'write','force':true}", -EROFS,
		"bdev 'disk' is read-only");
	call_begin(&call, "perform_tests", "{'name':'disk','time_in_usec':10000}");
	serve(&call, 0);
	ck_assert_str_eq(text_of(job_of(&call), "status"), "finished");
	call_end(&call);
	fake->bdev.read_only = false;
}
END_TEST

START_TEST(failed_io_is_counted)
{
	struct call call;
	struct json_object *job;

	call_begin(&call, "perform_tests",
		   "{'name':'disk','time_in_usec':10000,'warmup_in_usec':0}");
	until_held(1);
	serve(&call, -EIO);
	job = job_of(&call);
	ck_assert_str_eq(text_of(job, "status"), "failed");
	ck_assert_double_gt(number_of(job, "io_failed"), 0);
	ck_assert_ptr_nonnull(strstr(text_of(job, "error"), "bdev disk: read of 4096 bytes"));
	ck_assert_ptr_null(json_object_object_get(job, "avg_latency_us"));
	call_end(&call);
}
END_TEST

/* Ends when its bdev is taken away, and gives it back. */
START_TEST(the_bdev_goes)
{
	struct call call;
	unsigned destructed = fake->destructed;

	call_begin(&call, "perform_tests", "{'name':'disk','queue_depth':4}");
	until_held(4);
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, NULL, NULL), 0);
	stage_turns(5);
	ck_assert(!call.done); /* its requests are still the device's */
	fake_complete_all(fake, 0);
	stage_turns(20);
	ck_assert(call.done && call.failed);
	ck_assert_int_eq(call.error.code, -ENODEV);
	ck_assert_ptr_nonnull(strstr(call.error.text, "bdev disk went away"));
	ck_assert_uint_eq(fake->destructed, destructed + 1);
	call_end(&call);
	free(fake);
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
}
END_TEST

static void ended(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	bool *done = arg;

	(void)error;
	json_object_put(result);
	*done = true;
}

static struct ebb_call *begin_for_client(bool *done)
{
	struct json_object *params = json_object_new_object();
	struct ebb_call *call;

	json_object_object_add(params, "name", json_object_new_string("disk"));
	call = method_call_dispatch(ebb_method_find("perform_tests"), params, ended, done);
	json_object_put(params);
	return call;
}

/* The client goes: while it runs, and before that. */
START_TEST(the_client_goes)
{
	bool done = false;
	struct ebb_call *call = begin_for_client(&done);

	until_held(1);
	method_call_leave(call);
	for (unsigned i = 0; i < 20; i++) {
		answer_held(0);
		stage_turn();
	}
	ck_assert(done); /* though no time has passed */
	ck_assert_uint_eq(fake->num_held, 0);
	done = false;
	call = begin_for_client(&done);
	method_call_leave(call);
	stage_turns(50);
	ck_assert(done);
	ck_assert_uint_eq(fake->num_held, 0);
}
END_TEST

/* A device that does not answer does not keep its client waiting for ever. */
START_TEST(a_device_that_is_silent)
{
	struct call call;

	call_begin(&call, "perform_tests", "{'name':'disk','time_in_usec':10000}");
	until_held(1);
	stage_advance_ms(15000);
	ck_assert(call.done && call.failed);
	ck_assert_int_eq(call.error.code, -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(call.error.text, "1 requests were not answered"));
	call_end(&call);
	fake_complete_all(fake, 0); /* late, and the engine goes with it */
	stage_turns(20);
}
END_TEST

START_TEST(nothing_of_it_is_wanted_afterwards)
{
	ck_assert_int_eq((int)ebb_method_find("perform_tests")->effect, EBB_METHOD_NO_EFFECT);
	ck_assert_uint_eq(ebb_method_find("perform_tests")->states, EBB_METHOD_RUNTIME);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_test_has_the_fields_of_bdevperf),
		UNIT_TEST(one_test_at_a_time),
		UNIT_TEST(the_next_one_may_be_asked_for_in_the_answer),
		UNIT_TEST(what_cannot_be_is_refused_by_name),
		UNIT_TEST(without_a_name_it_is_the_only_bdev),
		UNIT_TEST(what_is_in_use_is_written_on_by_force_only),
		UNIT_TEST(a_read_only_bdev_can_be_read),
		UNIT_TEST(failed_io_is_counted),
		UNIT_TEST(the_bdev_goes),
		UNIT_TEST(the_client_goes),
		UNIT_TEST(a_device_that_is_silent),
		UNIT_TEST(nothing_of_it_is_wanted_afterwards),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
