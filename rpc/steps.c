/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/startup.h>

#include "core/app/startup.h"
#include "rpc/server.h"

/*
 * The server in start-up's sequence: it listens early, so that somebody can ask how far start-up
 * is; it pauses while the subsystems start, so that nobody meets a half of them; and it refuses
 * from the moment that stopping begins, whether that undoes a whole start-up or a part of one.
 */

static struct rpc_server *steps_server; /* NULL: no socket was asked for */
static struct ebb_step steps_stop;

static void listen_start(struct ebb_step step, void *arg)
{
	const struct ebb_app_opts *opts = ebb_app_get_opts();
	char error[256];
	int rc = 0;

	(void)arg;
	if (opts->rpc_socket != NULL) {
		rc = rpc_server_start(opts->rpc_socket, (mode_t)opts->rpc_socket_mode,
				      &steps_server, error, sizeof(error));
	}
	if (rc != 0) {
		app_startup_fail(rc, "%s", error);
	}
	ebb_step_next(step, rc);
}

static void listen_stopped(void *arg)
{
	(void)arg;
	steps_server = NULL;
	ebb_step_next(steps_stop, 0);
}

static void listen_undo(struct ebb_step step, void *arg)
{
	(void)arg;
	if (steps_server == NULL) {
		ebb_step_next(step, 0);
		return;
	}
	steps_stop = step;
	rpc_server_stop(steps_server, listen_stopped, NULL);
}

static void pause_start(struct ebb_step step, void *arg)
{
	(void)arg;
	if (steps_server != NULL) {
		rpc_server_pause(steps_server);
	}
	ebb_step_next(step, 0);
}

static void resume_start(struct ebb_step step, void *arg)
{
	(void)arg;
	if (steps_server != NULL) {
		rpc_server_resume(steps_server);
	}
	ebb_step_next(step, 0);
}

static void serve_undo(struct ebb_step step, void *arg)
{
	(void)arg;
	if (steps_server != NULL) {
		rpc_server_refuse(steps_server);
	}
	ebb_step_next(step, 0);
}

static struct ebb_startup_step listen_step = {
	.ops = {.name = "RPC listen", .start = listen_start, .undo = listen_undo},
	.rank = EBB_STARTUP_RPC_LISTEN,
	.serves = EBB_STARTUP_SERVES_RPC,
};

static struct ebb_startup_step pause_step = {
	.ops = {.name = "RPC pause", .start = pause_start, .undo = serve_undo},
	.rank = EBB_STARTUP_RPC_PAUSE,
};

static struct ebb_startup_step resume_step = {
	.ops = {.name = "RPC resume", .start = resume_start, .undo = serve_undo},
	.rank = EBB_STARTUP_RPC_RESUME,
};

EBB_STARTUP_STEP_REGISTER(listen_step)
EBB_STARTUP_STEP_REGISTER(pause_step)
EBB_STARTUP_STEP_REGISTER(resume_step)
