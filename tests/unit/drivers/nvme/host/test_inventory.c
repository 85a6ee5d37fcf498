/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a made-up machine's controllers, and what ebb could do with each. */
#include "drivers/nvme/host/inventory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/drivers/nvme/host/machine.h"
#include "tests/unit/unit.h"

#define BDF  "0000:01:00.0"
#define NVME "0x010802\n"

static struct json_object *inventory;
static struct json_object *attached;

static void setup(void)
{
	machine_begin();
	inventory = NULL;
	attached = NULL;
	machine_add_pci(BDF, NVME, 7, "nvme");
	machine_add_ctrlr(BDF, "nvme0", "one");
	machine_add_ns("nvme0", "nvme0n1", "ng0n1", 1, 10);
	machine_add_ns("nvme0", "nvme0n2", "ng0n2", 2, 11);
}

static void teardown(void)
{
	json_object_put(inventory);
	json_object_put(attached);
	machine_end();
}

/* The value at a path like "hot.state" of controller @index; "-": none. */
static const char *value(unsigned index, const char *path)
{
	struct json_object *object;
	char parts[64], *part, *save = NULL;

	if (inventory == NULL) {
		inventory = host_inventory(machine_root(), attached);
	}
	json_object_object_get_ex(inventory, "controllers", &object);
	object = json_object_array_get_idx(object, index);
	snprintf(parts, sizeof(parts), "%s", path);
	for (part = strtok_r(parts, ".", &save); part != NULL && object != NULL;
	     part = strtok_r(NULL, ".", &save)) {
		if (json_object_is_type(object, json_type_array)) {
			object = json_object_array_get_idx(object, strtoul(part, NULL, 10));
		} else if (!json_object_object_get_ex(object, part, &object)) {
			object = NULL;
		}
	}
	return object == NULL ? "-" : json_object_get_string(object);
}

static void verdicts(unsigned index, const char *hot, const char *hot_reason, const char *cold,
		     const char *cold_reason)
{
	ck_assert_str_eq(value(index, "hot.state"), hot);
	ck_assert_str_eq(value(index, "hot.reason"), hot_reason);
	ck_assert_str_eq(value(index, "cold.state"), cold);
	ck_assert_str_eq(value(index, "cold.reason"), cold_reason);
}

START_TEST(a_free_one_can_take_either_tier)
{
	scratch_text("sys/module/nvme/parameters/poll_queues", "2\n");
	verdicts(0, "bind", "ebbctl nvme bind " BDF, "yes", "-");
	ck_assert_str_eq(value(0, "address"), BDF);
	ck_assert_str_eq(value(0, "controller"), "nvme0");
	ck_assert_str_eq(value(0, "transport"), "pcie");
	ck_assert_str_eq(value(0, "model"), "Model One");
	ck_assert_str_eq(value(0, "serial"), "S1");
	ck_assert_str_eq(value(0, "firmware"), "1.0");
	ck_assert_str_eq(value(0, "pci_id"), "1234:5678");
	ck_assert_str_eq(value(0, "driver"), "nvme");
	ck_assert_str_eq(value(0, "iommu_group"), "7");
	ck_assert_str_eq(value(0, "holder"), "-");
	ck_assert_str_eq(value(0, "namespaces.1.name"), "nvme0n2");
	ck_assert_str_eq(value(0, "namespaces.1.generic"), "ng0n2");
	ck_assert_str_eq(value(0, "namespaces.1.nsid"), "2");
	ck_assert_str_eq(value(0, "namespaces.1.size_bytes"), "1073741824");
	ck_assert_str_eq(value(0, "namespaces.1.holder"), "-");
	ck_assert_str_eq(value(1, "address"), "-");
}
END_TEST

START_TEST(one_at_vfio_pci_is_hot)
{
	machine_add_pci("0000:02:00.0", NVME, 8, "vfio-pci");
	verdicts(1, "yes", "-", "unbind", "ebbctl nvme unbind 0000:02:00.0");
}
END_TEST

START_TEST(one_without_a_driver_can_go_either_way)
{
	machine_add_pci("0000:02:00.0", NVME, 8, NULL);
	verdicts(1, "bind", "ebbctl nvme bind 0000:02:00.0", "unbind",
		 "ebbctl nvme unbind 0000:02:00.0");
}
END_TEST

