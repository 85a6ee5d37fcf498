/* SPDX-License-Identifier: Apache-2.0 */
/* The latency histograms of bdevs, by their methods. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/wanted.h>

#include "core/bdev/channel.h"
#include "core/method/wanted.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define BUCKETS_MAX 65536u

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static char buf[8 * FAKE_BLOCK] __attribute__((aligned(4096)));

/* An answer, decoded as SPDK's histogram.py does. */
static struct {
	unsigned granularity, min_range, max_range;
	size_t num_buckets;
	uint64_t buckets[BUCKETS_MAX];
} got;

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
	fake->mode = FAKE_HOLD;
	memset(&result, 0, sizeof(result));
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	method_wanted_clear();
	stage_end();
}

static unsigned digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = strchr(digits, c);

	ck_assert_msg(c != '\0' && found != NULL, "%c is no digit", c);
	return (unsigned)(found - digits);
}

static size_t base64_decode(const char *text, uint8_t *ret_bytes)
{
	size_t len = 0;

	ck_assert_uint_eq(strlen(text) % 4, 0);
	for (; text[0] != '\0'; text += 4) {
		unsigned three = digit(text[0]) << 18 | digit(text[1]) << 12;

		three |= text[2] != '=' ? digit(text[2]) << 6 : 0;
		three |= text[3] != '=' ? digit(text[3]) : 0;
		ret_bytes[len++] = (uint8_t)(three >> 16);
		if (text[2] != '=') {
			ret_bytes[len++] = (uint8_t)(three >> 8);
		}
		if (text[3] != '=') {
			ret_bytes[len++] = (uint8_t)three;
		}
	}
	return len;
}

static unsigned number(struct json_object *object, const char *name)
{
	struct json_object *value;

	ck_assert_msg(json_object_object_get_ex(object, name, &value), "no %s", name);
	return (unsigned)json_object_get_int64(value);
}

static void get(void)
{
	static uint8_t bytes[BUCKETS_MAX * 8];
	struct json_object *text;
	struct call call;
	size_t len, i;

	call_begin(&call, "bdev_get_histogram", "{'name': 'disk'}");
	stage_until(&call.done);
	ck_assert_msg(!call.failed, "%s", call.error.text);
	ck_assert_uint_eq(number(call.result, "tsc_rate"), 1000000000);
	got.granularity = number(call.result, "granularity");
	got.min_range = number(call.result, "min_range");
	got.max_range = number(call.result, "max_range");
	ck_assert(json_object_object_get_ex(call.result, "histogram", &text));
	ck_assert_uint_lt((unsigned)json_object_get_string_len(text), sizeof(bytes));
	len = base64_decode(json_object_get_string(text), bytes);
	got.num_buckets = (size_t)(got.max_range - got.min_range + 1) << got.granularity;
	ck_assert_uint_eq(len, got.num_buckets * 8);
	memset(got.buckets, 0, sizeof(got.buckets));
	for (i = 0; i < len; i++) {
		got.buckets[i / 8] |= (uint64_t)bytes[i] << (i % 8 * 8);
	}
	call_end(&call);
}

static uint64_t total(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < got.num_buckets; i++) {
		sum += got.buckets[i];
	}
	return sum;
}

/* How many took @ns, by the arithmetic of histogram.py: from the last bucket's end to this one's. */
static uint64_t count_at(uint64_t ns)
{
	uint64_t begin = 0, end = 0;
	unsigned i, j;

	for (i = 0; i <= got.max_range - got.min_range; i++) {
		for (j = 0; j < 1u << got.granularity; j++) {
			begin = end;
			if (i > 0) {
				end = 1ull << (i + got.granularity + got.min_range - 1);
				end += (uint64_t)(j + 1) << (i + got.min_range - 1);
			} else {
				end = (uint64_t)(j + 1) << got.min_range;
			}
			if (i > 0 && ns >= begin && ns < end) {
				return got.buckets[(i << got.granularity) + j];
			}
		}
	}
	return 0;
}

/* A request that takes so long. */
static void take(enum ebb_bdev_io_type type, uint64_t ns)
{
	if (type == EBB_BDEV_READ) {
		ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
	} else {
		ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &result);
	}
	stage_clock_advance(ns);
	stage_turn();
	fake_complete_all(fake, 0);
}

static void enable(const char *more)
{
	char params[160];

	snprintf(params, sizeof(params), "{'name': 'disk', 'enable': true%s}", more);
	call_is("bdev_enable_histogram", params, "true");
}

