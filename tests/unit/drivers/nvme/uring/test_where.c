/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/internal.h"

/* Which controller is meant, what its queues take, and what people are told if it cannot be had. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/drivers/nvme/host/machine.h"

#define BDF0  "0000:01:00.0"
#define BDF1  "0000:02:00.0"
#define BDF2  "0000:03:00.0"
#define CLASS "0x010802\n"

static struct ebb_nvme_uring_where where;
static struct ebb_nvme_uring_limits limits;
static char error[512];

/* nvme0 with two namespaces, nvme1 with a shared one that nvme2 leads to as well. */
static void setup(void)
{
	machine_begin();
	machine_add_pci(BDF0, CLASS, 1, "nvme");
	machine_add_pci(BDF1, CLASS, 2, "nvme");
	machine_add_pci(BDF2, CLASS, 3, "vfio-pci");
	machine_add_ctrlr(BDF0, "nvme0", "one");
	machine_add_ctrlr(BDF1, "nvme1", "two");
	machine_add_ns("nvme0", "nvme0n1", "ng0n1", 1, 1);
	machine_add_ns("nvme0", "nvme0n2", "ng0n2", 2, 2);
	machine_add_shared_ns("nvme-subsys1", "nvme1", "nvme1c1n1", "nvme1n1", "ng1n1", 1, 3);
	scratch_text("dev/nvme0", "");
	scratch_text("dev/nvme1", "");
	scratch_text("dev/null", "");
	scratch_text("dev/nvme0n1p1", "");
	scratch_text("sys/class/nvme-subsystem/nvme-subsys0/nvme0", "");
	scratch_text("sys/class/nvme-subsystem/nvme-subsys1/nvme1", "");
}

static int find(const char *traddr)
{
	memset(&where, 0, sizeof(where));
	error[0] = '\0';
	return ebb_nvme_uring_find(machine_root(), traddr, &where, error, sizeof(error));
}

static void check_found(const char *traddr, const char *ctrlr, const char *subsystem,
			const char *only)
{
	ck_assert_msg(find(traddr) == 0, "%s: %s", traddr, error);
	ck_assert_str_eq(where.ctrlr, ctrlr);
	ck_assert_str_eq(where.subsystem, subsystem);
	ck_assert_str_eq(where.only, only);
}

static void check_refused(const char *traddr, int rc, const char *text)
{
	ck_assert_int_eq(find(traddr), rc);
	ck_assert_msg(strstr(error, text) != NULL, "\"%s\" does not say \"%s\"", error, text);
}

START_TEST(test_find)
{
	check_found("/dev/nvme0", "nvme0", "nvme-subsys0", "");
	check_found("/dev/nvme0n2", "nvme0", "nvme-subsys0", "nvme0n2");
	check_found("/dev/ng0n2", "nvme0", "nvme-subsys0", "nvme0n2");
	check_found("/dev/ng1n1", "nvme1", "nvme-subsys1", "nvme1n1");
	check_found("/dev/nvme1n1", "nvme1", "nvme-subsys1", "nvme1n1");
	check_found(BDF0, "nvme0", "nvme-subsys0", "");
	check_found("01:00.0", "nvme0", "nvme-subsys0", "");
}
END_TEST

START_TEST(test_find_link)
{
	scratch_link("dev/disk/by-id/my-drive", scratch_path("dev/nvme0n1"));
	check_found("/dev/disk/by-id/my-drive", "nvme0", "nvme-subsys0", "nvme0n1");
}
END_TEST

START_TEST(test_find_refused)
{
	check_refused("nonsense", -EINVAL, "neither a device file");
	check_refused("", -EINVAL, "neither a device file");
	check_refused("/dev/nothing", -ENOENT, "/dev/nothing");
	check_refused("/dev/null", -ENODEV, "no NVMe controller");
	check_refused("/dev/nvme0n1p1", -ENODEV, "no whole namespace");
	check_refused("0000:09:00.0", -ENODEV, "no PCI function 0000:09:00.0");
	check_refused(BDF2, -ENODEV, "belongs to vfio-pci; attach it with trtype PCIe");
	machine_add_pci("0000:04:00.0", CLASS, 4, NULL);
	check_refused("0000:04:00.0", -ENODEV, "has no driver");
	scratch_text("dev/nvme9", "");
	check_refused("/dev/nvme9", -ENODEV, "no NVMe controller nvme9");
}
END_TEST

