/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers: how they come, and what becomes of them. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/memory.h>
#include <ebb/thread.h>

#include "core/method/wanted.h"
#include "core/bdev/desc.h"
#include "drivers/nvme/drive.h"
#include "tests/unit/drivers/nvme/nvme_stage.h"
#include "tests/unit/unit.h"

#define ATTACH                 "bdev_nvme_attach_controller"
#define ATTACH_PARAMS          "{'name': 'n', 'trtype': 'mock', 'traddr': 'here'}"
#define EVENT(type, info, lid) ((uint32_t)(type) | (uint32_t)(info) << 8 | (uint32_t)(lid) << 16)

static struct nvme_client client;
static uint8_t *buf;

static void setup(void)
{
	nvme_setup();
	buf = ebb_mem_alloc(4096);
	ck_assert_ptr_nonnull(buf);
}

static void teardown(void)
{
	ebb_mem_free(buf, 4096);
	nvme_teardown();
}

static int do_read(void)
{
	struct nvme_result result = {0};

	ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, buf, 0, 8, nvme_done, &result), 0);
	stage_until(&result.done);
	return result.status;
}

START_TEST(every_active_namespace_is_a_bdev)
{
	mock_ns_add(3, 12);
	mock_ns_add(8, 9);
	call_is(ATTACH, ATTACH_PARAMS, "[\"nn1\",\"nn3\",\"nn8\"]");
	call_has("bdev_get_bdevs", "{'name': 'nn3'}",
		 "\"product_name\":\"NVMe disk\",\"block_size\":4096,\"num_blocks\":1024,"
		 "\"uuid\":\"43434343-4343-4343-4343-434343434343\"");
	call_has("bdev_get_bdevs", "{'name': 'nn8'}", "\"compare\":true");
	call_is("bdev_nvme_get_controllers", "{}",
		"[{\"name\":\"n\",\"ctrlrs\":[{\"state\":\"enabled\",\"trid\":{\"trtype\":\"mock\","
		"\"traddr\":\"here\"},\"cntlid\":0,"
		"\"model_number\":\"Mock "
		"Drive\",\"serial_number\":\"SN-1\"}],\"bdevs\":[\"nn1\",\"nn3\",\"nn8\"]}]");
	nvme_detach();
	ck_assert_uint_eq(mock.detaches, 1);
	call_is("bdev_nvme_get_controllers", "{}", "[]");
}
END_TEST

START_TEST(driver_specific_tells_who_it_is)
{
	nvme_attach();
	call_has("bdev_get_bdevs", "{'name': 'nn1'}",
		 "\"driver_specific\":{\"nvme\":[{\"trid\":{\"trtype\":\"mock\",\"traddr\":"
		 "\"here\"},"
		 "\"ctrlr_data\":{\"cntlid\":0,\"vendor_id\":\"0x1b36\",\"model_number\":"
		 "\"Mock Drive\",\"serial_number\":\"SN-1\",\"firmware_revision\":\"1.0\","
		 "\"oacs\":{\"security\":0,\"format\":0,\"firmware\":0,\"ns_manage\":0}");
	call_has("bdev_get_bdevs", "{'name': 'nn1'}", "\"vs\":{\"nvme_version\":\"1.4\"}");
	call_has("bdev_get_bdevs", "{'name': 'nn1'}", "\"ns_data\":{\"id\":1,\"can_share\":false");
	nvme_detach();
}
END_TEST

START_TEST(an_spdk_client_may_write_the_type_otherwise)
{
	call_is(ATTACH, "{'name': 'n', 'trtype': 'MoCk', 'traddr': 'here'}", "[\"nn1\"]");
	nvme_detach();
}
END_TEST

