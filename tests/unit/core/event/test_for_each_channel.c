/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/channel.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define COUNT 4

static char device;
static struct ebb_thread *threads[COUNT];
static struct ebb_io_channel *channels[COUNT];

/* The first letters of the threads visited; '.' when the round is over. */
static char story[64];
static int done_rc;
static struct ebb_channel_iter *held;

/* What the visits do. */
static char hold_at; /* keeps the iterator, to go on later */
static char fail_at; /* ends the round with -EIO */
static unsigned gone;

static void tell(char letter)
{
	size_t len = strlen(story);

	ck_assert_uint_lt(len, sizeof(story) - 1);
	story[len] = letter;
	story[len + 1] = '\0';
}

static void visit(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	char letter = ebb_thread_name(ebb_thread_current())[0];

	(void)arg;
	ck_assert_ptr_eq(ebb_io_channel_thread(channel), ebb_thread_current());
	tell(letter);
	if (letter == hold_at) {
		held = iter;
	} else {
		ebb_for_each_channel_next(iter, letter == fail_at ? -EIO : 0);
	}
}

static void done(void *caller, int rc)
{
	ck_assert_ptr_eq(ebb_thread_current(), caller);
	done_rc = rc;
	tell('.');
}

static void on_gone(void *arg)
{
	(void)arg;
	gone++;
}

static void put(unsigned i)
{
	stepper_enter(threads[i]);
	ebb_io_channel_put(channels[i]);
	stepper_leave();
	channels[i] = NULL;
}

static void setup(void)
{
	static const struct ebb_io_device_ops ops = {.name = "disk0"};
	static const char *const names[COUNT] = {"w", "x", "y", "z"};

	stepper_start();
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&device, &ops), 0);
	stepper_leave();
	for (unsigned i = 0; i < COUNT; i++) {
		threads[i] = stepper_thread(names[i], 0);
	}
	/* Not in the threads' order: the round goes by that all the same. */
	for (unsigned i = COUNT; i-- > 0;) {
		stepper_enter(threads[i]);
		channels[i] = ebb_io_channel_get(&device);
		ck_assert_ptr_nonnull(channels[i]);
	}
	stepper_leave();
}

static void unregister(void)
{
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_unregister(&device, on_gone), 0);
	stepper_leave();
}

static void teardown(void)
{
	if (event_reactors != NULL) {
		for (unsigned i = 0; i < COUNT; i++) {
			if (channels[i] != NULL) {
				put(i);
			}
		}
		stepper_enter(ebb_thread_app());
		ebb_io_device_unregister(&device, on_gone);
		stepper_leave();
	}
	stepper_stop();
	ck_assert_uint_eq(gone, 1);
}

static void begin(struct ebb_thread *caller)
{
	stepper_enter(caller);
	ebb_for_each_channel(&device, visit, caller, done);
	ck_assert_str_eq(story, "");
	stepper_leave();
}

/* The visit of x is held: only x ends it, and once. */
START_TEST(test_next_that_is_not_due)
{
	struct ebb_channel_iter *iter;

	hold_at = 'x';
	stepper_enter(ebb_thread_app());
	ebb_for_each_channel(&device, visit, ebb_thread_app(), done);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "wx");
	iter = held;
	stepper_enter(threads[0]);
	ebb_for_each_channel_next(iter, -EIO);
	stepper_leave();
	ebb_for_each_channel_next(iter, -EIO);
	ck_assert_uint_eq(log_count("ebb_for_each_channel_next() on 'a round over channels', which "
				    "belongs to thread 'x'"),
			  2);
	stepper_enter(threads[1]);
	ebb_for_each_channel_next(iter, 0);
	ebb_for_each_channel_next(iter, -EIO);
	stepper_leave();
	ck_assert_uint_eq(log_count("rule 2"), 3);
	stepper_settle();
	ck_assert_str_eq(story, "wxyz.");
	ck_assert_int_eq(done_rc, 0);
	stepper_enter(threads[1]);
	ebb_for_each_channel_next(iter, 0); /* the round is over, and its memory gone */
	stepper_leave();
	ck_assert_uint_eq(log_count("rule 2"), 4);
}
END_TEST

