/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/app.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/log.h>
#include <ebb/startup.h>
#include <ebb/subsystem.h>
#include <ebb/thread.h>

#include "core/app/sd_notify.h"
#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

/*
 * The whole of ebb_app_start(), with the subsystems that are linked in, one of the test's own and a
 * step of the test's own after it. Each test is a process of its own.
 */

static char trace[512];
static struct ebb_app_opts opts;
static int init_rc;
static bool init_later;
static bool stop_in_init;
static int step_rc;
static int starts;
static int wait_rc = 1;
static const char *slow; /* what shall take long */

static void note(const char *what)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, "%s%s", len > 0 ? " " : "", what);
}

/* In a callback, which is what must not be. */
static void be_slow(const char *where)
{
	if (slow != NULL && strcmp(slow, where) == 0) {
		usleep(60000);
	}
}

static void finish_init(void *arg)
{
	(void)arg;
	ebb_subsystem_init_next(init_rc);
}

static void own_init(void)
{
	ck_assert(ebb_thread_is_app());
	note("init");
	be_slow("init");
	if (stop_in_init) {
		ebb_app_stop(0);
		ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), finish_init, NULL), 0);
	} else if (init_later) {
		ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), finish_init, NULL), 0);
	} else {
		finish_init(NULL);
	}
}

static void own_fini(void)
{
	ck_assert(ebb_thread_is_app());
	note("fini");
	be_slow("fini");
	ebb_subsystem_fini_next();
}

static struct ebb_subsystem own = {.name = "t_own", .init = own_init, .fini = own_fini};
EBB_SUBSYSTEM_REGISTER(own)

static void step_start(struct ebb_step step, void *arg)
{
	(void)arg;
	note("step");
	be_slow("step");
	ebb_step_next(step, step_rc);
}

static void step_undo(struct ebb_step step, void *arg)
{
	(void)arg;
	note("undo");
	be_slow("undo");
	ebb_step_next(step, 0);
}

static struct ebb_startup_step own_step = {
	.ops = {.name = "t_step", .start = step_start, .undo = step_undo},
	.rank = EBB_STARTUP_RPC_RESUME,
};
EBB_STARTUP_STEP_REGISTER(own_step)

static void waited(void *arg, int rc)
{
	(void)arg;
	wait_rc = rc;
}

/* Early, to ask to be told the end. */
static void early_start(struct ebb_step step, void *arg)
{
	(void)arg;
	ebb_app_wait_init(waited, NULL);
	ebb_step_next(step, 0);
}

static struct ebb_startup_step early_step = {
	.ops = {.name = "t_early", .start = early_start},
	.rank = EBB_STARTUP_RPC_LISTEN,
};
EBB_STARTUP_STEP_REGISTER(early_step)

static void start_and_stop(void *arg)
{
	(void)arg;
	starts++;
	note("start");
	be_slow("start");
	ck_assert(ebb_thread_is_app());
	ebb_app_stop(0);
}

static void init(void)
{
	log_capture();
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.on_violation = EBB_VIOLATION_ABORT;
}

START_TEST(test_start_and_stop)
{
	struct ebb_app_state state;

	init();
	init_later = true;
	ck_assert_ptr_null(ebb_app_get_opts());
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 0);
	ck_assert_str_eq(trace, "init step start undo fini");
	ck_assert_int_eq(wait_rc, 0);
	ck_assert_ptr_null(ebb_app_get_opts());
	ck_assert_ptr_null(ebb_thread_app());
	ebb_app_get_state(&state);
	ck_assert_int_eq(state.phase, EBB_APP_STOPPING);
	ck_assert_str_eq(state.error, "");
	ck_assert_str_eq(state.step, "");
}
END_TEST

static void stop_later(void *arg)
{
	(void)arg;
	ebb_app_stop(0);
}

static void start_and_stop_later(void *arg)
{
	(void)arg;
	note("start");
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), stop_later, NULL), 0);
}

