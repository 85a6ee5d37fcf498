/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller_timer.h"
#include "core/event/reactor.h"

#include <errno.h>
#include <string.h>

#include "core/event/poller.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

/* A source that notes, and may refuse, what face it is to show. */
struct face {
	struct ebb_poller *poller;
	int interrupt; /* -1: never asked */
	unsigned asked;
	int refuse; /* what true is answered with */
};

static struct ebb_thread *thread, *other;
static struct face faces[4];
static int answers[8];
static unsigned num_answers;
static struct ebb_poller *timed;
static unsigned timed_runs;

static int set_interrupt(void *arg, bool on)
{
	struct face *face = arg;

	face->asked++;
	if (on && face->refuse != 0) {
		return face->refuse;
	}
	face->interrupt = on;
	return 0;
}

static int run_face(void *arg)
{
	(void)arg;
	return 0;
}

static void answer(void *arg, int rc)
{
	ck_assert_ptr_eq(ebb_thread_current(), arg);
	answers[num_answers++] = rc;
}

static void request(struct ebb_thread *from, int core, enum ebb_reactor_mode mode, uint32_t spin_us)
{
	stepper_enter(from);
	ebb_reactor_set_mode(core, mode, spin_us, answer, from);
	stepper_leave();
}

/* Two faces on one thread, the second of them paused, and two on another. */
static void setup(void)
{
	struct ebb_poller_wake wake = {.fd = -1, .set_interrupt = set_interrupt};

	stepper_start();
	thread = stepper_thread("worker", 0);
	other = stepper_thread("other", 0);
	for (unsigned i = 0; i < 4; i++) {
		faces[i] = (struct face){.interrupt = -1};
		stepper_enter(i < 2 ? thread : other);
		faces[i].poller = ebb_poller_register_wake(run_face, &faces[i], &wake);
		ck_assert_ptr_nonnull(faces[i].poller);
		ck_assert_int_eq(faces[i].interrupt, true);
		faces[i].asked = 0;
		if (i == 1) {
			ebb_poller_pause(faces[i].poller);
		}
	}
	stepper_leave();
}

static void teardown(void)
{
	for (unsigned i = 0; i < 4; i++) {
		stepper_enter(i < 2 ? thread : other);
		ebb_poller_unregister(&faces[i].poller);
	}
	stepper_enter(thread);
	ebb_poller_unregister(&timed);
	stepper_leave();
	stepper_stop();
}

static void check_faces(int interrupt, unsigned asked)
{
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(faces[i].interrupt, interrupt);
		ck_assert_uint_eq(faces[i].asked, asked);
		faces[i].asked = 0;
	}
}

static void check_answer(int rc)
{
	ck_assert_uint_eq(num_answers, 0);
	stepper_settle();
	ck_assert_uint_eq(num_answers, 1);
	ck_assert_int_eq(answers[0], rc);
	num_answers = 0;
}

static void check_mode(enum ebb_reactor_mode mode, uint32_t spin_us_max)
{
	struct ebb_reactor_stats stats;

	ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
	ck_assert_int_eq(stats.mode, mode);
	ck_assert_uint_eq(stats.spin_us_max, spin_us_max);
}

START_TEST(test_change)
{
	request(thread, 0, EBB_REACTOR_POLL, 0);
	check_answer(0);
	check_mode(EBB_REACTOR_POLL, 0);
	check_faces(false, 1);
	request(thread, 0, EBB_REACTOR_ADAPTIVE, 70);
	check_answer(0);
	check_mode(EBB_REACTOR_ADAPTIVE, 70);
	check_faces(true, 1);
	ck_assert_uint_eq(event_reactors[0].plan.look_ns, 70 * EBB_NS_PER_US);
	/* From one that may sleep to another: the sources need not hear of it. */
	request(thread, 0, EBB_REACTOR_INTERRUPT, 0);
	check_answer(0);
	check_mode(EBB_REACTOR_INTERRUPT, 70);
	check_faces(true, 0);
}
END_TEST

static void request_plan(int core, uint64_t sleep_ns, uint64_t look_ns)
{
	stepper_enter(thread);
	ebb_reactor_set_plan(core, sleep_ns, look_ns, answer, thread);
	stepper_leave();
}

static void check_plan(uint64_t sleep_ns, uint64_t look_ns)
{
	struct ebb_reactor_stats stats;

	ck_assert_int_eq(ebb_reactor_get_stats(0, &stats), 0);
	ck_assert_uint_eq(stats.sleep_ns, sleep_ns);
	ck_assert_uint_eq(stats.look_ns, look_ns);
	ck_assert_uint_eq(event_reactors[0].plan.sleep_ns, sleep_ns);
	ck_assert_uint_eq(event_reactors[0].plan.look_ns, look_ns);
}

