/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of requests when it is empty, and a channel that holds requests back. */
#include <errno.h>
#include <string.h>

#include "core/bdev/pool.h"
#include "core/event/channel.h"
#include "core/method/wanted.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define REQUESTS 16u

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result results[4 * REQUESTS];
static char buf[16 * FAKE_BLOCK] __attribute__((aligned(4096)));

static void setup(void)
{
	stage_begin();
	bdev_pool_set_size(REQUESTS);
	fake = fake_create("disk");
	fake->mode = FAKE_HOLD;
	memset(results, 0, sizeof(results));
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	bdev_pool_set_size(0);
	stage_end();
}

static int read_one(unsigned i)
{
	return ebb_bdev_read(desc, ch, buf, i, 1, fake_done, &results[i]);
}

static void fill(void)
{
	unsigned i;

	for (i = 0; i < REQUESTS; i++) {
		ck_assert_int_eq(read_one(i), 0);
	}
	ck_assert_int_eq(read_one(REQUESTS), -ENOMEM);
}

struct waiter {
	struct ebb_bdev_io_wait wait;
	unsigned index;
	unsigned calls;
	int rc;
};

static void waited(void *arg)
{
	struct waiter *waiter = arg;

	waiter->calls++;
	waiter->rc = read_one(waiter->index);
	if (waiter->rc == -ENOMEM) {
		ebb_bdev_queue_io_wait(ch, &waiter->wait);
	}
}

static void wait_begin(struct waiter *waiter, unsigned index)
{
	*waiter = (struct waiter){.wait = {.fn = waited, .arg = waiter},
				  .index = index,
				  .rc = -EINPROGRESS};
	ebb_bdev_queue_io_wait(ch, &waiter->wait);
}

START_TEST(an_empty_pool_refuses_and_recovers)
{
	fake_open(fake, &desc, &ch);
	fill();
	fake_complete_one(fake, 0);
	ck_assert_int_eq(read_one(REQUESTS), 0);
	ck_assert_int_eq(read_one(REQUESTS + 1), -ENOMEM);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(results[REQUESTS].calls, 1);
}
END_TEST

START_TEST(its_size_is_the_default_after_the_run)
{
	method_wanted_clear();
	fake_open(fake, &desc, &ch);
	for (unsigned i = 0; i < 2 * REQUESTS; i++) {
		ck_assert_int_eq(read_one(i), 0);
	}
	fake_complete_all(fake, 0);
}
END_TEST

START_TEST(who_waits_is_served_in_order)
{
	struct waiter waiters[3];
	unsigned i;

	fake_open(fake, &desc, &ch);
	fill();
	for (i = 0; i < 3; i++) {
		wait_begin(&waiters[i], REQUESTS + i);
	}
	stage_turns(3);
	ck_assert_uint_eq(waiters[0].calls, 0);
	for (i = 0; i < 3; i++) {
		fake_complete_one(fake, 0);
		ck_assert_uint_eq(waiters[i].calls, 1);
		ck_assert_int_eq(waiters[i].rc, 0);
		ck_assert(i == 2 || waiters[i + 1].calls == 0);
	}
	fake_complete_all(fake, 0);
	for (i = 0; i < REQUESTS + 3; i++) {
		ck_assert_uint_eq(results[i].calls, 1);
	}
}
END_TEST

static void not_needed(void *arg)
{
	(*(unsigned *)arg)++;
}

START_TEST(one_who_takes_nothing_holds_up_nobody)
{
	unsigned calls = 0;
	struct ebb_bdev_io_wait first = {.fn = not_needed, .arg = &calls};
	struct waiter second;

	fake_open(fake, &desc, &ch);
	fill();
	ebb_bdev_queue_io_wait(ch, &first);
	wait_begin(&second, REQUESTS);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(second.calls, 1);
	fake_complete_all(fake, 0);
}
END_TEST

START_TEST(waiting_for_what_is_there_ends_too)
{
	struct waiter waiter;

	fake_open(fake, &desc, &ch);
	wait_begin(&waiter, 0);
	ck_assert_uint_eq(waiter.calls, 0);
	stage_turns(2);
	ck_assert_uint_eq(waiter.calls, 1);
	fake_complete_all(fake, 0);
}
END_TEST

struct insister {
	struct ebb_bdev_io_wait wait;
	unsigned calls;
};

static void insister_waited(void *arg)
{
	struct insister *insister = arg;

	/* Takes nothing, and waits again: for ever, if it were up to it. */
	if (++insister->calls < 1000) {
		ebb_bdev_queue_io_wait(ch, &insister->wait);
	}
}