START_TEST(impossible_calls_are_refused)
{
	call_has(ATTACH, "{'name': 'n', 'trtype': 'tcp', 'traddr': 'here'}",
		 "error -32602: trtype: 'tcp' is no transport of ebb's; there are: ");
	call_has(ATTACH, "{'name': '', 'trtype': 'mock', 'traddr': 'here'}",
		 "error -32602: name: must not be empty");
	call_has(ATTACH, "{'name': 'n', 'trtype': 'mock', 'traddr': ''}",
		 "error -32602: traddr: must not be empty");
	call_has("bdev_nvme_detach_controller", "{'name': 'n'}",
		 "error -19: no NVMe controller is named 'n'");
	call_has("bdev_nvme_reset_controller", "{'name': 'n'}", "error -19: ");
	call_has("bdev_nvme_get_controllers", "{'name': 'n'}", "error -19: ");
	call_has("bdev_nvme_get_controller_health_info", "{'name': 'n'}", "error -19: ");
	nvme_attach();
	call_has(ATTACH, ATTACH_PARAMS, "error -17: NVMe controller 'n' exists already");
	call_has(ATTACH, "{'name': 'm', 'trtype': 'mock', 'traddr': 'HERE'}",
		 "error -17: HERE is attached already, as 'n'; detach that first");
	nvme_detach();
}
END_TEST

START_TEST(who_is_meant_may_be_said_in_full)
{
	call_is(ATTACH, "{'name': 'n', 'trtype': 'mock', 'traddr': '1F:00.0'}", "[\"nn1\"]");
	call_has("bdev_nvme_reset_controller", "{'name': 'n', 'cntlid': 7}",
		 "error -19: NVMe controller 'n' has the cntlid 0, not 7");
	call_is("bdev_nvme_reset_controller", "{'name': 'n', 'cntlid': 0}", "true");
	call_has("bdev_nvme_detach_controller", "{'name': 'n', 'traddr': '0000:20:00.0'}",
		 "error -19: NVMe controller 'n' is attached by trtype 'mock' at 0000:1f:00.0");
	call_has("bdev_nvme_detach_controller", "{'name': 'n', 'trtype': 'tcp'}", "error -19: ");
	call_has("bdev_nvme_detach_controller", "{'name': 'n', 'trtype': 'uring'}", "error -19: ");
	call_is("bdev_nvme_detach_controller",
		"{'name': 'n', 'trtype': 'MOCK', 'traddr': '1f:00.0', 'adrfam': 'ipv4'}", "true");
}
END_TEST

/* Clients of an export of one of its bdevs keep it, unless they are to be hung up on. */
START_TEST(one_that_clients_use_is_detached_by_force_only)
{
	struct call call;
	unsigned i;

	nvme_attach();
	nvme_open(&client, "nn1");
	bdev_desc_set_clients(client.desc, "e", 3);
	call_begin(&call, "bdev_nvme_detach_controller", "{'name': 'n'}");
	for (i = 0; i < 25; i++) {
		ck_assert(!call.done); /* they may be about to go */
		stage_advance_ms(20);
	}
	ck_assert(call.done && call.failed);
	ck_assert_ptr_nonnull(
		strstr(call.error.text, "bdev 'nn1' is in use: export 'e' has 3 clients; "));
	call_end(&call);
	ck_assert_uint_eq(client.removes, 0);
	client.closes = true;
	call_is("bdev_nvme_detach_controller", "{'name': 'n', 'force': true}", "true");
	ck_assert_uint_eq(client.removes, 1);
	nvme_attach();
	nvme_open(&client, "nn1");
	client.closes = true;
	bdev_desc_set_clients(client.desc, "e", 1);
	call_begin(&call, "bdev_nvme_detach_controller", "{'name': 'n'}");
	stage_advance_ms(200);
	ck_assert(!call.done);
	bdev_desc_set_clients(client.desc, "e", 0);
	stage_clock_advance(100 * EBB_NS_PER_MS);
	stage_until(&call.done);
	ck_assert(!call.failed);
	call_end(&call);
}
END_TEST

START_TEST(an_address_has_one_form)
{
	call_is(ATTACH, "{'name': 'n', 'trtype': 'mock', 'traddr': '1F:00.0'}", "[\"nn1\"]");
	call_has("bdev_nvme_get_controllers", "{}", "\"traddr\":\"0000:1f:00.0\"");
	call_has(ATTACH, "{'name': 'm', 'trtype': 'mock', 'traddr': '0000:1f:00.0'}",
		 "error -17: 0000:1f:00.0 is attached already, as 'n'; detach that first");
	call_has(ATTACH, "{'name': 'm', 'trtype': 'mock', 'traddr': '1f:00.0'}",
		 "error -17: 1f:00.0 is attached already, as 'n'; detach that first");
	nvme_detach();
}
END_TEST

