/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/app.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/startup.h>
#include <ebb/thread.h>

#include "core/app/json_text.h"
#include "core/app/options.h"
#include "core/app/signals.h"
#include "core/app/startup.h"
#include "core/app/state.h"
#include "core/event/event.h"

enum app_life {
	APP_DOWN,
	APP_BUILDING, /* a stop is noted; app_up() passes it on */
	APP_UP,       /* the app thread takes messages */
	APP_ENDING,   /* there is no app thread any more */
};

static const char *const app_life_names[] = {
	[APP_DOWN] = "down",
	[APP_BUILDING] = "building",
	[APP_UP] = "up",
	[APP_ENDING] = "ending",
};

static const uint32_t app_life_next[] = {
	[APP_DOWN] = EBB_BIT(APP_BUILDING),
	[APP_BUILDING] = EBB_BIT(APP_UP) | EBB_BIT(APP_DOWN),
	[APP_UP] = EBB_BIT(APP_ENDING),
	[APP_ENDING] = EBB_BIT(APP_DOWN),
};

static struct {
	pthread_mutex_t lock; /* for `life`, `stopping` and `rc` */
	enum app_life life;
	bool stopping;
	int rc; /* the first nonzero one */
	struct ebb_app_opts opts;
	void (*start)(void *arg);
	void *start_arg;
	struct ebb_msg begin_msg;
	struct ebb_msg stop_msg;
} app = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic(const struct ebb_app_opts *) published_opts;

/* Under the lock. */
static void app_life_set(enum app_life life)
{
	ebb_assert((app_life_next[app.life] & EBB_BIT(life)) != 0);
	ebb_debug("app", "app: %s to %s", app_life_names[app.life], app_life_names[life]);
	app.life = life;
}

const struct ebb_app_opts *ebb_app_get_opts(void)
{
	return atomic_load(&published_opts);
}

static void app_ended(int rc)
{
	pthread_mutex_lock(&app.lock);
	if (app.rc == 0) {
		app.rc = rc;
	}
	pthread_mutex_unlock(&app.lock);
	ebb_event_stop();
}

static void app_begin(void *arg)
{
	bool stopping;

	(void)arg;
	pthread_mutex_lock(&app.lock);
	stopping = app.stopping;
	pthread_mutex_unlock(&app.lock);
	if (stopping) {
		ebb_app_state_set_phase(EBB_APP_STOPPING);
		app_ended(0);
		return;
	}
	ebb_startup_begin(app.start, app.start_arg, app_ended);
}

static void app_stop(void *arg)
{
	(void)arg;
	ebb_startup_stop();
}

void ebb_app_stop(int rc)
{
	bool first = false;

	pthread_mutex_lock(&app.lock);
	if (app.life != APP_DOWN) {
		if (app.rc == 0) {
			app.rc = rc;
		}
		first = !app.stopping;
		app.stopping = true;
		if (first && app.life == APP_UP) {
			ebb_thread_send(ebb_thread_app(), &app.stop_msg);
		}
	}
	pthread_mutex_unlock(&app.lock);
	if (!first) {
		ebb_notice("app",
			   "ebb_app_stop(%d) ignored: the end has begun already, or nothing runs",
			   rc);
	}
}

/* Takes the one place there is. Return: 0; -EBUSY. */
static int app_claim(void)
{
	int rc = -EBUSY;

	pthread_mutex_lock(&app.lock);
	if (app.life == APP_DOWN) {
		app_life_set(APP_BUILDING);
		app.stopping = false;
		app.rc = 0;
		rc = 0;
	}
	pthread_mutex_unlock(&app.lock);
	return rc;
}

/* Return: the first nonzero code of the run, or 0. */
static int app_release(void)
{
	int rc;

	pthread_mutex_lock(&app.lock);
	app_life_set(APP_DOWN);
	rc = app.rc;
	pthread_mutex_unlock(&app.lock);
	return rc;
}

/* Nothing will run; why has been logged. */
static void app_fail(const char *error)
{
	ebb_app_state_set_error(error);
	ebb_app_state_set_phase(EBB_APP_FAILED);
}

/* The app thread is there: what has been asked for reaches it now. */
static void app_up(void)
{
	ebb_msg_init(&app.begin_msg, app_begin, NULL);
	ebb_msg_init(&app.stop_msg, app_stop, NULL);
	pthread_mutex_lock(&app.lock);
	app_life_set(APP_UP);
	ebb_thread_send(ebb_thread_app(), &app.begin_msg);
	pthread_mutex_unlock(&app.lock);
}

/* Return: 0; < 0: the reactors could not run (logged). */
static int app_run(void)
{
	int rc;

	if (app.opts.handle_signals) {
		ebb_signals_install(ebb_thread_app());
	}
	app_up();
	rc = ebb_event_run();
	if (rc < 0) {
		app_fail("cannot run the reactors");
	}
	if (app.opts.handle_signals) {
		ebb_signals_restore();
	}
	pthread_mutex_lock(&app.lock);
	app_life_set(APP_ENDING);
	pthread_mutex_unlock(&app.lock);
	atomic_store(&published_opts, NULL);
	ebb_event_fini();
	ebb_json_text_free();
	return rc;
}

/* Between claim and release: everything but the checks that need no place. */
static int app_start_claimed(void)
{
	struct ebb_event_opts event_opts = {
		.mode = app.opts.mode,
		.spin_us_max = app.opts.spin_us_max,
		/* Nobody has chosen a CPU: where it sleeps, let the kernel choose. */
		.roam = app.opts.cpumask == NULL,
	};
	char error[EBB_OPTIONS_ERROR_MAX];
	int rc;

	rc = ebb_options_cpus(app.opts.cpumask, &event_opts.cpus, error, sizeof(error));
	if (rc == 0) {
		rc = ebb_json_text_load(&app.opts, error, sizeof(error));
	}
	if (rc < 0) {
		ebb_error("app", "%s", error);
		return rc;
	}
	ebb_violation_set_action(app.opts.on_violation);
	ebb_app_state_reset();
	rc = ebb_event_init(&event_opts);
	if (rc < 0) {
		app_fail("cannot make the reactors");
		ebb_json_text_free();
		return rc;
	}
	atomic_store(&published_opts, &app.opts);
	return app_run();
}

int ebb_app_start(const struct ebb_app_opts *opts, void (*start)(void *arg), void *arg)
{
	char error[EBB_OPTIONS_ERROR_MAX];
	struct ebb_app_opts loaded;
	int stop_rc;
	int rc;

	rc = ebb_options_load(opts, &loaded, error, sizeof(error));
	if (rc < 0) {
		ebb_error("app", "%s", error);
		return rc;
	}
	if (start == NULL) {
		ebb_error("app", "%s: no start function: there would be nothing to run",
			  loaded.name);
		return -EINVAL;
	}
	if (app_claim() < 0) {
		ebb_error("app", "%s: ebb_app_start() is running already in this process",
			  loaded.name);
		return -EBUSY;
	}
	app.opts = loaded;
	app.start = start;
	app.start_arg = arg;
	rc = app_start_claimed();
	stop_rc = app_release();
	return rc < 0 ? rc : stop_rc;
}
