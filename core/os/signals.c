/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/signals.h"

#include <signal.h>
#include <stddef.h>

#include <ebb/base.h>

static void signal_ignore(int number)
{
	struct sigaction action;

	if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
		action.sa_handler = SIG_IGN;
		sigaction(number, &action, NULL);
	}
}

void os_signals_ignore_output(void)
{
	signal_ignore(SIGPIPE);
	signal_ignore(SIGXFSZ);
}

void os_signals_ignore_stray(void)
{
	static const int stray[] = {SIGUSR1, SIGUSR2, SIGALRM,   SIGVTALRM,
				    SIGPROF, SIGIO,   SIGSTKFLT, SIGPWR};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(stray); i++) {
		signal_ignore(stray[i]);
	}
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
		signal_ignore(number);
	}
}
