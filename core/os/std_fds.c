/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/std_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void os_std_fds_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* open() takes the lowest number there is, and all below this one are taken. */
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
			/* Perhaps standard error is there, and somebody reads it. */
			dprintf(STDERR_FILENO,
				"standard input, output or error is closed, and /dev/null cannot "
				"be opened in its place: %s; open them, or raise RLIMIT_NOFILE "
				"(ulimit -n)\n",
				strerror(errno));
			_exit(1);
		}
	}
}

bool os_std_fds_finish(const char *program)
{
	int error = 0;

	if (fflush(stdout) != 0) {
		error = errno;
	} else if (ferror(stdout)) {
		error = EIO; /* of some time ago */
	}
	if (error != 0) {
		fprintf(stderr, "%s: cannot write the output: %s\n", program, strerror(error));
	}
	return error == 0;
}
