/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/move.h"

/* What wakes a thread moves with it; both reactors are stepped. */

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/event/poller.h"
#include "core/event/poller_timer.h"
#include "core/event/source.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;
static struct ebb_poller *poller, *timed;
static unsigned runs, timed_runs, num_answers;
static int last_answer;
static int wake_fd;
static int face = -1; /* what set_interrupt() said last */
static int face_refusal;

static int run(void *arg)
{
	(void)arg;
	runs++;
	return 0;
}

static int set_interrupt(void *arg, bool on)
{
	(void)arg;
	if (on && face_refusal != 0) {
		return face_refusal;
	}
	face = on;
	return 0;
}

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
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(wake_fd, 0);
}

static void teardown(void)
{
	stepper_enter(thread);
	ebb_poller_unregister(&poller);
	ebb_poller_unregister(&timed);
	stepper_leave();
	stepper_stop();
	close(wake_fd);
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

static void join_poller(void)
{
	struct ebb_poller_wake wake = {.fd = wake_fd, .set_interrupt = set_interrupt};

	stepper_enter(thread);
	poller = ebb_poller_register_wake(run, NULL, &wake);
	ck_assert_ptr_nonnull(poller);
	stepper_leave();
}

/* Asks @reactor's epoll set; returns the source that an event stands for, or NULL. */
static struct event_source *waiting_source(struct event_reactor *reactor)
{
	struct epoll_event events[8];
	int count = epoll_wait(reactor->epoll_fd, events, 8, 0);

	for (int i = 0; i < count; i++) {
		struct event_source *source =
			base_handle_find(&reactor->sources, events[i].data.u64);

		if (source != NULL && source != &reactor->event_source) {
			return source;
		}
	}
	return NULL;
}

START_TEST(test_wake_source)
{
	uint64_t one = 1;

	join_poller();
	ck_assert_int_eq(write(wake_fd, &one, sizeof(one)), sizeof(one));
	ck_assert_ptr_eq(waiting_source(&event_reactors[0]), &poller->source);
	begin_move(1);
	check_answer(0);
	ck_assert_ptr_null(waiting_source(&event_reactors[0]));
	ck_assert_ptr_eq(waiting_source(&event_reactors[1]), &poller->source);
	ck_assert_int_eq(face, true);
}
END_TEST

/* An event that the old reactor has in hand when the thread leaves meets nothing there. */
START_TEST(test_stale_event)
{
	struct epoll_event events[8];
	uint64_t one = 1;
	int count;

	join_poller();
	ck_assert_int_eq(write(wake_fd, &one, sizeof(one)), sizeof(one));
	count = epoll_wait(event_reactors[0].epoll_fd, events, 8, 0);
	ck_assert_int_ge(count, 1);
	begin_move(1);
	check_answer(0);
	for (int i = 0; i < count; i++) {
		ck_assert_ptr_ne(base_handle_find(&event_reactors[0].sources, events[i].data.u64),
				 &poller->source);
	}
}
END_TEST

/* Paused while it moves: its source joins the new reactor when it is resumed. */
START_TEST(test_paused_poller)
{
	uint64_t one = 1;

	join_poller();
	stepper_enter(thread);
	ebb_poller_pause(poller);
	stepper_leave();
	ck_assert_int_eq(write(wake_fd, &one, sizeof(one)), sizeof(one));
	begin_move(1);
	check_answer(0);
	ck_assert_ptr_null(waiting_source(&event_reactors[1]));
	runs = 0;
	stepper_enter(thread);
	ebb_poller_resume(poller);
	stepper_leave();
	ck_assert_ptr_eq(waiting_source(&event_reactors[1]), &poller->source);
	ck_assert_ptr_null(waiting_source(&event_reactors[0]));
	stepper_turn_of(1, true);
	ck_assert_uint_eq(runs, 1);
}
END_TEST

START_TEST(test_timer)
{
	int fd;

	stepper_enter(thread);
	timed = ebb_poller_register(stepper_poll_count, &timed_runs, 1000);
	ck_assert_int_eq(event_pollers_arm_timer(thread), 0);
	fd = thread->timer_source.fd;
	stepper_leave();
	stepper_advance_us(500);
	begin_move(1);
	check_answer(0);
	ck_assert_int_eq(thread->timer_source.fd, -1);
	ck_assert_uint_eq(thread->timer_armed_ns, 0);
	ck_assert_int_eq(close(fd), -1);
	/* The period goes on where it was. */
	stepper_advance_us(499);
	stepper_settle();
	ck_assert_uint_eq(timed_runs, 0);
	stepper_advance_us(1);
	stepper_turn_of(0, true);
	ck_assert_uint_eq(timed_runs, 0);
	stepper_turn_of(1, true);
	ck_assert_uint_eq(timed_runs, 1);
	stepper_enter(thread);
	ck_assert_int_eq(event_pollers_arm_timer(thread), 0);
	stepper_leave();
	ck_assert_ptr_eq(waiting_source(&event_reactors[1]), &thread->timer_source);
	ck_assert_ptr_null(waiting_source(&event_reactors[0]));
}
END_TEST

/* The new reactor may wait in another way than the old. */
static void set_mode(unsigned index, enum ebb_reactor_mode mode)
{
	stepper_enter(ebb_thread_app());
	ebb_reactor_set_mode((int)index, mode, 0, answer, ebb_thread_app());
	stepper_leave();
	check_answer(0);
}

START_TEST(test_modes)
{
	set_mode(0, EBB_REACTOR_POLL);
	join_poller();
	ck_assert_int_eq(face, -1);
	begin_move(1);
	check_answer(0);
	ck_assert_int_eq(face, true);
	begin_move(0);
	check_answer(0);
	ck_assert_int_eq(face, false);
}
END_TEST

/* A source that cannot wake its new reactor keeps it awake: nothing is lost in its sleep. */
START_TEST(test_mode_refused)
{
	set_mode(0, EBB_REACTOR_POLL);
	join_poller();
	face_refusal = -EIO;
	begin_move(1);
	check_answer(0);
	ck_assert_uint_eq(thread->num_blocking, 1);
	ck_assert_uint_ge(log_count("'worker'") + log_count("'run'"), 1);
}
END_TEST

/* What keeps a reactor awake keeps the other one awake, and not this one any more. */
START_TEST(test_blocker_moves)
{
	stepper_enter(thread);
	poller = ebb_poller_register(run, NULL, 0);
	stepper_leave();
	ck_assert_uint_eq(thread->num_blocking, 1);
	begin_move(1);
	check_answer(0);
	ck_assert_uint_eq(thread->num_blocking, 1);
	runs = 0;
	stepper_turn_of(0, true);
	ck_assert_uint_eq(runs, 0);
	stepper_turn_of(1, true);
	ck_assert_uint_eq(runs, 1);
	stepper_enter(thread);
	ebb_poller_unregister(&poller);
	stepper_leave();
	ck_assert_uint_eq(thread->num_blocking, 0);
}
END_TEST

/* A source that is gone when its poller is resumed cannot wake anybody: the poller stays awake. */
START_TEST(test_resumed_without_its_source)
{
	join_poller();
	stepper_enter(thread);
	ebb_poller_pause(poller);
	ck_assert_uint_eq(thread->num_blocking, 0);
	close(wake_fd);
	ebb_poller_resume(poller);
	stepper_leave();
	ck_assert_uint_eq(thread->num_blocking, 1);
	ck_assert_uint_eq(log_count("its wake source is lost"), 1);
	runs = 0;
	stepper_turn_of(0, true);
	ck_assert_uint_eq(runs, 1);
	stepper_enter(thread);
	ebb_poller_unregister(&poller);
	stepper_leave();
	ck_assert_uint_eq(thread->num_blocking, 0);
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_wake_source),
		UNIT_TEST(test_stale_event),
		UNIT_TEST(test_paused_poller),
		UNIT_TEST(test_timer),
		UNIT_TEST(test_modes),
		UNIT_TEST(test_mode_refused),
		UNIT_TEST(test_blocker_moves),
		UNIT_TEST(test_resumed_without_its_source),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
