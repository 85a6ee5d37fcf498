/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/base.h>

#include <nvme/types.h>

#include "drivers/nvme/identify.h"
#include "tests/unit/unit.h"

static struct nvme_id_ctrl ctrlr;
static struct nvme_id_ns ns;
static uint8_t page[NVME_IDENTIFY_BYTES];
static char fault[256];

static void setup(void)
{
	memset(&ctrlr, 0, sizeof(ctrlr));
	memset(&ns, 0, sizeof(ns));
	memset(page, 0, sizeof(page));
	memset(fault, 0, sizeof(fault));
	ctrlr.sqes = 0x66;
	ctrlr.cqes = 0x44;
	ns.nsze = htole64(1000);
	ns.lbaf[0].ds = 9;
}

static void parse_ctrlr(struct nvme_ctrlr_info *info)
{
	const char *why = NULL;

	ck_assert_int_eq(nvme_identify_parse_ctrlr(&ctrlr, info, &why), 0);
	ck_assert_ptr_null(why);
}

START_TEST(texts_are_cut_and_made_printable)
{
	struct nvme_ctrlr_info info;

	memset(ctrlr.sn, 'x', sizeof(ctrlr.sn));
	memset(ctrlr.mn, ' ', sizeof(ctrlr.mn));
	memcpy(ctrlr.mn, "A  b\n\x80", 6);
	memcpy(ctrlr.fr, "1\0\xff", 3);
	parse_ctrlr(&info);
	ck_assert_str_eq(info.serial, "xxxxxxxxxxxxxxxxxxxx");
	ck_assert_str_eq(info.model, "A  b??");
	ck_assert_str_eq(info.firmware, "1");
	ck_assert_str_eq(info.subnqn, "");
}
END_TEST

START_TEST(numbers_are_bounded)
{
	struct nvme_ctrlr_info info;

	ctrlr.mdts = 255;
	ctrlr.npss = 255;
	ctrlr.crdt3 = htole16(0xffff);
	parse_ctrlr(&info);
	ck_assert_uint_eq(info.mdts_pages, UINT32_MAX);
	ck_assert_uint_eq(info.num_power_states, NVME_PS_MAX);
	ck_assert_uint_eq(info.retry_delay_100ms[0], 0);
	ck_assert_uint_eq(info.retry_delay_100ms[3], 0xffff);
	ctrlr.mdts = 0;
	parse_ctrlr(&info);
	ck_assert_uint_eq(info.mdts_pages, 0);
	ctrlr.mdts = 5;
	parse_ctrlr(&info);
	ck_assert_uint_eq(info.mdts_pages, 32);
}
END_TEST

START_TEST(what_serves_no_io_is_refused)
{
	struct nvme_ctrlr_info info;
	const char *why = NULL;

	ctrlr.cntrltype = 3;
	ck_assert_int_eq(nvme_identify_parse_ctrlr(&ctrlr, &info, &why), -EPROTO);
	ck_assert_ptr_nonnull(why);
	ctrlr.cntrltype = 1;
	parse_ctrlr(&info);
	ctrlr.sqes = 0x55;
	ck_assert_int_eq(nvme_identify_parse_ctrlr(&ctrlr, &info, &why), -EPROTO);
	memset(&ctrlr, 0xff, sizeof(ctrlr)); /* a device that has left */
	ck_assert_int_eq(nvme_identify_parse_ctrlr(&ctrlr, &info, &why), -EPROTO);
}
END_TEST

START_TEST(the_command_sets_limits)
{
	struct nvme_ctrlr_info info = {0};
	struct nvme_id_ctrl_nvm nvm = {0};

	nvm.wzsl = 3;
	nvm.dmrl = 200;
	nvm.dmrsl = htole32(77);
	nvm.dmsl = htole64(1ull << 40);
	nvme_identify_parse_ctrlr_nvm(&nvm, &info);
	ck_assert_uint_eq(info.wzsl_pages, 8);
	ck_assert_uint_eq(info.dsm_ranges, 200);
	ck_assert_uint_eq(info.dsm_blocks, 77);
	ck_assert_uint_eq(info.dsm_total, 1ull << 40);
}
END_TEST

