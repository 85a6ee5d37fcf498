/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/move.h"
#include "core/event/thread_exit.h"

/* A thread changes its reactor; both reactors are stepped. */

#include <errno.h>

#include <ebb/io_channel.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;
static unsigned num_answers;
static int last_answer;

static char device;
static struct ebb_io_channel *channel;
static unsigned quiesces, resumes;
static bool quiet_at_once;

static void quiesce(void *ctx, struct ebb_io_channel *quiesced)
{
	ck_assert_ptr_eq(ebb_io_channel_from_ctx(ctx), quiesced);
	ck_assert_ptr_eq(ebb_thread_current(), thread);
	ck_assert_int_eq(ebb_reactor_current_core(), 0);
	quiesces++;
	if (quiet_at_once) {
		ebb_io_channel_quiesced(quiesced);
	}
}

static void resume(void *ctx, struct ebb_io_channel *resumed)
{
	ck_assert_ptr_eq(ebb_io_channel_from_ctx(ctx), resumed);
	ck_assert_ptr_eq(ebb_thread_current(), thread);
	resumes++;
}

static const struct ebb_io_device_ops ops = {
	.name = "disk0",
	.quiesce = quiesce,
	.resume = resume,
};

static void answer(void *arg, int rc)
{
	ck_assert_ptr_eq(ebb_thread_current(), arg);
	num_answers++;
	last_answer = rc;
}

static void setup(void)
{
	stepper_start_two();
	thread = stepper_thread("worker", 0);
	quiet_at_once = true;
}

static void teardown(void)
{
	if (event_reactors != NULL && atomic_load(&thread->state) == EVENT_THREAD_RUNNING) {
		stepper_enter(thread);
		if (channel != NULL) {
			ebb_io_channel_put(channel);
		}
		stepper_leave();
	}
	stepper_enter(ebb_thread_app());
	ebb_io_device_unregister(&device, NULL);
	stepper_leave();
	stepper_stop_forced();
}

static void begin_move(int core)
{
	stepper_enter(ebb_thread_app());
	ebb_thread_move(thread, core, answer, ebb_thread_app());
	stepper_leave();
	ck_assert_uint_eq(num_answers, 0);
}

static void check_answer(int rc)
{
	stepper_settle();
	ck_assert_uint_eq(num_answers, 1);
	ck_assert_int_eq(last_answer, rc);
	num_answers = 0;
}

static int core_of(void)
{
	return atomic_load(&thread->reactor)->core;
}

static void join_channel(void)
{
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&device, &ops), 0);
	stepper_enter(thread);
	channel = ebb_io_channel_get(&device);
	ck_assert_ptr_nonnull(channel);
	stepper_leave();
}

START_TEST(test_move)
{
	unsigned count = 0;

	begin_move(1);
	check_answer(0);
	ck_assert_int_eq(core_of(), 1);
	ck_assert_uint_eq(event_reactors[0].num_leaving, 0);
	ck_assert_uint_eq(event_reactors[1].num_leaving, 0);
	ebb_thread_send_msg(thread, stepper_count, &count);
	stepper_turn_of(0, true);
	ck_assert_uint_eq(count, 0);
	stepper_turn_of(1, true);
	ck_assert_uint_eq(count, 1);
	begin_move(0);
	check_answer(0);
	ck_assert_int_eq(core_of(), 0);
}
END_TEST

START_TEST(test_to_where_it_is)
{
	begin_move(0);
	check_answer(0);
	ck_assert_int_eq(core_of(), 0);
}
END_TEST

START_TEST(test_no_such_reactor)
{
	begin_move(9);
	check_answer(-EINVAL);
	ck_assert_int_eq(core_of(), 0);
}
END_TEST

START_TEST(test_exited)
{
	stepper_exit(thread);
	stepper_settle();
	begin_move(1);
	check_answer(-ESRCH);
}
END_TEST

START_TEST(test_exiting)
{
	unsigned polls = 0;
	struct ebb_poller *poller;

	stepper_enter(thread);
	poller = ebb_poller_register(stepper_poll_count, &polls, 1000); /* which it waits for */
	ebb_thread_exit();
	stepper_leave();
	begin_move(1);
	check_answer(-ESRCH);
	stepper_enter(thread);
	ebb_poller_unregister(&poller);
	stepper_leave();
}
END_TEST

