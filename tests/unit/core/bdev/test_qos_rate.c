/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits: exact, and shared fairly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/thread.h>

#include "core/method/wanted.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define MIB (1024u * 1024u)

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static char buf[1024 * FAKE_BLOCK] __attribute__((aligned(4096)));

/* Keeps @depth requests of @blocks in flight, on a thread of its own. */
struct user {
	struct ebb_thread *thread;
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	enum ebb_bdev_io_type type;
	uint64_t blocks;
	unsigned depth;
	unsigned under_way;
	uint64_t done;
	bool stop;
};

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

static void user_submit(struct user *user);

static void user_done(void *arg, int status)
{
	struct user *user = arg;

	ck_assert_int_eq(status, 0);
	user->done++;
	user->under_way--;
	fake->num_records = 0;
	user_submit(user);
}

static void user_submit(struct user *user)
{
	while (!user->stop && user->under_way < user->depth) {
		int rc = user->type == EBB_BDEV_READ
				 ? ebb_bdev_read(user->desc, user->ch, buf, 0, user->blocks,
						 user_done, user)
				 : ebb_bdev_write(user->desc, user->ch, buf, 0, user->blocks, 0,
						  user_done, user);

		ck_assert_int_eq(rc, 0);
		user->under_way++;
	}
}

static void user_begin(struct user *user, enum ebb_bdev_io_type type, uint64_t blocks,
		       unsigned depth)
{
	*user = (struct user){.type = type, .blocks = blocks, .depth = depth};
	user->thread = stage_thread("user");
	stage_enter(user->thread);
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &user->desc), 0);
	user->ch = ebb_bdev_channel_get(user->desc);
	ck_assert_ptr_nonnull(user->ch);
	user_submit(user);
	stage_enter(ebb_thread_app());
}

/* Once the limits are gone: what it has queued comes back, and it leaves. */
static void user_end(struct user *user)
{
	user->stop = true;
	stage_turns(4);
	ck_assert_uint_eq(user->under_way, 0);
	stage_enter(user->thread);
	ebb_io_channel_put(user->ch);
	ebb_bdev_close(user->desc);
	stage_enter(ebb_thread_app());
	stage_thread_exit(user->thread);
}

/* So many milliseconds pass, in steps of @step_us. */
static void pass(unsigned ms, unsigned step_us)
{
	uint64_t us;

	for (us = 0; us < ms * 1000ull; us += step_us) {
		stage_clock_advance(step_us * 1000ull);
		stage_turns(2);
	}
}

/* @count is @expected, to 2 %. */
static void is_about(uint64_t count, uint64_t expected)
{
	ck_assert_msg(count * 100 >= expected * 98 && count * 100 <= expected * 102,
		      "%llu, not about %llu", (unsigned long long)count,
		      (unsigned long long)expected);
}

START_TEST(a_rate_of_requests_is_exact)
{
	static const unsigned rates[] = {1000, 3000, 50000, 333000};
	unsigned ms = rates[_i] < 100000 ? 1000 : 200; /* fewer need longer to be exact */
	struct user user;
	char text[64];

	snprintf(text, sizeof(text), "'rw_ios_per_sec': %u", rates[_i]);
	limit(text);
	user_begin(&user, EBB_BDEV_READ, 1, 512);
	/* By steps of a polling reactor, by a timer that is late, and by one that is very late. */
	pass(ms, 50);
	is_about(user.done, (uint64_t)rates[_i] * ms / 1000);
	user.done = 0;
	pass(210, 1050);
	is_about(user.done, rates[_i] * 210ull / 1000);
	user.done = 0;
	/* As far as so many requests can be in flight. */
	if (rates[_i] <= 50000) {
		pass(2000, 8000);
		is_about(user.done, rates[_i] * 2ull);
	}
	limit("'rw_ios_per_sec': 0");
	user_end(&user);
}
END_TEST

START_TEST(a_rate_of_bytes_is_exact)
{
	struct user reader, writer;

	limit("'r_mbytes_per_sec': 8, 'w_mbytes_per_sec': 3");
	user_begin(&reader, EBB_BDEV_READ, 8, 32);
	user_begin(&writer, EBB_BDEV_WRITE, 128, 4);
	pass(2000, 250);
	is_about(reader.done * 4096, 16 * MIB);
	is_about(writer.done * 65536, 6 * MIB);
	limit("'r_mbytes_per_sec': 0, 'w_mbytes_per_sec': 0");
	user_end(&reader);
	user_end(&writer);
}
END_TEST

START_TEST(one_request_at_a_time_reaches_the_rate)
{
	struct user user;

	limit("'rw_ios_per_sec': 2000");
	user_begin(&user, EBB_BDEV_WRITE, 1, 1);
	pass(3000, 10);
	is_about(user.done, 6000);
	limit("'rw_ios_per_sec': 0");
	user_end(&user);
}
END_TEST

/* A timer that is late finds fewer that wait than might have gone: those that follow make up. */
START_TEST(few_requests_reach_the_rate_by_a_late_timer)
{
	struct user user;

	limit("'rw_ios_per_sec': 20000");
	user_begin(&user, EBB_BDEV_READ, 1, 32);
	pass(1300, 1300);
	is_about(user.done, 26000);
	user.done = 0;
	pass(3000, 3000);
	is_about(user.done, 60000);
	limit("'rw_ios_per_sec': 0");
	user_end(&user);
}
END_TEST

