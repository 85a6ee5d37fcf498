/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/run.h"

#include <errno.h>
#include <pthread.h>

#include <ebb/app.h>
#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/thread.h>

#include "core/app/startup.h"

enum run_state {
	RUN_NONE,
	RUN_BUILDING, /* a stop is noted; the first message looks */
	RUN_UP,       /* the app thread takes messages */
	RUN_ENDING,   /* there is no app thread any more */
};

static const char *const run_state_names[] = {
	[RUN_NONE] = "down",
	[RUN_BUILDING] = "building",
	[RUN_UP] = "up",
	[RUN_ENDING] = "ending",
};

static const uint32_t run_state_next[] = {
	[RUN_NONE] = EBB_BIT(RUN_BUILDING),
	[RUN_BUILDING] = EBB_BIT(RUN_UP) | EBB_BIT(RUN_NONE),
	[RUN_UP] = EBB_BIT(RUN_ENDING),
	[RUN_ENDING] = EBB_BIT(RUN_NONE),
};

static struct {
	pthread_mutex_t lock;
	enum run_state state;
	bool stopping;
	int rc; /* the first nonzero one */
	struct ebb_msg stop_msg;
} run = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Under the lock. */
static void run_set_state(enum run_state state)
{
	ebb_assert((run_state_next[run.state] & EBB_BIT(state)) != 0);
	ebb_debug("app", "app: %s to %s", run_state_names[run.state], run_state_names[state]);
	run.state = state;
}

static void run_stop(void *arg)
{
	(void)arg;
	app_startup_stop();
}

void ebb_app_stop(int rc)
{
	bool first = false;

	pthread_mutex_lock(&run.lock);
	if (run.state != RUN_NONE) {
		if (run.rc == 0) {
			run.rc = rc;
		}
		first = !run.stopping;
		run.stopping = true;
		if (first && run.state == RUN_UP) {
			ebb_thread_send(ebb_thread_app(), &run.stop_msg);
		}
	}
	pthread_mutex_unlock(&run.lock);
	if (!first) {
		ebb_notice("app",
			   "ebb_app_stop(%d) ignored: the end has begun already, or nothing runs",
			   rc);
	}
}

int app_run_claim(void)
{
	int rc = -EBUSY;

	pthread_mutex_lock(&run.lock);
	if (run.state == RUN_NONE) {
		run_set_state(RUN_BUILDING);
		run.stopping = false;
		run.rc = 0;
		rc = 0;
	}
	pthread_mutex_unlock(&run.lock);
	return rc;
}

void app_run_up(struct ebb_msg *first)
{
	pthread_mutex_lock(&run.lock);
	ebb_msg_init(&run.stop_msg, run_stop, NULL);
	run_set_state(RUN_UP);
	ebb_thread_send(ebb_thread_app(), first);
	pthread_mutex_unlock(&run.lock);
}

void app_run_down(void)
{
	pthread_mutex_lock(&run.lock);
	run_set_state(RUN_ENDING);
	pthread_mutex_unlock(&run.lock);
}

int app_run_release(void)
{
	int rc;

	pthread_mutex_lock(&run.lock);
	run_set_state(RUN_NONE);
	rc = run.rc;
	pthread_mutex_unlock(&run.lock);
	return rc;
}

bool app_run_stopping(void)
{
	bool stopping;

	pthread_mutex_lock(&run.lock);
	stopping = run.stopping;
	pthread_mutex_unlock(&run.lock);
	return stopping;
}

void app_run_note(int rc)
{
	pthread_mutex_lock(&run.lock);
	if (run.rc == 0) {
		run.rc = rc;
	}
	pthread_mutex_unlock(&run.lock);
}
