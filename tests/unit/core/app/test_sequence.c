/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/sequence.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>

#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

/* What a step of the tests does. */
struct part {
	const char *name;
	bool later;      /* its start() does not end by itself */
	int rc;          /* what its start() ends with */
	bool undo_later; /* its undo() does not end by itself */
	struct ebb_step ticket;
	struct ebb_sequence *inner; /* its start() and undo() are this sequence's */
};

static struct ebb_sequence *sequence;
static struct part parts[] = {
	{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}, {.name = "e"},
};
static char trace[4096];
static int done_count;
static int done_rc;
static int failed_count, named_count;
static char waiting[64];

static void trace_add(const char *what, const char *name)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, "%s%s%s", len > 0 ? " " : "", what, name);
}

static void inner_done(void *arg, int rc)
{
	struct part *part = arg;

	ebb_step_next(part->ticket, rc);
}

static void part_start(struct ebb_step step, void *arg)
{
	struct part *part = arg;

	trace_add("+", part->name);
	part->ticket = step;
	if (part->inner != NULL) {
		app_sequence_run(part->inner, step, inner_done, part);
	} else if (!part->later) {
		ebb_step_next(step, part->rc);
	}
}

static void part_undo(struct ebb_step step, void *arg)
{
	struct part *part = arg;

	trace_add("-", part->name);
	part->ticket = step;
	if (part->inner != NULL) {
		app_sequence_undo(part->inner, step, inner_done, part);
	} else if (!part->undo_later) {
		ebb_step_next(step, 0);
	}
}

static void done(void *arg, int rc)
{
	(void)arg;
	trace_add("done", "");
	done_count++;
	done_rc = rc;
}

static void failed(void *arg, const char *step, int rc)
{
	(void)arg;
	(void)rc;
	trace_add("!", step);
	failed_count++;
}

static void changed(void *arg)
{
	const char *name = "";
	uint64_t since_ns;

	(void)arg;
	if (sequence == NULL || !app_sequence_waiting(sequence, &name, &since_ns)) {
		name = "";
	}
	snprintf(waiting, sizeof(waiting), "%s", name);
}

static void named(void *arg)
{
	(void)arg;
	named_count++;
}

static void add(struct ebb_sequence *to, struct part *part)
{
	char undo_name[32];
	struct app_sequence_step step = {
		.name = part->name,
		.undo_name = undo_name,
		.start = part_start,
		.undo = part_undo,
		.arg = part,
	};

	snprintf(undo_name, sizeof(undo_name), "undo %s", part->name);
	ck_assert_int_eq(app_sequence_add(to, &step), 0);
}

static struct ebb_sequence *make(const char *name, uint32_t timeout_s)
{
	struct app_sequence_opts opts = {.name = name,
					 .timeout_s = timeout_s,
					 .failed = failed,
					 .changed = changed,
					 .named = named};
	struct ebb_sequence *made;

	ck_assert_int_eq(app_sequence_create(&opts, &made), 0);
	return made;
}

static uint32_t timeout_s;

static void do_make(void *arg)
{
	size_t num_parts = (size_t)(uintptr_t)arg;
	size_t index;

	sequence = make("outer", timeout_s);
	for (index = 0; index < num_parts; index++) {
		add(sequence, &parts[index]);
	}
}

static void do_run(void *arg)
{
	(void)arg;
	app_sequence_run(sequence, APP_STEP_NONE, done, NULL);
}

static void do_undo(void *arg)
{
	(void)arg;
	app_sequence_undo(sequence, APP_STEP_NONE, done, NULL);
}

static void do_stop(void *arg)
{
	(void)arg;
	app_sequence_stop(sequence);
}

static void do_destroy(void *arg)
{
	(void)arg;
	app_sequence_destroy(sequence);
	sequence = NULL;
}

static void do_next(void *arg)
{
	struct part *part = arg;

	ebb_step_next(part->ticket, part->rc);
}

static void begin(size_t num_parts)
{
	stage_begin();
	stage_call(do_make, (void *)(uintptr_t)num_parts);
}

static void end(void)
{
	stage_call(do_destroy, NULL);
	stage_end();
}

START_TEST(test_in_order_and_backwards)
{
	begin(3);
	parts[1].later = true;
	stage_call(do_run, NULL);
	ck_assert_str_eq(trace, "+a +b");
	ck_assert_str_eq(waiting, "b");
	stage_call(do_next, &parts[1]);
	ck_assert_str_eq(trace, "+a +b +c done");
	ck_assert_int_eq(done_rc, 0);
	ck_assert_str_eq(waiting, "");
	stage_call(do_undo, NULL);
	ck_assert_str_eq(trace, "+a +b +c done -c -b -a done");
	/* What has been undone is not undone again. */
	stage_call(do_undo, NULL);
	ck_assert_str_eq(trace, "+a +b +c done -c -b -a done done");
	end();
}
END_TEST

