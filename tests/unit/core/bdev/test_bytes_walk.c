/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random walk: requests of bytes and of blocks by several threads on one bdev, whose driver ends
 * them in any order, and a model of what each byte may be.
 *
 * Writes of one byte may be under way together; which of them is the last is open. So the model keeps
 * of each byte the writes that may have been: one is out as soon as another has begun after its end,
 * and has ended itself. What is on the disk in the end, and what a read that nothing disturbs brings,
 * has to be one of them.
 */
#include <errno.h>
#include <string.h>

#include <ebb/thread.h>

#include "core/bdev/channel.h"
#include "core/bdev/pool.h"
#include "core/event/channel.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define ACTORS     3
#define BLOCKS     12u
#define SIZE       (BLOCKS * FAKE_BLOCK)
#define OPS        24
#define STEPS      4000
#define CANDIDATES 32

struct candidate {
	uint8_t value;
	uint64_t ended; /* step; 0: at the beginning */
};

struct byte_model {
	unsigned count;
	struct candidate may_be[CANDIDATES];
	unsigned writers; /* under way */
	uint64_t touched; /* when a write of it began last */
};

enum op_kind { OP_READ, OP_WRITE, OP_ZEROES, OP_UNMAP, OP_KINDS };

struct op {
	bool busy;
	enum op_kind kind;
	uint64_t begun;
	uint64_t offset;
	uint64_t len;
	struct iovec iov[3];
	uint8_t buf[SIZE + 64];
};

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_thread *threads[ACTORS];
static struct ebb_io_channel *chs[ACTORS];
static bool moving[ACTORS];
static struct op ops[OPS];
static struct byte_model model[SIZE];
static uint64_t now = 1;
static uint64_t seed;
static unsigned ended[OP_KINDS], refused, checked;

static uint64_t below(uint64_t end)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % end;
}

/* ---- the model ---- */

static void byte_begin(struct byte_model *byte)
{
	byte->writers++;
	byte->touched = now;
}

/* A write that began at @begun has ended: what had ended before it began is gone. */
static void byte_end(struct byte_model *byte, uint64_t begun, uint8_t value)
{
	unsigned kept = 0, i;

	for (i = 0; i < byte->count; i++) {
		if (byte->may_be[i].ended >= begun) {
			byte->may_be[kept++] = byte->may_be[i];
		}
	}
	ck_assert_uint_lt(kept, CANDIDATES);
	byte->may_be[kept] = (struct candidate){.value = value, .ended = now};
	byte->count = kept + 1;
	byte->writers--;
}

static bool byte_may_be(const struct byte_model *byte, uint8_t value)
{
	unsigned i;

	for (i = 0; i < byte->count; i++) {
		if (byte->may_be[i].value == value) {
			return true;
		}
	}
	return false;
}

/* What @op changes: of an unmap, whole blocks only. */
static void op_span(const struct op *op, uint64_t *ret_first, uint64_t *ret_end)
{
	*ret_first = op->offset;
	*ret_end = op->offset + op->len;
	if (op->kind == OP_UNMAP) {
		*ret_first = (*ret_first + FAKE_BLOCK - 1) / FAKE_BLOCK * FAKE_BLOCK;
		*ret_end = *ret_end / FAKE_BLOCK * FAKE_BLOCK;
	}
}

static void model_begin(const struct op *op)
{
	uint64_t i, end;

	for (op_span(op, &i, &end); i < end; i++) {
		byte_begin(&model[i]);
	}
}

static void model_end(const struct op *op)
{
	uint64_t i, end;

	for (op_span(op, &i, &end); i < end; i++) {
		byte_end(&model[i], op->begun, op->kind == OP_WRITE ? op->buf[i - op->offset] : 0);
	}
}

/* Bytes of which no write was under way at any time since the read began. */
static void model_check_read(const struct op *op)
{
	uint64_t i;

	for (i = 0; i < op->len; i++) {
		const struct byte_model *byte = &model[op->offset + i];

		if (byte->writers == 0 && byte->touched < op->begun &&
		    byte->may_be[byte->count - 1].ended < op->begun) {
			checked++;
			ck_assert_msg(byte_may_be(byte, op->buf[i]), "byte %lu reads as %02x",
				      (unsigned long)(op->offset + i), op->buf[i]);
		}
	}
}