static int parse_ns(struct nvme_ns_info *info)
{
	return nvme_identify_parse_ns(&ns, info, fault, sizeof(fault));
}

START_TEST(the_format_in_use_counts)
{
	struct nvme_ns_info info;

	ck_assert_int_eq(parse_ns(&info), 0);
	ck_assert_uint_eq(info.block_size, 512);
	ns.nlbaf = 3;
	ns.flbas = 2 | 1 << 5; /* the higher bits do not count yet */
	ns.lbaf[2].ds = 12;
	ck_assert_int_eq(parse_ns(&info), 0);
	ck_assert_uint_eq(info.block_size, 4096);
	ns.nlbaf = 40;
	ns.lbaf[18].ds = 16;
	ck_assert_int_eq(parse_ns(&info), 0);
	ck_assert_uint_eq(info.block_size, 65536);
	ns.flbas = 0x6f;
	ns.lbaf[63].ds = 10;
	ck_assert_int_eq(parse_ns(&info), 0);
	ck_assert_uint_eq(info.block_size, 1024);
}
END_TEST

START_TEST(what_ebb_cannot_use_is_refused)
{
	struct nvme_ns_info info;

	ns.lbaf[0].ds = 8;
	ck_assert_int_eq(parse_ns(&info), -ENOTSUP);
	ns.lbaf[0].ds = 17;
	ck_assert_int_eq(parse_ns(&info), -ENOTSUP);
	ns.lbaf[0].ds = 255;
	ck_assert_int_eq(parse_ns(&info), -ENOTSUP);
	ck_assert_str_eq(fault, "its blocks are of 2^255 bytes; ebb takes 512 to 65536: format it "
				"otherwise");
	ns.lbaf[0].ds = 12;
	ns.lbaf[0].ms = htole16(8);
	ns.flbas = NVME_NS_FLBAS_META_EXT;
	ns.dps = 1;
	ck_assert_int_eq(parse_ns(&info), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(fault, "8 bytes of metadata per block (interleaved, with "
					    "protection information)"));
	ns.lbaf[0].ms = 0;
	ns.nsze = htole64(1ull << 51); /* 2^63 bytes */
	ck_assert_int_eq(parse_ns(&info), -ENOTSUP);
	ns.nsze = htole64((1ull << 51) - 1);
	ck_assert_int_eq(parse_ns(&info), 0);
	ns.nsze = 0;
	ck_assert_int_eq(parse_ns(&info), -ENODEV);
}
END_TEST

START_TEST(boundaries_that_are_no_use_are_passed_over)
{
	struct nvme_ns_info info;
	static const struct {
		uint16_t noiob;
		uint32_t boundary;
	} rows[] = {{0, 0}, {256, 256}, {255, 0}, {4, 0}, {8, 8}, {0x8000, 0x8000}};
	size_t i;

	for (i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		ns.noiob = htole16(rows[i].noiob);
		ck_assert_int_eq(parse_ns(&info), 0);
		ck_assert_uint_eq(info.boundary_blocks, rows[i].boundary);
	}
	ns.npwg = htole16(7);
	ck_assert_int_eq(parse_ns(&info), 0);
	ck_assert_uint_eq(info.write_granularity_blocks, 0);
	ns.nsfeat = NVME_NS_FEAT_IO_OPT;
	ck_assert_int_eq(parse_ns(&info), 0);
	ck_assert_uint_eq(info.write_granularity_blocks, 8);
}
END_TEST

START_TEST(zeroes_deallocate_if_that_reads_as_zeroes)
{
	struct nvme_ns_info info;
	unsigned dlfeat;

	for (dlfeat = 0; dlfeat < 256; dlfeat++) {
		ns.dlfeat = (uint8_t)dlfeat;
		ck_assert_int_eq(parse_ns(&info), 0);
		ck_assert(info.reads_zero == ((dlfeat & 7) == 1));
		ck_assert(info.zeroes_deallocate == ((dlfeat & 15) == 9));
	}
}
END_TEST