START_TEST(test_busy)
{
	quiet_at_once = false;
	join_channel();
	begin_move(1);
	stepper_settle();
	ck_assert_uint_eq(num_answers, 0);
	begin_move(1);
	check_answer(-EBUSY);
	stepper_enter(thread);
	ebb_io_channel_quiesced(channel);
	stepper_leave();
	check_answer(0);
	ck_assert_int_eq(core_of(), 1);
}
END_TEST

/* Messages sent at any moment of the move run, in order, once. */
static char story[16];
static size_t story_len;

static void tell(void *letter)
{
	ck_assert_uint_lt(story_len, sizeof(story) - 1);
	story[story_len++] = (char)(uintptr_t)letter;
}

START_TEST(test_messages_meanwhile)
{
	ebb_thread_send_msg(thread, tell, (void *)'a');
	begin_move(1);
	ebb_thread_send_msg(thread, tell, (void *)'b');
	stepper_turn_of(0, true); /* it has left, and travels */
	ck_assert_int_eq(core_of(), 1);
	ck_assert_str_eq(story, "ab");
	ebb_thread_send_msg(thread, tell, (void *)'c');
	stepper_turn_of(0, true);
	ck_assert_str_eq(story, "ab");
	ebb_thread_send_msg(thread, tell, (void *)'d');
	stepper_turn_of(1, true);
	ck_assert_str_eq(story, "abcd");
	check_answer(0);
}
END_TEST

START_TEST(test_channel)
{
	join_channel();
	begin_move(1);
	check_answer(0);
	ck_assert_uint_eq(quiesces, 1);
	ck_assert_uint_eq(resumes, 1);
	ck_assert_int_eq(core_of(), 1);
}
END_TEST

/* A channel that comes into being while the move waits is asked to be quiet, like the others. */
START_TEST(test_channel_meanwhile)
{
	static char second;
	struct ebb_io_channel *fresh;

	quiet_at_once = false;
	join_channel();
	begin_move(1);
	stepper_settle();
	ck_assert_uint_eq(quiesces, 1);
	stepper_enter(thread);
	ck_assert_int_eq(ebb_io_device_register(&second, &ops), 0);
	fresh = ebb_io_channel_get(&second);
	ck_assert_uint_eq(quiesces, 2);
	ebb_io_channel_quiesced(channel);
	stepper_leave();
	stepper_settle();
	ck_assert_int_eq(core_of(), 0);
	stepper_enter(thread);
	ebb_io_channel_quiesced(fresh);
	stepper_leave();
	check_answer(0);
	ck_assert_uint_eq(resumes, 2);
	stepper_enter(thread);
	ebb_io_channel_put(fresh);
	ck_assert_int_eq(ebb_io_device_unregister(&second, NULL), 0);
	stepper_leave();
}
END_TEST

/* What was deferred runs where it was deferred. */
static void deferred_run(struct event_deferred *deferred)
{
	(void)deferred;
	ck_assert_int_eq(ebb_reactor_current_core(), 0);
	ck_assert_ptr_eq(ebb_thread_current(), thread);
	tell((void *)'d');
}

static struct event_deferred later = {.fn = deferred_run};

static void deferred_defer(struct event_deferred *deferred)
{
	(void)deferred;
	event_turn_defer(&later);
}

START_TEST(test_deferred)
{
	struct event_deferred first = {.fn = deferred_defer};

	begin_move(1);
	stepper_enter(thread);
	event_turn_defer(&first);
	stepper_leave();
	stepper_turn_of(0, true);
	ck_assert_int_eq(core_of(), 0); /* the second is still to run */
	stepper_turn_of(0, true);
	ck_assert_str_eq(story, "d");
	check_answer(0);
	ck_assert_int_eq(core_of(), 1);
}
END_TEST

