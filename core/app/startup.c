/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/startup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/method.h>
#include <ebb/thread.h>
#include <ebb/violation.h>

#include "core/app/sequence.h"
#include "core/app/state.h"
#include "core/app/subsystem.h"
#include "core/event/app_only.h"
#include "core/method/registry.h"
#include "core/method/wanted.h"
#include "core/event/doing.h"
#include "core/os/fd_reserve.h"

/* Sorted by rank, and by name within a rank: the order of the constructors does not matter. */
static struct ebb_list registered = EBB_LIST_INIT(registered);

static const enum ebb_app_phase rank_phase[] = {
	[EBB_STARTUP_ENVIRONMENT] = EBB_APP_ENVIRONMENT,
	[EBB_STARTUP_CONFIG_CHECK] = EBB_APP_ENVIRONMENT,
	[EBB_STARTUP_RPC_LISTEN] = EBB_APP_ENVIRONMENT,
	[EBB_STARTUP_CONFIG_STARTUP] = EBB_APP_STARTUP,
	[EBB_STARTUP_WAIT_FOR_RPC] = EBB_APP_STARTUP,
	[EBB_STARTUP_RPC_PAUSE] = EBB_APP_INITIALIZING,
	[EBB_STARTUP_SUBSYSTEMS] = EBB_APP_INITIALIZING,
	[EBB_STARTUP_RPC_STATE] = EBB_APP_CONFIGURING,
	[EBB_STARTUP_CONFIG_RUNTIME] = EBB_APP_CONFIGURING,
	[EBB_STARTUP_CONFIG_END] = EBB_APP_CONFIGURING,
	[EBB_STARTUP_RPC_RESUME] = EBB_APP_CONFIGURING,
	[EBB_STARTUP_APPLICATION] = EBB_APP_CONFIGURING,
};

/* Somebody who wants to know when start-up has ended. */
struct init_waiter {
	struct ebb_list link;
	void (*done)(void *arg, int rc);
	void *arg;
};

enum startup_state {
	STARTUP_NONE,      /* not begun, or undone */
	STARTUP_UNDER_WAY, /* steps are being started, or undone because one has failed */
	STARTUP_UP,
	STARTUP_STOPPING, /* app_startup_stop() was here */
};

static const char *const state_names[] = {
	[STARTUP_NONE] = "none",
	[STARTUP_UNDER_WAY] = "under way",
	[STARTUP_UP] = "up",
	[STARTUP_STOPPING] = "stopping",
};

static const uint32_t state_next[] = {
	[STARTUP_NONE] = EBB_BIT(STARTUP_UNDER_WAY),
	[STARTUP_UNDER_WAY] =
		EBB_BIT(STARTUP_UP) | EBB_BIT(STARTUP_STOPPING) | EBB_BIT(STARTUP_NONE),
	[STARTUP_UP] = EBB_BIT(STARTUP_STOPPING),
	[STARTUP_STOPPING] = EBB_BIT(STARTUP_NONE),
};

static struct {
	enum startup_state state;
	struct ebb_sequence *sequence;
	void (*start)(void *arg);
	void *start_arg;
	void (*ended)(int rc);
	bool resolved; /* the waiters have been told `result` */
	int result;
	struct ebb_list waiters;
	bool waiting_for_rpc;
	struct ebb_step rpc_step; /* valid while waiting_for_rpc */
} startup = {.waiters = EBB_LIST_INIT(startup.waiters)};

static void startup_set_state(enum startup_state state)
{
	ebb_assert((state_next[startup.state] & EBB_BIT(state)) != 0);
	ebb_debug("app", "start-up: %s to %s", state_names[startup.state], state_names[state]);
	startup.state = state;
}

void ebb_startup_step_add(struct ebb_startup_step *step)
{
	struct ebb_startup_step *other;
	struct ebb_list *next;

	ebb_list_for_each(next, &registered) {
		other = ebb_list_entry(next, struct ebb_startup_step, link);
		if (other->rank > step->rank ||
		    (other->rank == step->rank && strcmp(other->ops.name, step->ops.name) > 0)) {
			break;
		}
	}
	ebb_list_insert_before(&step->link, next);
}

bool app_startup_is_served(enum ebb_startup_serves what)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &registered) {
		if (ebb_list_entry(node, struct ebb_startup_step, link)->serves == what) {
			return true;
		}
	}
	return false;
}

static void waiters_resolve(int rc)
{
	struct ebb_list *node;
	struct init_waiter *waiter;

	if (startup.resolved) {
		return;
	}
	startup.resolved = true;
	startup.result = rc;
	/* Nobody waits any more now: who comes meanwhile is told at once. */
	while ((node = ebb_list_pop_front(&startup.waiters)) != NULL) {
		waiter = ebb_list_entry(node, struct init_waiter, link);
		waiter->done(waiter->arg, rc);
		free(waiter);
	}
}

