/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_STARTUP_H
#define EBB_STARTUP_H

/*
 * Start-up is one sequence of steps that register themselves, each with a rank, so that link order
 * never matters. Shutdown undoes each step that was started, backwards.
 */

#include <ebb/app.h>
#include <ebb/list.h>
#include <ebb/sequence.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebb_startup_rank {
	EBB_STARTUP_ENVIRONMENT,
	EBB_STARTUP_CONFIG_CHECK, /* the whole file, before anything of it has an effect */
	EBB_STARTUP_RPC_LISTEN,
	EBB_STARTUP_CONFIG_STARTUP, /* the file's STARTUP methods */
	EBB_STARTUP_WAIT_FOR_RPC,   /* until framework_start_init, if asked to wait */
	EBB_STARTUP_RPC_PAUSE,
	EBB_STARTUP_SUBSYSTEMS,
	EBB_STARTUP_RPC_STATE,      /* methods: from STARTUP to RUNTIME */
	EBB_STARTUP_CONFIG_RUNTIME, /* the file's RUNTIME methods */
	EBB_STARTUP_CONFIG_END,     /* what the file asked for is there, or that is an error */
	EBB_STARTUP_RPC_RESUME,
	EBB_STARTUP_APPLICATION, /* the start function of ebb_app_start() */
};

/* What a step does about the options of ebb_app_start(): if no step serves one, it is refused. */
enum ebb_startup_serves {
	EBB_STARTUP_SERVES_NONE,
	EBB_STARTUP_SERVES_JSON, /* reads json_file and json_data */
	EBB_STARTUP_SERVES_RPC,  /* listens on rpc_socket */
};

struct ebb_startup_step {
	struct ebb_step_ops ops;
	enum ebb_startup_rank rank;
	enum ebb_startup_serves serves;
	struct ebb_list link; /* the registry's */
};

/* Thread: a constructor's. Owns: @step stays the caller's and must live until the end. */
void ebb_startup_step_add(struct ebb_startup_step *step);

#define EBB_STARTUP_STEP_REGISTER(step)        \
	EBB_CONSTRUCTOR(step##_register)       \
	{                                      \
		ebb_startup_step_add(&(step)); \
	}

/* The options ebb_app_start() was called with, defaults filled in; NULL outside. Thread: any. */
const struct ebb_app_opts *ebb_app_get_opts(void);

enum ebb_app_phase {
	EBB_APP_ENVIRONMENT,
	EBB_APP_STARTUP, /* waits for framework_start_init, or runs STARTUP methods */
	EBB_APP_INITIALIZING,
	EBB_APP_CONFIGURING,
	EBB_APP_RUNNING,
	EBB_APP_STOPPING,
	EBB_APP_FAILED,
	EBB_APP_PHASE_COUNT,
};

const char *ebb_app_phase_name(enum ebb_app_phase phase);

struct ebb_app_state {
	enum ebb_app_phase phase;
	char step[64]; /* empty: none under way */
	uint64_t step_age_ns;
	char error[256]; /* the last one; empty: none */
	uint64_t uptime_ns;
};

/* A published snapshot. Thread: any OS thread; never waits for the app thread. */
void ebb_app_get_state(struct ebb_app_state *ret_state);

/**
 * ebb_app_start_init() - what framework_start_init does: let the wait for it end
 * @done: once, on the app thread, when start-up has ended: 0 or its error; may be NULL
 * Thread: app. Return: 0; or, and then @done will not run, -EALREADY start-up is not waiting; -EPERM
 *	not on the app thread (reported).
 */
int ebb_app_start_init(void (*done)(void *arg, int rc), void *arg);

/*
 * @done: once, on the app thread, when start-up has ended (at once if it has): 0 or its error.
 * Thread: app; from elsewhere it is reported, and @done never runs.
 */
void ebb_app_wait_init(void (*done)(void *arg, int rc), void *arg);

#ifdef __cplusplus
}
#endif

#endif
