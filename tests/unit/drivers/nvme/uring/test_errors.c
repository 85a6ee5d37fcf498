/* SPDX-License-Identifier: Apache-2.0 */
/* What people are told about the kernel's errors. */
#include "drivers/nvme/uring/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "drivers/nvme/uring/probe.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static char error[512];

static void setup(void)
{
	scratch_begin();
	scratch_text("dev/ng0n1", "");
}

static void check_says(const char *text)
{
	ck_assert_msg(strstr(error, text) != NULL, "\"%s\" does not say \"%s\"", error, text);
	error[0] = '\0';
}

START_TEST(test_errors)
{
	const char *path = scratch_path("dev/ng0n1");

	ck_assert_int_eq(uring_errors_open(-EACCES, path, error, sizeof(error)), -EACCES);
	check_says("mode 0");
	uring_errors_open(-EPERM, "/dev/ng0n1", error, sizeof(error));
	check_says("DeviceAllow=");
	uring_errors_open(-ENOENT, "/dev/ng0n1", error, sizeof(error));
	check_says("udev");
	uring_errors_open(-EBUSY, "/dev/ng0n1", error, sizeof(error));
	check_says("another program");
	uring_errors_open(-ENXIO, "/dev/ng0n1", error, sizeof(error));
	check_says("has gone");
	uring_errors_open(-EMFILE, "/dev/ng0n1", error, sizeof(error));
	check_says(strerror(EMFILE));
	uring_errors_ring(-EPERM, error, sizeof(error));
	check_says("io_uring");
	uring_errors_ring(-ENOSYS, error, sizeof(error));
	check_says("seccomp");
	uring_errors_ring(-EINVAL, error, sizeof(error));
	check_says("5.19 or later");
	uring_errors_ring(-ENOMEM, error, sizeof(error));
	check_says("LimitMEMLOCK=");
	uring_errors_command(-EACCES, "/dev/ng0n1", error, sizeof(error));
	check_says("CAP_SYS_ADMIN");
	uring_errors_command(-EOPNOTSUPP, "/dev/ng0n1", error, sizeof(error));
	check_says("5.19 or later");
	uring_errors_command(-ENOTTY, "/dev/ng0n1", error, sizeof(error));
	check_says("no NVMe command by io_uring");
	uring_errors_command(-EINVAL, "/dev/ng0n1", error, sizeof(error));
	check_says("another namespace");
	uring_errors_command(-ENODEV, "/dev/ng0n1", error, sizeof(error));
	check_says("has gone");
	uring_errors_command(-EIO, "/dev/ng0n1", error, sizeof(error));
	check_says(strerror(EIO));
}
END_TEST

/* A device that takes no commands, by a real ring: the kernel's own word for it. */
START_TEST(test_probe)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int rc = uring_probe(fd, "/dev/zero", 1, 512, error, sizeof(error));

	ck_assert_int_ge(fd, 0);
	ck_assert_int_lt(rc, 0);
	if (rc == -EOPNOTSUPP) {
		check_says("takes no NVMe command by io_uring through '/dev/zero'");
	} else {
		ck_assert_str_ne(error, ""); /* no ring is to be had here, and it says why */
	}
	close(fd);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, scratch_end),
		UNIT_TEST(test_errors),
		UNIT_TEST(test_probe),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
