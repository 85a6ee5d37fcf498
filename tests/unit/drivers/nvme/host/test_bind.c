/* SPDX-License-Identifier: Apache-2.0 */
/* From driver to driver on a made-up machine, every refusal and every failure half-way. */
#include "drivers/nvme/host/bind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/drivers/nvme/host/machine.h"
#include "tests/unit/unit.h"

#define BDF  "0000:01:00.0"
#define MATE "0000:01:00.1"
#define NVME "0x010802\n"

static char error[512];
static char was[HOST_PCI_DRIVER_SIZE];

static void setup(void)
{
	machine_begin();
	memset(error, 0, sizeof(error));
	machine_add_pci(BDF, NVME, 7, "nvme");
	machine_add_ctrlr(BDF, "nvme0", "one");
	machine_add_ns("nvme0", "nvme0n1", "ng0n1", 1, 10);
	machine_add_ns("nvme0", "nvme0n2", "ng0n2", 2, 11);
}

static int bind_vfio(void)
{
	return host_bind_vfio(machine_root(), BDF, was, NULL, error, sizeof(error));
}

static int bind_back(void)
{
	return host_bind_back(machine_root(), BDF, error, sizeof(error));
}

/* Refused with these words, and nothing was touched. */
static void refused(int rc, int wanted, const char *words)
{
	ck_assert_int_eq(rc, wanted);
	ck_assert_str_eq(error, words);
	ck_assert_uint_eq(machine_num_writes(), 0);
}

START_TEST(there_and_back)
{
	ck_assert_int_eq(bind_vfio(), 0);
	ck_assert_str_eq(was, "nvme");
	ck_assert_str_eq(machine_driver(BDF), "vfio-pci");
	ck_assert_str_eq(machine_override(BDF), "vfio-pci");
	ck_assert_int_eq(bind_vfio(), 0);
	ck_assert_str_eq(was, "vfio-pci");
	ck_assert_int_eq(bind_back(), 0);
	ck_assert_str_eq(machine_driver(BDF), "nvme");
	ck_assert_str_eq(machine_override(BDF), "");
	ck_assert_int_eq(bind_back(), 0);
}
END_TEST

START_TEST(one_without_a_driver_is_taken)
{
	machine_add_pci("0000:02:00.0", NVME, 8, NULL);
	ck_assert_int_eq(host_bind_vfio(machine_root(), "0000:02:00.0", was, NULL, error,
					sizeof(error)),
			 0);
	ck_assert_str_eq(was, "");
	ck_assert_str_eq(machine_driver("0000:02:00.0"), "vfio-pci");
}
END_TEST

START_TEST(what_is_not_there_is_refused)
{
	refused(host_bind_vfio(machine_root(), "0000:09:00.0", was, NULL, error, sizeof(error)),
		-ENODEV,
		"0000:09:00.0: there is no such PCI function; ebbctl nvme list shows what there "
		"is");
}
END_TEST

START_TEST(another_kind_of_device_is_refused)
{
	machine_add_pci(BDF, "0x020000\n", 7, "e1000e");
	refused(bind_vfio(), -EINVAL, BDF " is no NVMe controller (its PCI class is 0x020000)");
	refused(bind_back(), -EINVAL, BDF " is no NVMe controller (its PCI class is 0x020000)");
}
END_TEST

START_TEST(without_an_iommu_it_is_refused)
{
	machine_add_pci("0000:02:00.0", NVME, -1, "nvme");
	refused(host_bind_vfio(machine_root(), "0000:02:00.0", was, NULL, error, sizeof(error)),
		-ENOTSUP,
		"0000:02:00.0: it is in no IOMMU group: turn the IOMMU on, in the firmware (VT-d, "
		"AMD-Vi) and for the kernel (intel_iommu=on)");
}
END_TEST

