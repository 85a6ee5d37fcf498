/* SPDX-License-Identifier: Apache-2.0 */
/* Bdevs coming and going, with and without holders. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ebb/io_channel.h>

#include "core/bdev/registry.h"
#include "core/bdev/teardown.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static void setup(void)
{
	stage_begin();
}

static void teardown(void)
{
	stage_end();
}

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

START_TEST(a_bdev_is_found_by_name_and_uuid)
{
	struct fake *one = fake_create("one");
	struct fake *two = fake_create("two");
	struct ebb_bdev_desc *desc;

	ck_assert_ptr_null(ebb_bdev_next(NULL));
	ck_assert_int_eq(ebb_bdev_register(&one->bdev), 0);
	memset(two->bdev.uuid, 0xab, 16);
	ck_assert_int_eq(ebb_bdev_register(&two->bdev), 0);
	ck_assert_ptr_eq(ebb_bdev_find("one"), &one->bdev);
	ck_assert_ptr_eq(ebb_bdev_find("abababab-abab-abab-abab-abababababab"), &two->bdev);
	ck_assert_ptr_eq(ebb_bdev_find("ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB"), &two->bdev);
	ck_assert_ptr_null(ebb_bdev_find("three"));
	ck_assert_ptr_eq(ebb_bdev_next(NULL), &one->bdev);
	ck_assert_ptr_eq(ebb_bdev_next(&one->bdev), &two->bdev);
	ck_assert_ptr_null(ebb_bdev_next(&two->bdev));
	/* A made-up uuid is one of version 4. */
	ck_assert_uint_eq(one->bdev.uuid[6] >> 4, 4);
	ck_assert_uint_eq(one->bdev.uuid[8] >> 6, 2);
	ck_assert_int_eq(ebb_bdev_open("abababab-abab-abab-abab-abababababab", true, NULL, NULL,
				       &desc),
			 0);
	ck_assert_ptr_eq(ebb_bdev_desc_bdev(desc), &two->bdev);
	ck_assert_str_eq(ebb_bdev_name(&two->bdev), "two");
	ck_assert_uint_eq(ebb_bdev_block_size(&two->bdev), FAKE_BLOCK);
	ck_assert_uint_eq(ebb_bdev_num_blocks(&two->bdev), FAKE_BLOCKS);
	ck_assert_uint_eq(ebb_bdev_buf_align(&two->bdev), 1);
	fake_close(two, desc, NULL);
	fake_close(one, NULL, NULL);
	ck_assert_ptr_null(ebb_bdev_next(NULL));
}
END_TEST

START_TEST(names_and_uuids_are_unique)
{
	struct fake *one = fake_create("one");
	struct fake *other = fake_create("one");

	ck_assert_int_eq(ebb_bdev_register(&one->bdev), 0);
	ck_assert_int_eq(ebb_bdev_register(&other->bdev), -EEXIST);
	other->bdev.name = "other";
	memcpy(other->bdev.uuid, one->bdev.uuid, 16);
	ck_assert_int_eq(ebb_bdev_register(&other->bdev), -EEXIST);
	memset(other->bdev.uuid, 0, 16);
	other->bdev.name = one->bdev.internal->uuid_text;
	ck_assert_int_eq(ebb_bdev_register(&other->bdev), -EEXIST);
	other->bdev.name = "0b0b0b0b-0b0b-0b0b-0b0b-0b0b0b0b0b0b"; /* its own */
	memset(other->bdev.uuid, 0x0b, 16);
	ck_assert_int_eq(ebb_bdev_register(&other->bdev), 0);
	ck_assert_ptr_eq(ebb_bdev_find(other->bdev.name), &other->bdev);
	fake_close(other, NULL, NULL);
	fake_close(one, NULL, NULL);
}
END_TEST

#define MANY 500u