START_TEST(a_stranger_s_is_neither)
{
	machine_add_pci("0000:02:00.0", NVME, 8, "uio_pci_generic");
	verdicts(1, "no", "the driver uio_pci_generic has it: unbind it there first", "no",
		 "the driver uio_pci_generic has it: unbind it there first");
}
END_TEST

START_TEST(a_namespace_in_use_keeps_the_controller_cold_in_part)
{
	machine_mount(11, "/");
	verdicts(0, "no", "nvme0n2 is mounted on /; unmount it first", "some",
		 "nvme0n2 is mounted on /; unmount it first");
	ck_assert_str_eq(value(0, "namespaces.1.holder"), "mounted on /; unmount it");
}
END_TEST

START_TEST(all_in_use_is_neither)
{
	machine_mount(11, "/");
	scratch_text("proc/55/comm", "qemu\n");
	scratch_link("proc/55/fd/4", scratch_path("dev/ng0n1"));
	verdicts(0, "no", "nvme0n1 is open in qemu (pid 55); end that first", "no",
		 "nvme0n1 is open in qemu (pid 55); end that first");
}
END_TEST

START_TEST(what_is_in_the_way_of_vfio_is_told)
{
	machine_add_pci("0000:01:00.1", "0x040300\n", 7, "snd_hda_intel");
	machine_add_pci("0000:02:00.0", NVME, -1, "nvme");
	ck_assert_str_eq(value(0, "hot.state"), "no");
	ck_assert_str_eq(value(0, "hot.reason"),
			 "its IOMMU group 7 is shared with 0000:01:00.1, which the kernel's driver "
			 "snd_hda_intel has: that device must go to vfio-pci too, or be without a "
			 "driver");
	ck_assert_str_eq(value(0, "group_members.0.driver"), "snd_hda_intel");
	verdicts(1, "no",
		 "it is in no IOMMU group: turn the IOMMU on, in the firmware (VT-d, AMD-Vi) and "
		 "for the kernel (intel_iommu=on)",
		 "no", "the kernel's driver has it, and it is not started");
}
END_TEST

START_TEST(without_vfio_pci_nothing_is_hot)
{
	machine_unload("vfio-pci");
	ck_assert_str_eq(value(0, "hot.state"), "no");
	ck_assert_str_eq(value(0, "hot.reason"),
			 "the kernel's vfio-pci driver is not loaded: modprobe vfio-pci");
}
END_TEST

START_TEST(a_daemon_s_controllers_are_its_own)
{
	attached = json_tokener_parse(
		"[{\"name\": \"Cold\", \"ctrlrs\": [{\"state\": \"enabled\", \"trid\": "
		"{\"trtype\": "
		"\"uring\", \"traddr\": \"/dev/nvme0\"}}]},"
		"{\"name\": \"Hot\", \"ctrlrs\": [{\"trid\": {\"traddr\": \"02:00.0\"}, "
		"\"model_number\": \"Model Two\", \"serial_number\": null}]}]");
	machine_add_pci("0000:02:00.0", NVME, 8, "vfio-pci");
	verdicts(0, "no", "in use by ebbd, as Cold", "no", "in use by ebbd, as Cold");
	verdicts(1, "no", "in use by ebbd, as Hot", "no", "in use by ebbd, as Hot");
	ck_assert_str_eq(value(1, "holder"), "ebbd, as Hot");
	ck_assert_str_eq(value(0, "model"), "Model One"); /* as the kernel has it */
	ck_assert_str_eq(value(1, "model"), "Model Two");
	ck_assert_str_eq(value(1, "serial"), "-");
}
END_TEST

START_TEST(a_daemon_s_nonsense_is_nobody_s)
{
	attached =
		json_tokener_parse("[1, null, {}, {\"name\": \"x\", \"ctrlrs\": []}, {\"name\": 1, "
				   "\"ctrlrs\": [{\"trid\": {\"traddr\": \"\"}}]}]");
	verdicts(0, "bind", "ebbctl nvme bind " BDF, "yes", "-");
}
END_TEST

