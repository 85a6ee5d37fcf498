/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ebb_app_start() makes of others' mistakes: subsystems that call next() too often, methods that
 * cannot be, and a system that starts no thread. Each test is a process of its own.
 */
#include <ebb/app.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>
#include <ebb/method.h>
#include <ebb/startup.h>
#include <ebb/subsystem.h>
#include <ebb/thread.h>

#include "tests/unit/fixtures/log.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

static char trace[512];
static struct ebb_app_opts opts;
static bool init_later;
static bool twice;
static int first_rc;
static int starts;

static void note(const char *what)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, "%s%s", len > 0 ? " " : "", what);
}

static void first_finish(void *arg)
{
	(void)arg;
	ebb_subsystem_init_next(first_rc);
	if (twice) {
		ebb_subsystem_init_next(0);
	}
}

static void first_init(void)
{
	note("first");
	if (init_later) {
		ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), first_finish, NULL), 0);
	} else {
		first_finish(NULL);
	}
}

static void first_fini(void)
{
	note("first-fini");
	ebb_subsystem_fini_next();
	if (twice) {
		ebb_subsystem_fini_next();
	}
}

static struct ebb_subsystem first = {.name = "t_first", .init = first_init, .fini = first_fini};
EBB_SUBSYSTEM_REGISTER(first)

static void second_finish(void *arg)
{
	(void)arg;
	note("second-ended");
	ebb_subsystem_init_next(0);
}

/* Takes its time. */
static void second_init(void)
{
	note("second");
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), second_finish, NULL), 0);
}

static struct ebb_subsystem second = {.name = "t_second", .init = second_init};
EBB_SUBSYSTEM_REGISTER(second)
EBB_SUBSYSTEM_DEPEND(t_second, t_first);

static void step_start(struct ebb_step step, void *arg)
{
	(void)arg;
	note("step");
	ebb_step_next(step, 0);
}

static struct ebb_startup_step own_step = {
	.ops = {.name = "t_step", .start = step_start},
	.rank = EBB_STARTUP_RPC_RESUME,
};
EBB_STARTUP_STEP_REGISTER(own_step)

static void start_and_stop(void *arg)
{
	(void)arg;
	starts++;
	note("start");
	ebb_app_stop(0);
}

static void init(void)
{
	log_capture();
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.on_violation = EBB_VIOLATION_ABORT;
}

/* Inside init(), and in a callback: neither time does the second call end the next one's init. */
START_TEST(test_init_next_twice)
{
	init();
	twice = true;
	init_later = _i == 1;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 0);
	ck_assert_str_eq(trace, "first second second-ended step start first-fini");
	ck_assert(logged("ebb_step_next() refused for step \"t_first/init\""));
	ck_assert(logged("ebb_step_next() refused for step \"t_first/fini\""));
}
END_TEST

static void start_and_init_next(void *arg)
{
	ebb_subsystem_init_next(-EIO);
	start_and_stop(arg);
}

START_TEST(test_init_next_when_nothing_is_awaited)
{
	init();
	ck_assert_int_eq(ebb_app_start(&opts, start_and_init_next, NULL), 0);
	ck_assert_str_eq(trace, "first second second-ended step start first-fini");
	ck_assert(logged("ebb_step_next() refused for step"));
}
END_TEST

/* Neither 0 nor an errno: it cannot have gone well. */
START_TEST(test_positive_result_is_a_failure)
{
	init();
	first_rc = 7;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -EINVAL);
	ck_assert_str_eq(trace, "first");
	ck_assert(logged("step \"t_first/init\" ends with 7, which is no negative errno"));
}
END_TEST

static void never_called(struct ebb_call *call, void *params)
{
	(void)call;
	(void)params;
}

static struct json_object *never_told(void)
{
	return NULL;
}

/* What is wrong with each, in words of its error. */
static struct {
	struct ebb_method method;
	const char *why;
} wrong_methods[] = {
	{{.name = "rpc_get_methods", .fn = never_called}, "is registered twice"},
	{{.name = "t_m", .alias = "rpc_get_methods", .fn = never_called}, "or its alias is"},
	{{.name = "t_m"}, "either a function or a snapshot"},
	{{.name = "t_m", .fn = never_called, .snapshot = never_told},
	 "either a function or a snapshot"},
	{{.name = "t_m", .fn = never_called, .effect = EBB_METHOD_CREATES}, "without a subsystem"},
	{{.name = "t_m", .fn = never_called, .subsystem = "bdev"}, "without an effect"},
	{{.name = "t_m", .fn = never_called, .effect = EBB_METHOD_REMOVES, .subsystem = "bdev"},
	 "without undoing a method"},
};

/* A constructor's mistake: start-up names the method, and the first registered of a name stays. */
START_TEST(test_method_that_cannot_be)
{
	struct ebb_method known = {.name = "rpc_get_methods", .fn = never_called};
	struct ebb_method *method = &wrong_methods[_i].method;
	struct ebb_app_state state;
	char name[64];

	init();
	if (ebb_method_find(known.name) == NULL) {
		ebb_method_add(&known);
	}
	ebb_method_add(method);
	ck_assert_ptr_ne(ebb_method_find(method->name), method);
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -EINVAL);
	ebb_app_get_state(&state);
	snprintf(name, sizeof(name), "method \"%s\"", method->name);
	ck_assert_ptr_nonnull(strstr(state.error, name));
	ck_assert_ptr_nonnull(strstr(state.error, wrong_methods[_i].why));
	ck_assert_str_eq(trace, "");
}
END_TEST

START_TEST(test_state_that_methods_do_not_know)
{
	uint32_t before = ebb_method_state();

	log_capture();
	ebb_method_set_state(EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME);
	ck_assert_uint_eq(ebb_method_state(), before);
	ck_assert(logged("is no state of methods"));
}
END_TEST

static bool threads_fail;

typedef int (*create_fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* In place of the library's. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	create_fn create = (create_fn)dlsym(RTLD_NEXT, "pthread_create");

	return threads_fail ? EAGAIN : create(thread, attr, fn, arg);
}

START_TEST(test_reactor_that_cannot_be_started)
{
	struct ebb_app_state state;

	init();
	opts.cpumask = need_two_cpus();
	threads_fail = true;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -EAGAIN);
	ebb_app_get_state(&state);
	ck_assert_int_eq(state.phase, EBB_APP_FAILED);
	ck_assert_str_eq(state.error, "cannot run the reactors");
	ck_assert_int_eq(starts, 0);
	/* Nothing is left of it. */
	threads_fail = false;
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 0);
	ck_assert_int_eq(starts, 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(test_init_next_twice, 0, 2),
		UNIT_TEST(test_init_next_when_nothing_is_awaited),
		UNIT_TEST(test_positive_result_is_a_failure),
		UNIT_LOOP(test_method_that_cannot_be, 0, 7),
		UNIT_TEST(test_state_that_methods_do_not_know),
		UNIT_TEST(test_reactor_that_cannot_be_started),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