/* A fixed plan is the adaptive mode's until the next change, and the budget is kept meanwhile. */
START_TEST(test_plan)
{
	check_plan(0, 0);
	request(thread, 0, EBB_REACTOR_POLL, 70);
	check_answer(0);
	check_plan(0, EBB_REACTOR_FOREVER);
	check_faces(false, 1);
	request_plan(0, 30000, 65000);
	check_answer(0);
	check_mode(EBB_REACTOR_ADAPTIVE, 70);
	check_plan(30000, 65000);
	check_faces(true, 1);
	request_plan(0, 0, EBB_REACTOR_FOREVER);
	check_answer(0);
	check_mode(EBB_REACTOR_ADAPTIVE, 70);
	check_plan(0, EBB_REACTOR_FOREVER);
	check_faces(true, 0);
	request(thread, 0, EBB_REACTOR_ADAPTIVE, 0);
	check_answer(0);
	check_mode(EBB_REACTOR_ADAPTIVE, 70);
	check_plan(0, 70000);
}
END_TEST

START_TEST(test_plan_refused)
{
	request(thread, 0, EBB_REACTOR_POLL, 70);
	check_answer(0);
	/* No such reactor; another change under way; a source that cannot sleep. */
	request_plan(77, 0, 0);
	check_answer(-EINVAL);
	faces[2].refuse = -ENOTTY;
	request_plan(0, 30000, 65000);
	request_plan(0, 1000, 2000);
	stepper_settle();
	ck_assert_uint_eq(num_answers, 2);
	ck_assert_int_eq(answers[0] + answers[1], -EBUSY - ENOTTY);
	num_answers = 0;
	check_mode(EBB_REACTOR_POLL, 70);
	check_plan(0, EBB_REACTOR_FOREVER);
	ebb_reactor_set_plan(0, 0, 0, answer, NULL); /* on no thread */
	ck_assert(logged("ebb_reactor_set_plan"));
}
END_TEST

/* The spin budget is the adaptive mode's; given with another one, it is there for that. */
START_TEST(test_spin_is_kept)
{
	request(thread, 0, EBB_REACTOR_POLL, 70);
	check_answer(0);
	check_mode(EBB_REACTOR_POLL, 70);
	request(thread, 0, EBB_REACTOR_ADAPTIVE, 0);
	check_answer(0);
	check_mode(EBB_REACTOR_ADAPTIVE, 70);
	ck_assert_uint_eq(event_reactors[0].plan.look_ns, 70 * EBB_NS_PER_US);
}
END_TEST

START_TEST(test_same_mode)
{
	request(thread, 0, EBB_REACTOR_INTERRUPT, 0);
	check_answer(0);
	check_faces(true, 0);
	request(thread, 0, EBB_REACTOR_POLL, 0);
	check_answer(0);
	check_faces(false, 1);
	request(thread, 0, EBB_REACTOR_POLL, 0);
	check_answer(0);
	check_faces(false, 0);
}
END_TEST

START_TEST(test_no_such_reactor)
{
	request(thread, 9, EBB_REACTOR_POLL, 0);
	check_answer(-EINVAL);
	check_mode(EBB_REACTOR_INTERRUPT, 0);
	check_faces(true, 0);
}
END_TEST

START_TEST(test_busy)
{
	request(thread, 0, EBB_REACTOR_POLL, 0);
	request(other, 0, EBB_REACTOR_ADAPTIVE, 0);
	ck_assert_uint_eq(num_answers, 0);
	stepper_settle();
	ck_assert_uint_eq(num_answers, 2);
	ck_assert(answers[0] == -EBUSY || answers[1] == -EBUSY);
	ck_assert(answers[0] == 0 || answers[1] == 0);
	check_mode(EBB_REACTOR_POLL, 0);
	num_answers = 0;
	/* And then again it is not. */
	request(other, 0, EBB_REACTOR_ADAPTIVE, 0);
	check_answer(0);
}
END_TEST

START_TEST(test_many_times)
{
	for (unsigned i = 0; i < 300; i++) {
		enum ebb_reactor_mode mode = (enum ebb_reactor_mode)(i % EBB_REACTOR_MODE_COUNT);

		request(i % 2 == 0 ? thread : other, 0, mode, 0);
		check_answer(0);
		check_mode(mode, 0);
	}
	/* 100 times into poll mode and as often out of it; the last mode is adaptive. */
	check_faces(true, 200);
}
END_TEST

/* One source cannot: the mode stays, and every source is as it was. */
static void check_refusal(unsigned refuser)
{
	request(thread, 0, EBB_REACTOR_POLL, 0);
	check_answer(0);
	faces[refuser].refuse = -ENOTSUP;
	request(thread, 0, EBB_REACTOR_INTERRUPT, 33);
	check_answer(-ENOTSUP);
	check_mode(EBB_REACTOR_POLL, 0);
	ck_assert(!event_reactors[0].interruptible);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(faces[i].interrupt, false);
	}
	faces[refuser].refuse = 0;
	request(thread, 0, EBB_REACTOR_INTERRUPT, 33);
	check_answer(0);
	check_mode(EBB_REACTOR_INTERRUPT, 33);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(faces[i].interrupt, true);
	}
}