EBB_REPORTS void ebb_app_wait_init(void (*done)(void *arg, int rc), void *arg)
{
	struct init_waiter *waiter;

	if (!event_app_only(__func__, "start-up", __builtin_return_address(0))) {
		return;
	}
	if (startup.resolved) {
		done(arg, startup.result);
		return;
	}
	waiter = malloc(sizeof(*waiter));
	if (waiter == NULL) {
		done(arg, -ENOMEM);
		return;
	}
	waiter->done = done;
	waiter->arg = arg;
	ebb_list_push_back(&startup.waiters, &waiter->link);
}

void app_startup_fail(int rc, const char *format, ...)
{
	char text[sizeof(((struct ebb_app_state *)0)->error)];
	va_list args;

	ebb_assert(ebb_thread_is_app());
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (startup.state == STARTUP_STOPPING) {
		ebb_warn("app", "while stopping: %s", text);
		return;
	}
	if (app_state_phase() == EBB_APP_FAILED) {
		return;
	}
	ebb_error("app", "start-up failed: %s", text);
	app_state_set_error(text);
	app_state_set_phase(EBB_APP_FAILED);
	waiters_resolve(rc);
}

/* What app_startup_fail() is for the steps that said nothing. */
static void startup_failed(void *arg, const char *step, int rc)
{
	(void)arg;
	app_startup_fail(rc, "step \"%s\": %s", step, strerror(-rc));
}

static void startup_changed(void *arg)
{
	const char *name;
	uint64_t since_ns;

	(void)arg;
	if (app_sequence_waiting(startup.sequence, &name, &since_ns)) {
		app_state_set_step(name, since_ns);
	} else {
		app_state_set_step(NULL, 0);
	}
}

/* A step takes long: the service manager is to see which, and how long by now. */
static void startup_named(void *arg)
{
	(void)arg;
	app_state_tell_step();
}

static void startup_end(int rc)
{
	waiters_resolve(rc < 0 ? rc : -ECANCELED);
	app_sequence_destroy(startup.sequence);
	startup.sequence = NULL;
	startup_set_state(STARTUP_NONE);
	startup.ended(rc);
}

static void startup_done(void *arg, int rc)
{
	(void)arg;
	if (rc == 0 && startup.state == STARTUP_UNDER_WAY) {
		startup_set_state(STARTUP_UP);
		app_state_set_phase(EBB_APP_RUNNING);
		waiters_resolve(0);
		return;
	}
	startup_end(rc == -ECANCELED && startup.state == STARTUP_STOPPING ? 0 : rc);
}

static void step_start(struct ebb_step step, void *arg)
{
	struct ebb_startup_step *registered_step = arg;

	app_state_set_phase(rank_phase[registered_step->rank]);
	registered_step->ops.start(step, NULL);
}

static void step_undo(struct ebb_step step, void *arg)
{
	struct ebb_startup_step *registered_step = arg;

	registered_step->ops.undo(step, NULL);
}

