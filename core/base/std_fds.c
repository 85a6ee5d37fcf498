/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/std_fds.h"

#include <fcntl.h>
#include <unistd.h>

void ebb_std_fds_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* open() takes the lowest number there is, and all below this one are taken. */
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
			_exit(1); /* nobody is there to be told */
		}
	}
}
