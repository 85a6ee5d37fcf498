/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which namespaces a device file, a controller or a subsystem stands for, and that they are held.
 */
#include "drivers/nvme/host/claim.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/nvme/host/topology.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/drivers/nvme/host/machine.h"
#include "tests/unit/unit.h"

#define NVME "0x010802\n"

static char error[512];
static struct host_claim *claim;

/*
 * nvme0 and nvme1 are of one subsystem, without multipath: both have namespace 1. With multipath,
 * nvme2 has one of its own, where the numbers of names differ, and a shared one.
 */
static void setup(void)
{
	machine_begin();
	claim = NULL;
	memset(error, 0, sizeof(error));
	machine_add_pci("0000:01:00.0", NVME, 1, "nvme");
	machine_add_ctrlr("0000:01:00.0", "nvme0", "one");
	machine_add_ns("nvme0", "nvme0n1", "ng0n1", 1, 10);
	machine_add_pci("0000:02:00.0", NVME, 2, "nvme");
	machine_add_ctrlr("0000:02:00.0", "nvme1", "one");
	machine_add_ns("nvme1", "nvme1n1", "ng1n1", 1, 20);
	machine_add_ns("nvme1", "nvme1n2", "ng1n2", 2, 21);
	machine_add_pci("0000:03:00.0", NVME, 3, "nvme");
	machine_add_ctrlr("0000:03:00.0", "nvme2", "two");
	machine_add_ns("nvme2", "nvme5n3", "ng2n3", 13, 30);
	machine_add_shared_ns("nvme-subsys5", "nvme2", "nvme5c2n4", "nvme5n4", "ng5n4", 14, 31);
}

static void teardown(void)
{
	host_claim_release(claim);
	machine_end();
}

/* How often this process has the block device open. */
static unsigned open_count(const char *block)
{
	char wanted[300], path[300];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");

	snprintf(wanted, sizeof(wanted), "%s/dev/%s", machine_root(), block);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, path, sizeof(path) - 1);

		path[len < 0 ? 0 : len] = '\0';
		count += strcmp(path, wanted) == 0;
	}
	closedir(dir);
	return count;
}

static int claim_namespace(const char *path)
{
	return host_claim_namespace(machine_root(), path, &claim, error, sizeof(error));
}

static int claim_controller(const char *ctrlr)
{
	return host_claim_controller(machine_root(), ctrlr, &claim, error, sizeof(error));
}

START_TEST(a_namespace_is_found_by_either_file)
{
	struct host_sysfs_ns ns;

	ck_assert_int_eq(host_topology_find(machine_root(), "/dev/ng2n3", &ns), 0);
	ck_assert_str_eq(ns.block, "nvme5n3");
	ck_assert_str_eq(ns.generic, "ng2n3");
	ck_assert_uint_eq(ns.nsid, 13);
	ck_assert_uint_eq(ns.bytes, 1u << 30);
	ck_assert(!ns.shared);
	ck_assert_int_eq(host_topology_find(machine_root(), "/dev/nvme5n3", &ns), 0);
	ck_assert_str_eq(ns.generic, "ng2n3");
	ck_assert_int_eq(host_topology_find(machine_root(), "/dev/ng5n4", &ns), 0);
	ck_assert_str_eq(ns.block, "nvme5n4");
	ck_assert(ns.shared);
	scratch_link("dev/disk/by-id/mine", scratch_path("dev/ng1n2"));
	ck_assert_int_eq(host_topology_find(machine_root(), "/dev/disk/by-id/mine", &ns), 0);
	ck_assert_str_eq(ns.block, "nvme1n2");
}
END_TEST

