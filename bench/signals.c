/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static void (*signal_hook)(void);
static atomic_bool signal_seen;

static void signal_handle(int number)
{
	(void)number;
	atomic_store(&signal_seen, true);
	if (signal_hook != NULL) {
		signal_hook();
	}
}

void bench_signals_install(void (*hook)(void))
{
	struct sigaction action = {.sa_handler = signal_handle, .sa_flags = (int)SA_RESETHAND};

	signal_hook = hook;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

bool bench_signals_seen(void)
{
	return atomic_load(&signal_seen);
}