static void model_check_disk(void)
{
	uint64_t i;

	for (i = 0; i < SIZE; i++) {
		ck_assert_uint_eq(model[i].writers, 0);
		ck_assert_msg(byte_may_be(&model[i], fake->memory[i]),
			      "byte %lu is %02x, which was never written, or lost",
			      (unsigned long)i, fake->memory[i]);
	}
}

/* ---- requests ---- */

static void op_done(void *arg, int status)
{
	struct op *op = arg;

	ck_assert_int_eq(status, 0);
	ck_assert(op->busy);
	op->busy = false;
	now++;
	ended[op->kind]++;
	if (op->kind == OP_READ) {
		model_check_read(op);
	} else {
		model_end(op);
	}
}

/* One piece of memory, or three. */
static int op_vector(struct op *op)
{
	uint64_t first, second;

	op->iov[0] = (struct iovec){.iov_base = op->buf, .iov_len = op->len};
	if (op->len < 3 || below(2) == 0) {
		return 1;
	}
	first = 1 + below(op->len - 2);
	second = 1 + below(op->len - first - 1);
	op->iov[0].iov_len = first;
	op->iov[1] = (struct iovec){.iov_base = op->buf + first, .iov_len = second};
	op->iov[2] = (struct iovec){.iov_base = op->buf + first + second,
				    .iov_len = op->len - first - second};
	return 3;
}

static int op_submit(struct op *op, struct ebb_io_channel *ch)
{
	uint32_t flags = below(4) == 0 ? EBB_BDEV_FUA : 0;
	int iovcnt = op_vector(op);

	switch (op->kind) {
	case OP_READ:
		return ebb_bdev_readv_bytes(desc, ch, op->iov, iovcnt, op->offset, op->len, op_done,
					    op);
	case OP_WRITE:
		return ebb_bdev_writev_bytes(desc, ch, op->iov, iovcnt, op->offset, op->len, flags,
					     op_done, op);
	case OP_ZEROES:
		return ebb_bdev_write_zeroes_bytes(desc, ch, op->offset, op->len, flags, op_done,
						   op);
	default:
		return ebb_bdev_unmap_bytes(desc, ch, op->offset, op->len, op_done, op);
	}
}

static enum op_kind kind_any(void)
{
	static const enum op_kind kinds[] = {OP_WRITE, OP_WRITE,  OP_WRITE, OP_READ,
					     OP_READ,  OP_ZEROES, OP_UNMAP};

	return kinds[below(sizeof(kinds) / sizeof(kinds[0]))];
}

static void op_begin(struct op *op, unsigned actor)
{
	uint64_t i;
	int rc;

	op->kind = kind_any();
	if (below(2) == 0) { /* blocks, which go by the functions for them */
		op->offset = below(BLOCKS) * FAKE_BLOCK;
		op->len = (1 + below(3)) * FAKE_BLOCK;
	} else {
		op->offset = below(SIZE);
		op->len = 1 + below(below(3) == 0 ? 4 * FAKE_BLOCK : 300);
	}
	if (op->len > SIZE - op->offset) {
		op->len = SIZE - op->offset;
	}
	for (i = 0; i < op->len; i++) {
		op->buf[i] = (uint8_t)below(256);
	}
	now++;
	op->begun = now;
	stage_enter(threads[actor]);
	rc = op_submit(op, chs[actor]);
	if (rc == -ENOMEM) {
		refused++;
		return;
	}
	ck_assert_int_eq(rc, 0);
	op->busy = true;
	if (op->kind != OP_READ) {
		model_begin(op);
	}
}

/* ---- the walk ---- */

static void complete_any(void)
{
	unsigned at = (unsigned)below(fake->num_held);

	stage_enter(bdev_req_from_io(fake->held[at].io)->ch->thread);
	fake_complete_at(fake, at, 0);
}

