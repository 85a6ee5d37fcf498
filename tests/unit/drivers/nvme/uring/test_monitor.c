/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/monitor.h"

#include <stdlib.h>
#include <string.h>

#include "core/event/uevent.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define CTRLR_PATH "/devices/pci0000:00/0000:00:08.0/0000:01:00.0/nvme/nvme0"

static struct uring_subscriber subscribers[2];
static enum nvme_event event;
static uint32_t value;
static unsigned num_events[2];

static void on_event(void *arg, enum nvme_event what, uint32_t with)
{
	struct uring_subscriber *subscriber = arg;

	event = what;
	value = with;
	num_events[subscriber - subscribers]++;
}

static void setup(void)
{
	stepper_start();
	stepper_enter(ebb_thread_app());
	uring_monitor_add(&subscribers[0], "nvme0", "nvme-subsys0", on_event, &subscribers[0]);
	uring_monitor_add(&subscribers[1], "nvme1", "", on_event, &subscribers[1]);
}

static void teardown(void)
{
	uring_monitor_remove(&subscribers[0]);
	uring_monitor_remove(&subscribers[1]);
	uring_monitor_remove(&subscribers[1]);
	stepper_leave();
	stepper_stop();
}

/* Strings behind each other, each with its zero. */
#define MESSAGE(text) (text), sizeof(text)

static void tell(const char *message, size_t len)
{
	struct os_uevent uevent;

	ck_assert(os_uevent_parse(message, len, &uevent));
	event_uevent_tell(&uevent);
}

START_TEST(test_is_of)
{
	struct os_uevent uevent = {.path = "/devices/virtual/nvme-subsystem/nvme-subsys1/nvme1n1"};

	ck_assert(uring_monitor_is_of(&uevent, "nvme7", "nvme-subsys1"));
	ck_assert(!uring_monitor_is_of(&uevent, "nvme1", "nvme-subsys"));
	ck_assert(!uring_monitor_is_of(&uevent, "nvme1", ""));
	ck_assert(!uring_monitor_is_of(&uevent, "nvme1", "nvme-subsys11"));
	uevent.path = CTRLR_PATH;
	ck_assert(uring_monitor_is_of(&uevent, "nvme0", ""));
	ck_assert(!uring_monitor_is_of(&uevent, "nvme00", ""));
	ck_assert(!uring_monitor_is_of(&uevent, "nvm", ""));
	uevent.path = "/";
	ck_assert(!uring_monitor_is_of(&uevent, "nvme0", ""));
	uevent.path = "";
	ck_assert(!uring_monitor_is_of(&uevent, "nvme0", ""));
}
END_TEST

START_TEST(test_async)
{
	tell(MESSAGE("change@" CTRLR_PATH "\0SUBSYSTEM=nvme\0DEVNAME=nvme0\0NVME_AEN=0x00020101"));
	ck_assert_uint_eq(num_events[0], 1);
	ck_assert_int_eq(event, NVME_EVENT_ASYNC);
	ck_assert_uint_eq(value, 0x20101);
	/* Another change is no news, nor is one of another controller. */
	tell(MESSAGE("change@" CTRLR_PATH "\0SUBSYSTEM=nvme\0DEVNAME=nvme0\0NVME_EVENT=connected"));
	tell(MESSAGE("change@/devices/x/nvme/nvme3\0SUBSYSTEM=nvme\0DEVNAME=nvme3\0NVME_AEN=0x1"));
	ck_assert_uint_eq(num_events[0] + num_events[1], 1);
}
END_TEST

START_TEST(test_gone)
{
	tell(MESSAGE("add@" CTRLR_PATH "\0SUBSYSTEM=nvme\0DEVNAME=nvme0"));
	ck_assert_uint_eq(num_events[0], 0);
	tell(MESSAGE("remove@" CTRLR_PATH "\0SUBSYSTEM=nvme\0DEVNAME=nvme0"));
	ck_assert_uint_eq(num_events[0], 1);
	ck_assert_int_eq(event, NVME_EVENT_GONE);
	ck_assert_uint_eq(num_events[1], 0);
}
END_TEST

START_TEST(test_namespaces)
{
	/* The block device comes first; what is waited for is the generic one. */
	tell(MESSAGE("add@" CTRLR_PATH "/nvme0n2\0SUBSYSTEM=block\0DEVNAME=nvme0n2"));
	ck_assert_uint_eq(num_events[0], 0);
	tell(MESSAGE("add@" CTRLR_PATH "/ng0n2\0SUBSYSTEM=nvme-generic\0DEVNAME=ng0n2"));
	ck_assert_uint_eq(num_events[0], 1);
	ck_assert_int_eq(event, NVME_EVENT_NS_CHANGED);
	tell(MESSAGE("change@" CTRLR_PATH "/nvme0n2\0SUBSYSTEM=block\0DEVNAME=nvme0n2\0RESIZE=1"));
	ck_assert_uint_eq(num_events[0], 2);
	tell(MESSAGE("change@" CTRLR_PATH "/nvme0n2\0SUBSYSTEM=block\0DEVNAME=nvme0n2"));
	ck_assert_uint_eq(num_events[0], 2);
	tell(MESSAGE("remove@" CTRLR_PATH "/ng0n2\0SUBSYSTEM=nvme-generic\0DEVNAME=ng0n2"));
	ck_assert_uint_eq(num_events[0], 3);
	/* Of the subsystem, with several controllers. */
	tell(MESSAGE("add@/devices/virtual/nvme-subsystem/nvme-subsys0/ng0n3\0"
		     "SUBSYSTEM=nvme-generic\0DEVNAME=ng0n3"));
	ck_assert_uint_eq(num_events[0], 4);
	ck_assert_int_eq(event, NVME_EVENT_NS_CHANGED);
	ck_assert_uint_eq(num_events[1], 0);
}
END_TEST

/* Messages have been lost: everybody looks. */
START_TEST(test_lost)
{
	event_uevent_tell(NULL);
	ck_assert_uint_eq(num_events[0], 1);
	ck_assert_uint_eq(num_events[1], 1);
	ck_assert_int_eq(event, NVME_EVENT_NS_CHANGED);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_is_of),
		UNIT_TEST(test_async),
		UNIT_TEST(test_gone),
		UNIT_TEST(test_namespaces),
		UNIT_TEST(test_lost),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