static size_t descriptor(size_t at, uint8_t type, uint8_t len, uint8_t value)
{
	page[at] = type;
	page[at + 1] = len;
	memset(&page[at + 4], value, len);
	return at + 4 + len;
}

START_TEST(descriptors_are_taken_by_type_and_length)
{
	struct nvme_ns_info info = {0};
	size_t at = 0;

	at = descriptor(at, NVME_NIDT_EUI64, 8, 1);
	at = descriptor(at, 200, 13, 9); /* unknown */
	at = descriptor(at, NVME_NIDT_NGUID, 16, 2);
	at = descriptor(at, NVME_NIDT_UUID, 15, 3); /* too short: not one */
	at = descriptor(at, NVME_NIDT_UUID, 16, 4);
	at = descriptor(at, NVME_NIDT_CSI, 1, NVME_CSI_ZNS);
	page[at + 4] = 99; /* after the end */
	ck_assert(nvme_identify_parse_descriptors(page, &info));
	ck_assert(info.has_eui64 && info.has_nguid && info.has_uuid);
	ck_assert_uint_eq(info.eui64[7], 1);
	ck_assert_uint_eq(info.nguid[0], 2);
	ck_assert_uint_eq(info.uuid[15], 4);
	ck_assert_uint_eq(info.csi, NVME_CSI_ZNS);
	ck_assert_ptr_nonnull(nvme_identify_csi_fault(info.csi));
	ck_assert_ptr_null(nvme_identify_csi_fault(NVME_CSI_NVM));
}
END_TEST

START_TEST(descriptors_past_the_end_are_not_read)
{
	struct nvme_ns_info info = {0};
	size_t at = 0;

	while (at + 4 + 255 <= sizeof(page)) {
		at = descriptor(at, 77, 255, 0);
	}
	page[at] = NVME_NIDT_UUID;
	page[at + 1] = 255;
	ck_assert(!nvme_identify_parse_descriptors(page, &info));
	page[at + 1] = (uint8_t)(sizeof(page) - at - 4); /* exactly to the end */
	ck_assert(nvme_identify_parse_descriptors(page, &info));
	ck_assert(!info.has_uuid);
}
END_TEST

START_TEST(lists_ascend_or_end)
{
	struct nvme_ns_list list = {0};
	uint32_t nsids[1024];
	unsigned i;

	ck_assert_uint_eq(nvme_identify_parse_ns_list(&list, 0, nsids), 0);
	list.ns[0] = htole32(3);
	list.ns[1] = htole32(5);
	list.ns[2] = htole32(5);
	ck_assert_uint_eq(nvme_identify_parse_ns_list(&list, 0, nsids), 2);
	ck_assert_uint_eq(nsids[1], 5);
	ck_assert_uint_eq(nvme_identify_parse_ns_list(&list, 3, nsids), 0);
	list.ns[1] = htole32(UINT32_MAX);
	ck_assert_uint_eq(nvme_identify_parse_ns_list(&list, 0, nsids), 1);
	for (i = 0; i < 1024; i++) {
		list.ns[i] = htole32(i + 10);
	}
	ck_assert_uint_eq(nvme_identify_parse_ns_list(&list, 9, nsids), 1024);
	ck_assert_uint_eq(nsids[1023], 1033);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(texts_are_cut_and_made_printable),
		UNIT_TEST(numbers_are_bounded),
		UNIT_TEST(what_serves_no_io_is_refused),
		UNIT_TEST(the_command_sets_limits),
		UNIT_TEST(the_format_in_use_counts),
		UNIT_TEST(what_ebb_cannot_use_is_refused),
		UNIT_TEST(zeroes_deallocate_if_that_reads_as_zeroes),
		UNIT_TEST(boundaries_that_are_no_use_are_passed_over),
		UNIT_TEST(descriptors_are_taken_by_type_and_length),
		UNIT_TEST(descriptors_past_the_end_are_not_read),
		UNIT_TEST(lists_ascend_or_end),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