/* Exit and move at once: whichever is first, the thread ends and the move is answered. */
START_TEST(test_exit_while_moving)
{
	quiet_at_once = false;
	join_channel();
	begin_move(1);
	stepper_settle();
	stepper_enter(thread);
	ebb_thread_exit();
	ebb_io_channel_put(channel);
	channel = NULL;
	stepper_leave();
	stepper_settle();
	ck_assert_int_eq(atomic_load(&thread->state), EVENT_THREAD_EXITED);
	ck_assert_uint_eq(num_answers, 1);
	ck_assert_int_eq(last_answer, -ESRCH);
	ck_assert_uint_eq(event_reactors[0].num_leaving + event_reactors[1].num_leaving, 0);
}
END_TEST

START_TEST(test_exit_while_travelling)
{
	begin_move(1);
	ebb_thread_send_msg(thread, event_thread_exit_tell, NULL);
	stepper_turn_of(0, true);
	stepper_settle();
	ck_assert_int_eq(atomic_load(&thread->state), EVENT_THREAD_EXITED);
	ck_assert_uint_eq(num_answers, 1);
	ck_assert_uint_eq(event_reactors[0].num_leaving + event_reactors[1].num_leaving, 0);
}
END_TEST

/* A channel that never becomes quiet holds up the move, and not the exit beyond its limit. */
START_TEST(test_forced_while_moving)
{
	quiet_at_once = false;
	join_channel();
	begin_move(1);
	stepper_settle();
	stepper_exit(thread);
	stepper_settle();
	ck_assert_int_eq(atomic_load(&thread->state), EVENT_THREAD_EXITING);
	stepper_advance_us(5100000);
	stepper_settle();
	ck_assert_int_eq(atomic_load(&thread->state), EVENT_THREAD_EXITED);
	ck_assert_uint_eq(log_count("channels (disk0)"), 1);
	ck_assert_uint_eq(num_answers, 1);
}
END_TEST

START_TEST(test_move_self)
{
	stepper_enter(thread);
	ebb_thread_move(thread, 1, answer, thread);
	stepper_leave();
	check_answer(0);
	ck_assert_int_eq(core_of(), 1);
	stepper_enter(thread);
	ebb_thread_move(thread, 0, NULL, NULL);
	stepper_leave();
	stepper_settle();
	ck_assert_int_eq(core_of(), 0);
}
END_TEST

/* Called on no thread there is nobody to answer: reported (rule 4), and nothing moves. */
START_TEST(test_no_thread)
{
	ebb_thread_move(thread, 1, answer, NULL);
	ebb_thread_set_cpumask(thread, "0x2", answer, NULL);
	ebb_reactor_set_mode(0, EBB_REACTOR_POLL, 0, answer, NULL);
	ck_assert_uint_eq(log_count("rule 4"), 3);
	stepper_settle();
	ck_assert_int_eq(core_of(), 0);
	ck_assert_uint_eq(num_answers, 0);
	ck_assert_int_eq(event_reactors[0].mode, EBB_REACTOR_INTERRUPT);
}
END_TEST

static void begin_mask(const char *cpumask)
{
	stepper_enter(ebb_thread_app());
	ebb_thread_set_cpumask(thread, cpumask, answer, ebb_thread_app());
	stepper_leave();
	ck_assert_uint_eq(num_answers, 0);
}

static void check_cpus(uint64_t expected)
{
	uint64_t found = 0;
	cpu_set_t cpus;

	event_thread_get_cpus(thread, &cpus);
	for (unsigned cpu = 0; cpu < 64; cpu++) {
		found |= CPU_ISSET(cpu, &cpus) ? 1ull << cpu : 0;
	}
	ck_assert_uint_eq(found, expected);
}

/* Nobody has said: where it is. A mask moves it there, and shows; what has no reactor is left out. */
START_TEST(test_mask)
{
	check_cpus(0x1);
	begin_mask("0x2");
	check_answer(0);
	ck_assert_int_eq(core_of(), 1);
	check_cpus(0x2);
	begin_mask("[0-63]");
	check_answer(0);
	ck_assert_int_eq(core_of(), 1); /* it is in the mask, and stays */
	check_cpus(0x3);
	begin_mask("0x1");
	check_answer(0);
	ck_assert_int_eq(core_of(), 0);
}
END_TEST