/* One that comes late to the others does not have the share that it has not wanted before. */
START_TEST(idleness_is_not_made_up_for_at_the_cost_of_others)
{
	struct user first, second;

	limit("'rw_ios_per_sec': 20000");
	user_begin(&second, EBB_BDEV_READ, 1, 1);
	second.stop = true;
	user_begin(&first, EBB_BDEV_READ, 1, 512);
	pass(500, 500);
	first.done = 0;
	second.done = 0;
	second.stop = false;
	second.depth = 512;
	stage_enter(second.thread);
	user_submit(&second);
	stage_enter(ebb_thread_app());
	pass(20, 500);
	ck_assert_uint_ge(first.done, 180);
	ck_assert_uint_ge(second.done, 180);
	limit("'rw_ios_per_sec': 0");
	user_end(&first);
	user_end(&second);
}
END_TEST

START_TEST(every_limit_holds)
{
	struct user reader, writer;

	/* 4 KiB: reads would reach 10 MiB, writes 5, but both together have 12. */
	limit("'rw_ios_per_sec': 100000, 'rw_mbytes_per_sec': 12, 'r_mbytes_per_sec': 10, "
	      "'w_mbytes_per_sec': 5");
	user_begin(&reader, EBB_BDEV_READ, 8, 32);
	user_begin(&writer, EBB_BDEV_WRITE, 8, 32);
	pass(2000, 100);
	ck_assert_uint_le(reader.done * 4096, 20 * MIB + MIB / 8);
	ck_assert_uint_le(writer.done * 4096, 10 * MIB + MIB / 8);
	is_about((reader.done + writer.done) * 4096, 24 * MIB);
	limit("'rw_ios_per_sec': 0, 'rw_mbytes_per_sec': 0, 'r_mbytes_per_sec': 0, "
	      "'w_mbytes_per_sec': 0");
	user_end(&reader);
	user_end(&writer);
}
END_TEST

START_TEST(idleness_is_not_made_up_for)
{
	struct user user = {.desc = desc, .ch = ch, .blocks = 1, .depth = 512};

	limit("'rw_ios_per_sec': 100000");
	pass(500, 100000);
	user_submit(&user);
	stage_turns(4);
	/* A slice, and the one that takes it beyond that. */
	ck_assert_uint_ge(user.done, 100);
	ck_assert_uint_le(user.done, 101);
	pass(1, 1000);
	ck_assert_uint_le(user.done, 202);
	user.stop = true;
	limit("'rw_ios_per_sec': 0");
	stage_turns(4);
	ck_assert_uint_eq(user.under_way, 0);
}
END_TEST

START_TEST(channels_have_the_same_share)
{
	struct user users[4];
	uint64_t sum = 0;
	unsigned i;

	limit("'rw_ios_per_sec': 40000");
	/* However many requests each has, as long as they are enough. */
	for (i = 0; i < 4; i++) {
		user_begin(&users[i], EBB_BDEV_READ, 1, 64u << i);
	}
	pass(100, 100);
	for (i = 0; i < 4; i++) {
		users[i].done = 0;
	}
	pass(1000, 100);
	for (i = 0; i < 4; i++) {
		ck_assert_msg(users[i].done > 9500 && users[i].done < 10500, "%llu of 40000",
			      (unsigned long long)users[i].done);
		sum += users[i].done;
	}
	is_about(sum, 40000);
	limit("'rw_ios_per_sec': 0");
	for (i = 0; i < 4; i++) {
		user_end(&users[i]);
	}
}
END_TEST

START_TEST(what_one_leaves_others_have_and_none_starves)
{
	struct user deep, shallow;

	limit("'rw_ios_per_sec': 20000");
	user_begin(&deep, EBB_BDEV_READ, 1, 512);
	user_begin(&shallow, EBB_BDEV_READ, 1, 1);
	pass(1000, 100);
	is_about(deep.done + shallow.done, 20000);
	/* It never waits for longer than a slice or two. */
	ck_assert_uint_ge(shallow.done, 450);
	limit("'rw_ios_per_sec': 0");
	user_end(&deep);
	user_end(&shallow);
}
END_TEST

START_TEST(a_new_channel_is_limited_too)
{
	struct user user;

	limit("'rw_ios_per_sec': 1000");
	ebb_io_channel_put(ch);
	stage_turns(4);
	pass(100, 1000);
	user_begin(&user, EBB_BDEV_READ, 1, 8);
	pass(1000, 1000);
	is_about(user.done, 1000);
	limit("'rw_ios_per_sec': 0");
	user_end(&user);
	ch = ebb_bdev_channel_get(desc);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(a_rate_of_requests_is_exact, 0, 4),
		UNIT_TEST(a_rate_of_bytes_is_exact),
		UNIT_TEST(one_request_at_a_time_reaches_the_rate),
		UNIT_TEST(few_requests_reach_the_rate_by_a_late_timer),
		UNIT_TEST(idleness_is_not_made_up_for_at_the_cost_of_others),
		UNIT_TEST(every_limit_holds),
		UNIT_TEST(idleness_is_not_made_up_for),
		UNIT_TEST(channels_have_the_same_share),
		UNIT_TEST(what_one_leaves_others_have_and_none_starves),
		UNIT_TEST(a_new_channel_is_limited_too),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
