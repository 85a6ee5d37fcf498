/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reactor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <ebb/violation.h>

#include "core/event/poller.h"
#include "core/event/send.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;
static struct ebb_poller *poller, *timed;
static char story[512];

static void tell(char letter)
{
	size_t len = strlen(story);

	ck_assert_uint_lt(len, sizeof(story) - 1);
	story[len] = letter;
	story[len + 1] = '\0';
}

static void tell_message(void *letter)
{
	tell((char)(uintptr_t)letter);
}

static int tell_poller(void *letter)
{
	tell((char)(uintptr_t)letter);
	return 0;
}

static void setup(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
}

static void teardown(void)
{
	if (event_reactors != NULL && !stepper_has_run()) {
		stepper_enter(thread);
		ebb_poller_unregister(&poller);
		ebb_poller_unregister(&timed);
		stepper_leave();
	}
	stepper_stop();
}

static void tell_deferred(struct event_deferred *deferred)
{
	ck_assert_ptr_eq(ebb_thread_current(), deferred->thread);
	tell('d');
}

static void defer(void *deferred)
{
	event_turn_defer(deferred);
}

/* Critical, messages, pollers of every turn, expired timers, what was deferred meanwhile. */
START_TEST(test_turn_order)
{
	struct event_deferred deferred = {.fn = tell_deferred};
	struct ebb_msg inbox;

	stepper_enter(thread);
	timed = ebb_poller_register(tell_poller, (void *)'t', 10);
	poller = ebb_poller_register(tell_poller, (void *)'p', 0);
	stepper_leave();
	ebb_thread_send_msg(thread, defer, &deferred);
	ebb_thread_send_msg(thread, tell_message, (void *)'m');
	ebb_thread_send_critical(thread, tell_message, (void *)'c');
	ebb_msg_init(&inbox, tell_message, (void *)'i');
	event_reactor_send(&event_reactors[0], &inbox);
	stepper_advance_us(10);
	stepper_turn();
	ck_assert_str_eq(story, "icmptd");
}
END_TEST

static struct event_deferred again;

static void defer_again(struct event_deferred *deferred)
{
	tell('a');
	if (strlen(story) < 3) {
		event_turn_defer(deferred);
	}
}

/* What a deferred completion defers runs a turn later: a turn ends. */
START_TEST(test_deferred_again)
{
	again.fn = defer_again;
	stepper_enter(thread);
	event_turn_defer(&again);
	stepper_leave();
	ck_assert(stepper_turn());
	ck_assert_str_eq(story, "a");
	ck_assert(stepper_turn());
	ck_assert_str_eq(story, "aa");
	ck_assert(stepper_turn());
	ck_assert(!stepper_turn());
	ck_assert_str_eq(story, "aaa");
}
END_TEST

START_TEST(test_deferred_order)
{
	struct event_deferred deferred[4];

	for (unsigned i = 0; i < 4; i++) {
		deferred[i].fn = tell_deferred;
		stepper_enter(i % 2 == 0 ? thread : ebb_thread_app());
		event_turn_defer(&deferred[i]);
		stepper_leave();
	}
	ck_assert(stepper_turn());
	ck_assert_str_eq(story, "dddd");
	ck_assert_ptr_null(ebb_thread_current());
}
END_TEST

static void tell_end(struct ebb_turn_end *end)
{
	ck_assert_ptr_null(ebb_thread_current());
	end->next = NULL;
	tell('e');
}

static void end_and_defer(void *end)
{
	static struct event_deferred deferred = {.fn = tell_deferred};

	ebb_reactor_at_turn_end(end);
	event_turn_defer(&deferred);
}

/* After all that could submit; once for each that asked; and before the reactor sleeps. */
START_TEST(test_turn_end)
{
	struct ebb_turn_end ends[2] = {{.fn = tell_end}, {.fn = tell_end}};

	ebb_thread_send_msg(thread, end_and_defer, &ends[0]);
	stepper_enter(thread);
	ebb_reactor_at_turn_end(&ends[1]);
	stepper_leave();
	stepper_turn();
	ck_assert_str_eq(story, "dee");
	stepper_turn();
	ck_assert_str_eq(story, "dee");
	ebb_thread_send_msg(thread, end_and_defer, &ends[0]);
	ebb_thread_send_msg(thread, (ebb_msg_fn)event_framework_stop, NULL);
	stepper_run();
	ck_assert_str_eq(story, "deede");
}
END_TEST

static _Atomic unsigned clock_readings;

static uint64_t counting_clock(void)
{
	atomic_fetch_add(&clock_readings, 1);
	return stepper_now_ns();
}

static void check_now(void *arg)
{
	(void)arg;
	ck_assert_uint_eq(ebb_reactor_now_ns(), stepper_now_ns());
}

START_TEST(test_now)
{
	ebb_thread_send_msg(thread, check_now, NULL);
	stepper_advance_us(123);
	stepper_turn();
	/* An idle turn reads the clock once, whatever a reading takes. */
	ebb_clock_set_source(counting_clock);
	stepper_turn();
	ck_assert_uint_le(atomic_load(&clock_readings), 3);
	ebb_clock_set_source(stepper_now_ns);
}
END_TEST

static void take_long(void *arg)
{
	stepper_advance_us(*(const uint64_t *)arg);
}