START_TEST(test_states_are_logged_in_order)
{
	static const char *const names[] = {"environment", "startup", "initializing",
					    "configuring", "running", "stopping"};
	const char *at = log_text();
	char line[64];
	size_t index;

	init();
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop_later, NULL), 0);
	for (index = 0; index < EBB_ARRAY_SIZE(names); index++) {
		snprintf(line, sizeof(line), "notice app: state: %s\n", names[index]);
		at = strstr(at, line);
		ck_assert_msg(at != NULL, "no \"%s\" after the one before it", names[index]);
	}
	ck_assert(!logged("failed"));
	ck_assert_int_eq(wait_rc, 0);
}
END_TEST

START_TEST(test_start_again)
{
	int round;

	init();
	for (round = 1; round <= 3; round++) {
		trace[0] = '\0';
		ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 0);
		ck_assert_int_eq(starts, round);
		ck_assert_str_eq(trace, "init step start undo fini");
	}
	init_rc = -EIO;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -EIO);
	init_rc = 0;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 0);
	ck_assert_int_eq(starts, 4);
}
END_TEST

START_TEST(test_failing_subsystem)
{
	struct ebb_app_state state;

	init();
	init_rc = -EIO;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -EIO);
	ck_assert_str_eq(trace, "init");
	ebb_app_get_state(&state);
	ck_assert_int_eq(state.phase, EBB_APP_FAILED);
	ck_assert_str_eq(state.error, "subsystem \"t_own\": init failed: Input/output error");
	ck_assert(logged("start-up failed: subsystem \"t_own\": init failed: Input/output error"));
	ck_assert_int_eq(wait_rc, -EIO);
}
END_TEST

START_TEST(test_failing_step)
{
	init();
	step_rc = -EACCES;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -EACCES);
	ck_assert_str_eq(trace, "init step fini");
	ck_assert(logged("start-up failed: step \"t_step\": Permission denied"));
	ck_assert_int_eq(wait_rc, -EACCES);
	ck_assert_int_eq(starts, 0);
}
END_TEST

START_TEST(test_stop_during_start_up)
{
	init();
	stop_in_init = true;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 0);
	/* The step under way was waited for, the next ones were not begun. */
	ck_assert_str_eq(trace, "init fini");
	ck_assert_int_eq(wait_rc, -ECANCELED);
	ck_assert(!logged("failed"));
}
END_TEST

static void stop_three_times(void *arg)
{
	(void)arg;
	ebb_app_stop(0);
	ebb_app_stop(7);
	ebb_app_stop(8);
}

START_TEST(test_first_nonzero_code_is_kept)
{
	init();
	ck_assert_int_eq(ebb_app_start(&opts, stop_three_times, NULL), 7);
	ck_assert(logged("ebb_app_stop(7) ignored"));
	ck_assert(logged("ebb_app_stop(8) ignored"));
}
END_TEST

START_TEST(test_stop_without_a_start)
{
	init();
	ebb_app_stop(5);
	ck_assert(logged("ebb_app_stop(5) ignored"));
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 0);
}
END_TEST

static void *stop_main(void *arg)
{
	ebb_app_stop((int)(intptr_t)arg);
	return NULL;
}

static pthread_t stopper;

static void start_a_stopper(void *arg)
{
	(void)arg;
	ck_assert_int_eq(pthread_create(&stopper, NULL, stop_main, (void *)3), 0);
}

/* Who blocks the app thread is named by what people know it by: really slow, really measured. */
START_TEST(test_slow_is_named)
{
	static const struct {
		const char *where;
		const char *name;
	} parts[] = {
		{"init", "init of subsystem \"t_own\" ran"}, {"step", "step \"t_step\" ran"},
		{"start", "start function of \"test\" ran"}, {"undo", "step \"t_step\" ran"},
		{"fini", "fini of subsystem \"t_own\" ran"},
	};

	init();
	opts.callback_limit_ms = 15;
	slow = parts[_i].where;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 0);
	ck_assert_msg(logged(parts[_i].name), "%s", log_text());
	ck_assert_msg(logged("(limit 15 ms)"), "%s", log_text());
}
END_TEST

START_TEST(test_stop_from_another_os_thread)
{
	init();
	opts.mode = (enum ebb_reactor_mode)_i;
	ck_assert_int_eq(ebb_app_start(&opts, start_a_stopper, NULL), 3);
	pthread_join(stopper, NULL);
}
END_TEST