START_TEST(test_failure_undoes_what_was_started)
{
	begin(4);
	parts[2].rc = -EIO;
	stage_call(do_run, NULL);
	ck_assert_str_eq(trace, "+a +b +c !c -b -a done");
	ck_assert_int_eq(done_rc, -EIO);
	ck_assert_int_eq(failed_count, 1);
	end();
}
END_TEST

START_TEST(test_empty_ends_at_once)
{
	begin(0);
	stage_call(do_run, NULL);
	ck_assert_str_eq(trace, "done");
	ck_assert_int_eq(done_rc, 0);
	end();
}
END_TEST

/* The stack of the first and of the last of many steps that end inside their start(). */
static char *stack_low;
static char *stack_high;

static void count_start(struct ebb_step step, void *arg)
{
	unsigned *count = arg;
	char here;

	if (stack_low == NULL || &here < stack_low) {
		stack_low = &here;
	}
	if (&here > stack_high) {
		stack_high = &here;
	}
	(*count)++;
	ebb_step_next(step, 0);
}

static void do_make_many(void *arg)
{
	struct app_sequence_step step = {.name = "one", .start = count_start, .arg = arg};
	unsigned index;

	sequence = make("many", 0);
	for (index = 0; index < 10000; index++) {
		ck_assert_int_eq(app_sequence_add(sequence, &step), 0);
	}
}

START_TEST(test_many_steps_no_recursion_and_short_turns)
{
	unsigned count = 0;

	stage_begin();
	stage_call(do_make_many, &count);
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), do_run, NULL), 0);
	stage_turns(1);
	ck_assert_uint_eq(count, APP_SEQUENCE_BATCH);
	ck_assert_int_eq(done_count, 0);
	stage_turns(10000 / APP_SEQUENCE_BATCH + 4);
	ck_assert_uint_eq(count, 10000);
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_lt(stack_high - stack_low, 1024);
	end();
}
END_TEST

START_TEST(test_double_next_is_refused)
{
	begin(2);
	parts[0].later = true;
	parts[1].later = true;
	stage_call(do_run, NULL);
	stage_call(do_next, &parts[0]);
	ck_assert_str_eq(trace, "+a +b");
	stage_call(do_next, &parts[0]);
	ck_assert_str_eq(trace, "+a +b");
	ck_assert_uint_eq(log_count("refused for step \"a\": the step has ended already"), 1);
	stage_call(do_next, &parts[1]);
	ck_assert_str_eq(trace, "+a +b done");
	end();
}
END_TEST

START_TEST(test_late_next_is_refused)
{
	struct part late = {.name = "late"};

	begin(1);
	stage_call(do_run, NULL);
	late.ticket = parts[0].ticket;
	stage_call(do_destroy, NULL);
	/* The sequence is gone; a new one may live at its address. */
	stage_call(do_next, &late);
	ck_assert_uint_eq(log_count("refused for step \"a\": "), 1);
	parts[0].later = true;
	stage_call(do_make, (void *)1);
	stage_call(do_run, NULL);
	late.ticket.sequence = sequence;
	stage_call(do_next, &late);
	ck_assert_uint_eq(log_count("refused for step \"a\": "), 2);
	ck_assert_int_eq(done_count, 1);
	stage_call(do_next, &parts[0]);
	ck_assert_int_eq(done_count, 2);
	end();
}
END_TEST

START_TEST(test_invented_next_is_refused)
{
	struct part invented = {.name = "invented"};

	begin(1);
	parts[0].later = true;
	stage_call(do_run, NULL);
	stage_call(do_next, &invented);
	invented.ticket.sequence = sequence;
	invented.ticket.generation = parts[0].ticket.generation + 1000;
	stage_call(do_next, &invented);
	ck_assert_uint_eq(log_count("ebb_step_next() refused"), 2);
	ck_assert_int_eq(done_count, 0);
	stage_call(do_next, &parts[0]);
	end();
}
END_TEST

static void *foreign_main(void *arg)
{
	do_next(arg);
	return NULL;
}