START_TEST(test_order)
{
	begin(ebb_thread_app());
	stepper_settle();
	ck_assert_str_eq(story, "wxyz.");
	ck_assert_int_eq(done_rc, 0);
}
END_TEST

START_TEST(test_from_among)
{
	begin(threads[2]);
	stepper_settle();
	ck_assert_str_eq(story, "wxyz.");
}
END_TEST

/* One that answers later holds up those after it, and nobody else. */
START_TEST(test_answers_later)
{
	hold_at = 'x';
	begin(threads[0]);
	stepper_settle();
	ck_assert_str_eq(story, "wx");
	stepper_enter(threads[1]);
	ebb_for_each_channel_next(held, 0);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "wxyz.");
}
END_TEST

START_TEST(test_fails)
{
	fail_at = 'x';
	begin(threads[3]);
	stepper_settle();
	ck_assert_str_eq(story, "wx.");
	ck_assert_int_eq(done_rc, -EIO);
}
END_TEST

START_TEST(test_not_registered)
{
	char unknown;

	stepper_enter(threads[0]);
	ebb_for_each_channel(&unknown, visit, threads[0], done);
	ck_assert_str_eq(story, "");
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, ".");
	ck_assert_int_eq(done_rc, -ENODEV);
}
END_TEST

START_TEST(test_being_unregistered)
{
	unregister();
	begin(threads[0]);
	stepper_settle();
	ck_assert_str_eq(story, ".");
	ck_assert_int_eq(done_rc, -ENODEV);
}
END_TEST

START_TEST(test_no_channels)
{
	for (unsigned i = 0; i < COUNT; i++) {
		put(i);
	}
	stepper_settle();
	begin(threads[0]);
	stepper_settle();
	ck_assert_str_eq(story, ".");
	ck_assert_int_eq(done_rc, 0);
}
END_TEST

/* The next channel goes, before its turn comes and when the message for it is under way. */
START_TEST(test_channel_goes)
{
	hold_at = 'w';
	begin(ebb_thread_app());
	stepper_settle();
	put(1);
	stepper_settle();
	stepper_enter(threads[0]);
	ebb_for_each_channel_next(held, 0); /* sends to y */
	stepper_leave();
	put(2);
	stepper_settle();
	ck_assert_str_eq(story, "wz.");
}
END_TEST

/* Put for the last time, but not yet destroyed: it is going, and is not visited. */
START_TEST(test_channel_going)
{
	begin(ebb_thread_app());
	put(0);
	stepper_settle();
	ck_assert_str_eq(story, "xyz.");
}
END_TEST

static void get_again(void *arg)
{
	ck_assert_ptr_eq(ebb_io_channel_get(&device), arg);
}

/* Put for the last time, and taken back before it was destroyed: then it is visited all the same. */
START_TEST(test_channel_taken_back)
{
	struct ebb_io_channel *channel = channels[0];

	begin(ebb_thread_app()); /* the visit's message is in the queue, */
	ck_assert_int_eq(ebb_thread_send_msg(threads[0], get_again, channel), 0); /* then this, */
	put(0); /* and then the message that would destroy it */
	channels[0] = channel;
	stepper_settle();
	ck_assert_str_eq(story, "wxyz.");
}
END_TEST

/* Destroyed in the middle of its own visit: the round goes on without it. */
START_TEST(test_put_in_visit)
{
	hold_at = 'x';
	begin(ebb_thread_app());
	stepper_settle();
	put(1);
	stepper_settle();
	stepper_enter(threads[1]);
	ebb_for_each_channel_next(held, 0);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "wxyz.");
}
END_TEST

