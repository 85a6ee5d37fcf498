/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual bdevs and their bases: who has claimed one, what it is called by, and its rate limit. */
#include "core/bdev/virtual.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/wanted.h>

#include "core/event/channel.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/core/bdev/virtual_stage.h"
#include "tests/unit/unit.h"

/* Two wait for one base: the first gets it, the other waits on until that has gone. */
START_TEST(two_wait_for_one_base)
{
	call_is("bdev_error_create", "{'base_name': 'N'}", "true");
	call_is("bdev_delay_create", DELAY_ON("N"), "\"D\"");
	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	virtual_is_there("EE_N");
	virtual_is_not_there("D");
	ck_assert(logged("delay bdev 'D' waits for its base 'N', which 'EE_N' has claimed"));
	call_has("nbd_start_export", "{'bdev_name': 'D', 'path': '/tmp/ebb-test-virtual'}",
		 "error -19: bdev D is not there yet: it waits for its base N, which 'EE_N' has "
		 "claimed");
	call_is("bdev_error_create", "{'base_name': 'D', 'name': 'E'}", "true");
	call_has(
		"bdev_error_inject_error",
		"{'name': 'D', 'io_type': 'read', 'error_type': 'failure'}",
		"error -19: bdev 'D' is not there yet: it waits for its base 'N', which 'EE_N' has "
		"claimed; delete that first");
	call_is("bdev_error_delete", "{'name': 'EE_N'}", "true");
	stage_turns(8);
	virtual_is_there("D");
	virtual_is_there("E");
	ck_assert(virtual_is_present("bdev_delay_create", "D"));
	call_is("bdev_error_delete", "{'name': 'E'}", "true");
	call_is("bdev_delay_delete", "{'name': 'D'}", "true");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
}
END_TEST

/* Its base comes back, and is its own again, whoever else has waited meanwhile. */
START_TEST(who_had_the_base_gets_it_again)
{
	struct fake *fake = fake_create("base");

	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	call_is("bdev_delay_create", DELAY_ON("base"), "\"D\"");
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	virtual_is_there("EE_base");
	fake_close(fake, NULL, NULL);
	fake = fake_create("base");
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	virtual_is_there("EE_base");
	virtual_is_not_there("D");
	/* A claim that ends as the base goes is nobody's chance. */
	fake_close(fake, NULL, NULL);
	virtual_is_not_there("D");
	virtual_is_not_there("EE_base");
	call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	call_is("bdev_delay_delete", "{'name': 'D'}", "true");
}
END_TEST

static struct ebb_bdev_desc *writer;

static void open_to_write(struct bdev_registry_waiter *waiter, struct ebb_bdev *bdev)
{
	(void)waiter;
	ck_assert_int_eq(ebb_bdev_open(ebb_bdev_name(bdev), true, NULL, NULL, &writer), 0);
}

/* Whoever writes to the base keeps it from being claimed just as well. */
START_TEST(one_waits_for_the_end_of_writing)
{
	struct bdev_registry_waiter waiter = {.name = "N", .appeared = open_to_write};

	bdev_registry_wait(&waiter);
	call_is("bdev_error_create", "{'base_name': 'N'}", "true");
	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	virtual_is_not_there("EE_N");
	call_has("bdev_error_resume_pending", "{'name': 'EE_N'}",
		 "error -19: bdev 'EE_N' is not there yet: it waits for its base 'N', which "
		 "somebody "
		 "has open for writing; stop its export, or whatever uses it, first");
	ebb_bdev_close(writer);
	stage_turns(8);
	virtual_is_there("EE_N");
	call_is("bdev_error_delete", "{'name': 'EE_N'}", "true");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
}
END_TEST