/* The least CPU time of some finds of the bdev registered last, and of channels to it. */
static uint64_t find_cost_ns(const char *name)
{
	uint64_t least_ns = UINT64_MAX;

	for (unsigned round = 0; round < 5; round++) {
		struct ebb_io_channel *channel;
		struct timespec begin, end;
		uint64_t spent_ns;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
		for (unsigned i = 0; i < 100; i++) {
			ck_assert_ptr_nonnull(ebb_bdev_find(name));
			ck_assert_ptr_null(ebb_bdev_find("nobody"));
			channel = ebb_io_channel_get(ebb_bdev_find(name)->internal);
			ck_assert_ptr_nonnull(channel);
			ebb_io_channel_put(channel);
		}
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
		spent_ns = (uint64_t)(end.tv_sec - begin.tv_sec) * EBB_NS_PER_S +
			   (uint64_t)end.tv_nsec - (uint64_t)begin.tv_nsec;
		least_ns = spent_ns < least_ns ? spent_ns : least_ns;
	}
	return least_ns;
}

/* Lists would make this take a hundred times as long; caches alone, a few times. */
START_TEST(the_last_of_many_is_found_as_fast_as_the_first)
{
	static struct fake *fakes[MANY];
	static struct ebb_io_channel *channels[MANY];
	static char names[MANY][16];
	uint64_t first_ns = 0;
	uint64_t last_ns;

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "Fake%u", i);
		fakes[i] = fake_create(names[i]);
		ck_assert_int_eq(ebb_bdev_register(&fakes[i]->bdev), 0);
		channels[i] = ebb_io_channel_get(fakes[i]->bdev.internal);
		if (i == 0) {
			first_ns = find_cost_ns(names[0]);
		}
	}
	last_ns = find_cost_ns(names[MANY - 1]);
	ck_assert_msg(last_ns < 20 * first_ns, "%llu ns, at first %llu ns",
		      (unsigned long long)last_ns, (unsigned long long)first_ns);
	for (unsigned i = 0; i < MANY; i++) {
		ck_assert_ptr_eq(ebb_bdev_find(names[i]), &fakes[i]->bdev);
		ebb_io_channel_put(channels[i]);
		fake_close(fakes[i], NULL, NULL);
		ck_assert_ptr_null(ebb_bdev_find(names[i]));
	}
}
END_TEST

START_TEST(impossible_geometry_is_refused)
{
	struct fake *fake = fake_create("odd");
	const struct ebb_bdev good = fake->bdev;
	struct ebb_bdev *bdev = &fake->bdev;

	bdev->block_size = 256;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	bdev->block_size = 520;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	bdev->block_size = 131072;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	*bdev = good;
	bdev->num_blocks = 0;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	bdev->num_blocks = UINT64_MAX / 512;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	*bdev = good;
	bdev->buf_align = 3;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	bdev->buf_align = 8192;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	*bdev = good;
	bdev->optimal_io_boundary = 6;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	*bdev = good;
	bdev->io_types = 0;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	bdev->io_types = EBB_BIT(EBB_BDEV_IO_TYPE_COUNT);
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	*bdev = good;
	bdev->max_io_blocks = UINT32_MAX;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	ck_assert_uint_eq(log_count("bdev 'odd' cannot be:"), 11);
	*bdev = good;
	ck_assert_int_eq(ebb_bdev_register(bdev), 0);
	fake_close(fake, NULL, NULL);
}
END_TEST

START_TEST(what_is_not_whole_is_not_registered)
{
	struct fake *fake = fake_create("half");
	struct ebb_bdev whole = fake->bdev;
	struct ebb_bdev_ops ops = *whole.ops;

	fake->bdev.name = NULL;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), -EINVAL);
	fake->bdev.name = "";
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), -EINVAL);
	ck_assert_uint_eq(log_count("it has no name"), 2);
	fake->bdev = whole;
	fake->bdev.product_name = NULL;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), -EINVAL);
	ck_assert_uint_eq(log_count("bdev 'half' cannot be: it has no product name"), 1);
	fake->bdev = whole;
	fake->bdev.ops = &ops;
	ops.submit = NULL;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), -EINVAL);
	ops = *whole.ops;
	ops.destruct = NULL;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), -EINVAL);
	fake->bdev.ops = NULL;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), -EINVAL);
	ck_assert_uint_eq(log_count("bdev 'half' cannot be: its driver has no submit()"), 3);
	fake->bdev = whole;
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, NULL, NULL), -ENODEV);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 1), -ENODEV);
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	fake_close(fake, NULL, NULL);
}
END_TEST

static void close_foreign(void *arg)
{
	ebb_bdev_close(arg);
}