START_TEST(test_thread_exits)
{
	hold_at = 'w';
	begin(ebb_thread_app());
	stepper_settle();
	put(1);
	stepper_exit(threads[1]);
	put(2);
	stepper_exit(threads[2]);
	stepper_settle();
	ck_assert_int_eq(atomic_load(&threads[1]->state), EVENT_THREAD_EXITED);
	stepper_enter(threads[0]);
	ebb_for_each_channel_next(held, 0);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "wz.");
}
END_TEST

/* With the visit's message in its queue when it exits. */
START_TEST(test_thread_exits_before_visit)
{
	begin(ebb_thread_app());
	put(0);
	stepper_exit(threads[0]);
	stepper_settle();
	ck_assert_str_eq(story, "xyz.");
}
END_TEST

/* A round holds the device: its end is put off to the end of the round. */
START_TEST(test_unregister_meanwhile)
{
	hold_at = 'x';
	begin(threads[0]);
	stepper_settle();
	unregister();
	for (unsigned i = 0; i < COUNT; i++) {
		put(i);
	}
	stepper_settle();
	ck_assert_uint_eq(gone, 0);
	stepper_enter(threads[1]);
	ebb_for_each_channel_next(held, 0);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "wx.");
	ck_assert_int_eq(done_rc, 0);
	ck_assert_uint_eq(gone, 1);
}
END_TEST

static void done_unregister(void *caller, int rc)
{
	done(caller, rc);
	ck_assert_int_eq(ebb_io_device_unregister(&device, on_gone), 0);
}

START_TEST(test_unregister_in_done)
{
	stepper_enter(threads[0]);
	ebb_for_each_channel(&device, visit, threads[0], done_unregister);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "wxyz.");
	for (unsigned i = 0; i < COUNT; i++) {
		put(i);
	}
	stepper_settle();
	ck_assert_uint_eq(gone, 1);
}
END_TEST

/* Shutdown begins meanwhile: the round still ends, once. */
START_TEST(test_shutdown_meanwhile)
{
	begin(threads[0]);
	stepper_turn();
	teardown();
	ck_assert_ptr_nonnull(strchr(story, '.'));
	ck_assert_ptr_eq(strchr(story, '.'), strrchr(story, '.'));
}
END_TEST

START_TEST(test_no_done)
{
	stepper_enter(threads[0]);
	ebb_for_each_channel(&device, visit, NULL, NULL);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "wxyz");
	ck_assert_uint_eq(threads[0]->answers_due, 0);
}
END_TEST

START_TEST(test_two_rounds)
{
	begin(threads[0]);
	stepper_enter(threads[3]);
	ebb_for_each_channel(&device, visit, threads[3], done);
	stepper_leave();
	stepper_settle();
	ck_assert_uint_eq(strlen(story), 10);
}
END_TEST

/* Called on no thread: reported (rule 4), and nothing is left behind. */
START_TEST(test_no_thread)
{
	ebb_for_each_channel(&device, visit, NULL, NULL);
	ck_assert_uint_eq(log_count("rule 4"), 1);
	stepper_settle();
	ck_assert_str_eq(story, "");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_next_that_is_not_due),
		UNIT_TEST(test_order),
		UNIT_TEST(test_from_among),
		UNIT_TEST(test_answers_later),
		UNIT_TEST(test_fails),
		UNIT_TEST(test_not_registered),
		UNIT_TEST(test_being_unregistered),
		UNIT_TEST(test_no_channels),
		UNIT_TEST(test_channel_goes),
		UNIT_TEST(test_channel_going),
		UNIT_TEST(test_channel_taken_back),
		UNIT_TEST(test_put_in_visit),
		UNIT_TEST(test_thread_exits),
		UNIT_TEST(test_thread_exits_before_visit),
		UNIT_TEST(test_unregister_meanwhile),
		UNIT_TEST(test_unregister_in_done),
		UNIT_TEST(test_shutdown_meanwhile),
		UNIT_TEST(test_no_done),
		UNIT_TEST(test_two_rounds),
		UNIT_TEST(test_no_thread),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