START_TEST(test_next_off_the_app_thread_is_refused)
{
	pthread_t foreign;

	begin(1);
	parts[0].later = true;
	stage_call(do_run, NULL);
	ck_assert_int_eq(pthread_create(&foreign, NULL, foreign_main, &parts[0]), 0);
	pthread_join(foreign, NULL);
	stage_turns(4);
	ck_assert_int_eq(done_count, 0);
	ck_assert_uint_eq(log_count("step \"a\": called off the app thread"), 1);
	stage_call(do_next, &parts[0]);
	ck_assert_int_eq(done_count, 1);
	end();
}
END_TEST

START_TEST(test_hanging_step_is_named_every_5_s)
{
	begin(1);
	parts[0].later = true;
	stage_call(do_run, NULL);
	stage_advance_ms(4800);
	ck_assert_uint_eq(log_count("\"a\" has not ended"), 0);
	stage_advance_ms(400);
	ck_assert_uint_eq(log_count("\"a\" has not ended after 5 s"), 1);
	stage_advance_ms(10000);
	ck_assert_uint_eq(log_count("\"a\" has not ended after 10 s"), 1);
	ck_assert_uint_eq(log_count("\"a\" has not ended after 15 s"), 1);
	ck_assert_uint_eq(log_count("\"a\" has not ended"), 3);
	stage_call(do_next, &parts[0]);
	stage_advance_ms(10000);
	ck_assert_uint_eq(log_count("\"a\" has not ended"), 3);
	ck_assert_int_eq(named_count, 3);
	end();
}
END_TEST

START_TEST(test_timeout_fails_the_step)
{
	timeout_s = 2;
	begin(3);
	parts[1].later = true;
	stage_call(do_run, NULL);
	stage_advance_ms(1900);
	ck_assert_int_eq(done_count, 0);
	stage_advance_ms(200);
	ck_assert_str_eq(trace, "+a +b !b -a done");
	ck_assert_int_eq(done_rc, -ETIMEDOUT);
	ck_assert_uint_eq(log_count("\"b\" has not ended after 2 s: the limit"), 1);
	/* It comes after all, too late. */
	stage_call(do_next, &parts[1]);
	ck_assert_uint_eq(log_count("refused for step \"b\""), 1);
	ck_assert_int_eq(done_count, 1);
	end();
}
END_TEST

START_TEST(test_stop_waits_for_the_step)
{
	begin(3);
	parts[1].later = true;
	stage_call(do_run, NULL);
	stage_call(do_stop, NULL);
	stage_advance_ms(9000);
	ck_assert_str_eq(trace, "+a +b");
	stage_call(do_next, &parts[1]);
	ck_assert_str_eq(trace, "+a +b -b -a done");
	ck_assert_int_eq(done_rc, -ECANCELED);
	ck_assert_int_eq(failed_count, 0);
	end();
}
END_TEST

START_TEST(test_stop_passes_over_a_step_that_hangs)
{
	begin(3);
	parts[1].later = true;
	stage_call(do_run, NULL);
	stage_advance_ms(3000);
	stage_call(do_stop, NULL);
	stage_advance_ms(9900);
	ck_assert_int_eq(done_count, 0);
	stage_advance_ms(200);
	ck_assert_str_eq(trace, "+a +b -a done");
	ck_assert_int_eq(done_rc, -ECANCELED);
	ck_assert_uint_eq(log_count("\"b\" has not ended after 13 s: passed over"), 1);
	end();
}
END_TEST

START_TEST(test_undo_that_hangs_is_passed_over)
{
	begin(3);
	parts[1].undo_later = true;
	stage_call(do_run, NULL);
	stage_call(do_undo, NULL);
	ck_assert_str_eq(waiting, "undo b");
	stage_advance_ms(9900);
	ck_assert_str_eq(trace, "+a +b +c done -c -b");
	ck_assert_uint_eq(log_count("\"undo b\" has not ended after 5 s"), 1);
	stage_advance_ms(200);
	ck_assert_str_eq(trace, "+a +b +c done -c -b -a done");
	ck_assert_int_eq(done_rc, 0);
	ck_assert_uint_eq(log_count("\"undo b\" has not ended after 10 s: passed over"), 1);
	end();
}
END_TEST

static void do_make_patient(void *arg)
{
	struct app_sequence_step step = {.name = "patient",
					 .start = part_start,
					 .arg = arg,
					 .patient = true};

	sequence = make("outer", timeout_s);
	ck_assert_int_eq(app_sequence_add(sequence, &step), 0);
}