static int startup_build(void)
{
	struct app_sequence_opts opts = {
		.name = "start-up",
		.timeout_s = ebb_app_get_opts()->init_timeout_s,
		.failed = startup_failed,
		.changed = startup_changed,
		.named = startup_named,
	};
	struct ebb_startup_step *step;
	struct ebb_list *node;
	int rc;

	rc = app_sequence_create(&opts, &startup.sequence);
	if (rc < 0) {
		return rc;
	}
	ebb_list_for_each(node, &registered) {
		struct app_sequence_step sequence_step = {.start = step_start};

		step = ebb_list_entry(node, struct ebb_startup_step, link);
		sequence_step.name = step->ops.name;
		sequence_step.arg = step;
		sequence_step.undo = step->ops.undo != NULL ? step_undo : NULL;
		sequence_step.patient = step->rank == EBB_STARTUP_WAIT_FOR_RPC;
		rc = app_sequence_add(startup.sequence, &sequence_step);
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

void app_startup_begin(void (*start)(void *arg), void *start_arg, void (*ended)(int rc))
{
	int rc;

	ebb_assert(ebb_thread_is_app() && startup.state == STARTUP_NONE);
	startup_set_state(STARTUP_UNDER_WAY);
	startup.start = start;
	startup.start_arg = start_arg;
	startup.ended = ended;
	startup.resolved = false;
	rc = startup_build();
	if (rc < 0) {
		app_startup_fail(rc, "out of memory");
		startup_end(rc);
		return;
	}
	app_sequence_run(startup.sequence, APP_STEP_NONE, startup_done, NULL);
}

void app_startup_stop(void)
{
	enum startup_state state = startup.state;

	ebb_assert(ebb_thread_is_app());
	if (state == STARTUP_NONE || state == STARTUP_STOPPING ||
	    app_state_phase() == EBB_APP_FAILED) {
		return;
	}
	startup_set_state(STARTUP_STOPPING);
	app_state_set_phase(EBB_APP_STOPPING);
	if (state == STARTUP_UP) {
		app_sequence_undo(startup.sequence, APP_STEP_NONE, startup_done, NULL);
		return;
	}
	waiters_resolve(-ECANCELED);
	app_sequence_stop(startup.sequence);
	if (startup.waiting_for_rpc) {
		startup.waiting_for_rpc = false;
		ebb_step_next(startup.rpc_step, -ECANCELED);
	}
}

/* The first step: what all others stand on. */
static void environment_start(struct ebb_step step, void *arg)
{
	char error[APP_SUBSYSTEM_ERROR_MAX];
	int rc;

	(void)arg;
	ebb_method_set_state(EBB_METHOD_STARTUP);
	rc = method_registry_check(error, sizeof(error));
	if (rc == 0) {
		rc = app_subsystem_sort(error, sizeof(error));
	}
	if (rc < 0) {
		app_startup_fail(rc, "%s", error);
	}
	ebb_step_next(step, rc);
}

static void environment_undo(struct ebb_step step, void *arg)
{
	(void)arg;
	method_wanted_clear();
	app_subsystem_unsort();
	ebb_step_next(step, 0);
}

static struct ebb_startup_step environment_step = {
	.ops = {.name = "environment", .start = environment_start, .undo = environment_undo},
	.rank = EBB_STARTUP_ENVIRONMENT,
};
EBB_STARTUP_STEP_REGISTER(environment_step)

static void wait_for_rpc_start(struct ebb_step step, void *arg)
{
	(void)arg;
	if (!ebb_app_get_opts()->wait_for_rpc) {
		ebb_step_next(step, 0);
		return;
	}
	startup.waiting_for_rpc = true;
	startup.rpc_step = step;
	ebb_notice("app", "waiting for framework_start_init on %s", ebb_app_get_opts()->rpc_socket);
	app_state_tell_step();
}

static struct ebb_startup_step wait_for_rpc_step = {
	.ops = {.name = "wait-for-rpc", .start = wait_for_rpc_start},
	.rank = EBB_STARTUP_WAIT_FOR_RPC,
};
EBB_STARTUP_STEP_REGISTER(wait_for_rpc_step)

EBB_REPORTS int ebb_app_start_init(void (*done)(void *arg, int rc), void *arg)
{
	if (!event_app_only(__func__, "start-up", __builtin_return_address(0))) {
		return -EPERM;
	}
	if (!startup.waiting_for_rpc) {
		return -EALREADY;
	}
	startup.waiting_for_rpc = false;
	if (done != NULL) {
		ebb_app_wait_init(done, arg);
	}
	ebb_step_next(startup.rpc_step, 0);
	return 0;
}

static void subsystem_failed(const char *subsystem, int rc)
{
	app_startup_fail(rc, "subsystem \"%s\": init failed: %s", subsystem, strerror(-rc));
}

static void subsystems_start(struct ebb_step step, void *arg)
{
	(void)arg;
	app_subsystem_init(step, ebb_app_get_opts()->init_timeout_s, subsystem_failed);
}

static void subsystems_undo(struct ebb_step step, void *arg)
{
	(void)arg;
	app_subsystem_fini(step);
}

static struct ebb_startup_step subsystems_step = {
	.ops = {.name = "subsystems", .start = subsystems_start, .undo = subsystems_undo},
	.rank = EBB_STARTUP_SUBSYSTEMS,
};
EBB_STARTUP_STEP_REGISTER(subsystems_step)

static void method_state_start(struct ebb_step step, void *arg)
{
	(void)arg;
	ebb_method_set_state(EBB_METHOD_RUNTIME);
	ebb_step_next(step, 0);
}

static struct ebb_startup_step method_state_step = {
	.ops = {.name = "method state", .start = method_state_start},
	.rank = EBB_STARTUP_RPC_STATE,
};
EBB_STARTUP_STEP_REGISTER(method_state_step)

/* What serves nobody is better not started. */
static int descriptors_check(void)
{
	struct rlimit limit = {.rlim_cur = 0};

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	if (!os_fd_reserve_left(OS_FD_CONTROL)) {
		app_startup_fail(-EMFILE,
				 "all is there, but no file descriptor is left for a client: raise "
				 "RLIMIT_NOFILE (ulimit -n), which is %lu",
				 (unsigned long)limit.rlim_cur);
		return -EMFILE;
	}
	if (!os_fd_reserve_left(OS_FD_CLIENT)) {
		ebb_warn("app",
			 "no file descriptor is left for clients of exports, only those kept for "
			 "RPC: raise RLIMIT_NOFILE (ulimit -n), which is %lu",
			 (unsigned long)limit.rlim_cur);
	}
	return 0;
}

static void application_start(struct ebb_step step, void *arg)
{
	struct event_doing doing;
	int rc = descriptors_check();

	(void)arg;
	if (rc < 0) {
		ebb_step_next(step, rc);
		return;
	}
	event_doing_begin(&doing, "start function of", ebb_app_get_opts()->name);
	startup.start(startup.start_arg);
	event_doing_end(&doing);
	ebb_step_next(step, 0);
}

static struct ebb_startup_step application_step = {
	.ops = {.name = "application", .start = application_start},
	.rank = EBB_STARTUP_APPLICATION,
};
EBB_STARTUP_STEP_REGISTER(application_step)