/* In poll mode a new source is not told to be interruptible; the change tells it. */
START_TEST(test_register_in_poll_mode)
{
	struct ebb_poller_wake wake = {.fd = -1, .set_interrupt = set_interrupt};

	request(thread, 0, EBB_REACTOR_POLL, 0);
	check_answer(0);
	stepper_enter(thread);
	ebb_poller_unregister(&faces[0].poller);
	faces[0] = (struct face){.interrupt = -1};
	faces[0].poller = ebb_poller_register_wake(run_face, &faces[0], &wake);
	stepper_leave();
	ck_assert_int_eq(faces[0].interrupt, -1);
	request(thread, 0, EBB_REACTOR_INTERRUPT, 0);
	check_answer(0);
	ck_assert_int_eq(faces[0].interrupt, true);
}
END_TEST

/* No timer stays armed for a reactor that polls. */
START_TEST(test_timer_disarmed)
{
	stepper_enter(thread);
	timed = ebb_poller_register(stepper_poll_count, &timed_runs, 1000);
	ck_assert_int_eq(event_pollers_arm_timer(thread), 0);
	ck_assert_uint_ne(thread->timer_armed_ns, 0);
	stepper_leave();
	request(thread, 0, EBB_REACTOR_POLL, 0);
	check_answer(0);
	ck_assert_uint_eq(thread->timer_armed_ns, 0);
	stepper_advance_us(1000);
	stepper_turn();
	ck_assert_uint_eq(timed_runs, 1);
}
END_TEST

/* Whoever asked has exited: nobody to answer, and nothing else is disturbed. */
START_TEST(test_requester_exits)
{
	struct ebb_thread *brief = stepper_thread("brief", 0);

	request(brief, 0, EBB_REACTOR_POLL, 0);
	stepper_exit(brief);
	stepper_settle();
	check_mode(EBB_REACTOR_POLL, 0);
	ck_assert_uint_le(num_answers, 1);
	num_answers = 0;
	request(thread, 0, EBB_REACTOR_INTERRUPT, 0);
	check_answer(0);
}
END_TEST

static unsigned num_poll_blockers;

static void note_blocker(const char *blocked, const char *poller, const char *reason, void *arg)
{
	(void)blocked;
	(void)poller;
	(void)arg;
	num_poll_blockers += strstr(reason, "poll mode") != NULL;
}

START_TEST(test_blockers)
{
	stepper_enter(thread);
	ebb_reactor_for_each_blocker(note_blocker, NULL);
	stepper_leave();
	ck_assert_uint_eq(num_poll_blockers, 0);
	request(thread, 0, EBB_REACTOR_POLL, 0);
	check_answer(0);
	stepper_enter(thread);
	ebb_reactor_for_each_blocker(note_blocker, NULL);
	stepper_leave();
	ck_assert_uint_eq(num_poll_blockers, 1);
}
END_TEST

START_TEST(test_names)
{
	enum ebb_reactor_mode mode = EBB_REACTOR_MODE_COUNT;

	for (unsigned i = 0; i < EBB_REACTOR_MODE_COUNT; i++) {
		const char *name = ebb_reactor_mode_name((enum ebb_reactor_mode)i);

		ck_assert(ebb_reactor_mode_parse(name, &mode));
		ck_assert_uint_eq(mode, i);
	}
	ck_assert(ebb_reactor_mode_parse("poll", &mode));
	ck_assert_int_eq(mode, EBB_REACTOR_POLL);
	ck_assert(!ebb_reactor_mode_parse("Poll", &mode));
	ck_assert(!ebb_reactor_mode_parse("", &mode));
	ck_assert(!ebb_reactor_mode_parse("polling", &mode));
	ck_assert_int_eq(mode, EBB_REACTOR_POLL);
}
END_TEST

START_TEST(test_refused_first)
{
	check_refusal(0);
}
END_TEST

START_TEST(test_refused_paused)
{
	check_refusal(1);
}
END_TEST

START_TEST(test_refused_other_thread)
{
	check_refusal(2);
}
END_TEST

START_TEST(test_refused_last)
{
	check_refusal(3);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_change),
		UNIT_TEST(test_spin_is_kept),
		UNIT_TEST(test_plan),
		UNIT_TEST(test_plan_refused),
		UNIT_TEST(test_same_mode),
		UNIT_TEST(test_no_such_reactor),
		UNIT_TEST(test_busy),
		UNIT_TEST(test_many_times),
		UNIT_TEST(test_refused_first),
		UNIT_TEST(test_refused_paused),
		UNIT_TEST(test_refused_other_thread),
		UNIT_TEST(test_refused_last),
		UNIT_TEST(test_register_in_poll_mode),
		UNIT_TEST(test_timer_disarmed),
		UNIT_TEST(test_requester_exits),
		UNIT_TEST(test_blockers),
		UNIT_TEST(test_names),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