START_TEST(test_find_not_live)
{
	scratch_text("sys/class/nvme/nvme0/state", "resetting\n");
	check_refused("/dev/nvme0", -EAGAIN, "its state is \"resetting\"");
	check_refused("/dev/ng0n1", -ENODEV, "is live");
	/* Of two that lead to a namespace, the one that can. */
	machine_add_ctrlr("0000:03:00.0", "nvme2", "two");
	scratch_text("sys/class/nvme/nvme2/nvme1c2n1/hidden", "");
	scratch_text("sys/class/nvme-subsystem/nvme-subsys1/nvme2", "");
	scratch_text("sys/class/nvme/nvme1/state", "dead\n");
	check_found("/dev/ng1n1", "nvme2", "nvme-subsys1", "nvme1n1");
}
END_TEST

static void queue_says(const char *block, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/class/block/%s/queue/%s", block, name);
	scratch_text(path, text);
}

static void queue_like_qemu(const char *block)
{
	queue_says(block, "max_hw_sectors_kb", "512\n");
	queue_says(block, "max_segments", "127\n");
	queue_says(block, "dma_alignment", "3\n");
	queue_says(block, "virt_boundary_mask", "4095\n");
	queue_says(block, "nr_requests", "1023\n");
	queue_says(block, "io_poll", "1\n");
}

START_TEST(test_limits)
{
	queue_like_qemu("nvme0n1");
	ebb_nvme_uring_read_limits(machine_root(), "nvme0n1", &limits);
	/* 127 segments are 126 pages of data that begins anywhere: less than 512 KiB. */
	ck_assert_uint_eq(limits.max_io_bytes, 126 * 4096);
	ck_assert_uint_eq(limits.max_segments, 127);
	ck_assert_uint_eq(limits.buf_align, 4);
	ck_assert_uint_eq(limits.page_bytes, 4096);
	ck_assert_uint_eq(limits.depth, 511);
	ck_assert(limits.polled);
	queue_says("nvme0n1", "max_hw_sectors_kb", "128\n");
	queue_says("nvme0n1", "virt_boundary_mask", "0\n");
	queue_says("nvme0n1", "io_poll", "0\n");
	queue_says("nvme0n1", "dma_alignment", "511\n");
	ebb_nvme_uring_read_limits(machine_root(), "nvme0n1", &limits);
	ck_assert_uint_eq(limits.max_io_bytes, 128 << 10);
	ck_assert_uint_eq(limits.page_bytes, 0);
	ck_assert_uint_eq(limits.buf_align, 512);
	ck_assert(!limits.polled);
}
END_TEST

START_TEST(test_limits_odd)
{
	/* Nothing to read: what every controller takes. */
	ebb_nvme_uring_read_limits(machine_root(), "nvme0n1", &limits);
	ck_assert_uint_eq(limits.max_io_bytes, 128 << 10);
	ck_assert_uint_eq(limits.max_segments, 33);
	ck_assert_uint_eq(limits.buf_align, 4);
	ck_assert_uint_eq(limits.page_bytes, 4096);
	ck_assert_uint_eq(limits.depth, 0);
	ck_assert(!limits.polled);
	queue_like_qemu("nvme0n1");
	queue_says("nvme0n1", "max_segments", "0\n");
	queue_says("nvme0n1", "dma_alignment", "5\n");
	ebb_nvme_uring_read_limits(machine_root(), "nvme0n1", &limits);
	ck_assert_uint_eq(limits.max_segments, 1);
	ck_assert_uint_eq(limits.max_io_bytes, 4096);
	ck_assert_uint_eq(limits.buf_align, 4096);
	queue_says("nvme0n1", "max_segments", "many\n");
	queue_says("nvme0n1", "max_hw_sectors_kb", "4294967295\n");
	ebb_nvme_uring_read_limits(machine_root(), "nvme0n1", &limits);
	ck_assert_uint_eq(limits.max_segments, 33);
	ck_assert_uint_eq(limits.max_io_bytes, 32 * 4096);
}
END_TEST