START_TEST(a_driver_in_its_group_is_named)
{
	machine_add_pci(MATE, "0x040300\n", 7, "snd_hda_intel");
	refused(bind_vfio(), -EBUSY,
		BDF
		": its IOMMU group 7 is shared with " MATE
		", which the kernel's driver snd_hda_intel has: that device must go to vfio-pci "
		"too, or be without a driver");
}
END_TEST

START_TEST(a_bridge_in_its_group_does_not_matter)
{
	machine_add_pci(MATE, "0x060400\n", 7, "pcieport");
	machine_add_pci("0000:01:00.2", "0x040300\n", 7, NULL);
	machine_add_pci("0000:01:00.3", "0x040300\n", 7, "vfio-pci");
	ck_assert_int_eq(bind_vfio(), 0);
}
END_TEST

START_TEST(without_vfio_pci_it_is_refused)
{
	machine_unload("vfio-pci");
	refused(bind_vfio(), -ENOENT,
		BDF ": the kernel's vfio-pci driver is not loaded: modprobe vfio-pci");
}
END_TEST

START_TEST(a_stranger_s_driver_keeps_it)
{
	machine_add_pci(BDF, NVME, 7, "uio_pci_generic");
	refused(bind_vfio(), -EBUSY,
		BDF ": the driver uio_pci_generic has it, not the kernel's nvme: unbind it there "
		    "first");
	refused(bind_back(), -EBUSY,
		BDF ": the driver uio_pci_generic has it, not vfio-pci: unbind it there first");
}
END_TEST

START_TEST(a_mounted_namespace_is_refused)
{
	machine_mount(11, "/home");
	refused(bind_vfio(), -EBUSY, BDF ": nvme0n2 is mounted on /home; unmount it first");
}
END_TEST

START_TEST(a_held_namespace_is_refused)
{
	scratch_text("sys/dev/block/259:10/holders/dm-0", "");
	refused(bind_vfio(), -EBUSY, BDF ": nvme0n1 is part of dm-0; take that apart first");
}
END_TEST

START_TEST(a_shared_namespace_in_use_is_refused)
{
	machine_add_shared_ns("nvme-subsys0", "nvme0", "nvme0c0n3", "nvme0n3", "ng0n3", 3, 12);
	machine_mount(12, "/");
	refused(bind_vfio(), -EBUSY, BDF ": nvme0n3 is mounted on /; unmount it first");
}
END_TEST

START_TEST(a_namespace_in_use_through_another_controller_is_refused)
{
	machine_add_pci("0000:02:00.0", NVME, 8, "nvme");
	machine_add_ctrlr("0000:02:00.0", "nvme1", "one");
	machine_add_ns("nvme1", "nvme1n2", "ng1n2", 2, 20);
	machine_mount(20, "/srv");
	refused(bind_vfio(), -EBUSY, BDF ": nvme1n2 is mounted on /srv; unmount it first");
}
END_TEST

START_TEST(what_cannot_be_claimed_is_refused)
{
	ck_assert_int_eq(remove(scratch_path("dev/nvme0n1")), 0);
	refused(bind_vfio(), -ENOENT,
		BDF ": cannot open /dev/nvme0n1, to keep others from it: No such file or "
		    "directory");
}
END_TEST

START_TEST(without_permission_nothing_changes)
{
	machine_fail_write(1, -EACCES);
	ck_assert_int_eq(bind_vfio(), -EPERM);
	ck_assert_str_eq(error, BDF ": not permitted to change its driver "
				    "(/sys/bus/pci/devices/" BDF "/driver_override): run ebbctl "
				    "nvme bind " BDF " as root, once, before ebbd starts");
	ck_assert_str_eq(machine_driver(BDF), "nvme");
}
END_TEST

START_TEST(a_failed_unbind_leaves_it_where_it_was)
{
	machine_fail_write(2, -EBUSY);
	ck_assert_int_eq(bind_vfio(), -EBUSY);
	ck_assert_str_eq(error, BDF ": the kernel refuses \"" BDF
				    "\" in /sys/bus/pci/drivers/nvme/unbind: Device or resource "
				    "busy");
	ck_assert_str_eq(machine_driver(BDF), "nvme");
	ck_assert_str_eq(machine_override(BDF), "");
}
END_TEST