/* Before and after its memory has gone; another descriptor is not closed by it. */
START_TEST(closing_twice_is_refused)
{
	struct fake *fake = fake_create("disk");
	struct ebb_bdev_desc *desc, *other;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &other), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &desc), 0);
	ebb_bdev_close(desc);
	ebb_bdev_close(desc);
	ck_assert_uint_eq(stage_violations(2), 1);
	ck_assert_uint_eq(log_count("ebb_bdev_close (twice)"), 1);
	/* One whose event is under way lies about until that has come. */
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &desc), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 1), 0);
	ebb_bdev_close(desc);
	ebb_bdev_close(desc);
	stage_foreign(close_foreign, desc);
	ck_assert_uint_eq(stage_violations(2), 3);
	stage_turns(2);
	ebb_bdev_close(desc);
	ck_assert_uint_eq(stage_violations(2), 4);
	fake_close(fake, other, NULL);
}
END_TEST

START_TEST(opening_is_refused_where_it_must)
{
	struct fake *fake = fake_create("ro");
	struct ebb_bdev_desc *desc = NULL;

	ck_assert_int_eq(ebb_bdev_open("ro", false, NULL, NULL, &desc), -ENODEV);
	fake->bdev.read_only = true;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("ro", true, NULL, NULL, &desc), -EROFS);
	ck_assert(ebb_bdev_read_only(&fake->bdev));
	ck_assert(!ebb_bdev_io_type_supported(&fake->bdev, EBB_BDEV_WRITE));
	ck_assert(!ebb_bdev_io_type_supported(&fake->bdev, EBB_BDEV_WRITE_ZEROES));
	stage_enter(NULL);
	ck_assert_int_eq(ebb_bdev_open("ro", false, NULL, NULL, &desc), -EPERM);
	ck_assert_uint_eq(stage_violations(4), 1);
	stage_enter(ebb_thread_app());
	ck_assert_ptr_null(desc);
	fake_close(fake, NULL, NULL);
}
END_TEST

struct holder {
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	struct ebb_thread *on;
	unsigned events;
	bool let_go;
};

static void holder_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	struct holder *holder = arg;

	ck_assert_ptr_eq(bdev, ebb_bdev_desc_bdev(holder->desc));
	ck_assert_int_eq(event, EBB_BDEV_EVENT_REMOVE);
	holder->events++;
	holder->on = ebb_thread_current();
	if (holder->let_go) {
		ebb_io_channel_put(holder->ch);
		ebb_bdev_close(holder->desc);
	}
}

static void holder_open(struct holder *holder, const char *name)
{
	ck_assert_int_eq(ebb_bdev_open(name, true, holder_event, holder, &holder->desc), 0);
	holder->ch = ebb_bdev_channel_get(holder->desc);
	ck_assert_ptr_nonnull(holder->ch);
}

START_TEST(holders_are_told_on_their_threads)
{
	struct ebb_thread *thread = stage_thread("holder");
	struct fake *fake = fake_create("disk");
	struct holder mine = {0}, theirs = {.let_go = true};
	struct ebb_bdev_desc *late;
	bool gone = false;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	holder_open(&mine, "disk");
	stage_enter(thread);
	holder_open(&theirs, "disk");
	stage_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, set_true, &gone), 0);
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, set_true, &gone), -EBUSY);
	ck_assert_int_eq(ebb_bdev_open("disk", false, NULL, NULL, &late), -ENODEV);
	ck_assert_uint_eq(mine.events, 0);
	stage_turns(4);
	ck_assert_uint_eq(mine.events, 1);
	ck_assert_ptr_eq(mine.on, ebb_thread_app());
	ck_assert_uint_eq(theirs.events, 1);
	ck_assert_ptr_eq(theirs.on, thread);
	ck_assert_uint_eq(fake->destructed, 0);
	ck_assert(!gone);
	ebb_io_channel_put(mine.ch);
	ebb_bdev_close(mine.desc);
	stage_turns(6);
	ck_assert_uint_eq(fake->destructed, 1);
	ck_assert(gone);
	ck_assert_uint_eq(mine.events, 1);
	stage_thread_exit(thread);
	free(fake);
}
END_TEST

