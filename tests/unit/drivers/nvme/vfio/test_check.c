/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of a device before VFIO is asked; addresses of PCI functions and of I/O. */
#include "drivers/nvme/vfio/check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/nvme/host/pci.h"
#include "drivers/nvme/vfio/internal.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/drivers/nvme/host/machine.h"
#include "tests/unit/unit.h"

#define BDF    "0000:01:00.0"
#define NVME   "0x010802\n"
#define WINDOW (512ull << 20)

static char error[512];
static unsigned group;

static int bound(void)
{
	return vfio_check_bound(machine_root(), BDF, &group, error, sizeof(error));
}

START_TEST(one_that_vfio_pci_has_is_good)
{
	machine_add_pci(BDF, NVME, 7, "vfio-pci");
	ck_assert_int_eq(bound(), 0);
	ck_assert_uint_eq(group, 7);
	machine_add_pci(BDF, NVME, 9, "mlx5-vfio-pci");
	ck_assert_int_eq(bound(), 0);
}
END_TEST

START_TEST(the_kernel_s_is_refused)
{
	machine_add_pci(BDF, NVME, 7, "nvme");
	ck_assert_int_eq(bound(), -EBUSY);
	ck_assert_str_eq(error,
			 BDF ": the kernel's driver nvme has it; give it to vfio-pci (ebbctl "
			     "nvme bind " BDF "), or attach with rebind=true");
	ck_assert_int_eq(vfio_check_possible(machine_root(), BDF, &group, error, sizeof(error)), 0);
}
END_TEST

START_TEST(one_without_a_driver_is_refused)
{
	machine_add_pci(BDF, NVME, 7, NULL);
	ck_assert_int_eq(bound(), -ENODEV);
	ck_assert_str_eq(error,
			 BDF ": no driver has it; give it to vfio-pci: ebbctl nvme bind " BDF);
}
END_TEST

START_TEST(a_file_that_may_not_be_opened_is_described)
{
	const char *path = scratch_sparse("group", 1);

	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(vfio_check_denied(BDF, path, error, sizeof(error)), -EPERM);
	ck_assert_ptr_nonnull(strstr(error, "(mode 0640, "));
	ck_assert_ptr_nonnull(strstr(error, "SUBSYSTEM==\"vfio\", GROUP=\"ebb\", MODE=\"0660\" in "
					    "/etc/udev/rules.d/60-ebb-vfio.rules"));
}
END_TEST

START_TEST(addresses_are_read_as_people_write_them)
{
	static const char *const bad[] = {"",
					  "eth0",
					  "0000:01:00",
					  "0000:01:00.8",
					  "0000:01:20.0",
					  "0000:01:00.0 ",
					  " 01:00.0",
					  "01:00.0x",
					  "-1:00:00.0"};
	char bdf[HOST_PCI_BDF_SIZE];
	unsigned i;

	ck_assert(host_pci_bdf_parse("0000:01:00.0", bdf));
	ck_assert_str_eq(bdf, "0000:01:00.0");
	ck_assert(host_pci_bdf_parse("A1:1f.7", bdf));
	ck_assert_str_eq(bdf, "0000:a1:1f.7");
	ck_assert(host_pci_bdf_parse("10001:e1:00.0", bdf));
	ck_assert_str_eq(bdf, "10001:e1:00.0");
	for (i = 0; i < EBB_ARRAY_SIZE(bad); i++) {
		ck_assert_msg(!host_pci_bdf_parse(bad[i], bdf), "\"%s\"", bad[i]);
	}
}
END_TEST

START_TEST(the_window_is_the_lowest_that_fits)
{
	const struct vfio_iova_range usual[] = {{0, 0xfedfffff}, {0xfef00000, (1ull << 39) - 1}};
	const struct vfio_iova_range late[] = {{0, 0x0fffffff},
					       {1ull << 40, UINT64_MAX},
					       {0x100001000, 0x1ffffffff}};
	const struct vfio_iova_range tight[] = {{0x2000000, 0x2000000 + WINDOW - 1}};
	const struct vfio_iova_range short_by_one[] = {{0x2000000, 0x2000000 + WINDOW - 2}};
	const struct vfio_iova_range top[] = {{UINT64_MAX - 0x1000, UINT64_MAX}};

	ck_assert_uint_eq(vfio_dma_place(usual, 2), 16u << 20);
	ck_assert_uint_eq(vfio_dma_place(late, 3), 0x100200000);
	ck_assert_uint_eq(vfio_dma_place(tight, 1), 0x2000000);
	ck_assert_uint_eq(vfio_dma_place(short_by_one, 1), 0);
	ck_assert_uint_eq(vfio_dma_place(top, 1), 0);
	ck_assert_uint_eq(vfio_dma_place(NULL, 0), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(machine_begin, machine_end),
		UNIT_TEST(one_that_vfio_pci_has_is_good),
		UNIT_TEST(the_kernel_s_is_refused),
		UNIT_TEST(one_without_a_driver_is_refused),
		UNIT_TEST(a_file_that_may_not_be_opened_is_described),
		UNIT_TEST(addresses_are_read_as_people_write_them),
		UNIT_TEST(the_window_is_the_lowest_that_fits),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