START_TEST(a_failed_probe_puts_the_old_driver_back)
{
	machine_fail_write(3, -EINVAL);
	ck_assert_int_eq(bind_vfio(), -EINVAL);
	ck_assert_str_eq(error, BDF ": the kernel refuses \"" BDF
				    "\" in /sys/bus/pci/drivers_probe: Invalid argument; nvme has "
				    "it again");
	ck_assert_str_eq(machine_driver(BDF), "nvme");
	ck_assert_str_eq(machine_override(BDF), "");
}
END_TEST

START_TEST(a_driver_that_does_not_take_it_is_undone)
{
	machine_set_broken("vfio-pci");
	ck_assert_int_eq(bind_vfio(), -EIO);
	ck_assert_str_eq(error, BDF ": vfio-pci has not taken it (no driver has); dmesg may say "
				    "why; nvme has it again");
	ck_assert_str_eq(machine_driver(BDF), "nvme");
}
END_TEST

START_TEST(an_old_driver_that_does_not_come_back_is_said)
{
	ck_assert_int_eq(bind_vfio(), 0);
	machine_set_broken("nvme");
	ck_assert_int_eq(bind_back(), -EIO);
	ck_assert_str_eq(error, BDF ": nvme has not taken it (no driver has); dmesg may say why; "
				    "vfio-pci has it again");
	ck_assert_str_eq(machine_driver(BDF), "vfio-pci");
	ck_assert_str_eq(machine_override(BDF), "vfio-pci");
}
END_TEST

START_TEST(without_nvme_it_is_not_given_back)
{
	ck_assert_int_eq(bind_vfio(), 0);
	machine_unload("nvme");
	ck_assert_int_eq(bind_back(), -ENOENT);
	ck_assert_str_eq(error, BDF ": the kernel's nvme driver is not loaded: modprobe nvme");
	ck_assert_str_eq(machine_driver(BDF), "vfio-pci");
}
END_TEST

START_TEST(what_others_reach_stays_held)
{
	struct host_claim *hold = NULL;

	ck_assert_int_eq(host_bind_vfio(machine_root(), BDF, was, &hold, error, sizeof(error)), 0);
	ck_assert_ptr_nonnull(hold);
	host_claim_release(hold);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, machine_end),
		UNIT_TEST(there_and_back),
		UNIT_TEST(one_without_a_driver_is_taken),
		UNIT_TEST(what_is_not_there_is_refused),
		UNIT_TEST(another_kind_of_device_is_refused),
		UNIT_TEST(without_an_iommu_it_is_refused),
		UNIT_TEST(a_driver_in_its_group_is_named),
		UNIT_TEST(a_bridge_in_its_group_does_not_matter),
		UNIT_TEST(without_vfio_pci_it_is_refused),
		UNIT_TEST(a_stranger_s_driver_keeps_it),
		UNIT_TEST(a_mounted_namespace_is_refused),
		UNIT_TEST(a_held_namespace_is_refused),
		UNIT_TEST(a_shared_namespace_in_use_is_refused),
		UNIT_TEST(a_namespace_in_use_through_another_controller_is_refused),
		UNIT_TEST(what_cannot_be_claimed_is_refused),
		UNIT_TEST(without_permission_nothing_changes),
		UNIT_TEST(a_failed_unbind_leaves_it_where_it_was),
		UNIT_TEST(a_failed_probe_puts_the_old_driver_back),
		UNIT_TEST(a_driver_that_does_not_take_it_is_undone),
		UNIT_TEST(an_old_driver_that_does_not_come_back_is_said),
		UNIT_TEST(without_nvme_it_is_not_given_back),
		UNIT_TEST(what_others_reach_stays_held),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
