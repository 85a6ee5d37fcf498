/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#include "core/event/thread_exit.h"

/* The names of the threads visited, by their first letter; '.' when it is over. */
static char story[64];
static struct ebb_thread *threads[4];

static void tell(char letter)
{
	size_t len = strlen(story);

	ck_assert_uint_lt(len, sizeof(story) - 1);
	story[len] = letter;
	story[len + 1] = '\0';
}

static void visit(void *arg)
{
	(void)arg;
	tell(ebb_thread_name(ebb_thread_current())[0]);
}

static void done(void *caller)
{
	ck_assert_ptr_eq(ebb_thread_current(), caller);
	tell('.');
}

static void setup(void)
{
	static const char *const names[] = {"w", "x", "y", "z"};

	stepper_start();
	for (unsigned i = 0; i < 4; i++) {
		threads[i] = stepper_thread(names[i], 0);
	}
}

static void begin(struct ebb_thread *caller)
{
	stepper_enter(caller);
	ck_assert_int_eq(ebb_for_each_thread(visit, caller, done), 0);
	ck_assert_str_eq(story, "");
	stepper_leave();
}

START_TEST(test_order)
{
	begin(threads[1]);
	stepper_settle();
	ck_assert_str_eq(story, "awxyz.");
}
END_TEST

START_TEST(test_from_app)
{
	begin(ebb_thread_app());
	stepper_settle();
	ck_assert_str_eq(story, "awxyz.");
}
END_TEST

/* Two rounds at once do not disturb each other. */
START_TEST(test_two_rounds)
{
	begin(threads[0]);
	stepper_enter(threads[3]);
	ck_assert_int_eq(ebb_for_each_thread(visit, threads[3], done), 0);
	stepper_leave();
	stepper_settle();
	ck_assert_uint_eq(strlen(story), 12);
	ck_assert_ptr_nonnull(strchr(story, '.'));
	ck_assert_ptr_ne(strchr(story, '.'), strrchr(story, '.'));
}
END_TEST

/* The next to be visited has exited by then: it is passed over. */
START_TEST(test_passes_over_exited)
{
	stepper_exit(threads[2]);
	stepper_settle();
	begin(threads[0]);
	stepper_settle();
	ck_assert_str_eq(story, "awxz.");
}
END_TEST

/* Another has closed its queue, on its way out, but is still in the list. */
START_TEST(test_passes_over_closed)
{
	stepper_exit(threads[1]);
	event_msg_queue_close(&threads[1]->queue);
	begin(ebb_thread_app());
	stepper_settle();
	ck_assert_str_eq(story, "awyz.");
}
END_TEST

static void visit_and_end_next(void *arg)
{
	visit(arg);
	if (ebb_thread_current() == threads[0]) {
		ebb_thread_send_msg(threads[1], event_thread_exit_tell, NULL);
	}
}

/* A thread that exits with the round's message in its queue: the message runs, or is passed on. */
START_TEST(test_exit_meanwhile)
{
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_for_each_thread(visit_and_end_next, ebb_thread_app(), done), 0);
	stepper_leave();
	stepper_settle();
	ck_assert_int_eq(atomic_load(&threads[1]->state), EVENT_THREAD_EXITED);
	ck_assert(strcmp(story, "awxyz.") == 0 || strcmp(story, "awyz.") == 0);
}
END_TEST

/* The one who visits exits, in its visit. */
static void visit_and_exit(void *arg)
{
	visit(arg);
	if (ebb_thread_current() != arg) {
		ebb_thread_exit();
	}
}

START_TEST(test_exit_in_visit)
{
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_for_each_thread(visit_and_exit, ebb_thread_app(), done), 0);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "awxyz.");
	ck_assert_uint_eq(event_threads.num_threads, 1);
}
END_TEST

static void visit_and_create(void *arg)
{
	struct ebb_thread *made;

	visit(arg);
	if (ebb_thread_current() == threads[3]) {
		ck_assert_int_eq(ebb_thread_create("new", 0, &made), 0);
	}
}

START_TEST(test_created_meanwhile)
{
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_for_each_thread(visit_and_create, ebb_thread_app(), done), 0);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "awxyzn.");
}
END_TEST

/* The caller's exit waits until its round is over. */
START_TEST(test_caller_exits)
{
	begin(threads[0]);
	stepper_exit(threads[0]);
	stepper_settle();
	ck_assert_str_eq(story, "awxyz.");
	ck_assert_int_eq(atomic_load(&threads[0]->state), EVENT_THREAD_EXITED);
}
END_TEST

/* Shutdown begins meanwhile: dropped in silence by others, completed here. */
START_TEST(test_shutdown_meanwhile)
{
	begin(threads[2]);
	stepper_turn();
	stepper_stop();
	ck_assert_ptr_nonnull(strchr(story, '.'));
	ck_assert_ptr_eq(strchr(story, '.'), strrchr(story, '.'));
}
END_TEST

START_TEST(test_no_done)
{
	stepper_enter(threads[0]);
	ck_assert_int_eq(ebb_for_each_thread(visit, NULL, NULL), 0);
	stepper_leave();
	stepper_settle();
	ck_assert_str_eq(story, "awxyz");
	ck_assert_uint_eq(threads[0]->answers_due, 0);
}
END_TEST

START_TEST(test_no_caller)
{
	ck_assert_int_eq(ebb_for_each_thread(visit, NULL, NULL), -EPERM);
	ck_assert_uint_eq(log_count("rule 4"), 1);
	stepper_settle();
	ck_assert_str_eq(story, "");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, stepper_stop),  UNIT_TEST(test_order),
		UNIT_TEST(test_from_app),           UNIT_TEST(test_two_rounds),
		UNIT_TEST(test_passes_over_exited), UNIT_TEST(test_passes_over_closed),
		UNIT_TEST(test_exit_meanwhile),     UNIT_TEST(test_exit_in_visit),
		UNIT_TEST(test_created_meanwhile),  UNIT_TEST(test_caller_exits),
		UNIT_TEST(test_shutdown_meanwhile), UNIT_TEST(test_no_done),
		UNIT_TEST(test_no_caller),          UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