/* The channels are quiet first, as in every move. */
START_TEST(test_mask_with_channel)
{
	quiet_at_once = false;
	join_channel();
	begin_mask("0x2");
	stepper_settle();
	ck_assert_uint_eq(quiesces, 1);
	ck_assert_int_eq(core_of(), 0);
	begin_mask("0x1");
	check_answer(-EBUSY);
	check_cpus(0x2); /* the first one's */
	stepper_enter(thread);
	ebb_io_channel_quiesced(channel);
	stepper_leave();
	check_answer(0);
	ck_assert_int_eq(core_of(), 1);
	ck_assert_uint_eq(resumes, 1);
}
END_TEST

START_TEST(test_mask_persists)
{
	begin_mask("0x2");
	check_answer(0);
	begin_move(0);
	check_answer(-EPERM);
	ck_assert_int_eq(core_of(), 1);
	begin_move(1);
	check_answer(0);
	begin_mask("0x3");
	check_answer(0);
	begin_move(0);
	check_answer(0);
	ck_assert_int_eq(core_of(), 0);
	check_cpus(0x3);
}
END_TEST

START_TEST(test_mask_impossible)
{
	static const char *const masks[] = {"0x4", "0x", "0x0", "[2-9]", "", "[0", "all"};

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(masks); i++) {
		begin_mask(masks[i]);
		check_answer(-EINVAL);
	}
	ck_assert_int_eq(core_of(), 0);
	check_cpus(0x1);
	begin_move(1); /* and no mask has been set */
	check_answer(0);
	stepper_exit(thread);
	stepper_settle();
	begin_mask("0x1");
	check_answer(-ESRCH);
}
END_TEST

/* Threads with one mask are not all put on its first reactor. */
START_TEST(test_masks_spread)
{
	unsigned on_second = 0;

	stepper_stop();
	stepper_start_three();
	for (unsigned i = 0; i < 8; i++) {
		thread = stepper_thread("worker", 0);
		begin_mask("0x6");
		check_answer(0);
		ck_assert_int_ne(core_of(), 0);
		on_second += core_of() == 1;
	}
	ck_assert_uint_eq(on_second, 4);
}
END_TEST

START_TEST(test_mask_of_the_app_thread)
{
	thread = ebb_thread_app();
	begin_mask("0x2");
	stepper_settle();
	ck_assert_int_eq(core_of(), 1);
	ck_assert_uint_eq(num_answers, 1);
	ck_assert_int_eq(last_answer, 0);
}
END_TEST

/* Found by its number while it lives. */
START_TEST(test_find)
{
	uint64_t id = ebb_thread_id(thread);

	ck_assert_ptr_eq(ebb_thread_find(id), thread);
	ck_assert_ptr_eq(ebb_thread_find(ebb_thread_id(ebb_thread_app())), ebb_thread_app());
	ck_assert_ptr_null(ebb_thread_find(0));
	ck_assert_ptr_null(ebb_thread_find(UINT64_MAX));
	stepper_exit(thread);
	stepper_settle();
	ck_assert_ptr_null(ebb_thread_find(id));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_move),
		UNIT_TEST(test_to_where_it_is),
		UNIT_TEST(test_no_such_reactor),
		UNIT_TEST(test_exited),
		UNIT_TEST(test_exiting),
		UNIT_TEST(test_busy),
		UNIT_TEST(test_messages_meanwhile),
		UNIT_TEST(test_channel),
		UNIT_TEST(test_channel_meanwhile),
		UNIT_TEST(test_deferred),
		UNIT_TEST(test_exit_while_moving),
		UNIT_TEST(test_exit_while_travelling),
		UNIT_TEST(test_forced_while_moving),
		UNIT_TEST(test_move_self),
		UNIT_TEST(test_no_thread),
		UNIT_TEST(test_mask),
		UNIT_TEST(test_mask_with_channel),
		UNIT_TEST(test_mask_persists),
		UNIT_TEST(test_mask_impossible),
		UNIT_TEST(test_masks_spread),
		UNIT_TEST(test_mask_of_the_app_thread),
		UNIT_TEST(test_find),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
