/* SPDX-License-Identifier: Apache-2.0 */
/* Signals to a service: before it is there, while it runs, and when it has ended. */
#include "core/app/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/thread.h>

#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static struct ebb_app_opts opts;

static void setup(void)
{
	log_capture();
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	signal(SIGHUP, SIG_DFL);
}

static void stop(void *arg)
{
	(void)arg;
	ebb_app_stop(7);
}

/* The app thread is in a callback, so it takes no messages while these come. */
static void hang_up_often(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 100000; i++) {
		raise(SIGHUP);
	}
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), stop, NULL), 0);
}

START_TEST(hanging_up_is_noted_and_no_more)
{
	ck_assert_int_eq(ebb_app_start(&opts, hang_up_often, NULL), 7);
	ck_assert_uint_eq(log_count("SIGHUP"), 1);
	ck_assert(!logged("missing"));
}
END_TEST

static void hang_up_then_terminate(void *arg)
{
	hang_up_often(arg);
	raise(SIGTERM);
}

/* However many came, there is room for one that stops; and it is the first of those. */
START_TEST(it_stops_after_many_of_others)
{
	ck_assert_int_eq(ebb_app_start(&opts, hang_up_then_terminate, NULL), 7);
	ck_assert_uint_eq(log_count("SIGTERM: stopping"), 1);
}
END_TEST

static unsigned rounds;

static void hang_up_again(void *arg)
{
	raise(SIGHUP);
	if (++rounds < 3) {
		ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), hang_up_again, arg), 0);
	} else {
		ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), stop, NULL), 0);
	}
}

START_TEST(each_that_is_seen_is_noted)
{
	ck_assert_int_eq(ebb_app_start(&opts, hang_up_again, NULL), 7);
	ck_assert_uint_eq(log_count("SIGHUP"), 3);
}
END_TEST

static void ignores(void *arg)
{
	static const int numbers[] = {SIGPIPE, SIGXFSZ, SIGHUP};

	(void)arg;
	for (size_t i = 0; i < 3; i++) {
		struct sigaction now;

		ck_assert_int_eq(sigaction(numbers[i], NULL, &now), 0);
		ck_assert(now.sa_handler == SIG_IGN);
	}
	ebb_app_stop(7);
}

/* As nohup has it; and what is ignored by default is what it was, afterwards. */
START_TEST(what_is_ignored_stays_so)
{
	struct sigaction now;

	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_DFL);
	ck_assert_int_eq(ebb_app_start(&opts, ignores, NULL), 7);
	ck_assert_int_eq(sigaction(SIGXFSZ, NULL, &now), 0);
	ck_assert(now.sa_handler == SIG_DFL);
	ck_assert_int_eq(sigaction(SIGHUP, NULL, &now), 0);
	ck_assert(now.sa_handler == SIG_IGN);
}
END_TEST

/* Return: how a child ends that does this. */
static int status_of(void (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		act();
		_exit(9);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "signal %d has ended it", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void end_before_the_start(void)
{
	app_signals_early();
	raise(SIGHUP);
	raise(SIGTERM);
}

static void end_after_the_end(void)
{
	app_signals_early();
	if (ebb_app_start(&opts, stop, NULL) == 7) {
		raise(SIGTERM);
		raise(SIGINT);
		raise(SIGHUP);
		raise(SIGTERM);
		_exit(7);
	}
}

static void end_while_it_runs(void)
{
	app_signals_early();
	_exit(ebb_app_start(&opts, hang_up_then_terminate, NULL));
}

START_TEST(early_ones_stop_it_in_order)
{
	ck_assert_int_eq(status_of(end_before_the_start), 0);
}
END_TEST

START_TEST(late_ones_do_not_change_its_status)
{
	ck_assert_int_eq(status_of(end_after_the_end), 7);
}
END_TEST

START_TEST(a_program_that_is_early_is_served_as_others)
{
	ck_assert_int_eq(status_of(end_while_it_runs), 7);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, log_release),
		UNIT_TEST(hanging_up_is_noted_and_no_more),
		UNIT_TEST(it_stops_after_many_of_others),
		UNIT_TEST(each_that_is_seen_is_noted),
		UNIT_TEST(what_is_ignored_stays_so),
		UNIT_TEST(early_ones_stop_it_in_order),
		UNIT_TEST(late_ones_do_not_change_its_status),
		UNIT_TEST(a_program_that_is_early_is_served_as_others),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