START_TEST(a_transport_that_fails_says_why)
{
	mock.attach_rc = -EPERM;
	call_is(ATTACH, ATTACH_PARAMS, "error -1: the mock will not have it");
	call_is("bdev_nvme_get_controllers", "{}", "[]");
	ck_assert_uint_eq(mock.detaches, 0);
}
END_TEST

START_TEST(what_cannot_be_used_is_refused_with_the_reason)
{
	mock_ns_add(2, 9)->id.lbaf[0].ms = htole16(8);
	mock_ns_add(3, 9)->id.lbaf[0].ds = 8;
	mock_ns_add(4, 9)->descriptors[20] = NVME_NIDT_CSI;
	mock.ns[3].descriptors[21] = 1;
	mock.ns[3].descriptors[24] = NVME_CSI_ZNS;
	mock_ns_add(5, 9)->id.nsze = htole64(UINT64_MAX);
	mock_ns_add(6, 9)->open_rc = -EBUSY;
	call_is(ATTACH, ATTACH_PARAMS, "[\"nn1\"]");
	ck_assert_uint_eq(log_count("namespace 2 is not used: it is formatted with 8 bytes of "
				    "metadata per block (separate)"),
			  1);
	ck_assert_uint_eq(log_count("namespace 3 is not used: its blocks are of 2^8 bytes"), 1);
	ck_assert_uint_eq(log_count("namespace 4 is not used: it is zoned"), 1);
	ck_assert_uint_eq(log_count("namespace 5 is not used: it claims 2^63 bytes"), 1);
	ck_assert_uint_eq(log_count("namespace 6 is not used: it is mounted at /mnt"), 1);
	nvme_detach();
}
END_TEST

START_TEST(a_controller_without_a_usable_namespace_is_not_kept)
{
	mock.ns[0].open_rc = -EBUSY;
	call_is(ATTACH, ATTACH_PARAMS,
		"error -16: NVMe controller 'n' (here): none of its 1 namespaces can be used: "
		"namespace 1: it is mounted at /mnt; unmount it");
	ck_assert_uint_eq(mock.detaches, 1);
	call_is("bdev_nvme_get_controllers", "{}", "[]");
	mock.ns[0].active = false; /* none at all is no mistake */
	call_is(ATTACH, ATTACH_PARAMS, "[]");
	nvme_detach();
}
END_TEST

START_TEST(what_was_not_asked_for_is_passed_over)
{
	mock.ns[0].open_rc = -ENOENT;
	mock_ns_add(2, 9)->open_rc = -EBUSY;
	call_is(ATTACH, ATTACH_PARAMS,
		"error -16: NVMe controller 'n' (here): none of its 1 namespaces can be used: "
		"namespace 2: it is mounted at /mnt; unmount it");
	mock.ns[1].open_rc = 0;
	call_is(ATTACH, ATTACH_PARAMS, "[\"nn2\"]");
	ck_assert_uint_eq(log_count("namespace 1 is not used"), 0);
	nvme_detach();
}
END_TEST

START_TEST(the_name_of_a_bdev_may_be_taken)
{
	call_is("bdev_null_create", "{'name': 'nn1', 'num_blocks': 10, 'block_size': 512}",
		"\"nn1\"");
	call_has(ATTACH, ATTACH_PARAMS,
		 "bdev 'nn1' cannot be registered: there is one of that name");
	call_is("bdev_nvme_get_controllers", "{}", "[]");
	call_is("bdev_null_delete", "{'name': 'nn1'}", "true");
	call_is("bdev_null_create",
		"{'name': 'x', 'num_blocks': 10, 'block_size': 512, "
		"'uuid': '41414141-4141-4141-4141-414141414141'}",
		"\"x\"");
	call_is(ATTACH, ATTACH_PARAMS, "[\"nn1\"]");
	ck_assert_uint_eq(log_count("another bdev has its UUID"), 1);
	nvme_detach();
	call_is("bdev_null_delete", "{'name': 'x'}", "true");
}
END_TEST