static void move_any(unsigned actor)
{
	stage_enter(threads[actor]);
	if (moving[actor]) {
		event_channels_resume(threads[actor]);
	} else {
		event_channels_quiesce(threads[actor]);
	}
	moving[actor] = !moving[actor];
}

static void step(void)
{
	unsigned actor = (unsigned)below(ACTORS);
	struct op *op = &ops[below(OPS)];

	switch (below(8)) {
	case 0:
	case 1:
	case 2:
		if (!op->busy) {
			op_begin(op, actor);
		}
		break;
	case 3:
	case 4:
		if (fake->num_held > 0) {
			complete_any();
		}
		break;
	case 5:
		if (below(8) == 0) {
			move_any(actor);
		}
		break;
	default:
		stage_turn();
	}
	/* Long runs outgrow the records of a test. */
	fake->num_records = 0;
}

static void finish(void)
{
	unsigned turns = 0, i;
	bool busy = true;

	for (i = 0; i < ACTORS; i++) {
		if (moving[i]) {
			move_any(i);
		}
	}
	while (busy) {
		while (fake->num_held > 0) {
			complete_any();
		}
		stage_turn();
		fake->num_records = 0;
		busy = false;
		for (i = 0; i < OPS; i++) {
			busy = busy || ops[i].busy;
		}
		ck_assert_msg(++turns < 10000, "a request does not end");
	}
	model_check_disk();
}

/* Drivers of several kinds. */
static void driver_be(unsigned kind)
{
	struct ebb_bdev *bdev = &fake->bdev;

	switch (kind) {
	case 0:
		bdev->fua = true;
		break;
	case 1: /* FUA by a flush, zeroes by writes, all in parts */
		bdev->io_types &= ~EBB_BIT(EBB_BDEV_WRITE_ZEROES);
		bdev->max_io_blocks = 2;
		bdev->max_unmap_blocks = 1;
		break;
	case 2: /* all memory bounced, and not across a boundary */
		bdev->buf_align = 512;
		bdev->pool_memory = true;
		bdev->optimal_io_boundary = 4;
		break;
	case 3: /* few requests, each in parts */
		bdev->max_io_blocks = 1;
		bdev_pool_set_size(3);
		break;
	default:
		bdev->max_segments = 1;
		bdev_pool_set_size(6);
	}
}

static void setup(void)
{
	unsigned i;

	stage_begin();
	fake = fake_create("disk");
	fake->mode = FAKE_HOLD;
	fake->bdev.num_blocks = BLOCKS;
	for (i = 0; i < SIZE; i++) {
		fake->memory[i] = (uint8_t)i;
		model[i] = (struct byte_model){.count = 1, .may_be = {{.value = (uint8_t)i}}};
	}
}

START_TEST(no_byte_is_lost)
{
	unsigned i;

	driver_be((unsigned)_i % 5);
	seed = 88172645463325252u + (unsigned)_i * 7919u;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &desc), 0);
	threads[0] = ebb_thread_current();
	threads[1] = stage_thread("one");
	threads[2] = stage_thread("two");
	for (i = 0; i < ACTORS; i++) {
		stage_enter(threads[i]);
		chs[i] = ebb_bdev_channel_get(desc);
		ck_assert_ptr_nonnull(chs[i]);
	}
	for (i = 1; i <= STEPS; i++) {
		step();
		if (i % 400 == 0) {
			finish();
		}
	}
	for (i = 0; i < OP_KINDS; i++) {
		ck_assert_uint_gt(ended[i], 20);
	}
	ck_assert_uint_gt(checked, 0);
	for (i = 0; i < ACTORS; i++) {
		stage_enter(threads[i]);
		ebb_io_channel_put(chs[i]);
	}
	stage_turns(4);
	ck_assert_uint_eq(stage_violations(2), 0);
	stage_enter(threads[0]);
	fake_close(fake, desc, NULL);
	stage_thread_exit(threads[1]);
	stage_thread_exit(threads[2]);
	bdev_pool_set_size(0);
	stage_end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_LOOP(no_byte_is_lost, 0, 10),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