static void resize_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	struct holder *holder = arg;

	ck_assert_ptr_eq(bdev, ebb_bdev_desc_bdev(holder->desc));
	holder->events += event == EBB_BDEV_EVENT_RESIZE ? 1 : 100;
	holder->on = ebb_thread_current();
}

START_TEST(holders_are_told_of_another_size)
{
	struct ebb_thread *thread = stage_thread("holder");
	struct fake *fake = fake_create("disk");
	struct fake_result result = {0};
	struct holder holder = {0};
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	char buf[FAKE_BLOCK];

	fake->bdev.num_blocks = 100;
	fake_open(fake, &desc, &ch);
	stage_enter(thread);
	ck_assert_int_eq(ebb_bdev_open("disk", true, resize_event, &holder, &holder.desc), 0);
	stage_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 100), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 0), -EINVAL);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, UINT64_MAX / 2), -EINVAL);
	stage_turns(3);
	ck_assert_uint_eq(holder.events, 0);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 149, 1, fake_done, &result), -EINVAL);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 150), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 160), 0);
	stage_turns(3);
	ck_assert_uint_eq(holder.events, 1); /* both changes in one: it can ask for the size */
	ck_assert_ptr_eq(holder.on, thread);
	ck_assert_uint_eq(ebb_bdev_num_blocks(&fake->bdev), 160);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 159, 1, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 50), 0);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 50, 1, fake_done, &result), -EINVAL);
	stage_enter(thread);
	ebb_bdev_close(holder.desc);
	stage_enter(ebb_thread_app());
	stage_turns(3);
	ck_assert_uint_eq(holder.events, 1);
	fake_close(fake, desc, ch);
	stage_thread_exit(thread);
}
END_TEST

/* Who is told both hears only that it goes. */
START_TEST(a_size_of_what_goes_is_not_told)
{
	struct fake *fake = fake_create("disk");
	struct holder holder = {0};
	bool gone = false;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", true, resize_event, &holder, &holder.desc), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 50), 0);
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, set_true, &gone), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 60), -EBUSY);
	stage_turns(3);
	ck_assert_uint_eq(holder.events, 100);
	ebb_bdev_close(holder.desc);
	stage_until(&gone);
	free(fake);
}
END_TEST

/* Who closes with the news of a size under way never hears it. */
START_TEST(closing_with_a_size_under_way)
{
	struct fake *fake = fake_create("disk");
	struct holder holder = {0};

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", true, resize_event, &holder, &holder.desc), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 50), 0);
	ebb_bdev_close(holder.desc);
	stage_turns(4);
	ck_assert_uint_eq(holder.events, 0);
	fake_close(fake, NULL, NULL);
}
END_TEST

/* One that asked not to be told, on another thread than the bdev is taken away by. */
START_TEST(a_holder_that_is_not_told_is_waited_for)
{
	struct ebb_thread *thread = stage_thread("holder");
	struct fake *fake = fake_create("disk");
	struct ebb_bdev_desc *desc;
	bool gone = false;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	stage_enter(thread);
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &desc), 0);
	stage_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, set_true, &gone), 0);
	stage_turns(6);
	ck_assert(!gone);
	stage_enter(thread);
	ebb_bdev_close(desc);
	ck_assert(!gone);
	stage_enter(ebb_thread_app());
	stage_until(&gone);
	ck_assert_uint_eq(fake->destructed, 1);
	/* The name is free again. */
	free(fake);
	fake = fake_create("disk");
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	fake_close(fake, NULL, NULL);
	stage_thread_exit(thread);
}
END_TEST

START_TEST(requests_in_flight_end_before_the_bdev_goes)
{
	struct fake *fake = fake_create("disk");
	struct fake_result result = {0};
	struct holder holder = {0};
	bool gone = false;
	char buf[FAKE_BLOCK];

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	holder_open(&holder, "disk");
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_read(holder.desc, holder.ch, buf, 0, 1, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, set_true, &gone), 0);
	stage_turns(4);
	ck_assert_uint_eq(holder.events, 1);
	ck_assert(!gone);
	fake_complete_all(fake, -ENODEV);
	ck_assert_int_eq(result.status, -ENODEV);
	ebb_io_channel_put(holder.ch);
	ebb_bdev_close(holder.desc);
	stage_turns(6);
	ck_assert(gone);
	free(fake);
}
END_TEST