START_TEST(identify_that_fails_ends_the_attach)
{
	mock_fail(true, nvme_admin_identify, 1, 0, NVME_SC_INVALID_FIELD);
	call_is(ATTACH, ATTACH_PARAMS,
		"error -95: NVMe controller 'n' (here) cannot be identified: Operation not "
		"supported");
	ck_assert_uint_eq(mock.detaches, 1);
	mock_fail(true, nvme_admin_identify, 4, 0, NVME_SC_INTERNAL); /* tried again */
	call_is(ATTACH, ATTACH_PARAMS, "[\"nn1\"]");
	nvme_detach();
	mock.id.cqes = 0;
	call_has(ATTACH, ATTACH_PARAMS, "error -71: NVMe controller 'n' (here) cannot be used: ");
	mock.id.cqes = 0x44;
	mock.id.cntrltype = 2;
	call_has(ATTACH, ATTACH_PARAMS, "it is a discovery or an administrative controller");
	call_is("bdev_nvme_get_controllers", "{}", "[]");
}
END_TEST

START_TEST(a_list_of_garbage_is_an_empty_one)
{
	mock.fails_list = 1;
	call_is(ATTACH, ATTACH_PARAMS, "[]");
	nvme_detach();
}
END_TEST

START_TEST(features_are_set_where_the_controller_is_ours)
{
	mock.id.apsta = 1;
	mock.id.npss = 1;
	mock.id.psd[1].flags = NVME_PSD_FLAGS_NOPS;
	mock.id.psd[1].enlat = htole32(1000);
	mock.id.psd[1].exlat = htole32(1200);
	nvme_attach();
	ck_assert_uint_eq(mock.events_wanted, 0x31f);
	ck_assert_uint_eq(mock.apst_on, 1);
	ck_assert_uint_eq(le64toh(mock.apst[0]), 1 << 3 | 100 << 8);
	ck_assert_ptr_nonnull(mock.event_request);
	nvme_detach();
	mock.limits.owns_controller = false;
	mock.events_wanted = 0;
	nvme_attach();
	ck_assert_uint_eq(mock.events_wanted, 0);
	ck_assert_uint_eq(mock.apst_set, 1);
	ck_assert_ptr_null(mock.event_request);
	nvme_detach();
	mock.limits.owns_controller = true;
	call_is(ATTACH, "{'name': 'n', 'trtype': 'mock', 'traddr': 'here', 'apst_latency_us': 0}",
		"[\"nn1\"]");
	ck_assert_uint_eq(mock.apst_set, 2);
	ck_assert_uint_eq(mock.apst_on, 0);
	nvme_detach();
}
END_TEST

static void check_shadows(const char *given, enum nvme_shadows wanted)
{
	char params[128];

	snprintf(params, sizeof(params),
		 "{'name': 'n', 'trtype': 'mock', 'traddr': 'here', 'shadow_doorbells': %s}",
		 given);
	call_is(ATTACH, params, "[\"nn1\"]");
	ck_assert_int_eq(nvme_drive_find("n")->opts.shadow_doorbells, wanted);
	nvme_detach();
}

START_TEST(options_are_defaults_for_what_comes)
{
	struct nvme_drive *drive;

	call_is("bdev_nvme_set_options",
		"{'retry_count': 7, 'timeout_us': 5000000, 'io_queue_depth': 64, "
		"'num_io_queues': 3, 'apst_latency_us': 900}",
		"true");
	nvme_attach();
	drive = nvme_drive_find("n");
	ck_assert_uint_eq(drive->opts.retry_count, 7);
	ck_assert_uint_eq(drive->opts.timeout_us, 5000000);
	ck_assert_uint_eq(drive->opts.io_queue_depth, 64);
	ck_assert_uint_eq(drive->opts.num_io_queues, 3);
	ck_assert_uint_eq(drive->opts.apst_latency_us, 900);
	nvme_detach();
	call_is("bdev_nvme_set_options",
		"{'bdev_retry_count': -1, 'num_io_queues': 0, 'timeout_us': 0}", "true");
	call_is(ATTACH,
		"{'name': 'n', 'trtype': 'mock', 'traddr': 'here', 'num_io_queues': 2, "
		"'io_queue_depth': 16, 'rebind': true}",
		"[\"nn1\"]");
	drive = nvme_drive_find("n");
	ck_assert_uint_eq(drive->opts.retry_count, 255);
	ck_assert_uint_eq(drive->opts.timeout_us, 30000000); /* as SPDK has saved it */
	ck_assert_uint_eq(drive->opts.num_io_queues, 2);
	ck_assert_uint_eq(drive->opts.io_queue_depth, 16);
	ck_assert(drive->opts.rebind);
	ck_assert_int_eq(drive->opts.shadow_doorbells, NVME_SHADOWS_WHERE_CHEAPER);
	nvme_detach();
	check_shadows("true", NVME_SHADOWS_ON);
	check_shadows("false", NVME_SHADOWS_OFF);
	/* The run is over. */
	method_wanted_clear();
	nvme_attach();
	drive = nvme_drive_find("n");
	ck_assert_uint_eq(drive->opts.retry_count, 4);
	ck_assert_uint_eq(drive->opts.timeout_us, 30000000);
	ck_assert_uint_eq(drive->opts.io_queue_depth, 1024);
	ck_assert_uint_eq(drive->opts.num_io_queues, 0);
	ck_assert_uint_eq(drive->opts.apst_latency_us, 100000);
	nvme_detach();
}
END_TEST

