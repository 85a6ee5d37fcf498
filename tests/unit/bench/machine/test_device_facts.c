/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/device_facts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <json-c/json.h>

#include <ebb/base.h>

#include "tests/unit/bench/machine/machines.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

static struct json_object *facts;

static void begin(void)
{
	scratch_begin();
	facts = NULL;
}

static void end(void)
{
	json_object_put(facts);
	scratch_end();
}

static void is(const char *path, const char *wanted)
{
	ck_assert_str_eq(machine_fact(facts, path), wanted);
}

/* A drive of two partitions, as the kernel lays it out, whose second one @path's file is on. */
static void drive_make(const char *path)
{
	struct stat st;
	char link[64];

	ck_assert_int_eq(stat(path, &st), 0);
	snprintf(link, sizeof(link), "sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	scratch_link(link, "../../devices/pci/nvme0/nvme0n1/nvme0n1p2");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/nvme0n1p2/partition", "2\n");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/nvme0n1p2/size", "100\n");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/size", "4000\n");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/queue/rotational", "0\n");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/queue/scheduler", "none [mq-deadline] bfq\n");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/queue/nr_requests", "1023\n");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/queue/write_cache", "write back\n");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/queue/io_poll", "1\n");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/mq/0/tags", "\n");
	scratch_text("sys/devices/pci/nvme0/nvme0n1/mq/1/tags", "\n");
	scratch_link("sys/devices/pci/nvme0/nvme0n1/device", "../../nvme0");
	scratch_link("sys/devices/pci/nvme0/device", "../../pci");
	scratch_link("sys/devices/pci/driver", "../../bus/pci/drivers/nvme");
	scratch_text("sys/devices/pci/nvme0/model", "Some drive   \n");
	scratch_text("sys/devices/pci/nvme0/transport", "pcie\n");
	scratch_text("sys/devices/pci/nvme0/address", "0000:01:00.0\n");
	scratch_text("sys/module/nvme/parameters/poll_queues", "2\n");
}

static void drive_check(const char *prefix)
{
	static const char *const wanted[][2] = {
		{"rotational", "false"}, {"scheduler", "mq-deadline"},
		{"queue_depth", "1023"}, {"queues", "2"},
		{"polling", "true"},     {"write_cache", "write back"},
		{"model", "Some drive"}, {"transport", "pcie"},
		{"poll_queues", "2"},    {"address", "0000:01:00.0"},
		{"driver", "nvme"},      {"virtio", "false"},
		{"encrypted", "-"},      {"loop_file", "-"},
	};
	char path[64];

	for (size_t i = 0; i < EBB_ARRAY_SIZE(wanted); i++) {
		snprintf(path, sizeof(path), "%s%s", prefix, wanted[i][0]);
		is(path, wanted[i][1]);
	}
}

START_TEST(test_file_on_a_partition)
{
	char path[256], mounts[1024];

	snprintf(path, sizeof(path), "%s", scratch_sparse("disk", 65536));
	drive_make(path);
	snprintf(mounts, sizeof(mounts),
		 "garbage\n"
		 "21 1 259:2 / %s rw,noatime shared:1 - xfs /dev/nvme0n1p2 rw\n"
		 "22 1 259:3 / %s/dis ro - ext4 /dev/other ro\n"
		 "20 1 259:1 / / rw,relatime - ext4 /dev/nvme0n1p1 rw\n",
		 scratch_dir(), scratch_dir());
	scratch_text("proc/self/mountinfo", mounts);
	facts = bench_device_facts_get(scratch_dir(), path);
	is("kind", "file");
	is("path", path);
	is("file_bytes", "65536");
	is("file_system", "xfs");
	is("mount_options", "rw,noatime");
	is("device.name", "nvme0n1p2");
	is("device.size_bytes", "51200");
	drive_check("device.");
}
END_TEST