START_TEST(closing_while_the_event_is_under_way)
{
	struct fake *fake = fake_create("disk");
	struct holder holder = {0};
	bool gone = false;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	holder_open(&holder, "disk");
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, set_true, &gone), 0);
	ebb_io_channel_put(holder.ch);
	ebb_bdev_close(holder.desc);
	stage_turns(6);
	ck_assert_uint_eq(holder.events, 0);
	ck_assert(gone);
	free(fake);
}
END_TEST

/* Nobody can close what it has left open. */
START_TEST(a_holder_whose_thread_has_exited_holds_nothing)
{
	struct ebb_thread *thread = stage_thread("leaver");
	struct fake *fake = fake_create("disk");
	struct ebb_bdev_desc *desc;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	stage_enter(thread);
	ck_assert_int_eq(ebb_bdev_open("disk", false, NULL, NULL, &desc), 0);
	stage_enter(ebb_thread_app());
	stage_thread_exit(thread);
	fake_close(fake, NULL, NULL);
	ck_assert_uint_eq(log_count("thread 'leaver' has exited with bdev 'disk' open"), 1);
}
END_TEST

START_TEST(a_closed_registry_takes_nothing)
{
	struct fake *left = fake_create("disk");
	struct fake *fake = fake_create("disk");

	ck_assert_int_eq(ebb_bdev_register(&left->bdev), 0);
	bdev_registry_close();
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), -ESHUTDOWN);
	bdev_registry_forget();
	ck_assert_ptr_null(ebb_bdev_find("disk"));
	ck_assert_ptr_null(ebb_bdev_next(NULL));
	bdev_registry_open();
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_ptr_eq(ebb_bdev_find("disk"), &fake->bdev);
	/* What was left behind still goes when it can. */
	fake_close(left, NULL, NULL);
	ck_assert_ptr_eq(ebb_bdev_find("disk"), &fake->bdev);
	fake_close(fake, NULL, NULL);
}
END_TEST

START_TEST(closing_elsewhere_is_refused)
{
	struct ebb_thread *thread = stage_thread("other");
	struct fake *fake = fake_create("disk");
	struct ebb_bdev_desc *desc;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", false, NULL, NULL, &desc), 0);
	stage_enter(thread);
	ebb_bdev_close(desc);
	ck_assert_uint_eq(stage_violations(2), 1);
	stage_enter(ebb_thread_app());
	stage_thread_exit(thread);
	fake_close(fake, desc, NULL);
}
END_TEST

START_TEST(a_pin_keeps_it)
{
	struct fake *fake = fake_create("disk");
	struct ebb_bdev_internal *internal;
	bool gone = false;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	internal = fake->bdev.internal;
	ck_assert(bdev_pin(internal));
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, set_true, &gone), 0);
	stage_turns(6);
	ck_assert(!gone);
	ck_assert(bdev_pin(internal)); /* as long as somebody has it */
	bdev_unpin(internal);
	bdev_unpin(internal);
	ck_assert(!bdev_pin(internal));
	stage_turns(6);
	ck_assert(gone);
	free(fake);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_bdev_is_found_by_name_and_uuid),
		UNIT_TEST(names_and_uuids_are_unique),
		UNIT_TEST(the_last_of_many_is_found_as_fast_as_the_first),
		UNIT_TEST(impossible_geometry_is_refused),
		UNIT_TEST(what_is_not_whole_is_not_registered),
		UNIT_TEST(closing_twice_is_refused),
		UNIT_TEST(opening_is_refused_where_it_must),
		UNIT_TEST(holders_are_told_on_their_threads),
		UNIT_TEST(holders_are_told_of_another_size),
		UNIT_TEST(a_size_of_what_goes_is_not_told),
		UNIT_TEST(closing_with_a_size_under_way),
		UNIT_TEST(a_holder_that_is_not_told_is_waited_for),
		UNIT_TEST(requests_in_flight_end_before_the_bdev_goes),
		UNIT_TEST(closing_while_the_event_is_under_way),
		UNIT_TEST(a_holder_whose_thread_has_exited_holds_nothing),
		UNIT_TEST(a_closed_registry_takes_nothing),
		UNIT_TEST(closing_elsewhere_is_refused),
		UNIT_TEST(a_pin_keeps_it),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
