/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subsystem whose end takes too long is passed over; when it says later that it has ended, that is
 * not taken for the end of the one whose turn it is by then.
 */
#include <ebb/app.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <ebb/clock.h>
#include <ebb/poller.h>
#include <ebb/subsystem.h>

#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static struct ebb_subsystem first;
static char trace[256];
static struct ebb_poller *poller;
static unsigned turns;
/* Who says its end when the second one is awaited: first (l, or by name: L), or second (s). */
static const char *ends;
static bool second_ends_at_once;
static bool first_hangs;
static bool last_hangs;

/* Behind the real one, so that timerfds expire at once. */
static _Atomic uint64_t clock_ns = EBB_NS_PER_S;

static uint64_t moved_clock(void)
{
	return atomic_fetch_add(&clock_ns, EBB_NS_PER_US);
}

static void note(const char *what)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, "%s%s", len > 0 ? " " : "", what);
}

/* Time goes by, until the next step is begun. */
static int pass_time(void *arg)
{
	(void)arg;
	atomic_fetch_add(&clock_ns, 5 * EBB_NS_PER_MS);
	return 0;
}

static void first_fini(void)
{
	note("first");
	if (!first_hangs) {
		ebb_subsystem_fini_next();
		return;
	}
	poller = ebb_poller_register(pass_time, NULL, 0);
	ck_assert_ptr_nonnull(poller);
}

/* One end every hundred turns. */
static int say_ends(void *arg)
{
	(void)arg;
	if (++turns % 100 != 0) {
		return 0;
	}
	if (*ends == '\0') {
		ebb_poller_unregister(&poller);
		return 0;
	}
	note(*ends == 's' ? "second-end" : "late-end");
	if (*ends++ == 'L') {
		ebb_subsystem_fini_done(&first);
	} else {
		ebb_subsystem_fini_next();
	}
	return 1;
}

static void second_fini(void)
{
	note("second");
	ebb_poller_unregister(&poller);
	if (second_ends_at_once) {
		ebb_subsystem_fini_next();
		return;
	}
	poller = ebb_poller_register(say_ends, NULL, 0);
	ck_assert_ptr_nonnull(poller);
}

static void last_fini(void)
{
	note("last");
	if (last_hangs) {
		ebb_poller_unregister(&poller);
		poller = ebb_poller_register(pass_time, NULL, 0);
		return;
	}
	ebb_subsystem_fini_next();
	ebb_poller_unregister(&poller);
}

/* In the order in which they end. */
static struct ebb_subsystem first = {.name = "t_first", .fini = first_fini};
static struct ebb_subsystem second = {.name = "t_second", .fini = second_fini};
static struct ebb_subsystem last = {.name = "t_last", .fini = last_fini};
EBB_SUBSYSTEM_REGISTER(first)
EBB_SUBSYSTEM_REGISTER(second)
EBB_SUBSYSTEM_REGISTER(last)
EBB_SUBSYSTEM_DEPEND(t_first, t_second)
EBB_SUBSYSTEM_DEPEND(t_second, t_last)

static void stop(void *arg)
{
	(void)arg;
	ebb_app_stop(0);
}

static void run(void)
{
	struct ebb_app_opts opts;

	trace[0] = '\0';
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.on_violation = EBB_VIOLATION_LOG;
	ck_assert_int_eq(ebb_app_start(&opts, stop, NULL), 0);
}

static void begin(void)
{
	log_capture();
	ebb_clock_set_source(moved_clock);
	first_hangs = true;
}

/* By name, or by number: whichever of the two comes first, the second one's step does not end without its own. */
START_TEST(a_late_end_is_not_the_next_ones)
{
	static const char *const orders[] = {"ls", "sl", "Ls"};
	static const char *const traces[] = {
		"first second late-end second-end last",
		"first second second-end late-end last",
		"first second late-end second-end last",
	};

	begin();
	ends = orders[_i];
	run();
	ck_assert_str_eq(trace, traces[_i]);
	ck_assert_uint_eq(log_count("refused"), 1);
	ck_assert_uint_eq(log_count("refused for step \"t_first/fini\""), 1);
	ck_assert(logged("\"t_first/fini\" has not ended after 10 s: passed over"));
	ck_assert(!logged("\"t_second/fini\" has not ended"));
}
END_TEST

/* Inside its fini() it can only be its own. */
START_TEST(an_end_inside_fini_is_its_own)
{
	begin();
	second_ends_at_once = true;
	run();
	ck_assert_str_eq(trace, "first second last");
	ck_assert_uint_eq(log_count("refused"), 0);
	ck_assert_uint_eq(log_count("passed over"), 1);
}
END_TEST

START_TEST(what_is_owed_is_forgotten_by_the_next_run)
{
	begin();
	first_hangs = false;
	last_hangs = true;
	ends = "s";
	run();
	ck_assert_str_eq(trace, "first second second-end last");
	ck_assert(logged("\"t_last/fini\" has not ended after 10 s: passed over"));
	last_hangs = false;
	poller = NULL;
	ends = "s";
	run();
	ck_assert_str_eq(trace, "first second second-end last");
	ck_assert_uint_eq(log_count("refused"), 0);
	ck_assert_uint_eq(log_count("passed over"), 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(a_late_end_is_not_the_next_ones, 0, 3),
		UNIT_TEST(an_end_inside_fini_is_its_own),
		UNIT_TEST(what_is_owed_is_forgotten_by_the_next_run),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
