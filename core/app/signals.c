/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/signals.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/log.h>

static struct {
	_Atomic(struct ebb_thread *) app;
	atomic_uint received;
	atomic_uint handlers; /* inside signal_handle() now, on any OS thread */
	struct sigaction old_int;
	struct sigaction old_term;
	struct sigaction old_hup;
	struct sigaction old_pipe;
} signals;

static void signal_stop(void *arg)
{
	switch ((intptr_t)arg) {
	case SIGHUP:
		ebb_notice("app", "SIGHUP, as from a terminal that is closed: stopping");
		break;
	default:
		ebb_notice("app", "%s: stopping; once more to force the exit",
			   (intptr_t)arg == SIGINT ? "SIGINT" : "SIGTERM");
		break;
	}
	ebb_app_stop(0);
}

/* Async-signal-safe. */
static void signal_handle(int number)
{
	static const char line[] = "ebb: second signal: exit forced, nothing is put away\n";
	struct pollfd stream = {.fd = STDERR_FILENO, .events = POLLOUT};
	struct ebb_thread *app;

	atomic_fetch_add(&signals.handlers, 1);
	if (number == SIGHUP && atomic_load(&signals.received) > 0) {
		/* A shell and the kernel may both send one: nobody is in a hurry. */
		atomic_fetch_sub(&signals.handlers, 1);
		return;
	}
	if (atomic_fetch_add(&signals.received, 1) > 0) {
		/* It may be that ebbd hangs because nobody reads what it writes. */
		if (poll(&stream, 1, 0) != 0 && write(STDERR_FILENO, line, sizeof(line) - 1) < 0) {
			/* There is nobody left to tell. */
		}
		_exit(128 + number);
	}
	/* Pairs with the exchange in app_signals_restore(). */
	app = atomic_load(&signals.app);
	if (app != NULL) {
		ebb_thread_send_critical(app, signal_stop, (void *)(intptr_t)number);
	}
	atomic_fetch_sub(&signals.handlers, 1);
}

void app_signals_install(struct ebb_thread *app)
{
	struct sigaction action = {.sa_handler = signal_handle, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigemptyset(&action.sa_mask);
	sigemptyset(&ignore.sa_mask);
	atomic_store(&signals.received, 0);
	atomic_store(&signals.app, app);
	sigaction(SIGINT, &action, &signals.old_int);
	sigaction(SIGTERM, &action, &signals.old_term);
	sigaction(SIGPIPE, &ignore, &signals.old_pipe);
	/* nohup has it ignored. */
	sigaction(SIGHUP, NULL, &signals.old_hup);
	if (signals.old_hup.sa_handler != SIG_IGN) {
		sigaction(SIGHUP, &action, NULL);
	}
}

void app_signals_restore(void)
{
	sigaction(SIGINT, &signals.old_int, NULL);
	sigaction(SIGTERM, &signals.old_term, NULL);
	sigaction(SIGHUP, &signals.old_hup, NULL);
	sigaction(SIGPIPE, &signals.old_pipe, NULL);
	atomic_exchange(&signals.app, NULL);
	/* One that was entered before may still hold the pointer; it is gone in a moment. */
	while (atomic_load(&signals.handlers) > 0) {
		sched_yield();
	}
}