/* A stop that races with all of start-up, from its first moment on. */
static void *stop_soon_main(void *arg)
{
	unsigned spins = (unsigned)(uintptr_t)arg;
	volatile unsigned spin;

	while (ebb_app_get_opts() == NULL) {
	}
	for (spin = 0; spin < spins; spin++) {
	}
	ebb_app_stop(9);
	return NULL;
}

static void only_start(void *arg)
{
	(void)arg;
}

START_TEST(test_stop_at_any_moment)
{
	unsigned round;

	init();
	for (round = 0; round < 60; round++) {
		log_clear();
		trace[0] = '\0';
		ck_assert_int_eq(pthread_create(&stopper, NULL, stop_soon_main,
						(void *)(uintptr_t)(round * 5000)),
				 0);
		ck_assert_int_eq(ebb_app_start(&opts, only_start, NULL), 9);
		pthread_join(stopper, NULL);
		ck_assert_msg(!logged("failed"), "%s", log_text());
	}
}
END_TEST

static void start_again_inside(void *arg)
{
	(void)arg;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -EBUSY);
	ebb_app_stop(0);
}

START_TEST(test_refusals_before_anything_is_built)
{
	init();
	ck_assert_int_eq(ebb_app_start(NULL, start_and_stop, NULL), -EINVAL);
	ck_assert_int_eq(ebb_app_start(&opts, NULL, NULL), -EINVAL);
	ck_assert(logged("no start function"));
	opts.cpumask = "0xnonsense";
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -EINVAL);
	ck_assert(logged("0xnonsense"));
	opts.cpumask = NULL;
	opts.json_file = "/nonexistent/file.json";
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -ENOENT);
	ck_assert(logged("/nonexistent/file.json"));
	ck_assert(!logged("state:"));
	opts.json_file = NULL;
	ck_assert_int_eq(ebb_app_start(&opts, start_again_inside, NULL), 0);
	ck_assert(logged("running already"));
}
END_TEST

static void raise_term(void *arg)
{
	struct sigaction now;

	(void)arg;
	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &now), 0);
	ck_assert(now.sa_handler == SIG_IGN);
	raise(SIGTERM);
}

static void raise_twice(void *arg)
{
	(void)arg;
	raise(SIGINT);
	raise(SIGINT);
}

START_TEST(test_signal_stops_and_handlers_come_back)
{
	struct sigaction after;

	init();
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	ck_assert_int_eq(ebb_app_start(&opts, raise_term, NULL), 0);
	ck_assert(logged("SIGTERM: stopping"));
	ck_assert_str_eq(trace, "init step undo fini");
	ck_assert_int_eq(sigaction(SIGTERM, NULL, &after), 0);
	ck_assert(after.sa_handler == SIG_DFL);
	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &after), 0);
	ck_assert(after.sa_handler == SIG_DFL);
	/* One signal in each of two runs is no second signal. */
	ck_assert_int_eq(ebb_app_start(&opts, raise_term, NULL), 0);
}
END_TEST

START_TEST(test_second_signal_forces_the_exit)
{
	init();
	ebb_app_start(&opts, raise_twice, NULL);
}
END_TEST

static void leave_signals(void *arg)
{
	struct sigaction now;

	(void)arg;
	ck_assert_int_eq(sigaction(SIGTERM, NULL, &now), 0);
	ck_assert(now.sa_handler == SIG_DFL);
	ebb_app_stop(0);
}

START_TEST(test_signals_can_be_left_alone)
{
	init();
	signal(SIGTERM, SIG_DFL);
	opts.handle_signals = false;
	ck_assert_int_eq(ebb_app_start(&opts, leave_signals, NULL), 0);
}
END_TEST

static void begin_init(void *arg)
{
	struct ebb_app_state state;

	(void)arg;
	ebb_app_get_state(&state);
	ck_assert_int_eq(state.phase, EBB_APP_STARTUP);
	ck_assert_str_eq(state.step, "wait-for-rpc");
	ck_assert_str_eq(trace, "");
	ck_assert_int_eq(ebb_app_start_init(waited, NULL), 0);
	ck_assert_int_eq(ebb_app_start_init(NULL, NULL), -EALREADY);
}