/* Of several namespaces, the least of each. */
START_TEST(test_limits_ctrlr)
{
	queue_like_qemu("nvme0n1");
	queue_like_qemu("nvme0n2");
	queue_says("nvme0n1", "max_hw_sectors_kb", "64\n");
	queue_says("nvme0n1", "io_poll", "0\n");
	queue_says("nvme0n2", "max_segments", "50\n");
	queue_says("nvme0n2", "dma_alignment", "511\n");
	queue_says("nvme0n2", "nr_requests", "64\n");
	ebb_nvme_uring_ctrlr_limits(machine_root(), "nvme0", &limits);
	ck_assert_uint_eq(limits.max_io_bytes, 64 << 10);
	ck_assert_uint_eq(limits.max_segments, 50);
	ck_assert_uint_eq(limits.buf_align, 512);
	ck_assert_uint_eq(limits.depth, 32);
	ck_assert(limits.polled);
	ebb_nvme_uring_ctrlr_limits(machine_root(), "nvme9", &limits);
	ck_assert_uint_eq(limits.max_io_bytes, 128 << 10);
}
END_TEST

static void check_says(const char *text)
{
	ck_assert_msg(strstr(error, text) != NULL, "\"%s\" does not say \"%s\"", error, text);
	error[0] = '\0';
}

START_TEST(test_explain)
{
	const char *path = scratch_path("dev/ng0n1");

	ck_assert_int_eq(ebb_nvme_uring_explain_open(-EACCES, path, error, sizeof(error)), -EACCES);
	check_says("mode 0");
	ebb_nvme_uring_explain_open(-EPERM, "/dev/ng0n1", error, sizeof(error));
	check_says("DeviceAllow=");
	ebb_nvme_uring_explain_open(-ENOENT, "/dev/ng0n1", error, sizeof(error));
	check_says("udev");
	ebb_nvme_uring_explain_open(-EBUSY, "/dev/ng0n1", error, sizeof(error));
	check_says("another program");
	ebb_nvme_uring_explain_open(-ENXIO, "/dev/ng0n1", error, sizeof(error));
	check_says("has gone");
	ebb_nvme_uring_explain_open(-EMFILE, "/dev/ng0n1", error, sizeof(error));
	check_says(strerror(EMFILE));
	ebb_nvme_uring_explain_ring(-EPERM, error, sizeof(error));
	check_says("io_uring");
	ebb_nvme_uring_explain_ring(-ENOSYS, error, sizeof(error));
	check_says("seccomp");
	ebb_nvme_uring_explain_ring(-EINVAL, error, sizeof(error));
	check_says("5.19 or later");
	ebb_nvme_uring_explain_ring(-ENOMEM, error, sizeof(error));
	check_says("LimitMEMLOCK=");
	ebb_nvme_uring_explain_command(-EACCES, "/dev/ng0n1", error, sizeof(error));
	check_says("CAP_SYS_ADMIN");
	ebb_nvme_uring_explain_command(-EOPNOTSUPP, "/dev/ng0n1", error, sizeof(error));
	check_says("5.19 or later");
	ebb_nvme_uring_explain_command(-ENOTTY, "/dev/ng0n1", error, sizeof(error));
	check_says("no NVMe command by io_uring");
	ebb_nvme_uring_explain_command(-EINVAL, "/dev/ng0n1", error, sizeof(error));
	check_says("another namespace");
	ebb_nvme_uring_explain_command(-ENODEV, "/dev/ng0n1", error, sizeof(error));
	check_says("has gone");
	ebb_nvme_uring_explain_command(-EIO, "/dev/ng0n1", error, sizeof(error));
	check_says(strerror(EIO));
}
END_TEST

/* A device that takes no commands, by a real ring: the kernel's own word for it. */
START_TEST(test_try)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int rc = ebb_nvme_uring_try(fd, "/dev/zero", 1, 512, error, sizeof(error));

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

int main(void)
{
	Suite *suite = suite_create("drivers/nvme/uring/where");
	TCase *tcase = tcase_create("where");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, machine_end);
	tcase_add_test(tcase, test_find);
	tcase_add_test(tcase, test_find_link);
	tcase_add_test(tcase, test_find_refused);
	tcase_add_test(tcase, test_find_not_live);
	tcase_add_test(tcase, test_limits);
	tcase_add_test(tcase, test_limits_odd);
	tcase_add_test(tcase, test_limits_ctrlr);
	tcase_add_test(tcase, test_explain);
	tcase_add_test(tcase, test_try);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