START_TEST(namespaces_come_go_and_change)
{
	nvme_attach();
	nvme_open(&client, "nn1");
	mock_ns_add(2, 9);
	mock.ns[0].id.nsze = htole64(4096);
	mock_tell(EVENT(NVME_AER_NOTICE, NVME_AER_NOTICE_NS_CHANGED, NVME_LOG_LID_CHANGED_NS));
	stage_turns(6);
	ck_assert_uint_eq(mock_last(true, nvme_admin_get_log_page)->cdw10 & 0xff,
			  NVME_LOG_LID_CHANGED_NS);
	ck_assert_uint_eq(client.resizes, 1);
	ck_assert_uint_eq(ebb_bdev_num_blocks(ebb_bdev_desc_bdev(client.desc)), 4096);
	call_has("bdev_get_bdevs", "{'name': 'nn2'}", "\"name\":\"nn2\"");
	ck_assert_ptr_nonnull(mock.event_request);
	mock.ns[1].active = false;
	mock.ns[0].id.nsattr = 1;
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
	stage_turns(6);
	call_has("bdev_get_bdevs", "{'name': 'nn2'}", "error -19: ");
	ck_assert(ebb_bdev_read_only(ebb_bdev_desc_bdev(client.desc)));
	ck_assert_uint_eq(client.removes, 0);
	ck_assert_int_eq(do_read(), 0);
	nvme_close(&client);
	nvme_detach();
}
END_TEST

/* The same identifier, other blocks: the old bdev goes, and the new one comes when it has gone. */
START_TEST(a_namespace_formatted_anew_is_another_bdev)
{
	nvme_attach();
	nvme_open(&client, "nn1");
	mock_ns_add(1, 12);
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
	stage_turns(6);
	ck_assert_uint_eq(client.removes, 1);
	ck_assert_uint_eq(log_count("nn1 is removed: it has been formatted anew"), 1);
	call_has("bdev_get_bdevs", "{'name': 'nn1'}", "\"block_size\":512");
	nvme_close(&client);
	stage_turns(8);
	call_has("bdev_get_bdevs", "{'name': 'nn1'}", "\"block_size\":4096");
	ck_assert_uint_eq(mock.ns[0].opens, 2);
	nvme_detach();
}
END_TEST

START_TEST(a_scan_that_fails_changes_nothing)
{
	nvme_attach();
	mock_ns_add(2, 9);
	mock_fail(true, nvme_admin_identify, 1, -ETIMEDOUT, 0);
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
	stage_turns(6);
	ck_assert_uint_eq(log_count("does not tell its namespaces"), 1);
	call_has("bdev_get_bdevs", "{'name': 'nn1'}", "\"name\":\"nn1\"");
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
	stage_turns(6);
	call_has("bdev_get_bdevs", "{'name': 'nn2'}", "\"name\":\"nn2\"");
	nvme_detach();
}
END_TEST