/* Just before the wait: the message runs while it waits. */
static bool begin_wanted;

static void before_wait_start(struct ebb_step step, void *arg)
{
	(void)arg;
	if (begin_wanted) {
		ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), begin_init, NULL), 0);
	}
	ebb_step_next(step, 0);
}

static struct ebb_startup_step before_wait_step = {
	.ops = {.name = "t_before", .start = before_wait_start},
	.rank = EBB_STARTUP_CONFIG_STARTUP,
};
EBB_STARTUP_STEP_REGISTER(before_wait_step)

START_TEST(test_wait_for_rpc)
{
	char path[64];

	init();
	snprintf(path, sizeof(path), "/tmp/ebb-test-%d.sock", (int)getpid());
	opts.rpc_socket = path;
	opts.wait_for_rpc = true;
	begin_wanted = true;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop_later, NULL), 0);
	ck_assert_str_eq(trace, "init step start undo fini");
	ck_assert_int_eq(wait_rc, 0);
}
END_TEST

static int notify_socket(struct sockaddr_un *address, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, len), 0);
	return fd;
}

static void notify_expect(int fd, const char *expected)
{
	char text[512];
	ssize_t len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	ck_assert_str_eq(text, expected);
}

START_TEST(test_notify_the_service_manager)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(address);
	char name[64];
	int fd;

	init();
	/* _i: an abstract name, or a path. */
	snprintf(name, sizeof(name), "%s/tmp/ebb-notify-%d", _i == 0 ? "@" : "", (int)getpid());
	memcpy(address.sun_path, name, strlen(name));
	if (_i == 0) {
		address.sun_path[0] = '\0';
		len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	}
	fd = notify_socket(&address, len);
	setenv("NOTIFY_SOCKET", name, 1);
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop_later, NULL), 0);
	notify_expect(fd, "STATUS=environment\n");
	notify_expect(fd, "STATUS=startup\n");
	notify_expect(fd, "STATUS=initializing\n");
	notify_expect(fd, "STATUS=configuring\n");
	notify_expect(fd, "READY=1\nSTATUS=running\n");
	notify_expect(fd, "STOPPING=1\nSTATUS=stopping\n");
	init_rc = -EIO;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop_later, NULL), -EIO);
	notify_expect(fd, "STATUS=environment\n");
	notify_expect(fd, "STATUS=startup\n");
	notify_expect(fd, "STATUS=initializing\n");
	notify_expect(fd, "STOPPING=1\nSTATUS=failed: subsystem \"t_own\": init failed: "
			  "Input/output error\n");
	close(fd);
	if (_i != 0) {
		unlink(name);
	}
}
END_TEST

START_TEST(test_notify_nobody)
{
	init();
	setenv("NOTIFY_SOCKET", "relative", 1);
	app_sd_notify_phase(EBB_APP_RUNNING, "running", NULL);
	ck_assert(logged("NOTIFY_SOCKET=relative"));
	log_clear();
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	app_sd_notify_phase(EBB_APP_RUNNING, "running", NULL);
	ck_assert(logged("No such file or directory"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_start_and_stop),
		UNIT_TEST(test_states_are_logged_in_order),
		UNIT_TEST(test_start_again),
		UNIT_TEST(test_failing_subsystem),
		UNIT_TEST(test_failing_step),
		UNIT_TEST(test_stop_during_start_up),
		UNIT_TEST(test_first_nonzero_code_is_kept),
		UNIT_TEST(test_stop_without_a_start),
		UNIT_LOOP(test_slow_is_named, 0, 5),
		UNIT_LOOP(test_stop_from_another_os_thread, 0, EBB_REACTOR_MODE_COUNT),
		UNIT_TEST(test_stop_at_any_moment),
		UNIT_TEST(test_refusals_before_anything_is_built),
		UNIT_TEST(test_signal_stops_and_handlers_come_back),
		UNIT_EXIT(test_second_signal_forces_the_exit, 128 + SIGINT),
		UNIT_TEST(test_signals_can_be_left_alone),
		UNIT_TEST(test_wait_for_rpc),
		UNIT_LOOP(test_notify_the_service_manager, 0, 2),
		UNIT_TEST(test_notify_nobody),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
