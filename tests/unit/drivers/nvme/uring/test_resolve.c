/* SPDX-License-Identifier: Apache-2.0 */
/* Which controller is meant, and what people are told if it cannot be had. */
#include "drivers/nvme/uring/resolve.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/drivers/nvme/host/machine.h"
#include "tests/unit/unit.h"

#define BDF0  "0000:01:00.0"
#define BDF1  "0000:02:00.0"
#define BDF2  "0000:03:00.0"
#define CLASS "0x010802\n"

static struct uring_target target;
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
	memset(&target, 0, sizeof(target));
	error[0] = '\0';
	return uring_resolve(machine_root(), traddr, &target, error, sizeof(error));
}

static void check_found(const char *traddr, const char *ctrlr, const char *subsystem,
			const char *only)
{
	ck_assert_msg(find(traddr) == 0, "%s: %s", traddr, error);
	ck_assert_str_eq(target.ctrlr, ctrlr);
	ck_assert_str_eq(target.subsystem, subsystem);
	ck_assert_str_eq(target.only, only);
}

static void check_refused(const char *traddr, int rc, const char *text)
{
	ck_assert_int_eq(find(traddr), rc);
	ck_assert_msg(strstr(error, text) != NULL, "\"%s\" does not say \"%s\"", error, text);
}

START_TEST(test_resolve)
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

START_TEST(test_resolve_link)
{
	scratch_link("dev/disk/by-id/my-drive", scratch_path("dev/nvme0n1"));
	check_found("/dev/disk/by-id/my-drive", "nvme0", "nvme-subsys0", "nvme0n1");
}
END_TEST

START_TEST(test_resolve_refused)
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

START_TEST(test_resolve_not_live)
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

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, machine_end), UNIT_TEST(test_resolve),
		UNIT_TEST(test_resolve_link),     UNIT_TEST(test_resolve_refused),
		UNIT_TEST(test_resolve_not_live), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