/* One that leaves does not wait for the rate of its base; what comes in the meantime neither. */
START_TEST(one_that_leaves_waits_for_no_limit)
{
	static char buf[512 * 1024] __attribute__((aligned(4096)));
	struct fake_result results[5] = {{0}};
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	unsigned i;

	call_is("bdev_null_create", "{'name': 'N', 'num_blocks': 4096, 'block_size': 512}",
		"\"N\"");
	call_is("bdev_set_qos_limit", "{'name': 'N', 'rw_mbytes_per_sec': 1}", "true");
	call_is("bdev_error_create", "{'base_name': 'N'}", "true");
	ck_assert_int_eq(ebb_bdev_open("EE_N", false, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1024, fake_done, &results[i]), 0);
	}
	stage_turns(8);
	ck_assert_uint_eq(results[0].calls, 1);
	ck_assert_uint_eq(results[1].calls, 0);
	ck_assert_int_eq(ebb_bdev_unregister(ebb_bdev_find("EE_N"), NULL, NULL), 0);
	stage_turns(8);
	for (i = 0; i < 4; i++) {
		ck_assert_uint_eq(results[i].calls, 1);
		ck_assert_int_eq(results[i].status, 0);
	}
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1024, fake_done, &results[4]), 0);
	stage_turns(8);
	ck_assert_uint_eq(results[4].calls, 1);
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	stage_turns(8);
	call_is("bdev_error_delete", "{'name': 'EE_N'}", "true");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
}
END_TEST

/* One that waits by a uuid is kept by its base's name when that has come, and goes with it. */
START_TEST(one_that_waited_by_uuid_goes_with_its_base)
{
	static const char uuid[] = "01234567-89ab-cdef-0123-456789abcdef";
	struct json_object *base;

	call_is("bdev_error_create",
		"{'base_name': '01234567-89ab-cdef-0123-456789abcdef', 'name': 'E'}", "true");
	ck_assert(json_object_object_get_ex(ebb_wanted_find("bdev_error_create", "E")->params,
					    "base_name", &base));
	ck_assert_str_eq(json_object_get_string(base), uuid);
	call_is("bdev_null_create",
		"{'name': 'N', 'num_blocks': 100, 'block_size': 512, "
		"'uuid': '01234567-89ab-cdef-0123-456789abcdef'}",
		"\"N\"");
	virtual_is_there("E");
	ck_assert(json_object_object_get_ex(ebb_wanted_find("bdev_error_create", "E")->params,
					    "base_name", &base));
	ck_assert_str_eq(json_object_get_string(base), "N");
	call_is("bdev_set_qos_limit", "{'name': 'E', 'rw_mbytes_per_sec': 1}", "true");
	call_is("bdev_null_delete", "{'name': '01234567-89ab-cdef-0123-456789abcdef'}", "true");
	virtual_is_not_there("E");
	ck_assert_ptr_null(ebb_wanted_next(NULL));
}
END_TEST

/* What is named by a uuid is kept by its name, and found by it. */
START_TEST(uuids_are_names)
{
	call_is("bdev_null_create",
		"{'name': 'N', 'num_blocks': 1, 'block_size': 512, "
		"'uuid': '01234567-89ab-cdef-0123-456789abcdef'}",
		"\"N\"");
	call_is("bdev_error_create",
		"{'base_name': '01234567-89ab-cdef-0123-456789abcdef', 'name': 'E', "
		"'uuid': '11234567-89ab-cdef-0123-456789abcdef'}",
		"true");
	ck_assert_ptr_nonnull(ebb_wanted_find("bdev_error_create", "E"));
	ck_assert_str_eq(json_object_get_string(json_object_object_get(
				 ebb_wanted_find("bdev_error_create", "E")->params, "base_name")),
			 "N");
	call_is("bdev_error_delete", "{'name': '11234567-89ab-cdef-0123-456789abcdef'}", "true");
	ck_assert_ptr_null(ebb_wanted_find("bdev_error_create", "E"));
	call_has("bdev_error_create",
		 "{'base_name': 'N', 'uuid': '01234567-89ab-cdef-0123-456789abcdef'}",
		 "error -17: bdev 'EE_N' cannot have the uuid of another bdev");
	call_has("bdev_get_bdevs", "{'name': 'N'}", "\"claimed\":false");
	call_is("bdev_null_delete", "{'name': '01234567-89ab-cdef-0123-456789abcdef'}", "true");
	ck_assert_ptr_null(ebb_wanted_next(NULL));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(virtual_stage_begin, virtual_stage_end),
		UNIT_TEST(two_wait_for_one_base),
		UNIT_TEST(who_had_the_base_gets_it_again),
		UNIT_TEST(one_waits_for_the_end_of_writing),
		UNIT_TEST(one_that_leaves_waits_for_no_limit),
		UNIT_TEST(one_that_waited_by_uuid_goes_with_its_base),
		UNIT_TEST(uuids_are_names),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
