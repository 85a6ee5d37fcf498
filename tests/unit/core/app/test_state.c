/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/state.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/clock.h>
#include <ebb/poller.h>
#include <ebb/subsystem.h>
#include <ebb/thread.h>

#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

/* What the service manager is told of a step that takes long. */

static int manager_fd = -1;
static char told[4096];
static struct ebb_poller *poller;
static bool hangs;

static void manager_begin(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[64];
	socklen_t len;

	snprintf(name, sizeof(name), "@ebb-test-state-%d", (int)getpid());
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(manager_fd, 0);
	ck_assert_int_eq(bind(manager_fd, (struct sockaddr *)&address, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	log_capture();
}

/* Adds what there is to @told. */
static void manager_read(void)
{
	ssize_t len;

	do {
		size_t used = strlen(told);

		len = recv(manager_fd, told + used, sizeof(told) - 1 - used, 0);
		told[used + (len > 0 ? (size_t)len : 0)] = '\0';
	} while (len > 0);
	ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(a_step_is_told_with_its_age)
{
	app_state_reset();
	app_state_set_step("slow step", ebb_clock_now_ns());
	app_state_tell_step();
	app_state_set_step("slow step", ebb_clock_now_ns() - 7 * EBB_NS_PER_S);
	app_state_tell_step();
	manager_read();
	ck_assert_str_eq(told, "STATUS=environment\n"
			       "STATUS=environment: slow step\n"
			       "STATUS=environment: slow step, 7 s\n");
}
END_TEST

START_TEST(no_step_is_told_where_there_is_none)
{
	app_state_reset();
	app_state_tell_step();
	manager_read();
	ck_assert_str_eq(told, "STATUS=environment\n");
}
END_TEST

/* The text of the error stays to be seen. */
START_TEST(no_step_is_told_after_a_failure)
{
	app_state_reset();
	app_state_set_step("undo", ebb_clock_now_ns() - 7 * EBB_NS_PER_S);
	app_state_set_error("it broke");
	app_state_set_phase(EBB_APP_FAILED);
	app_state_tell_step();
	manager_read();
	ck_assert_str_eq(told, "STATUS=environment\nSTOPPING=1\nSTATUS=failed: it broke\n");
}
END_TEST

/* An error that start-up went on past is not the state's. */
START_TEST(a_phase_is_told_without_an_old_error)
{
	app_state_reset();
	app_state_set_error("passed over");
	app_state_set_phase(EBB_APP_STARTUP);
	manager_read();
	ck_assert_str_eq(told, "STATUS=environment\nSTATUS=startup\n");
}
END_TEST

/*
 * Moved by the step that hangs, and a little by each reading; behind the real one, so that timerfds
 * expire at once.
 */
static _Atomic uint64_t clock_ns = EBB_NS_PER_S;

static uint64_t moved_clock(void)
{
	return atomic_fetch_add(&clock_ns, EBB_NS_PER_US);
}

/* The step ends when the service manager has been told of it twice. */
static int look(void *arg)
{
	(void)arg;
	atomic_fetch_add(&clock_ns, 5 * EBB_NS_PER_MS); /* less than a callback may take */
	manager_read();
	if (strstr(told, "STATUS=initializing: t_slow/init, 10 s\n") == NULL) {
		return 0;
	}
	ebb_poller_unregister(&poller);
	ebb_subsystem_init_next(0);
	return 1;
}

static void slow_init(void)
{
	if (!hangs) {
		ebb_subsystem_init_next(0);
		return;
	}
	poller = ebb_poller_register(look, NULL, 0);
	ck_assert_ptr_nonnull(poller);
}

static struct ebb_subsystem slow = {.name = "t_slow", .init = slow_init};
EBB_SUBSYSTEM_REGISTER(slow)

static void stop(void *arg)
{
	(void)arg;
	ebb_app_stop(0);
}

START_TEST(a_subsystem_that_hangs_is_told_every_5_s)
{
	struct ebb_app_opts opts;
	const char *at;

	ebb_clock_set_source(moved_clock);
	hangs = true;
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.on_violation = EBB_VIOLATION_LOG;
	ck_assert_int_eq(ebb_app_start(&opts, stop, NULL), 0);
	manager_read();
	at = strstr(told, "STATUS=initializing: t_slow/init, 5 s\n");
	ck_assert_msg(at != NULL, "%s", told);
	at = strstr(at, "READY=1\nSTATUS=running\nSTOPPING=1\nSTATUS=stopping\n");
	ck_assert_msg(at != NULL, "%s", told);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(manager_begin, NULL),
		UNIT_TEST(a_step_is_told_with_its_age),
		UNIT_TEST(no_step_is_told_where_there_is_none),
		UNIT_TEST(no_step_is_told_after_a_failure),
		UNIT_TEST(a_phase_is_told_without_an_old_error),
		UNIT_TEST(a_subsystem_that_hangs_is_told_every_5_s),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
