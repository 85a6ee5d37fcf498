/* SPDX-License-Identifier: Apache-2.0 */
/* Standard descriptors that a program was started without. */
#include "core/os/std_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* Runs in a child that has lost some of them. Return: its exit status; what it says in @ret_said. */
static int without(unsigned closed, bool no_descriptors, char *ret_said, size_t size)
{
	ssize_t len;
	int ends[2];
	int status;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		struct rlimit none = {0};

		dup2(ends[1], STDERR_FILENO);
		for (int fd = 0; fd <= 2; fd++) {
			if ((closed & (1u << fd)) != 0) {
				close(fd);
			}
		}
		if (no_descriptors) {
			setrlimit(RLIMIT_NOFILE, &none);
		}
		os_std_fds_fill();
		for (int fd = 0; fd <= 2; fd++) {
			if (fcntl(fd, F_GETFD) != 0) {
				_exit(2);
			}
		}
		/* Those that were filled in fail as a closed one does. */
		if ((closed & 2) != 0 && (write(STDOUT_FILENO, "x", 1) >= 0 || errno != EBADF)) {
			_exit(3);
		}
		if ((closed & 1) != 0 && (read(STDIN_FILENO, &status, 1) >= 0 || errno != EBADF)) {
			_exit(4);
		}
		/* And the next file is none of them. */
		_exit(open("/dev/null", O_RDONLY) > 2 ? 0 : 5);
	}
	close(ends[1]);
	len = read(ends[0], ret_said, size - 1);
	ret_said[len > 0 ? len : 0] = '\0';
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(each_is_filled_in)
{
	char said[512];

	ck_assert_int_eq(without((unsigned)_i, false, said, sizeof(said)), 0);
	ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(where_none_can_be_that_is_said)
{
	char said[512];

	ck_assert_int_eq(without(1, true, said, sizeof(said)), 1);
	ck_assert_ptr_nonnull(strstr(said, "RLIMIT_NOFILE"));
	ck_assert_int_eq(without(7, true, said, sizeof(said)), 1); /* there is nobody to tell */
	ck_assert_str_eq(said, "");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(each_is_filled_in, 0, 8),
		UNIT_TEST(where_none_can_be_that_is_said),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
