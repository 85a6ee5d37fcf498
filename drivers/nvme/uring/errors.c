/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why passthrough does not work here. Each way to be refused has a cause of its own and a remedy of
 * its own; the kernel's word for it is one of a few errnos.
 */
#include "drivers/nvme/uring/errors.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* True if the kernel that runs is older than @major.@minor; its name, for people. */
static bool kernel_is_older(int major, int minor, char ret_release[65])
{
	struct utsname name;
	int have_major = 0, have_minor = 0;

	uname(&name);
	snprintf(ret_release, 65, "%s", name.release);
	if (sscanf(name.release, "%d.%d", &have_major, &have_minor) != 2) {
		return false;
	}
	return have_major < major || (have_major == major && have_minor < minor);
}

/* "mode 0600, group disk" */
static void describe_mode(const char *path, char *text, size_t size)
{
	const struct group *group;
	struct stat st;

	if (stat(path, &st) < 0) {
		snprintf(text, size, "%s", strerror(errno));
		return;
	}
	group = getgrgid(st.st_gid); /* only the helper asks */
	if (group != NULL) {
		snprintf(text, size, "mode %04o, group %s", (unsigned)st.st_mode & 07777,
			 group->gr_name);
	} else {
		snprintf(text, size, "mode %04o, group %u", (unsigned)st.st_mode & 07777,
			 (unsigned)st.st_gid);
	}
}

int uring_errors_open(int rc, const char *path, char *ret_error, size_t error_size)
{
	char mode[96];

	switch (rc) {
	case -EACCES:
		describe_mode(path, mode, sizeof(mode));
		snprintf(ret_error, error_size,
			 "cannot open '%s' for reading and writing (%s): run ebbd as a user that "
			 "may, or let a udev rule give it to ebbd's group",
			 path, mode);
		break;
	case -EPERM:
		snprintf(ret_error, error_size,
			 "cannot open '%s': forbidden though its mode allows it; a container's "
			 "device rules, or DeviceAllow= of the unit, leave it out",
			 path);
		break;
	case -ENOENT:
		snprintf(ret_error, error_size,
			 "'%s' is not there: the kernel has the namespace, but no device file was "
			 "made for it; is udev running, is /dev the host's?",
			 path);
		break;
	case -EBUSY:
		snprintf(
			ret_error, error_size,
			"cannot open '%s': another program has it for itself; close it there first",
			path);
		break;
	case -ENXIO:
	case -ENODEV:
		snprintf(ret_error, error_size, "cannot open '%s': the device has gone", path);
		break;
	default:
		snprintf(ret_error, error_size, "cannot open '%s': %s", path, strerror(-rc));
		break;
	}
	return rc;
}

/* The sysctl kernel.io_uring_disabled: 0 allowed, 1 for one group, 2 for nobody; -1 no such. */
static int io_uring_disabled(void)
{
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int value = -1;

	if (file != NULL) {
		if (fscanf(file, "%d", &value) != 1) {
			value = -1;
		}
		fclose(file);
	}
	return value;
}

int uring_errors_ring(int rc, char *ret_error, size_t error_size)
{
	char release[65];

	switch (rc) {
	case -EPERM:
		switch (io_uring_disabled()) {
		case 1:
			snprintf(ret_error, error_size,
				 "io_uring is only for the group of the sysctl "
				 "kernel.io_uring_group: put ebbd's user into it, or set "
				 "kernel.io_uring_disabled to 0");
			break;
		case 2:
			snprintf(ret_error, error_size,
				 "io_uring is off: set the sysctl kernel.io_uring_disabled to 0");
			break;
		default:
			snprintf(ret_error, error_size,
				 "io_uring is forbidden here: let the container's seccomp profile, "
				 "or SystemCallFilter= of the unit, pass io_uring_setup");
			break;
		}
		break;
	case -ENOSYS:
		snprintf(ret_error, error_size,
			 "io_uring is missing: the kernel is built without it, or a seccomp "
			 "profile hides it");
		break;
	case -EINVAL:
	case -ENOTSUP:
		kernel_is_older(5, 19, release);
		snprintf(ret_error, error_size,
			 "the kernel (%s) has no io_uring with 128 byte entries: 5.19 or later is "
			 "needed, 6.1 is wanted",
			 release);
		break;
	case -ENOMEM:
		snprintf(ret_error, error_size,
			 "no io_uring can be made: RLIMIT_MEMLOCK is too low (ulimit -l, or "
			 "LimitMEMLOCK= of the unit)");
		break;
	default:
		snprintf(ret_error, error_size, "no io_uring can be made: %s", strerror(-rc));
		break;
	}
	return rc;
}

int uring_errors_command(int rc, const char *path, char *ret_error, size_t error_size)
{
	char release[65];

	switch (rc) {
	case -EACCES:
	case -EPERM:
		if (kernel_is_older(6, 2, release)) {
			snprintf(ret_error, error_size,
				 "the kernel (%s) takes no command through '%s': before 6.2 that "
				 "needs CAP_SYS_ADMIN (root, or AmbientCapabilities= of the unit)",
				 release, path);
		} else {
			snprintf(ret_error, error_size,
				 "the kernel takes no read or write through '%s': it has to be "
				 "opened for both, and admin commands need CAP_SYS_ADMIN",
				 path);
		}
		break;
	case -EOPNOTSUPP:
	case -ENOTTY:
		kernel_is_older(5, 19, release);
		snprintf(ret_error, error_size,
			 "the kernel (%s) takes no NVMe command by io_uring through '%s': 5.19 or "
			 "later does",
			 release, path);
		break;
	case -ENODEV:
	case -ENXIO:
		snprintf(ret_error, error_size, "'%s': the device has gone", path);
		break;
	case -EINVAL:
		snprintf(ret_error, error_size,
			 "the kernel refuses a read of one block through '%s' as invalid; is it "
			 "another namespace's by now?",
			 path);
		break;
	default:
		snprintf(ret_error, error_size,
			 "the kernel has no answer for a read through '%s': %s", path,
			 strerror(-rc));
		break;
	}
	return rc;
}
