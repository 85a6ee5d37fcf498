/* SPDX-License-Identifier: Apache-2.0 */
/* bdev_set_qos_limit. */
#include <stdio.h>
#include <string.h>

#include <ebb/wanted.h>

#include "core/method/wanted.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static char buf[8 * FAKE_BLOCK] __attribute__((aligned(4096)));

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	method_wanted_clear();
	stage_end();
}

static void limit(const char *more)
{
	char params[128];

	snprintf(params, sizeof(params), "{'name': 'disk', %s}", more);
	call_is("bdev_set_qos_limit", params, "true");
}

static void limits_are(unsigned ios, unsigned rw, unsigned r, unsigned w)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "\"assigned_rate_limits\":{\"rw_ios_per_sec\":%u,\"rw_mbytes_per_sec\":%u,"
		 "\"r_mbytes_per_sec\":%u,\"w_mbytes_per_sec\":%u}",
		 ios, rw, r, w);
	call_has("bdev_get_bdevs", "{'name': 'disk'}", text);
}

START_TEST(limits_are_set_changed_and_taken_away)
{
	limits_are(0, 0, 0, 0);
	limit("'rw_ios_per_sec': 2000, 'r_mbytes_per_sec': 10");
	limits_are(2000, 0, 10, 0);
	limit("'w_mbytes_per_sec': 7, 'rw_mbytes_per_sec': 20");
	limits_are(2000, 20, 10, 7);
	limit("'rw_ios_per_sec': 0, 'rw_mbytes_per_sec': 0");
	limits_are(0, 0, 10, 7);
	/* Requests come in thousands, rounded up, and that is said. */
	limit("'rw_ios_per_sec': 2001");
	limits_are(3000, 0, 10, 7);
	ck_assert_uint_eq(log_count("rw_ios_per_sec is 3000"), 1);
	limit("'rw_ios_per_sec': 18446744073709551615, 'r_mbytes_per_sec': 18446744073709551615");
	call_has("bdev_get_bdevs", "{'name': 'disk'}",
		 "\"rw_ios_per_sec\":18446744073709551000,\"rw_mbytes_per_sec\":0,"
		 "\"r_mbytes_per_sec\":17592186044415,");
	limit("'rw_ios_per_sec': 0, 'r_mbytes_per_sec': 0, 'w_mbytes_per_sec': 0");
	limits_are(0, 0, 0, 0);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	call_has("bdev_set_qos_limit", "{'name': 'x', 'rw_ios_per_sec': 1000}",
		 "error -19: bdev 'x' not found");
	call_has("bdev_set_qos_limit", "{'name': 'disk'}",
		 "error -22: bdev 'disk': no limit is given; give one of rw_ios_per_sec");
	call_has("bdev_set_qos_limit", "{'rw_ios_per_sec': 1000}", "error -32602: ");
	call_has("bdev_set_qos_limit", "{'name': 'disk', 'rw_ios_per_sec': -1}", "error -32602: ");
	call_has("bdev_set_qos_limit", "{'name': 'disk', 'ios_per_sec': 1}", "error -32602: ");
	limits_are(0, 0, 0, 0);
}
END_TEST

START_TEST(limits_may_be_set_while_others_are_being_set)
{
	struct fake_result result = {0};
	struct call calls[3];
	unsigned i;

	call_begin(&calls[0], "bdev_set_qos_limit", "{'name': 'disk', 'rw_ios_per_sec': 1000}");
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
	call_begin(&calls[1], "bdev_set_qos_limit", "{'name': 'disk', 'w_mbytes_per_sec': 2}");
	call_begin(&calls[2], "bdev_set_qos_limit", "{'name': 'disk', 'rw_ios_per_sec': 0}");
	for (i = 0; i < 3; i++) {
		stage_until(&calls[i].done);
		ck_assert(!calls[i].failed);
		call_end(&calls[i]);
	}
	limits_are(0, 0, 0, 2);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 2);
}
END_TEST

/* What is set of the bdev as a saved configuration has it; NULL: nothing. */
static const char *wanted(const char *object)
{
	const struct ebb_wanted *entry = NULL;

	while ((entry = ebb_wanted_next(entry)) != NULL) {
		if (strcmp(entry->method->name, "bdev_set_qos_limit") == 0 &&
		    strcmp(entry->object, object) == 0) {
			return json_object_to_json_string_ext(entry->params,
							      JSON_C_TO_STRING_PLAIN);
		}
	}
	return NULL;
}

START_TEST(what_is_set_is_saved)
{
	limit("'rw_ios_per_sec': 1500, 'r_mbytes_per_sec': 10");
	limit("'w_mbytes_per_sec': 7, 'r_mbytes_per_sec': 0");
	ck_assert_str_eq(wanted("disk"),
			 "{\"name\":\"disk\",\"rw_ios_per_sec\":2000,\"r_mbytes_per_sec\":0,"
			 "\"w_mbytes_per_sec\":7}");
}
END_TEST

