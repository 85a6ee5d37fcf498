/* SPDX-License-Identifier: Apache-2.0 */
/* bdev_get_bdevs, bdev_get_iostat and bdev_reset_iostat. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/bdev/channel.h"
#include "core/bdev/rpc.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static char buf[16 * FAKE_BLOCK] __attribute__((aligned(4096)));

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	memset(fake->bdev.uuid, 0x11, 16);
	fake_open(fake, &desc, &ch);
	memset(&result, 0, sizeof(result));
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	stage_end();
}

START_TEST(a_bdev_is_described)
{
	call_is("bdev_get_bdevs", "{'name': 'disk'}",
		"[{\"name\":\"disk\",\"aliases\":[\"11111111-1111-1111-1111-111111111111\"],"
		"\"product_name\":\"Fake\",\"block_size\":512,\"num_blocks\":8192,"
		"\"uuid\":\"11111111-1111-1111-1111-111111111111\",\"assigned_rate_limits\":{"
		"\"rw_ios_per_sec\":0,\"rw_mbytes_per_sec\":0,\"r_mbytes_per_sec\":0,"
		"\"w_mbytes_per_sec\":0},\"claimed\":false,\"zoned\":false,"
		"\"supported_io_types\":{\"read\":true,\"write\":true,\"unmap\":true,"
		"\"flush\":true,\"reset\":false,\"nvme_admin\":false,\"nvme_io\":false,"
		"\"nvme_io_md\":false,\"write_zeroes\":true,\"zcopy\":false,"
		"\"get_zone_info\":false,\"zone_management\":false,\"zone_append\":false,"
		"\"compare\":true,\"compare_and_write\":false,\"abort\":false,"
		"\"seek_hole\":false,\"seek_data\":false,\"copy\":false,"
		"\"nvme_iov_md\":false,\"block_status\":true},\"zero_flags\":[],"
		"\"zeroes_unmap\":false,\"driver_specific\":{}}]");
	fake->bdev.zero_flags = EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO;
	fake->bdev.zeroes_unmap = true;
	call_has("bdev_get_bdevs", "{'name': 'disk'}",
		 "\"zero_flags\":[\"no_hole\",\"fast_zero\"],\"zeroes_unmap\":true");
	call_has("bdev_get_bdevs", "{'name': '11111111-1111-1111-1111-111111111111'}",
		 "\"name\":\"disk\"");
}
END_TEST

START_TEST(all_are_listed_in_order)
{
	struct fake *second = fake_create("another");
	const char *text;

	ck_assert_int_eq(ebb_bdev_register(&second->bdev), 0);
	text = call_text("bdev_get_bdevs", "{}");
	ck_assert_ptr_nonnull(strstr(text, "\"name\":\"disk\""));
	ck_assert(strstr(text, "\"name\":\"another\"") > strstr(text, "\"name\":\"disk\""));
	fake_close(second, NULL, NULL);
}
END_TEST

START_TEST(one_that_is_missing_is_named)
{
	call_is("bdev_get_bdevs", "{'name': 'x'}",
		"error -19: bdev 'x' not found; bdev_get_bdevs lists those there are");
	call_is("bdev_get_iostat", "{'name': 'x'}",
		"error -19: bdev 'x' not found; bdev_get_bdevs lists those there are");
	call_is("bdev_get_iostat", "{'names': ['disk', 'x']}",
		"error -19: bdev 'x' not found; bdev_get_bdevs lists those there are");
}
END_TEST

START_TEST(waiting_ends_when_it_appears)
{
	struct fake *late;
	struct call call;

	call_begin(&call, "bdev_get_bdevs", "{'name': 'late', 'timeout': 1000}");
	stage_clock_advance(999 * EBB_NS_PER_MS);
	stage_turns(4);
	ck_assert(!call.done);
	late = fake_create("late");
	ck_assert_int_eq(ebb_bdev_register(&late->bdev), 0);
	stage_turns(2);
	ck_assert(call.done && !call.failed);
	ck_assert_uint_eq(json_object_array_length(call.result), 1);
	stage_clock_advance(EBB_NS_PER_S);
	stage_turns(4);
	call_end(&call);
	fake_close(late, NULL, NULL);
}
END_TEST

START_TEST(waiting_ends_in_time)
{
	struct call call;

	call_begin(&call, "bdev_get_bdevs", "{'name': 'never', 'timeout': 1000}");
	stage_clock_advance(999 * EBB_NS_PER_MS);
	stage_turns(4);
	ck_assert(!call.done);
	stage_clock_advance(2 * EBB_NS_PER_MS);
	stage_turns(4);
	ck_assert(call.done && call.failed);
	ck_assert_int_eq(call.error.code, -ENODEV);
	ck_assert_ptr_nonnull(strstr(call.error.text, "'never'"));
	call_end(&call);
}
END_TEST

START_TEST(waiting_ends_at_shutdown)
{
	struct call calls[2];

	call_begin(&calls[0], "bdev_get_bdevs", "{'name': 'a', 'timeout': 1000}");
	call_begin(&calls[1], "bdev_get_bdevs", "{'name': 'b', 'timeout': 1000}");
	bdev_rpc_end_waits();
	ck_assert(calls[0].done && calls[0].failed);
	ck_assert(calls[1].done && calls[1].failed);
	call_end(&calls[0]);
	call_end(&calls[1]);
}
END_TEST

static uint64_t number(struct json_object *object, const char *name)
{
	struct json_object *value;

	ck_assert_msg(json_object_object_get_ex(object, name, &value), "no %s", name);
	return json_object_get_uint64(value);
}

START_TEST(statistics_have_the_expected_names)
{
	struct json_object *array, *stat, *errors;
	struct call call;

	fake->mode = FAKE_HOLD;
	ebb_bdev_read(desc, ch, buf, 0, 4, fake_done, &result);
	ebb_bdev_write(desc, ch, buf, 0, 2, 0, fake_done, &result);
	stage_clock_advance(250);
	stage_turn();
	fake_complete_all(fake, 0);
	ebb_bdev_flush(desc, ch, fake_done, &result);
	fake_complete_all(fake, -EIO);
	call_begin(&call, "bdev_get_iostat", "{}");
	stage_until(&call.done);
	ck_assert(!call.failed);
	ck_assert_uint_eq(number(call.result, "tick_rate"), 1000000000);
	ck_assert(json_object_object_get_ex(call.result, "bdevs", &array));
	ck_assert_uint_eq(json_object_array_length(array), 1);
	stat = json_object_array_get_idx(array, 0);
	ck_assert_uint_eq(number(stat, "bytes_read"), 4 * FAKE_BLOCK);
	ck_assert_uint_eq(number(stat, "num_read_ops"), 1);
	ck_assert_uint_eq(number(stat, "bytes_written"), 2 * FAKE_BLOCK);
	ck_assert_uint_eq(number(stat, "num_write_ops"), 1);
	ck_assert_uint_eq(number(stat, "num_unmap_ops"), 0);
	ck_assert_uint_eq(number(stat, "read_latency_ticks"), 250);
	ck_assert_uint_eq(number(stat, "max_write_latency_ticks"), 250);
	ck_assert_uint_eq(number(stat, "min_write_latency_ticks"), 250);
	ck_assert_uint_eq(number(stat, "min_unmap_latency_ticks"), 0);
	ck_assert(json_object_object_get_ex(stat, "io_error", &errors));
	ck_assert_uint_eq(number(errors, "flush"), 1);
	call_end(&call);
}
END_TEST

START_TEST(statistics_of_some)
{
	struct fake *second = fake_create("second");

	ck_assert_int_eq(ebb_bdev_register(&second->bdev), 0);
	ck_assert_ptr_null(strstr(call_text("bdev_get_iostat", "{'name': 'disk'}"), "second"));
	call_has("bdev_get_iostat", "{'names': ['second']}", "\"name\":\"second\"");
	call_has("bdev_get_iostat", "{'name': 'disk', 'per_channel': true}",
		 "\"name\":\"disk\",\"channels\":[{\"thread_id\":");
	call_has("bdev_get_iostat", "{'name': 'second', 'per_channel': true}", "\"channels\":[]");
	call_has("bdev_get_iostat", "{'names': ['second'], 'per_channel': true}",
		 "\"channels\":[]");
	call_has("bdev_get_iostat", "{'names': ['nobody'], 'per_channel': true}", "error -19: ");
	call_has("bdev_get_iostat", "{'per_channel': true}", "error -32602: per_channel");
	call_has("bdev_get_iostat", "{'names': ['disk', 'second'], 'per_channel': true}",
		 "error -32602: per_channel");
	call_has("bdev_get_iostat", "{'names': [], 'per_channel': true}",
		 "error -32602: per_channel");
	call_has("bdev_get_iostat", "{'name': 'second', 'reset_mode': 'none'}", "\"bdevs\":[{");
	call_has("bdev_get_iostat", "{'reset_mode': 'some'}", "must be one of: none, all, maxmin");
	call_has("bdev_get_iostat", "{'names': 'disk'}", "error -32602: names");
	call_has("bdev_get_iostat", "{'names': [7]}", "error -32602: names");
	call_has("bdev_get_iostat", "{'name': 'disk', 'names': ['disk']}", "error -32602: ");
	fake_close(second, NULL, NULL);
}
END_TEST

/* A read that takes 250 ns, and one that fails. */
static void do_some(void)
{
	fake->mode = FAKE_HOLD;
	ebb_bdev_read(desc, ch, buf, 0, 4, fake_done, &result);
	stage_clock_advance(250);
	stage_turn();
	fake_complete_all(fake, 0);
	ebb_bdev_read(desc, ch, buf, 0, 4, fake_done, &result);
	fake_complete_all(fake, -EIO);
}