/* Of a mount whose name has a space, a backslash or a line's end the kernel tells the octal digits. */
START_TEST(test_mount_of_an_odd_name)
{
	char path[256], mounts[1024];

	scratch_text("a b\\c\nd/disk", "data");
	snprintf(path, sizeof(path), "%s", scratch_path("a b\\c\nd/disk"));
	snprintf(mounts, sizeof(mounts),
		 "20 1 259:1 / / rw,relatime - ext4 /dev/nvme0n1p1 rw\n"
		 "21 1 259:2 / %s/a\\040b\\134c\\012d rw,noatime - xfs /dev/nvme0n1p2 rw\n",
		 scratch_dir());
	scratch_text("proc/self/mountinfo", mounts);
	facts = bench_device_facts_get(scratch_dir(), path);
	is("file_system", "xfs");
}
END_TEST

START_TEST(test_holes)
{
	const char *path = scratch_sparse("holes", 1 << 20);
	int fd;

	facts = bench_device_facts_get(scratch_dir(), path);
	is("sparse", "true");
	is("allocated_bytes", "0");
	is("device", "-");
	is("file_system", "-");
	ck_assert_str_ne(machine_fact(facts, "free_bytes"), "-");
	json_object_put(facts);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "full", 4), 4);
	close(fd);
	facts = bench_device_facts_get(scratch_dir(), path);
	is("sparse", "false");
}
END_TEST

/* A character device stands in for /dev/ng0n1, whose queue is its block device's. */
START_TEST(test_nvme_generic)
{
	struct stat st;
	char link[64];

	drive_make(scratch_dir());
	ck_assert_int_eq(stat("/dev/null", &st), 0);
	snprintf(link, sizeof(link), "sys/dev/char/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	scratch_link(link, "../../devices/pci/nvme0/ng0n1");
	scratch_text("sys/devices/pci/nvme0/ng0n1/dev", "1:3\n");
	scratch_link("sys/devices/pci/nvme0/ng0n1/device", "../../nvme0");
	facts = bench_device_facts_get(scratch_dir(), "/dev/null");
	is("kind", "character device");
	is("name", "ng0n1");
	is("size_bytes", "2048000");
	drive_check("");
}
END_TEST

START_TEST(test_stacked)
{
	struct stat st;
	char path[256], link[64];

	snprintf(path, sizeof(path), "%s", scratch_sparse("disk", 4096));
	ck_assert_int_eq(stat(path, &st), 0);
	snprintf(link, sizeof(link), "sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	scratch_link(link, "../../devices/virtual/block/dm-0");
	scratch_text("sys/devices/virtual/block/dm-0/dm/name", "home\n");
	scratch_text("sys/devices/virtual/block/dm-0/dm/uuid", "CRYPT-LUKS2-12ab-home\n");
	scratch_text("sys/devices/virtual/block/dm-0/slaves/sda2/size", "1\n");
	scratch_text("sys/devices/virtual/block/dm-0/loop/backing_file", "/images/x.img\n");
	facts = bench_device_facts_get(scratch_dir(), path);
	is("device.encrypted", "true");
	is("device.mapper", "home");
	is("device.stands_on", "[ \"sda2\" ]");
	is("device.loop_file", "/images/x.img");
	is("device.rotational", "-");
	is("device.model", "-");
	json_object_put(facts);
	scratch_text("sys/devices/virtual/block/dm-0/dm/uuid", "LVM-xyz\n");
	facts = bench_device_facts_get(scratch_dir(), path);
	is("device.encrypted", "false");
}
END_TEST

START_TEST(test_nothing)
{
	ck_assert_ptr_null(bench_device_facts_get(scratch_dir(), "/nonexistent/file"));
	facts = bench_device_facts_get(scratch_dir(), "/dev/null");
	is("kind", "character device");
	is("name", "-");
	json_object_put(facts);
	facts = bench_device_facts_get(scratch_dir(), scratch_dir());
	is("kind", "-");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(begin, end),
		UNIT_TEST(test_file_on_a_partition),
		UNIT_TEST(test_mount_of_an_odd_name),
		UNIT_TEST(test_holes),
		UNIT_TEST(test_nvme_generic),
		UNIT_TEST(test_stacked),
		UNIT_TEST(test_nothing),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