START_TEST(it_is_off_until_it_is_asked_for)
{
	struct bdev_channel *bdev_ch = ebb_io_channel_ctx(ch);

	ck_assert_uint_eq(bdev_ch->attention, 0);
	call_has("bdev_get_histogram", "{'name': 'disk'}",
		 "error -32603: bdev 'disk' keeps no histogram; bdev_enable_histogram begins one");
	enable("");
	ck_assert_uint_eq(bdev_ch->attention, BDEV_CH_HISTOGRAM);
	get();
	ck_assert_uint_eq(total(), 0);
	call_is("bdev_enable_histogram", "{'name': 'disk', 'enable': false}", "true");
	ck_assert_uint_eq(bdev_ch->attention, 0);
	ck_assert_ptr_null(bdev_ch->histogram);
	take(EBB_BDEV_READ, 5000);
	call_has("bdev_get_histogram", "{'name': 'disk'}", "error -32603: ");
}
END_TEST

START_TEST(latencies_are_counted_where_spdk_s_script_looks)
{
	enable("");
	take(EBB_BDEV_READ, 5000);
	take(EBB_BDEV_WRITE, 5000);
	take(EBB_BDEV_READ, 250000);
	get();
	ck_assert_uint_eq(got.granularity, 7);
	ck_assert_uint_eq(got.min_range, 3);
	ck_assert_uint_eq(got.max_range, 30);
	ck_assert_uint_eq(total(), 3);
	ck_assert_uint_eq(count_at(5000), 2);
	ck_assert_uint_eq(count_at(250000), 1);
	/* Reading takes nothing away. */
	take(EBB_BDEV_READ, 250000);
	get();
	ck_assert_uint_eq(total(), 4);
	ck_assert_uint_eq(count_at(250000), 2);
}
END_TEST

START_TEST(one_type_is_counted_alone)
{
	enable(", 'opc': 'write', 'granularity': 4, 'min_nsec': 100, 'max_nsec': 1000000");
	take(EBB_BDEV_READ, 5000);
	take(EBB_BDEV_WRITE, 5000);
	get();
	ck_assert_uint_eq(got.granularity, 4);
	ck_assert_uint_eq(got.min_range, 3);
	ck_assert_uint_eq(got.max_range, 16);
	ck_assert_uint_eq(total(), 1);
	ck_assert_uint_eq(count_at(5000), 1);
	/* Enabled again, it begins anew, as it is asked for now. */
	enable("");
	get();
	ck_assert_uint_eq(got.granularity, 7);
	ck_assert_uint_eq(total(), 0);
}
END_TEST

START_TEST(failures_count_and_parts_do_not)
{
	struct fake *small = fake_create("small");
	struct ebb_bdev_desc *small_desc;
	struct ebb_io_channel *small_ch;

	enable("");
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
	fake_complete_all(fake, -EIO);
	get();
	ck_assert_uint_eq(total(), 1);
	small->bdev.max_io_blocks = 2;
	fake_open(small, &small_desc, &small_ch);
	call_is("bdev_enable_histogram", "{'name': 'small', 'enable': true}", "true");
	ebb_bdev_write(small_desc, small_ch, buf, 0, 8, EBB_BDEV_FUA, fake_done, &result);
	stage_turns(4);
	ck_assert_uint_eq(small->num_records, 5);
	call_is("bdev_get_histogram_borders", "{'name': 'small', 'borders': [1000]}",
		"{\"borders_count\":[1,1]}");
	fake_close(small, small_desc, small_ch);
}
END_TEST

START_TEST(channels_are_added_up_and_what_went_stays)
{
	struct ebb_thread *thread = stage_thread("other");
	struct ebb_bdev_desc *other_desc;
	struct ebb_io_channel *other_ch;

	enable("");
	take(EBB_BDEV_READ, 5000);
	stage_enter(thread);
	/* A channel that comes later counts, too. */
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &other_desc), 0);
	other_ch = ebb_bdev_channel_get(other_desc);
	ebb_bdev_read(other_desc, other_ch, buf, 0, 1, fake_done, &result);
	stage_clock_advance(5000);
	stage_turn();
	fake_complete_all(fake, 0);
	stage_enter(ebb_thread_app());
	get();
	ck_assert_uint_eq(count_at(5000), 2);
	stage_enter(thread);
	ebb_bdev_read(other_desc, other_ch, buf, 0, 1, fake_done, &result);
	stage_clock_advance(5000);
	stage_turn();
	fake_complete_all(fake, 0);
	ebb_io_channel_put(other_ch);
	ebb_bdev_close(other_desc);
	stage_turns(3);
	stage_enter(ebb_thread_app());
	get();
	ck_assert_uint_eq(count_at(5000), 3);
	ck_assert_uint_eq(total(), 3);
	stage_thread_exit(thread);
}
END_TEST

