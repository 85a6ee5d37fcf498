/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static void (*signal_hook)(void);
static atomic_bool signal_seen;

/* The second one, of whichever kind, and perhaps on another OS thread: it ends the process. */
static void signal_take_effect(int number)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
	raise(number); /* it is blocked until the handler returns */
}

static void signal_handle(int number)
{
	if (atomic_exchange(&signal_seen, true)) {
		signal_take_effect(number);
		return;
	}
	if (signal_hook != NULL) {
		signal_hook();
	}
}

void bench_signals_install(void (*hook)(void))
{
	struct sigaction action = {.sa_handler = signal_handle};
	struct sigaction before;

	signal_hook = hook;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) { /* nohup */
		sigaction(SIGHUP, &action, NULL);
	}
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

bool bench_signals_seen(void)
{
	return atomic_load(&signal_seen);
}