static const char some_ops[] = "\"num_read_ops\":1,";
static const char some_errors[] = "\"io_error\":{\"read\":1}";
static const char some_max[] = "\"max_read_latency_ticks\":250,\"min_read_latency_ticks\":250";
static const char no_ops[] = "\"num_read_ops\":0,";
static const char no_errors[] = "\"io_error\":{}";
static const char no_max[] = "\"max_read_latency_ticks\":0,\"min_read_latency_ticks\":0";

/* What is counted of the whole, and of its channel. */
static void counted(const char *ops, const char *max, const char *errors)
{
	static const char *const params[] = {"{'name': 'disk'}",
					     "{'name': 'disk', 'per_channel': true}"};

	for (unsigned i = 0; i < 2; i++) {
		call_has("bdev_get_iostat", params[i], ops);
		call_has("bdev_get_iostat", params[i], max);
		call_has("bdev_get_iostat", params[i], errors);
	}
}

START_TEST(statistics_are_reset_by_kind)
{
	do_some();
	counted(some_ops, some_max, some_errors);
	call_is("bdev_reset_iostat", "{'name': 'disk', 'mode': 'none'}", "true");
	counted(some_ops, some_max, some_errors);
	call_is("bdev_reset_iostat", "{'name': 'disk', 'mode': 'error'}", "true");
	counted(some_ops, some_max, no_errors);
	call_is("bdev_reset_iostat", "{'mode': 'maxmin'}", "true");
	counted(some_ops, no_max, no_errors);
	call_is("bdev_reset_iostat", "{}", "true");
	counted(no_ops, no_max, no_errors);
	/* And counting goes on from there. */
	do_some();
	counted(some_ops, some_max, some_errors);
	call_is("bdev_reset_iostat", "{'name': 'disk'}", "true");
	counted(no_ops, no_max, no_errors);
	call_has("bdev_reset_iostat", "{'name': 'x'}", "error -19: bdev 'x' not found");
	call_has("bdev_reset_iostat", "{'mode': 'some'}", "must be one of: none, all, maxmin");
}
END_TEST