START_TEST(it_is_saved_by_the_bdevs_name)
{
	struct fake *other = fake_create("other");

	memset(other->bdev.uuid, 0x22, 16);
	ck_assert_int_eq(ebb_bdev_register(&other->bdev), 0);
	call_is("bdev_set_qos_limit",
		"{'name': '22222222-2222-2222-2222-222222222222', 'rw_ios_per_sec': 5000}", "true");
	ck_assert_str_eq(wanted("other"), "{\"name\":\"other\",\"rw_ios_per_sec\":5000}");
	fake_close(other, NULL, NULL);
}
END_TEST

START_TEST(it_counts_again_when_the_bdev_comes_back)
{
	struct fake *drive = fake_create("drive");

	ck_assert_int_eq(ebb_bdev_register(&drive->bdev), 0);
	call_is("bdev_set_qos_limit", "{'name': 'drive', 'rw_ios_per_sec': 5000}", "true");
	fake_close(drive, NULL, NULL);
	ck_assert_ptr_nonnull(wanted("drive"));
	drive = fake_create("drive");
	ck_assert_int_eq(ebb_bdev_register(&drive->bdev), 0);
	stage_turns(4);
	call_has("bdev_get_bdevs", "{'name': 'drive'}", "\"rw_ios_per_sec\":5000");
	fake_close(drive, NULL, NULL);
}
END_TEST

/* The bdev goes by itself while a limit is being set: it is set when the bdev comes back. */
START_TEST(it_counts_again_when_the_bdev_went_meanwhile)
{
	struct fake *drive = fake_create("drive");
	struct call call;

	ck_assert_int_eq(ebb_bdev_register(&drive->bdev), 0);
	call_begin(&call, "bdev_set_qos_limit", "{'name': 'drive', 'rw_ios_per_sec': 5000}");
	fake_close(drive, NULL, NULL);
	ck_assert(call.done && !call.failed);
	call_end(&call);
	ck_assert_ptr_nonnull(wanted("drive"));
	drive = fake_create("drive");
	ck_assert_int_eq(ebb_bdev_register(&drive->bdev), 0);
	stage_turns(4);
	call_has("bdev_get_bdevs", "{'name': 'drive'}", "\"rw_ios_per_sec\":5000");
	fake_close(drive, NULL, NULL);
}
END_TEST

/* Whatever becomes of the wish: what is being set has its parameters until that has ended. */
START_TEST(it_comes_back_while_the_wish_goes)
{
	struct fake *drive = fake_create("drive");

	ck_assert_int_eq(ebb_bdev_register(&drive->bdev), 0);
	call_is("bdev_set_qos_limit", "{'name': 'drive', 'rw_ios_per_sec': 5000}", "true");
	fake_close(drive, NULL, NULL);
	drive = fake_create("drive");
	ck_assert_int_eq(ebb_bdev_register(&drive->bdev), 0);
	method_wanted_clear();
	stage_turns(4);
	ck_assert_str_eq(wanted("drive"), "{\"name\":\"drive\",\"rw_ios_per_sec\":5000}");
	fake_close(drive, NULL, NULL);
}
END_TEST

START_TEST(it_goes_with_a_bdev_that_is_deleted)
{
	const char *create = "{'name': 'n', 'num_blocks': 8, 'block_size': 512}";

	call_is("bdev_null_create", create, "\"n\"");
	call_is("bdev_set_qos_limit", "{'name': 'n', 'rw_ios_per_sec': 5000}", "true");
	call_is("bdev_null_delete", "{'name': 'n'}", "true");
	ck_assert_ptr_null(wanted("n"));
	call_is("bdev_null_create", create, "\"n\"");
	call_has("bdev_get_bdevs", "{'name': 'n'}", "\"rw_ios_per_sec\":0");
	call_is("bdev_null_delete", "{'name': 'n'}", "true");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(limits_are_set_changed_and_taken_away),
		UNIT_TEST(what_cannot_be_is_refused),
		UNIT_TEST(limits_may_be_set_while_others_are_being_set),
		UNIT_TEST(what_is_set_is_saved),
		UNIT_TEST(it_is_saved_by_the_bdevs_name),
		UNIT_TEST(it_counts_again_when_the_bdev_comes_back),
		UNIT_TEST(it_counts_again_when_the_bdev_went_meanwhile),
		UNIT_TEST(it_comes_back_while_the_wish_goes),
		UNIT_TEST(it_goes_with_a_bdev_that_is_deleted),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
