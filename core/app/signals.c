/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/signals.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/base.h>
#include <ebb/log.h>

/* Whose they are, and what is done at each. */
enum signal_use {
	SIGNAL_STOPS,
	SIGNAL_NOTED,
	SIGNAL_IGNORED,
};

static const struct {
	int number;
	enum signal_use use;
} handled[] = {
	{SIGINT, SIGNAL_STOPS},    {SIGTERM, SIGNAL_STOPS},   {SIGHUP, SIGNAL_NOTED},
	{SIGPIPE, SIGNAL_IGNORED}, {SIGXFSZ, SIGNAL_IGNORED},
};

/* Where the process is. Only a program that called app_signals_early() is ever early or late. */
enum signals_phase {
	SIGNALS_NONE,
	SIGNALS_EARLY,
	SIGNALS_UP,
	SIGNALS_LATE,
};

static struct {
	atomic_int phase;
	_Atomic(struct ebb_thread *) app;
	atomic_uint received;
	atomic_bool noting;   /* a SIGHUP is on its way to the log */
	atomic_uint handlers; /* inside signal_handle() now, on any OS thread */
	bool early;           /* app_signals_early() was called */
	struct sigaction old[EBB_ARRAY_SIZE(handled)];
} signals;

static void signal_stop(void *arg)
{
	ebb_notice("app", "%s: stopping; once more to force the exit",
		   (intptr_t)arg == SIGINT ? "SIGINT" : "SIGTERM");
	ebb_app_stop(0);
}

static void signal_note(void *arg)
{
	(void)arg;
	atomic_store(&signals.noting, false);
	ebb_notice("app", "SIGHUP: noted, and nothing else is done; SIGTERM stops");
}

/* Async-signal-safe. It may be that ebbd hangs because nobody reads what it writes. */
static void signal_say(const char *line)
{
	struct pollfd stream = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&stream, 1, 0) != 0 && write(STDERR_FILENO, line, strlen(line)) < 0) {
		/* There is nobody left to tell. */
	}
}

/* SIGINT or SIGTERM. Async-signal-safe. */
static void signal_handle_stop(int number)
{
	struct ebb_thread *app;

	switch (atomic_load(&signals.phase)) {
	case SIGNALS_EARLY:
		signal_say("ebb: stopped by a signal before it had started\n");
		_exit(0);
	case SIGNALS_UP:
		break;
	default:
		return;
	}
	if (atomic_fetch_add(&signals.received, 1) > 0) {
		signal_say("ebb: second signal: exit forced, nothing is put away\n");
		_exit(128 + number);
	}
	/* Pairs with the exchange in app_signals_restore(). */
	app = atomic_load(&signals.app);
	if (app != NULL) {
		ebb_thread_send_critical(app, signal_stop, (void *)(intptr_t)number);
	}
}

/* One at a time, so that however many come there is room for one that stops. */
static void signal_handle_note(void)
{
	struct ebb_thread *app = atomic_load(&signals.app);

	if (app != NULL && !atomic_exchange(&signals.noting, true)) {
		ebb_thread_send_critical(app, signal_note, NULL);
	}
}

static void signal_handle(int number)
{
	atomic_fetch_add(&signals.handlers, 1);
	if (number == SIGHUP) {
		signal_handle_note();
	} else {
		signal_handle_stop(number);
	}
	atomic_fetch_sub(&signals.handlers, 1);
}

/* What was there before is kept in @ret_old, if there is one. */
static void signals_set(struct sigaction *ret_old)
{
	struct sigaction before;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(handled); i++) {
		struct sigaction action = {
			.sa_handler = handled[i].use == SIGNAL_IGNORED ? SIG_IGN : signal_handle,
			.sa_flags = SA_RESTART,
		};

		sigemptyset(&action.sa_mask);
		sigaction(handled[i].number, NULL, &before);
		if (ret_old != NULL) {
			ret_old[i] = before;
		}
		/* nohup has SIGHUP ignored. */
		if (handled[i].use != SIGNAL_NOTED || before.sa_handler != SIG_IGN) {
			sigaction(handled[i].number, &action, NULL);
		}
	}
}

void app_signals_early(void)
{
	signals.early = true;
	atomic_store(&signals.phase, SIGNALS_EARLY);
	signals_set(NULL);
}

void app_signals_install(struct ebb_thread *app)
{
	atomic_store(&signals.received, 0);
	atomic_store(&signals.noting, false);
	atomic_store(&signals.app, app);
	atomic_store(&signals.phase, SIGNALS_UP);
	signals_set(signals.old);
}

void app_signals_restore(void)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(handled); i++) {
		sigaction(handled[i].number, &signals.old[i], NULL);
	}
	atomic_store(&signals.phase, signals.early ? SIGNALS_LATE : SIGNALS_NONE);
	atomic_exchange(&signals.app, NULL);
	/* One that was entered before may still hold the pointer; it is gone in a moment. */
	while (atomic_load(&signals.handlers) > 0) {
		sched_yield();
	}
}