START_TEST(a_channel_of_an_older_histogram_is_not_mixed_in)
{
	struct call call;

	enable("");
	take(EBB_BDEV_READ, 5000);
	call_begin(&call, "bdev_enable_histogram",
		   "{'name': 'disk', 'enable': true, 'granularity': 2}");
	/* It is not there yet: the channel goes with the old one. */
	ebb_io_channel_put(ch);
	stage_until(&call.done);
	call_end(&call);
	stage_turns(4);
	get();
	ck_assert_uint_eq(got.granularity, 2);
	ck_assert_uint_eq(total(), 0);
	ch = ebb_bdev_channel_get(desc);
	take(EBB_BDEV_READ, 5000);
	get();
	ck_assert_uint_eq(total(), 1);
}
END_TEST

START_TEST(borders_count_what_is_below_them)
{
	enable("");
	take(EBB_BDEV_READ, 100);
	take(EBB_BDEV_READ, 5000);
	take(EBB_BDEV_READ, 5000);
	take(EBB_BDEV_READ, 300000);
	call_is("bdev_get_histogram_borders", "{'name': 'disk', 'borders': [1, 10, 200, 400]}",
		"{\"borders_count\":[1,3,3,4,4]}");
	call_is("bdev_get_histogram_borders", "{'name': 'disk', 'borders': [0]}",
		"{\"borders_count\":[1,4]}");
	call_has("bdev_get_histogram_borders", "{'name': 'disk', 'borders': []}",
		 "error -32602: borders");
	call_has("bdev_get_histogram_borders", "{'name': 'disk', 'borders': 5}",
		 "error -32602: borders");
	call_has("bdev_get_histogram_borders", "{'name': 'disk', 'borders': [5, 5]}",
		 "error -32602: borders must ascend");
	call_has("bdev_get_histogram_borders", "{'name': 'disk', 'borders': [-1]}",
		 "error -32602: borders");
	call_has("bdev_get_histogram_borders", "{'name': 'disk'}", "error -32602: ");
}
END_TEST

START_TEST(mistakes_are_named)
{
	call_has("bdev_enable_histogram", "{'name': 'x', 'enable': true}",
		 "error -19: bdev 'x' not found");
	call_has("bdev_get_histogram", "{'name': 'x'}", "error -19: bdev 'x' not found");
	call_has("bdev_enable_histogram", "{'name': 'disk'}", "error -32602: ");
	call_has("bdev_enable_histogram", "{'name': 'disk', 'enable': true, 'opc': 'reset'}",
		 "must be one of: read, write");
	call_has("bdev_enable_histogram", "{'name': 'disk', 'enable': true, 'granularity': 11}",
		 "error -32602: ");
	call_has("bdev_enable_histogram",
		 "{'name': 'disk', 'enable': true, 'min_nsec': 5, 'max_nsec': 5}",
		 "error -32602: min_nsec must be less than max_nsec");
}
END_TEST

START_TEST(what_is_set_is_saved)
{
	const struct ebb_wanted *wanted;

	enable(", 'opc': 'read', 'max_nsec': 5000000");
	wanted = ebb_wanted_next(NULL);
	ck_assert_ptr_nonnull(wanted);
	ck_assert_str_eq(json_object_to_json_string_ext(wanted->params, JSON_C_TO_STRING_PLAIN),
			 "{\"name\":\"disk\",\"enable\":true,\"opc\":\"read\","
			 "\"max_nsec\":5000000}");
	/* The next one is a new one: what it does not say is as by default. */
	enable("");
	ck_assert_str_eq(json_object_to_json_string_ext(wanted->params, JSON_C_TO_STRING_PLAIN),
			 "{\"name\":\"disk\",\"enable\":true}");
}
END_TEST

/* The bdev goes by itself while a histogram is begun: it is begun when the bdev comes back. */
START_TEST(it_is_on_again_when_the_bdev_went_meanwhile)
{
	struct fake *drive = fake_create("drive");
	struct call call;

	ck_assert_int_eq(ebb_bdev_register(&drive->bdev), 0);
	call_begin(&call, "bdev_enable_histogram", "{'name': 'drive', 'enable': true}");
	fake_close(drive, NULL, NULL);
	ck_assert(call.done && !call.failed);
	call_end(&call);
	drive = fake_create("drive");
	ck_assert_int_eq(ebb_bdev_register(&drive->bdev), 0);
	stage_turns(4);
	call_has("bdev_get_histogram", "{'name': 'drive'}", "{\"histogram\":\"");
	fake_close(drive, NULL, NULL);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(it_is_off_until_it_is_asked_for),
		UNIT_TEST(latencies_are_counted_where_spdk_s_script_looks),
		UNIT_TEST(one_type_is_counted_alone),
		UNIT_TEST(failures_count_and_parts_do_not),
		UNIT_TEST(channels_are_added_up_and_what_went_stays),
		UNIT_TEST(a_channel_of_an_older_histogram_is_not_mixed_in),
		UNIT_TEST(borders_count_what_is_below_them),
		UNIT_TEST(mistakes_are_named),
		UNIT_TEST(what_is_set_is_saved),
		UNIT_TEST(it_is_on_again_when_the_bdev_went_meanwhile),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