START_TEST(whoever_has_the_group_open_is_named)
{
	machine_add_pci("0000:02:00.0", NVME, 8, "vfio-pci");
	scratch_text("dev/vfio/8", "");
	scratch_text("proc/56/comm", "qemu\n");
	scratch_link("proc/56/fd/4", scratch_path("dev/vfio/8"));
	verdicts(1, "no", "in use by qemu (pid 56)", "no", "in use by qemu (pid 56)");
}
END_TEST

START_TEST(one_that_is_not_live_is_not_cold)
{
	scratch_text("sys/class/nvme/nvme0/state", "resetting\n");
	ck_assert_str_eq(value(0, "cold.reason"),
			 "the kernel's driver has it, and it is resetting");
}
END_TEST

START_TEST(one_of_a_network_is_cold_only)
{
	scratch_text("sys/class/nvme/nvme3/transport", "tcp\n");
	scratch_text("sys/class/nvme/nvme3/state", "live\n");
	machine_add_ns("nvme3", "nvme3n1", "ng3n1", 1, 40);
	verdicts(1, "no", "it is no PCI function: only the kernel's driver reaches it", "yes", "-");
	ck_assert_str_eq(value(1, "driver"), "nvme-tcp");
	ck_assert_str_eq(value(1, "address"), "-");
}
END_TEST

/* The table of @inventory, as text. */
static char *table(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	host_inventory_print(inventory, out);
	fclose(out);
	return text;
}

START_TEST(the_table_is_for_people)
{
	char *text;

	machine_add_pci("0000:01:00.1", "0x040300\n", 7, "snd_hda_intel");
	machine_mount(11, "/");
	scratch_text("sys/module/nvme/parameters/poll_queues", "0\n");
	inventory = host_inventory(machine_root(), NULL);
	text = table();
	ck_assert_str_eq(
		text,
		"ADDRESS       KERNEL   DRIVER    GROUP  HOT  COLD   MODEL, SERIAL\n"
		"0000:01:00.0  nvme0    nvme          7  no   some   Model One S1\n"
		"    nvme0n1         1.0 GiB  free\n"
		"    nvme0n2         1.0 GiB  mounted on /; unmount it\n"
		"    hot: its IOMMU group 7 is shared with 0000:01:00.1, which the kernel's driver "
		"snd_hda_intel has:\n"
		"         that device must go to vfio-pci too, or be without a driver\n"
		"    cold: nvme0n2 is mounted on /; unmount it first\n"
		"\n"
		"The kernel's nvme has no poll queues: a drive that stays with it is not polled "
		"(nvme.poll_queues).\n");
	free(text);
}
END_TEST

/* vfio-pci does not know what it has. */
START_TEST(what_is_not_known_is_a_dash)
{
	char *text;

	machine_add_pci("0000:02:00.0", NVME, 8, "vfio-pci");
	inventory = host_inventory(machine_root(), NULL);
	text = table();
	ck_assert_ptr_nonnull(
		strstr(text, "\n0000:02:00.0  -        vfio-pci      8  yes  unbind -\n"));
	free(text);
}
END_TEST

START_TEST(a_machine_without_any_says_so)
{
	char *text;

	inventory = host_inventory("/nonexistent", NULL);
	text = table();
	ck_assert_str_eq(text, "This machine has no NVMe controller.\n");
	free(text);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_free_one_can_take_either_tier),
		UNIT_TEST(one_at_vfio_pci_is_hot),
		UNIT_TEST(one_without_a_driver_can_go_either_way),
		UNIT_TEST(a_stranger_s_is_neither),
		UNIT_TEST(a_namespace_in_use_keeps_the_controller_cold_in_part),
		UNIT_TEST(all_in_use_is_neither),
		UNIT_TEST(what_is_in_the_way_of_vfio_is_told),
		UNIT_TEST(without_vfio_pci_nothing_is_hot),
		UNIT_TEST(a_daemon_s_controllers_are_its_own),
		UNIT_TEST(a_daemon_s_nonsense_is_nobody_s),
		UNIT_TEST(whoever_has_the_group_open_is_named),
		UNIT_TEST(one_that_is_not_live_is_not_cold),
		UNIT_TEST(one_of_a_network_is_cold_only),
		UNIT_TEST(the_table_is_for_people),
		UNIT_TEST(what_is_not_known_is_a_dash),
		UNIT_TEST(a_machine_without_any_says_so),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