START_TEST(test_patient_step_is_waited_for_in_silence)
{
	timeout_s = 2;
	begin(0);
	stage_call(do_destroy, NULL);
	parts[0].later = true;
	stage_call(do_make_patient, &parts[0]);
	stage_call(do_run, NULL);
	stage_advance_ms(60000);
	ck_assert_uint_eq(log_count("has not ended"), 0);
	ck_assert_int_eq(done_count, 0);
	/* But not when everything is to end. */
	stage_call(do_stop, NULL);
	stage_advance_ms(10200);
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(done_rc, -ECANCELED);
	end();
}
END_TEST

static void do_make_nested(void *arg)
{
	(void)arg;
	sequence = make("outer", timeout_s);
	parts[1].inner = make("inner", timeout_s);
	add(sequence, &parts[0]);
	add(sequence, &parts[1]);
	add(parts[1].inner, &parts[2]);
	add(parts[1].inner, &parts[3]);
	add(sequence, &parts[4]);
}

static void do_destroy_nested(void *arg)
{
	(void)arg;
	app_sequence_destroy(parts[1].inner);
	app_sequence_destroy(sequence);
	sequence = NULL;
}

START_TEST(test_inner_step_is_what_is_waited_for)
{
	timeout_s = 60;
	begin(0);
	stage_call(do_destroy, NULL);
	stage_call(do_make_nested, NULL);
	parts[3].later = true;
	stage_call(do_run, NULL);
	ck_assert_str_eq(trace, "+a +b +c +d");
	ck_assert_str_eq(waiting, "d");
	stage_advance_ms(5100);
	ck_assert_uint_eq(log_count("inner: \"d\" has not ended after 5 s"), 1);
	ck_assert_uint_eq(log_count("has not ended"), 1);
	ck_assert_int_eq(named_count, 2); /* who runs the outer one is told, too */
	stage_call(do_next, &parts[3]);
	ck_assert_str_eq(trace, "+a +b +c +d +e done");
	stage_call(do_undo, NULL);
	ck_assert_str_eq(trace, "+a +b +c +d +e done -e -b -d -c -a done");
	stage_call(do_destroy_nested, NULL);
	stage_end();
}
END_TEST

START_TEST(test_stop_reaches_the_inner_sequence)
{
	begin(0);
	stage_call(do_destroy, NULL);
	stage_call(do_make_nested, NULL);
	parts[2].later = true;
	stage_call(do_run, NULL);
	stage_call(do_stop, NULL);
	stage_call(do_next, &parts[2]);
	/* The inner sequence undoes its own; the outer step has not succeeded. */
	ck_assert_str_eq(trace, "+a +b +c -c -a done");
	ck_assert_int_eq(done_rc, -ECANCELED);
	stage_call(do_destroy_nested, NULL);
	stage_end();
}
END_TEST

START_TEST(test_inner_timeout_is_the_outer_failure)
{
	timeout_s = 3;
	begin(0);
	stage_call(do_destroy, NULL);
	stage_call(do_make_nested, NULL);
	parts[3].later = true;
	stage_call(do_run, NULL);
	stage_advance_ms(3100);
	ck_assert_str_eq(trace, "+a +b +c +d !d -c !b -a done");
	ck_assert_int_eq(done_rc, -ETIMEDOUT);
	stage_call(do_destroy_nested, NULL);
	stage_end();
}
END_TEST

START_TEST(test_off_the_app_thread_is_a_bug)
{
	struct app_sequence_opts opts = {.name = "nowhere"};
	struct ebb_sequence *made;

	app_sequence_create(&opts, &made);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_in_order_and_backwards),
		UNIT_TEST(test_failure_undoes_what_was_started),
		UNIT_TEST(test_empty_ends_at_once),
		UNIT_TEST(test_many_steps_no_recursion_and_short_turns),
		UNIT_TEST(test_double_next_is_refused),
		UNIT_TEST(test_late_next_is_refused),
		UNIT_TEST(test_invented_next_is_refused),
		UNIT_TEST(test_next_off_the_app_thread_is_refused),
		UNIT_TEST(test_hanging_step_is_named_every_5_s),
		UNIT_TEST(test_timeout_fails_the_step),
		UNIT_TEST(test_stop_waits_for_the_step),
		UNIT_TEST(test_stop_passes_over_a_step_that_hangs),
		UNIT_TEST(test_undo_that_hangs_is_passed_over),
		UNIT_TEST(test_patient_step_is_waited_for_in_silence),
		UNIT_TEST(test_inner_step_is_what_is_waited_for),
		UNIT_TEST(test_stop_reaches_the_inner_sequence),
		UNIT_TEST(test_inner_timeout_is_the_outer_failure),
		UNIT_SIGNAL(test_off_the_app_thread_is_a_bug, 6),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
