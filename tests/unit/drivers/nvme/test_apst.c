/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <string.h>

#include "drivers/nvme/apst.h"
#include "tests/unit/unit.h"

#define TO(state, ms) ((uint64_t)(state) << 3 | (uint64_t)(ms) << 8)

static struct nvme_apst_table table;

/* A laptop's drive: three operational states, a shallow one and a deep one. */
static struct nvme_ctrlr_info drive(void)
{
	struct nvme_ctrlr_info info = {
		.apst = true,
		.num_power_states = 5,
		.power_states =
			{
				[3] = {.entry_us = 2000, .exit_us = 1200, .non_operational = true},
				[4] = {.entry_us = 10000, .exit_us = 9500, .non_operational = true},
			},
	};

	return info;
}

START_TEST(shallow_states_soon_and_deep_ones_later)
{
	struct nvme_ctrlr_info info = drive();

	ck_assert_uint_eq(nvme_apst_table_make(&info, 100000, &table), 4);
	ck_assert_uint_eq(le64toh(table.entries[0]), TO(3, 100));
	ck_assert_uint_eq(le64toh(table.entries[2]), TO(3, 100));
	ck_assert_uint_eq(le64toh(table.entries[3]), TO(4, 2000));
	ck_assert_uint_eq(table.entries[4], 0);
	ck_assert_uint_eq(table.entries[31], 0);
}
END_TEST

START_TEST(the_cap_is_the_exit_latency)
{
	struct nvme_ctrlr_info info = drive();

	ck_assert_uint_eq(nvme_apst_table_make(&info, 9499, &table), 3);
	ck_assert_uint_eq(table.entries[3], 0);
	ck_assert_uint_eq(nvme_apst_table_make(&info, 9500, &table), 4);
	ck_assert_uint_eq(nvme_apst_table_make(&info, 1199, &table), 0);
	ck_assert_uint_eq(nvme_apst_table_make(&info, 0, &table), 0);
	ck_assert_uint_eq(table.entries[0], 0);
	info.apst = false;
	ck_assert_uint_eq(nvme_apst_table_make(&info, 100000, &table), 0);
}
END_TEST

START_TEST(states_that_take_too_long_are_left_out)
{
	struct nvme_ctrlr_info info = drive();

	info.power_states[4].entry_us = 90501;
	ck_assert_uint_eq(nvme_apst_table_make(&info, 100000, &table), 3);
	info.power_states[4].entry_us = UINT32_MAX;
	info.power_states[4].exit_us = UINT32_MAX;
	ck_assert_uint_eq(nvme_apst_table_make(&info, UINT32_MAX, &table), 3);
	info.power_states[3].entry_us = 13801; /* 15,001 us in all: deep */
	ck_assert_uint_eq(nvme_apst_table_make(&info, 100000, &table), 3);
	ck_assert_uint_eq(le64toh(table.entries[0]), TO(3, 2000));
}
END_TEST

START_TEST(states_that_do_io_are_no_rest)
{
	struct nvme_ctrlr_info info = drive();

	info.power_states[3].non_operational = false;
	ck_assert_uint_eq(nvme_apst_table_make(&info, 100000, &table), 4);
	ck_assert_uint_eq(le64toh(table.entries[0]), TO(4, 2000));
	ck_assert_uint_eq(le64toh(table.entries[3]), TO(4, 2000));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(shallow_states_soon_and_deep_ones_later),
		UNIT_TEST(the_cap_is_the_exit_latency),
		UNIT_TEST(states_that_take_too_long_are_left_out),
		UNIT_TEST(states_that_do_io_are_no_rest),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
