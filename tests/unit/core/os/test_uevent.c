/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/uevent.h"

#include "tests/unit/unit.h"

#define CTRLR_PATH "/devices/pci0000:00/0000:00:08.0/0000:01:00.0/nvme/nvme0"

/* Strings behind each other, each with its zero. */
#define MESSAGE(text) (text), sizeof(text)

START_TEST(test_parse)
{
	struct os_uevent uevent;

	ck_assert(
		os_uevent_parse(MESSAGE("change@" CTRLR_PATH "\0ACTION=change\0DEVPATH=" CTRLR_PATH
					"\0SUBSYSTEM=nvme\0MAJOR=241\0MINOR=0\0DEVNAME=nvme0\0"
					"NVME_AEN=0x00020101\0SEQNUM=1234"),
				&uevent));
	ck_assert_int_eq(uevent.action, OS_UEVENT_CHANGE);
	ck_assert_str_eq(uevent.path, CTRLR_PATH);
	ck_assert_str_eq(uevent.subsystem, "nvme");
	ck_assert_str_eq(uevent.device, "nvme0");
	ck_assert(uevent.has_aen && uevent.aen == 0x20101);
	ck_assert(!uevent.resized);
}
END_TEST

START_TEST(test_parse_resize)
{
	struct os_uevent uevent;

	ck_assert(os_uevent_parse(MESSAGE("change@/devices/virtual/block/loop3\0SUBSYSTEM=block\0"
					  "DEVNAME=loop3\0RESIZE=1\0DISKSEQ=9"),
				  &uevent));
	ck_assert_str_eq(uevent.subsystem, "block");
	ck_assert_str_eq(uevent.device, "loop3");
	ck_assert(uevent.resized && !uevent.has_aen);
}
END_TEST

START_TEST(test_parse_refused)
{
	struct os_uevent uevent = {.device = "untouched"};

	ck_assert(!os_uevent_parse("", 0, &uevent));
	ck_assert(!os_uevent_parse(MESSAGE(""), &uevent));
	ck_assert(!os_uevent_parse("add@/x", 6, &uevent)); /* no zero at its end */
	ck_assert(!os_uevent_parse(MESSAGE("add"), &uevent));
	ck_assert(!os_uevent_parse(MESSAGE("add@"), &uevent));
	ck_assert(!os_uevent_parse(MESSAGE("add@x"), &uevent));
	ck_assert(!os_uevent_parse(MESSAGE("\0add@/x"), &uevent));
	/* What udev sends to its listeners is another format. */
	ck_assert(!os_uevent_parse(MESSAGE("libudev\0\xfe\xed\xca\xfe@/"), &uevent));
	ck_assert_str_eq(uevent.device, "untouched");
}
END_TEST

START_TEST(test_parse_odd)
{
	struct os_uevent uevent;

	ck_assert(os_uevent_parse(MESSAGE("bind@/"), &uevent));
	ck_assert_int_eq(uevent.action, OS_UEVENT_OTHER);
	ck_assert_str_eq(uevent.subsystem, "");
	ck_assert(os_uevent_parse(MESSAGE("add@/x\0\0\0=\0DEVNAME\0DEVNAME=\0NVME_AEN=0x1ffffffff"),
				  &uevent));
	ck_assert_str_eq(uevent.device, "");
	ck_assert(!uevent.has_aen);
	ck_assert(os_uevent_parse(MESSAGE("change@/x\0NVME_AEN=-1"), &uevent) && !uevent.has_aen);
	ck_assert(os_uevent_parse(MESSAGE("change@/x\0NVME_AEN=0x1z"), &uevent) && !uevent.has_aen);
	ck_assert(os_uevent_parse(MESSAGE("change@/x\0NVME_AEN="), &uevent) && !uevent.has_aen);
	ck_assert(os_uevent_parse(MESSAGE("change@/x\0RESIZE=0"), &uevent) && !uevent.resized);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_parse),
		UNIT_TEST(test_parse_resize),
		UNIT_TEST(test_parse_refused),
		UNIT_TEST(test_parse_odd),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
