/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/shortage.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a heap that is not short can grow by. */
#define SHORTAGE_BYTES ((size_t)1024 * 1024)

static const char *shortage_program;

bool os_shortage_of(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED) {
		return true;
	}
	munmap(memory, bytes);
	return false;
}

/* Async-signal-safe, and never waiting for who does not read. */
static void shortage_say(const char *text)
{
	struct pollfd stream = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&stream, 1, 0) != 0 && write(STDERR_FILENO, text, strlen(text)) < 0) {
		/* There is nobody left to tell. */
	}
}

/*
 * The default is back by now (SA_RESETHAND). An instruction that has failed runs again, and ends the
 * process as ever; what somebody has sent (kill, a service manager's watchdog) does not come again.
 */
static void shortage_handle(int number, siginfo_t *info, void *context)
{
	int error = errno;

	(void)context;
	if (os_shortage_of(SHORTAGE_BYTES)) {
		shortage_say(shortage_program);
		shortage_say(
			": out of memory, and nothing can be done without: free some, or raise "
			"RLIMIT_AS (ulimit -v) and the unit's MemoryMax=\n");
		_exit(1);
	}
	if (info->si_code <= 0) {
		raise(number);
	}
	errno = error;
}

void os_shortage_exit(const char *program)
{
	static const int numbers[] = {SIGABRT, SIGSEGV};

	shortage_program = program;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction action;

		if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
			action.sa_sigaction = shortage_handle;
			action.sa_flags = (int)SA_RESETHAND | SA_SIGINFO;
			sigaction(numbers[i], &action, NULL);
		}
	}
}