START_TEST(who_waits_again_is_served_another_time)
{
	struct insister insister = {.wait = {.fn = insister_waited, .arg = &insister}};
	struct waiter second;
	unsigned before;

	fake_open(fake, &desc, &ch);
	fill();
	ebb_bdev_queue_io_wait(ch, &insister.wait);
	wait_begin(&second, REQUESTS);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(insister.calls, 1);
	ck_assert_uint_eq(second.calls, 1);
	fake_complete_all(fake, 0);
	before = insister.calls;
	stage_turn();
	ck_assert_uint_eq(insister.calls, before + 1);
	while (insister.calls < 1000) {
		stage_turn();
	}
}
END_TEST

/* Every request is a parent: only the reserve lets them get on. */
START_TEST(a_pool_full_of_parents_gets_on)
{
	unsigned i;

	fake->bdev.max_io_blocks = 1;
	fake_open(fake, &desc, &ch);
	for (i = 0; i < REQUESTS; i++) {
		int rc = ebb_bdev_read(desc, ch, buf, i, 16, fake_done, &results[i]);

		if (rc == -ENOMEM) {
			break;
		}
		ck_assert_int_eq(rc, 0);
	}
	ck_assert_uint_gt(i, 1);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &results[i]), -ENOMEM);
	fake_complete_all(fake, 0);
	while (i-- > 0) {
		ck_assert_uint_eq(results[i].calls, 1);
		ck_assert_int_eq(results[i].status, 0);
	}
}
END_TEST

START_TEST(parents_wait_for_requests_and_never_fail)
{
	struct bdev_channel *bdev_ch;
	unsigned i;

	fake->bdev.max_io_blocks = 8;
	fake_open(fake, &desc, &ch);
	bdev_ch = ebb_io_channel_ctx(ch);
	for (i = 0; i < REQUESTS - 2; i++) {
		ck_assert_int_eq(read_one(i), 0);
	}
	bdev_ch->reserve = NULL; /* as if other parents had it */
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 16, fake_done, &results[REQUESTS]), 0);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 16, fake_done, &results[REQUESTS + 1]),
			 -ENOMEM);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(results[REQUESTS].calls, 1);
	ck_assert_int_eq(results[REQUESTS].status, 0);

	/* Now with not even one part in flight. */
	for (i = 0; i < REQUESTS - 1; i++) {
		ck_assert_int_eq(read_one(i), 0);
	}
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 16, fake_done, &results[REQUESTS + 2]), 0);
	ck_assert_uint_eq(fake->num_held, REQUESTS - 1);
	fake_complete_all(fake, 0);
	stage_turns(2);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(results[REQUESTS + 2].calls, 1);
	ck_assert_int_eq(results[REQUESTS + 2].status, 0);
}
END_TEST

START_TEST(a_quiesced_channel_holds_new_requests)
{
	struct ebb_thread *thread = ebb_thread_current();
	unsigned i;

	fake->bdev.max_io_blocks = 4;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(read_one(0), 0);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 16, fake_done, &results[1]), 0);
	event_channels_quiesce(thread);
	ck_assert(!event_channels_quiet(thread));
	ck_assert_int_eq(read_one(2), 0);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 16, fake_done, &results[3]), 0);
	ck_assert_int_eq(ebb_bdev_flush(desc, ch, fake_done, &results[4]), 0);
	ck_assert_uint_eq(fake->num_records, 5); /* of requests 0 and 1 */
	fake_complete_all(fake, 0);
	ck_assert(event_channels_quiet(thread));
	ck_assert_uint_eq(results[0].calls, 1);
	ck_assert_uint_eq(results[1].calls, 1);
	for (i = 2; i < 5; i++) {
		ck_assert_uint_eq(results[i].calls, 0);
	}
	event_channels_resume(thread);
	ck_assert_uint_eq(fake->records[5].offset_blocks, 2);
	ck_assert_int_eq(fake->records[10].type, EBB_BDEV_FLUSH);
	fake_complete_all(fake, 0);
	for (i = 2; i < 5; i++) {
		ck_assert_uint_eq(results[i].calls, 1);
	}
	/* The short way is open again. */
	ck_assert_int_eq(read_one(5), 0);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(results[5].calls, 1);
}
END_TEST

START_TEST(an_idle_channel_is_quiet_at_once)
{
	struct ebb_thread *thread = ebb_thread_current();

	fake_open(fake, &desc, &ch);
	event_channels_quiesce(thread);
	ck_assert(event_channels_quiet(thread));
	event_channels_resume(thread);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(an_empty_pool_refuses_and_recovers),
		UNIT_TEST(its_size_is_the_default_after_the_run),
		UNIT_TEST(who_waits_is_served_in_order),
		UNIT_TEST(one_who_takes_nothing_holds_up_nobody),
		UNIT_TEST(who_waits_again_is_served_another_time),
		UNIT_TEST(waiting_for_what_is_there_ends_too),
		UNIT_TEST(a_pool_full_of_parents_gets_on),
		UNIT_TEST(parents_wait_for_requests_and_never_fail),
		UNIT_TEST(a_quiesced_channel_holds_new_requests),
		UNIT_TEST(an_idle_channel_is_quiet_at_once),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