START_TEST(statistics_are_read_and_reset_at_once)
{
	do_some();
	call_has("bdev_get_iostat", "{'name': 'disk', 'reset_mode': 'maxmin'}", some_max);
	counted(some_ops, no_max, some_errors);
	call_has("bdev_get_iostat", "{'reset_mode': 'all'}", some_ops);
	counted(no_ops, no_max, no_errors);
	do_some();
	call_has("bdev_get_iostat", "{'name': 'disk', 'per_channel': true, 'reset_mode': 'all'}",
		 some_ops);
	counted(no_ops, no_max, no_errors);
}
END_TEST

static void options_done(void *arg, struct json_object *json, const struct ebb_method_error *error)
{
	*(int *)arg = error != NULL ? error->code : 0;
	json_object_put(json);
}

static int options_set(const char *text)
{
	struct json_object *params = json_tokener_parse(text);
	int code = 1;

	ebb_method_set_state(EBB_METHOD_STARTUP);
	ebb_method_dispatch(ebb_method_find("bdev_set_options"), params, options_done, &code);
	json_object_put(params);
	return code;
}

static uint32_t pool_size(void)
{
	return ((struct bdev_channel *)ebb_io_channel_ctx(ch))->pool_size;
}

START_TEST(pools_are_as_large_as_asked_for)
{
	ck_assert_uint_eq(pool_size(), BDEV_POOL_SIZE_DEFAULT);
	ck_assert_int_eq(options_set("{\"bdev_io_cache_size\": 256, \"bdev_auto_examine\": false, "
				     "\"iobuf_small_cache_size\": 128, "
				     "\"iobuf_large_cache_size\": 16}"),
			 0);
	ck_assert_int_eq(options_set("{\"bdev_io_pool_size\": 15}"), EBB_METHOD_INVALID_PARAMS);
	ck_assert_int_eq(options_set("{\"bdev_io_pool_size\": 16}"), 0);
	ebb_io_channel_put(ch);
	stage_turns(4);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_uint_eq(pool_size(), 16);
	ck_assert_int_eq(options_set("{}"), 0);
	ebb_io_channel_put(ch);
	stage_turns(4);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_uint_eq(pool_size(), BDEV_POOL_SIZE_DEFAULT);
	call_has("bdev_set_options", "{'bdev_io_pool_size': 16}", "error -1: ");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_bdev_is_described),
		UNIT_TEST(all_are_listed_in_order),
		UNIT_TEST(one_that_is_missing_is_named),
		UNIT_TEST(waiting_ends_when_it_appears),
		UNIT_TEST(waiting_ends_in_time),
		UNIT_TEST(waiting_ends_at_shutdown),
		UNIT_TEST(statistics_have_the_expected_names),
		UNIT_TEST(statistics_of_some),
		UNIT_TEST(statistics_are_reset_by_kind),
		UNIT_TEST(statistics_are_read_and_reset_at_once),
		UNIT_TEST(pools_are_as_large_as_asked_for),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