START_TEST(warnings_are_named_and_read)
{
	nvme_attach();
	mock.smart.critical_warning = 0x05;
	mock_tell(EVENT(NVME_AER_SMART, NVME_AER_SMART_SPARE_THRESHOLD, NVME_LOG_LID_SMART));
	ck_assert_uint_eq(log_count("n (here): its spare capacity is low"), 1);
	ck_assert_uint_eq(log_count("critical: spare capacity is below its threshold, "
				    "reliability is degraded"),
			  1);
	mock_tell(EVENT(NVME_AER_ERROR, NVME_AER_ERROR_PERSISTENT_INTERNAL_ERROR,
			NVME_LOG_LID_ERROR));
	ck_assert_uint_eq(log_count("n (here): persistent internal error"), 1);
	ck_assert_uint_eq(mock_last(true, nvme_admin_get_log_page)->cdw10 & 0xff,
			  NVME_LOG_LID_ERROR);
	mock_tell(EVENT(NVME_AER_NOTICE, NVME_AER_NOTICE_FW_ACT_STARTING, NVME_LOG_LID_FW_SLOT));
	ck_assert_uint_eq(mock_last(true, nvme_admin_get_log_page)->cdw10 & 0xff,
			  NVME_LOG_LID_FW_SLOT);
	mock_tell(0xffffffff);
	mock_tell(EVENT(NVME_AER_ERROR, 0xff, 0xff));
	ck_assert_uint_eq(log_count("unknown error event"), 1);
	ck_assert_ptr_nonnull(mock.event_request);
	nvme_detach();
}
END_TEST

START_TEST(health_is_read_when_asked)
{
	mock.smart.temperature[0] = 300 & 0xff;
	mock.smart.temperature[1] = 300 >> 8;
	mock.smart.avail_spare = 98;
	mock.smart.percent_used = 3;
	mock.smart.power_cycles[0] = 42;
	mock.smart.media_errors[12] = 1; /* more than 64 bits can say */
	mock.smart.temp_sensor[1] = htole16(310);
	nvme_attach();
	call_has("bdev_nvme_get_controller_health_info", "{'name': 'n'}",
		 "\"model_number\":\"Mock Drive\",\"serial_number\":\"SN-1\"");
	call_has("bdev_nvme_get_controller_health_info", "{'name': 'n'}",
		 "\"temperature_celsius\":27,\"available_spare_percentage\":98");
	call_has("bdev_nvme_get_controller_health_info", "{'name': 'n'}", "\"power_cycles\":42");
	call_has("bdev_nvme_get_controller_health_info", "{'name': 'n'}",
		 "\"media_errors\":18446744073709551615");
	call_has("bdev_nvme_get_controller_health_info", "{'name': 'n'}",
		 "\"temperature_sensors_celsius\":[37]");
	mock_fail(true, nvme_admin_get_log_page, 1, 0, NVME_SC_INVALID_FIELD);
	call_has("bdev_nvme_get_controller_health_info", "{'name': 'n'}",
		 "error -95: NVMe controller 'n' (here) does not tell its health");
	nvme_detach();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(every_active_namespace_is_a_bdev),
		UNIT_TEST(driver_specific_tells_who_it_is),
		UNIT_TEST(an_spdk_client_may_write_the_type_otherwise),
		UNIT_TEST(impossible_calls_are_refused),
		UNIT_TEST(who_is_meant_may_be_said_in_full),
		UNIT_TEST(one_that_clients_use_is_detached_by_force_only),
		UNIT_TEST(an_address_has_one_form),
		UNIT_TEST(a_transport_that_fails_says_why),
		UNIT_TEST(what_cannot_be_used_is_refused_with_the_reason),
		UNIT_TEST(a_controller_without_a_usable_namespace_is_not_kept),
		UNIT_TEST(what_was_not_asked_for_is_passed_over),
		UNIT_TEST(the_name_of_a_bdev_may_be_taken),
		UNIT_TEST(identify_that_fails_ends_the_attach),
		UNIT_TEST(a_list_of_garbage_is_an_empty_one),
		UNIT_TEST(features_are_set_where_the_controller_is_ours),
		UNIT_TEST(options_are_defaults_for_what_comes),
		UNIT_TEST(namespaces_come_go_and_change),
		UNIT_TEST(a_namespace_formatted_anew_is_another_bdev),
		UNIT_TEST(a_scan_that_fails_changes_nothing),
		UNIT_TEST(warnings_are_named_and_read),
		UNIT_TEST(health_is_read_when_asked),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