static int work_a_while(void *arg)
{
	stepper_advance_us(100);
	return *(int *)arg;
}

/* Busy is what callbacks took that did something; all else is idle, awake or asleep. */
START_TEST(test_busy_time)
{
	struct ebb_reactor_stats before, after;
	struct ebb_thread_stats stats;
	uint64_t us = 300;
	int rc = 1;

	ck_assert_int_eq(ebb_reactor_get_stats(0, &before), 0);
	ebb_thread_send_msg(thread, take_long, &us);
	stepper_turn();
	stepper_enter(thread);
	poller = ebb_poller_register(work_a_while, &rc, 0);
	stepper_leave();
	stepper_turn();
	stepper_turn();
	rc = 0;
	stepper_turn();
	stepper_turn();
	stepper_turn();
	stepper_advance_us(1000);
	rc = 1;
	stepper_turn();
	rc = 0;
	stepper_turn();
	stepper_turn();
	ck_assert_int_eq(ebb_reactor_get_stats(0, &after), 0);
	ck_assert_uint_eq(after.busy_ns - before.busy_ns, 600 * EBB_NS_PER_US);
	ck_assert_uint_eq(after.idle_ns - before.idle_ns, (5 * 100 + 1000) * EBB_NS_PER_US);
	ck_assert_uint_eq(after.turns - before.turns, 9);
	stepper_enter(thread);
	ebb_thread_get_stats(thread, &stats);
	ck_assert_uint_eq(stats.busy_ns, 600 * EBB_NS_PER_US);
}
END_TEST

static int work_longer(void *arg)
{
	stepper_advance_us(400);
	return *(int *)arg;
}

/* Each of a reactor's threads has the time of its own callbacks, and no other's. */
START_TEST(test_busy_time_of_each)
{
	struct ebb_thread *other = stepper_thread("other", 0);
	struct ebb_poller *longer;
	struct ebb_reactor_stats before, after;
	struct ebb_thread_stats mine, theirs;
	int rc = 1, longer_rc = 0;

	stepper_settle();
	ck_assert_int_eq(ebb_reactor_get_stats(0, &before), 0);
	stepper_enter(thread);
	poller = ebb_poller_register(work_a_while, &rc, 0);
	stepper_enter(other);
	longer = ebb_poller_register(work_longer, &longer_rc, 0);
	stepper_leave();
	stepper_turn();
	rc = 0;
	longer_rc = 1;
	stepper_turn();
	longer_rc = 0;
	stepper_turn(); /* the time of a turn is counted when the next begins */
	stepper_enter(thread);
	ebb_thread_get_stats(thread, &mine);
	stepper_enter(other);
	ebb_thread_get_stats(other, &theirs);
	ebb_poller_unregister(&longer);
	stepper_leave();
	ck_assert_int_eq(ebb_reactor_get_stats(0, &after), 0);
	ck_assert_uint_eq(mine.busy_ns, 100 * EBB_NS_PER_US);
	ck_assert_uint_eq(theirs.busy_ns, 400 * EBB_NS_PER_US);
	ck_assert_uint_eq(after.busy_ns - before.busy_ns, 500 * EBB_NS_PER_US);
}
END_TEST

START_TEST(test_stats)
{
	struct ebb_reactor_stats stats = {.core = 77};

	ck_assert_int_eq(ebb_reactor_get_stats(5, &stats), -EINVAL);
	ck_assert_int_eq(stats.core, 77);
	ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
	ck_assert_int_eq(stats.core, 0);
	ck_assert_int_eq(stats.tid, gettid());
	ck_assert_int_eq(stats.mode, EBB_REACTOR_INTERRUPT);
	ck_assert_str_eq(stats.last_wake, "none");
	ck_assert(!stats.asleep);
	ck_assert_int_eq(ebb_reactor_core(0), 0);
	ck_assert_int_eq(ebb_reactor_core(1), -1);
	ck_assert_int_eq(ebb_reactor_current_core(), 0);
}
END_TEST

/* A sender writes the eventfd once for a reactor that sleeps, and never for one that is awake. */
START_TEST(test_notify_once)
{
	struct event_reactor *reactor = &event_reactors[0];
	uint64_t count;

	ebb_thread_send_msg(thread, tell_message, (void *)'1');
	ck_assert_int_eq(read(reactor->event_fd, &count, sizeof(count)), -1);
	ck_assert_int_eq(errno, EAGAIN);
	atomic_store(&reactor->asleep, 1);
	ebb_thread_send_msg(thread, tell_message, (void *)'2');
	ck_assert_uint_eq(atomic_load(&reactor->asleep), 0);
	ebb_thread_send_msg(thread, tell_message, (void *)'3');
	ck_assert_int_eq(read(reactor->event_fd, &count, sizeof(count)), sizeof(count));
	ck_assert_uint_eq(count, 1);
	stepper_turn();
	ck_assert_str_eq(story, "123");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_turn_order),
		UNIT_TEST(test_deferred_again),
		UNIT_TEST(test_deferred_order),
		UNIT_TEST(test_now),
		UNIT_TEST(test_busy_time),
		UNIT_TEST(test_busy_time_of_each),
		UNIT_TEST(test_stats),
		UNIT_TEST(test_notify_once),
		UNIT_TEST(test_turn_end),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
