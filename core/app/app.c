/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/app.h>

#include <errno.h>

#include <ebb/log.h>
#include <ebb/thread.h>

#include "core/app/json_text.h"
#include "core/app/options.h"
#include "core/app/run.h"
#include "core/app/signals.h"
#include "core/app/startup.h"
#include "core/app/state.h"
#include "core/event/callback.h"
#include "core/event/framework.h"

/* What the run is about; whether there is one is known in run.c. */
static struct {
	struct ebb_app_opts opts;
	void (*start)(void *arg);
	void *start_arg;
	struct ebb_msg begin_msg;
} app;

static void app_ended(int rc)
{
	app_run_note(rc);
	event_framework_stop();
}

static void app_begin(void *arg)
{
	(void)arg;
	if (app_run_stopping()) {
		app_state_set_phase(EBB_APP_STOPPING);
		app_ended(0);
		return;
	}
	app_startup_begin(app.start, app.start_arg, app_ended);
}

/* Nothing will run; why has been logged. */
static void app_fail(const char *error)
{
	app_state_set_error(error);
	app_state_set_phase(EBB_APP_FAILED);
}

/* Return: 0; < 0: the reactors could not run (logged). */
static int app_reactors_run(void)
{
	int rc;

	if (app.opts.handle_signals) {
		app_signals_install(ebb_thread_app());
	}
	ebb_msg_init(&app.begin_msg, app_begin, NULL);
	app_run_up(&app.begin_msg);
	rc = event_framework_run();
	if (rc < 0) {
		app_fail("cannot run the reactors");
	}
	if (app.opts.handle_signals) {
		app_signals_restore();
	}
	app_run_down();
	app_options_publish(NULL);
	event_framework_fini();
	app_json_text_free();
	return rc;
}

/* Between claim and release: everything but the checks that need no run. */
static int app_start_claimed(void)
{
	struct event_framework_opts event_opts = {
		.mode = app.opts.mode,
		.spin_us_max = app.opts.spin_us_max,
		/* Nobody has chosen a CPU: where it sleeps, let the kernel choose. */
		.roam = app.opts.cpumask == NULL,
	};
	char error[APP_OPTIONS_ERROR_MAX];
	int rc;

	rc = app_options_cpus(app.opts.cpumask, &event_opts.cpus, error, sizeof(error));
	if (rc == 0) {
		rc = app_json_text_load(&app.opts, error, sizeof(error));
	}
	if (rc < 0) {
		ebb_error("app", "%s", error);
		return rc;
	}
	ebb_violation_set_action(app.opts.on_violation);
	event_callback_set_limit_ms(app.opts.callback_limit_ms);
	app_state_reset();
	rc = event_framework_init(&event_opts);
	if (rc < 0) {
		app_fail("cannot make the reactors");
		app_json_text_free();
		return rc;
	}
	app_options_publish(&app.opts);
	return app_reactors_run();
}

/* Says of an option that nothing linked can serve what to do about it. Return: 0; -ENOTSUP. */
static int app_check_served(const struct ebb_app_opts *opts)
{
	const char *json = opts->json_file != NULL ? "json_file" : "json_data";

	if ((opts->json_file != NULL || opts->json_data != NULL) &&
	    !app_startup_is_served(EBB_STARTUP_SERVES_JSON)) {
		ebb_error("app",
			  "%s: opts.%s is given, but nothing in this program reads a "
			  "configuration: link all of libebb (--whole-archive), or start without "
			  "--json and opts.%s",
			  opts->name, json, json);
		return -ENOTSUP;
	}
	if (opts->rpc_socket != NULL && !app_startup_is_served(EBB_STARTUP_SERVES_RPC)) {
		ebb_error("app",
			  "%s: opts.rpc_socket is given (%s), but there is no RPC server in this "
			  "program: link all of libebb (--whole-archive), or start without "
			  "--rpc-socket and opts.rpc_socket",
			  opts->name, opts->rpc_socket);
		return -ENOTSUP;
	}
	return 0;
}

int ebb_app_start(const struct ebb_app_opts *opts, void (*start)(void *arg), void *arg)
{
	char error[APP_OPTIONS_ERROR_MAX];
	struct ebb_app_opts loaded;
	int stop_rc;
	int rc;

	rc = app_options_load(opts, &loaded, error, sizeof(error));
	if (rc < 0) {
		ebb_error("app", "%s", error);
		return rc;
	}
	rc = app_check_served(&loaded);
	if (rc < 0) {
		return rc;
	}
	if (start == NULL) {
		ebb_error("app", "%s: no start function: there would be nothing to run",
			  loaded.name);
		return -EINVAL;
	}
	if (app_run_claim() < 0) {
		ebb_error("app", "%s: ebb_app_start() is running already in this process",
			  loaded.name);
		return -EBUSY;
	}
	app.opts = loaded;
	app.start = start;
	app.start_arg = arg;
	rc = app_start_claimed();
	stop_rc = app_run_release();
	return rc < 0 ? rc : stop_rc;
}