START_TEST(what_is_no_namespace_is_not_found)
{
	struct host_sysfs_ns ns;

	scratch_text("dev/sda", "");
	scratch_text("dev/nvme0n1p1", "");
	scratch_text("dev/ng7n7", "");
	ck_assert_int_eq(host_topology_find(machine_root(), "/dev/sda", &ns), -ENODEV);
	ck_assert_int_eq(host_topology_find(machine_root(), "/dev/nvme0n1p1", &ns), -ENODEV);
	ck_assert_int_eq(host_topology_find(machine_root(), "/dev/ng7n7", &ns), -ENODEV);
	ck_assert_int_eq(host_topology_find(machine_root(), "/dev/none", &ns), -ENOENT);
}
END_TEST

START_TEST(a_namespace_is_held_by_all_its_names)
{
	ck_assert_int_eq(claim_namespace("/dev/ng0n1"), 0);
	ck_assert_uint_eq(open_count("nvme0n1"), 1);
	ck_assert_uint_eq(open_count("nvme1n1"), 1);
	ck_assert_uint_eq(open_count("nvme1n2"), 0);
	host_claim_release(claim);
	claim = NULL;
	ck_assert_uint_eq(open_count("nvme0n1"), 0);
	ck_assert_uint_eq(open_count("nvme1n1"), 0);
}
END_TEST

START_TEST(the_same_number_in_another_subsystem_is_another)
{
	scratch_text("sys/class/nvme/nvme1/nvme1n1/wwid", "eui.77\n");
	ck_assert_int_eq(claim_namespace("/dev/ng0n1"), 0);
	ck_assert_uint_eq(open_count("nvme1n1"), 0);
}
END_TEST

START_TEST(a_controller_is_held_with_its_shared_namespaces)
{
	ck_assert_int_eq(claim_controller("nvme2"), 0);
	ck_assert_uint_eq(open_count("nvme5n3"), 1);
	ck_assert_uint_eq(open_count("nvme5n4"), 1);
	ck_assert_uint_eq(open_count("nvme0n1"), 0);
}
END_TEST

START_TEST(one_in_use_lets_all_go)
{
	machine_mount(21, "/mnt");
	ck_assert_int_eq(claim_controller("nvme1"), -EBUSY);
	ck_assert_str_eq(error, "nvme1n2 is mounted on /mnt; unmount it first");
	ck_assert_uint_eq(open_count("nvme1n1"), 0);
	ck_assert_uint_eq(open_count("nvme0n1"), 0);
}
END_TEST

START_TEST(errors_name_what_was_asked_for)
{
	ck_assert_int_eq(claim_controller("nvme9"), -ENODEV);
	ck_assert_str_eq(error, "nvme9: the kernel has no such controller");
	scratch_text("dev/sda", "");
	ck_assert_int_eq(claim_namespace("/dev/sda"), -ENODEV);
	ck_assert_str_eq(error,
			 "/dev/sda: it is no namespace with a block device; ebbctl nvme list "
			 "shows what there is");
	ck_assert_int_eq(claim_namespace("/dev/ng8n8"), -ENOENT);
	ck_assert_str_eq(error,
			 "/dev/ng8n8: No such file or directory; ebbctl nvme list shows what "
			 "there is");
}
END_TEST

static int claim_subsystem(const char *serial, uint32_t nsid, struct host_claim **ret_claim)
{
	return host_claim_subsystem(machine_root(), "nqn.2014-08.org:one", serial, "Model One",
				    nsid, ret_claim, error, sizeof(error));
}

START_TEST(a_namespace_of_a_subsystem_is_held_if_all_its_names_agree)
{
	ck_assert_int_eq(claim_subsystem("S1", 1, &claim), 0);
	ck_assert_uint_eq(open_count("nvme0n1"), 1);
	ck_assert_uint_eq(open_count("nvme1n1"), 1);
	ck_assert_uint_eq(open_count("nvme1n2"), 0);
	ck_assert_uint_eq(open_count("nvme5n4"), 0);
	host_claim_release(claim);
	ck_assert_int_eq(claim_subsystem("S2", 1, &claim), 0);
	ck_assert_uint_eq(open_count("nvme0n1"), 0);
	host_claim_release(claim);
	ck_assert_int_eq(claim_subsystem("", 1, &claim), 0); /* has not been told */
	ck_assert_uint_eq(open_count("nvme0n1"), 1);
	host_claim_release(claim);
	claim = NULL;
	machine_mount(20, "/mnt");
	ck_assert_int_eq(claim_subsystem("S1", 1, &claim), -EBUSY);
	ck_assert_str_eq(error, "nvme1n1 is mounted on /mnt; unmount it first");
	ck_assert_uint_eq(open_count("nvme0n1"), 0);
	ck_assert_int_eq(claim_subsystem("S1", 2, &claim), 0); /* another one is not in its way */
}
END_TEST

