/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel takes of one command, by what sysfs says of its queue. */
#include "drivers/nvme/uring/limits.h"

#include <stdio.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/drivers/nvme/host/machine.h"
#include "tests/unit/unit.h"

static struct uring_limits limits;

static void setup(void)
{
	machine_begin();
	machine_add_pci("0000:01:00.0", "0x010802\n", 1, "nvme");
	machine_add_ctrlr("0000:01:00.0", "nvme0", "one");
	machine_add_ns("nvme0", "nvme0n1", "ng0n1", 1, 1);
	machine_add_ns("nvme0", "nvme0n2", "ng0n2", 2, 2);
}

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
	uring_limits_read(machine_root(), "nvme0n1", &limits);
	/* 127 segments are 126 pages of data that begins anytarget: less than 512 KiB. */
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
	uring_limits_read(machine_root(), "nvme0n1", &limits);
	ck_assert_uint_eq(limits.max_io_bytes, 128 << 10);
	ck_assert_uint_eq(limits.page_bytes, 0);
	ck_assert_uint_eq(limits.buf_align, 512);
	ck_assert(!limits.polled);
}
END_TEST

START_TEST(test_limits_odd)
{
	/* Nothing to read: what every controller takes. */
	uring_limits_read(machine_root(), "nvme0n1", &limits);
	ck_assert_uint_eq(limits.max_io_bytes, 128 << 10);
	ck_assert_uint_eq(limits.max_segments, 33);
	ck_assert_uint_eq(limits.buf_align, 4);
	ck_assert_uint_eq(limits.page_bytes, 4096);
	ck_assert_uint_eq(limits.depth, 0);
	ck_assert(!limits.polled);
	queue_like_qemu("nvme0n1");
	queue_says("nvme0n1", "max_segments", "0\n");
	queue_says("nvme0n1", "dma_alignment", "5\n");
	uring_limits_read(machine_root(), "nvme0n1", &limits);
	ck_assert_uint_eq(limits.max_segments, 1);
	ck_assert_uint_eq(limits.max_io_bytes, 4096);
	ck_assert_uint_eq(limits.buf_align, 4096);
	queue_says("nvme0n1", "max_segments", "many\n");
	queue_says("nvme0n1", "max_hw_sectors_kb", "4294967295\n");
	uring_limits_read(machine_root(), "nvme0n1", &limits);
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
	uring_limits_of_ctrlr(machine_root(), "nvme0", &limits);
	ck_assert_uint_eq(limits.max_io_bytes, 64 << 10);
	ck_assert_uint_eq(limits.max_segments, 50);
	ck_assert_uint_eq(limits.buf_align, 512);
	ck_assert_uint_eq(limits.depth, 32);
	ck_assert(limits.polled);
	uring_limits_of_ctrlr(machine_root(), "nvme9", &limits);
	ck_assert_uint_eq(limits.max_io_bytes, 128 << 10);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, machine_end),
		UNIT_TEST(test_limits),
		UNIT_TEST(test_limits_odd),
		UNIT_TEST(test_limits_ctrlr),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
