/* SPDX-License-Identifier: Apache-2.0 */

#include <endian.h>
#include <string.h>

#include <ebb/bdev.h>

#include "drivers/nbd/status.h"
#include "drivers/nbd/wire.h"
#include "tests/unit/unit.h"

#define HOLE EBB_BDEV_EXTENT_HOLE
#define ZERO EBB_BDEV_EXTENT_ZERO

static const struct status_case {
	struct ebb_bdev_extent extents[4]; /* an empty one ends them */
	uint32_t skip;
	uint32_t len;
	bool one;
	uint32_t expected[9]; /* lengths and flags; a length of 0 ends them */
} cases[] = {
	{{{8, 0}}, 0, 4096, false, {4096, 0}},
	{{{8, HOLE}}, 0, 4096, false, {4096, NBD_STATE_HOLE}},
	{{{8, ZERO}}, 0, 4096, false, {4096, NBD_STATE_ZERO}},
	{{{1, 0}, {2, HOLE | ZERO}, {1, 0}},
	 0,
	 2048,
	 false,
	 {512, 0, 1024, NBD_STATE_HOLE | NBD_STATE_ZERO, 512, 0}},
	/* Neighbours that are alike are one, at the end too. */
	{{{1, 0}, {2, 0}, {3, ZERO}, {1, ZERO}}, 0, 3584, false, {1536, 0, 2048, NBD_STATE_ZERO}},
	/* The first and the last block are not all the client's. */
	{{{1, 0}, {1, ZERO}}, 511, 2, false, {1, 0, 1, NBD_STATE_ZERO}},
	{{{1, 0}, {1, ZERO}}, 100, 412, false, {412, 0}},
	{{{8, ZERO}}, 511, 100, false, {100, NBD_STATE_ZERO}},
	/* The answer may end before the range does. */
	{{{1, 0}, {1, ZERO}}, 0, 1u << 31, false, {512, 0, 512, NBD_STATE_ZERO}},
	{{{1, 0}, {1, ZERO}, {1, 0}}, 0, 1536, true, {512, 0}},
	{{{1, 0}, {1, 0}, {1, ZERO}}, 0, 1536, true, {1024, 0}},
	{{{8, HOLE}}, 0, 512, true, {512, NBD_STATE_HOLE}},
	/* As long as a range can be, of a bdev that is longer. */
	{{{1ull << 40, HOLE}}, 0, UINT32_MAX, false, {UINT32_MAX, NBD_STATE_HOLE}},
	/* A flag that is nobody's is not told. */
	{{{1, 1u << 31 | ZERO}, {1, ZERO}}, 0, 1024, false, {1024, NBD_STATE_ZERO}},
};

START_TEST(encodes_extents)
{
	const struct status_case *c = &cases[_i];
	struct ebb_bdev_extent memory[4];
	struct ebb_bdev_extents extents = {.max = 4, .extent = memory};
	uint32_t len, i;

	memcpy(memory, c->extents, sizeof(memory));
	while (extents.count < 4 && memory[extents.count].num_blocks > 0) {
		extents.count++;
	}
	len = nbd_status_encode(&extents, c->skip, c->len, 512, c->one);
	for (i = 0; c->expected[2 * i] > 0; i++) {
		struct nbd_wire_extent wire;

		ck_assert_uint_lt(i * sizeof(wire), len);
		memcpy(&wire, (char *)memory + i * sizeof(wire), sizeof(wire));
		ck_assert_uint_eq(be32toh(wire.len_bytes), c->expected[2 * i]);
		ck_assert_uint_eq(be32toh(wire.flags), c->expected[2 * i + 1]);
	}
	ck_assert_uint_eq(len, i * sizeof(struct nbd_wire_extent));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(encodes_extents, 0, (int)EBB_ARRAY_SIZE(cases)),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