/* A process claims a device once. */
START_TEST(claims_share_what_both_have)
{
	struct host_claim *first, *second, *third;

	ck_assert_int_eq(claim_subsystem("S1", 1, &first), 0);
	ck_assert_int_eq(claim_namespace("/dev/ng0n1"), 0);
	ck_assert_int_eq(claim_subsystem("S1", 1, &second), 0);
	ck_assert_uint_eq(open_count("nvme0n1"), 1);
	ck_assert_int_eq(host_claim_namespace(machine_root(), "/dev/ng1n1", &third, error,
					      sizeof(error)),
			 -EBUSY);
	ck_assert_str_eq(error, "nvme1n1 is used by ebb already, by passthrough (trtype uring): "
				"detach its controller first");
	ck_assert_int_eq(host_claim_controller(machine_root(), "nvme0", &third, error,
					       sizeof(error)),
			 -EBUSY);
	host_claim_release(first);
	host_claim_release(claim);
	claim = NULL;
	ck_assert_uint_eq(open_count("nvme0n1"), 1);
	ck_assert_int_eq(claim_controller("nvme0"), 0);
	host_claim_release(second);
	ck_assert_uint_eq(open_count("nvme0n1"), 1);
	host_claim_release(claim);
	claim = NULL;
	ck_assert_uint_eq(open_count("nvme0n1"), 0);
}
END_TEST

START_TEST(a_later_device_of_that_name_is_another)
{
	struct host_claim *first;

	scratch_text("sys/class/block/nvme0n1/diskseq", "7\n");
	ck_assert_int_eq(claim_namespace("/dev/ng0n1"), 0);
	scratch_text("sys/class/block/nvme0n1/diskseq", "8\n");
	ck_assert_int_eq(claim_subsystem("S1", 1, &first), 0);
	ck_assert_uint_eq(open_count("nvme0n1"), 2);
	ck_assert_uint_eq(open_count("nvme1n1"), 1);
	host_claim_release(first);
	ck_assert_uint_eq(open_count("nvme0n1"), 1);
}
END_TEST

START_TEST(what_has_gone_is_let_go)
{
	ck_assert_int_eq(claim_namespace("/dev/nvme0n1"), 0);
	ck_assert_int_eq(remove(scratch_path("sys/class/block/nvme0n1")), 0);
	host_claim_prune(machine_root(), claim);
	ck_assert_uint_eq(open_count("nvme0n1"), 0);
	ck_assert_uint_eq(open_count("nvme1n1"), 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_namespace_is_found_by_either_file),
		UNIT_TEST(what_is_no_namespace_is_not_found),
		UNIT_TEST(a_namespace_is_held_by_all_its_names),
		UNIT_TEST(the_same_number_in_another_subsystem_is_another),
		UNIT_TEST(a_controller_is_held_with_its_shared_namespaces),
		UNIT_TEST(one_in_use_lets_all_go),
		UNIT_TEST(errors_name_what_was_asked_for),
		UNIT_TEST(a_namespace_of_a_subsystem_is_held_if_all_its_names_agree),
		UNIT_TEST(claims_share_what_both_have),
		UNIT_TEST(a_later_device_of_that_name_is_another),
		UNIT_TEST(what_has_gone_is_let_go),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
