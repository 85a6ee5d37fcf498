/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define MANY 64u

static struct layer_queue queue;
static struct layer_io ios[MANY];

static void begin(void)
{
	layer_attach();
	layer_queue_open_live(&queue);
}

static void end(void)
{
	layer_queue_close(&queue);
	layer_detach();
}

static void begin_many(uint8_t opcode, uint32_t blocks)
{
	for (unsigned i = 0; i < MANY; i++) {
		layer_io_init(&ios[i], opcode, (uint64_t)i * blocks, blocks);
	}
}

static void end_many(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		layer_io_fini(&ios[i]);
	}
}

static void fill(char *buf, size_t len_bytes, unsigned seed)
{
	for (size_t i = 0; i < len_bytes; i++) {
		buf[i] = (char)(seed + i * 7 + i / 512);
	}
}

static void write_and_read(uint64_t lba, uint32_t blocks)
{
	struct layer_io write, read;

	layer_io_init(&write, nvme_cmd_write, lba, blocks);
	layer_io_init(&read, nvme_cmd_read, lba, blocks);
	fill(write.buf, write.buf_bytes, blocks);
	layer_submit(&queue, &write);
	layer_until_done(&write, 1);
	layer_expect(&write, 0, 0);
	layer_submit(&queue, &read);
	layer_until_done(&read, 1);
	layer_expect(&read, 0, 0);
	ck_assert_mem_eq(write.buf, read.buf, write.buf_bytes);
	ck_assert_mem_eq(write.buf, layer.fake->disk + lba * FAKE_BLOCK, write.buf_bytes);
	layer_io_fini(&write);
	layer_io_fini(&read);
}

/* One page, two, and lists, which must not be where one or two pages do. */
START_TEST(what_is_written_is_read)
{
	static const uint32_t blocks[] = {1, 7, 8, 9, 16, 17, 24, 100, 256, 1024};

	begin();
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(blocks); i++) {
		write_and_read(3 * i, blocks[i]);
	}
	ck_assert_uint_eq(layer.fake->prp_lists, 2 * 5);
	ck_assert_uint_eq(layer.fake->sgl_commands, 0);
	end();
}
END_TEST

/* Where the controller takes SGLs, one element needs no list, however long. */
START_TEST(one_element_is_one_sgl_descriptor)
{
	layer.fake->id.sgls = 1;
	begin();
	ck_assert_uint_eq(layer.path.limits.page_bytes, 0);
	write_and_read(0, 16);
	ck_assert_uint_eq(layer.fake->sgl_commands, 0);
	write_and_read(0, 17);
	write_and_read(5, 1024);
	ck_assert_uint_eq(layer.fake->sgl_commands, 4);
	ck_assert_uint_eq(layer.fake->prp_lists, 0);
	end();
}
END_TEST

/* Elements that begin and end inside pages: 300 + 812 + 3 pages + rest. */
static void scatter(struct layer_io *io, struct iovec *iov, bool aligned)
{
	static const size_t odd[] = {300, 812, 3 * 4096, 20};
	static const size_t even[] = {300, 4096, 2 * 4096, 20};
	const size_t *lengths = aligned ? even : odd;
	size_t left = io->buf_bytes;
	char *at = io->buf + (aligned ? 4096 - 300 : 100);

	for (unsigned i = 0; i < 4; i++) {
		iov[i].iov_base = at;
		iov[i].iov_len = i < 3 ? lengths[i] : left;
		left -= iov[i].iov_len;
		at += iov[i].iov_len + (i == 2 || !aligned ? 4096 : 0);
	}
	io->request.iov = iov;
	io->request.iovcnt = 4;
}

static void check_scattered(struct layer_io *io)
{
	const uint8_t *disk = layer.fake->disk;

	for (int i = 0; i < io->request.iovcnt; i++) {
		ck_assert_mem_eq(io->request.iov[i].iov_base, disk, io->request.iov[i].iov_len);
		disk += io->request.iov[i].iov_len;
	}
}

static void write_scattered(bool aligned, int rc)
{
	struct layer_io room, io;
	struct iovec iov[4];

	layer_io_init(&room, nvme_cmd_write, 0, 128);
	layer_io_init(&io, nvme_cmd_write, 0, 40);
	fill(room.buf, room.buf_bytes, 1);
	ebb_mem_free(io.buf, io.buf_bytes);
	io.buf = room.buf;
	scatter(&io, iov, aligned);
	layer_submit(&queue, &io);
	layer_until_done(&io, 1);
	layer_expect(&io, rc, 0);
	if (rc == 0) {
		check_scattered(&io);
	}
	layer_io_fini(&room);
}

START_TEST(vectors_that_keep_to_pages_are_prps)
{
	begin();
	ck_assert_uint_eq(layer.path.limits.page_bytes, 4096);
	write_scattered(true, 0);
	ck_assert_uint_eq(layer.fake->prp_lists, 1);
	write_scattered(false, -EINVAL);
	end();
}
END_TEST

START_TEST(vectors_that_do_not_are_sgls)
{
	layer.fake->id.sgls = 2;
	begin();
	write_scattered(true, 0);
	write_scattered(false, 0);
	ck_assert_uint_eq(layer.fake->sgl_commands, 2);
	ck_assert_uint_eq(layer.fake->prp_lists, 0);
	end();
}
END_TEST

/* Memory that the device does not see is refused, and costs no tracker. */
START_TEST(foreign_memory_is_refused)
{
	static char foreign[512] __attribute__((aligned(4096)));
	struct layer_io io;

	begin();
	layer_io_init(&io, nvme_cmd_read, 0, 1);
	io.iov.iov_base = foreign;
	for (unsigned i = 0; i < MANY; i++) {
		layer_submit(&queue, &io);
		layer_expect(&io, -EFAULT, 0);
	}
	io.iov.iov_base = io.buf;
	layer_submit(&queue, &io);
	layer_until_done(&io, 1);
	layer_expect(&io, 0, 0);
	layer_io_fini(&io);
	end();
}
END_TEST

START_TEST(the_devices_status_and_result_are_passed_on)
{
	struct layer_io io;

	begin();
	layer_io_init(&io, nvme_cmd_read, FAKE_BLOCKS, 1);
	layer_submit(&queue, &io);
	layer_until_done(&io, 1);
	layer_expect(&io, 0, NVME_SC_LBA_RANGE);
	layer.fake->io_status = 0x4281;
	layer_submit(&queue, &io);
	layer_until_done(&io, 1);
	layer_expect(&io, 0, 0x4281);
	layer_io_fini(&io);
	end();
}
END_TEST

/*
 * Before the queue is made, and while all trackers are taken: requests wait inside, and in order.
 */
START_TEST(what_finds_no_room_waits_in_order)
{
	struct layer_io *last = &ios[MANY - 1];

	layer_attach();
	layer_queue_open(&queue);
	begin_many(nvme_cmd_write, 1);
	for (unsigned i = 0; i < MANY; i++) {
		ios[i].request.cdw10 = 0; /* all write the same block */
		fill(ios[i].buf, ios[i].buf_bytes, i);
		layer_submit(&queue, &ios[i]);
	}
	ck_assert_uint_eq(layer.fake->writes, 0);
	layer.fake->holds_io = true;
	layer_queue_live(&queue);
	layer_pumps(2);
	ck_assert_uint_eq(fake_ctrlr_held(layer.fake), 15); /* the queue has 16 entries */
	layer.fake->holds_io = false;
	fake_ctrlr_release(layer.fake, MANY);
	layer_until_done(ios, MANY);
	ck_assert_mem_eq(last->buf, layer.fake->disk, FAKE_BLOCK);
	ck_assert_uint_eq(layer.fake->writes, MANY);
	end_many();
	end();
}
END_TEST

/* There are lists for 64 commands only: those that need one wait, and the next ones behind them. */
START_TEST(what_finds_no_list_waits)
{
	layer.drive.opts.io_queue_depth = 256;
	begin();
	begin_many(nvme_cmd_read, 24);
	layer.fake->holds_io = true;
	for (unsigned i = 0; i < MANY; i++) {
		layer_submit(&queue, &ios[i]);
	}
	layer_pumps(2);
	ck_assert_uint_eq(fake_ctrlr_held(layer.fake), MANY);
	end_many();
	{
		struct layer_io more[2];

		layer_io_init(&more[0], nvme_cmd_read, 0, 24);
		layer_io_init(&more[1], nvme_cmd_read, 0, 1);
		layer_submit(&queue, &more[0]);
		layer_submit(&queue, &more[1]);
		layer_pumps(2);
		ck_assert_uint_eq(fake_ctrlr_held(layer.fake), MANY);
		fake_ctrlr_release(layer.fake, 1);
		layer_pumps(3);
		ck_assert_uint_eq(fake_ctrlr_held(layer.fake), MANY + 1);
		layer.fake->holds_io = false;
		fake_ctrlr_release(layer.fake, MANY + 2);
		layer_until_done(more, 2);
		layer_io_fini(&more[0]);
		layer_io_fini(&more[1]);
	}
	layer_until_done(ios, MANY);
	end();
}
END_TEST

/* The queues wrap many times; the generation of every tracker, too. */
START_TEST(queues_wrap)
{
	begin();
	begin_many(nvme_cmd_read, 1);
	for (unsigned round = 0; round < 1500; round++) {
		for (unsigned i = 0; i < 15; i++) {
			layer_submit(&queue, &ios[i]);
		}
		layer_pumps(2);
		for (unsigned i = 0; i < 15; i++) {
			layer_expect(&ios[i], 0, 0);
		}
	}
	end_many();
	end();
}
END_TEST

/* All that a turn submits is one doorbell; and the next one is for all that its answers submit. */
START_TEST(a_batch_is_one_doorbell)
{
	unsigned before;

	begin();
	begin_many(nvme_cmd_read, 1);
	before = layer.fake->doorbells;
	for (unsigned i = 0; i < 15; i++) {
		layer_submit(&queue, &ios[i]);
	}
	ck_assert_uint_eq(layer.fake->doorbells, before);
	stage_turn(); /* its end rings */
	fake_ctrlr_step(layer.fake);
	ck_assert_uint_eq(layer.fake->doorbells, before + 1);
	ck_assert_uint_eq(layer.fake->reads, 15);
	stage_turn();
	layer_until_done(ios, 15);
	/* Nobody asks for a polled queue's completion queue head but now and then. */
	ck_assert_uint_eq(layer.fake->doorbells, before + 1);
	end_many();
	end();
}
END_TEST

static unsigned chained;

static void submit_again(struct nvme_request *request, uint16_t use)
{
	struct layer_io *io = ebb_container_of(request, struct layer_io, request);

	(void)use;
	ck_assert_int_eq(request->rc, 0);
	if (++chained < 100) {
		layer.transport->submit(&queue.queue->base, request);
	} else {
		io->done = 1;
	}
}

/* What an answer submits is rung by the poll that found the answer: no turn is lost. */
START_TEST(the_next_request_is_rung_at_once)
{
	struct layer_io io;
	unsigned turns = 0;

	begin();
	layer_io_init(&io, nvme_cmd_read, 0, 1);
	io.request.done = submit_again;
	layer_submit(&queue, &io);
	while (io.done == 0) {
		stage_turn();
		fake_ctrlr_step(layer.fake);
		turns++;
	}
	ck_assert_uint_eq(turns, 101);
	layer_io_fini(&io);
	end();
}
END_TEST

/* With shadows the register is written only if the controller has stopped looking. */
START_TEST(shadow_doorbells)
{
	layer.fake->id.oacs = NVME_CTRL_OACS_DBBUF_CFG;
	begin();
	ck_assert_ptr_nonnull(layer.fake->shadow);
	write_and_read(0, 1);
	write_and_read(0, 17);
	begin_many(nvme_cmd_read, 1);
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 15; i++) {
			layer_submit(&queue, &ios[i]);
		}
		layer_until_done(ios, 15);
	}
	end_many();
	end();
}
END_TEST

/*
 * The queue of that number begins anew, whoever had it before: with the same tail as that ended
 * with, and its event index, nobody would be told of the first command.
 */
START_TEST(shadows_are_not_inherited)
{
	layer.fake->id.oacs = NVME_CTRL_OACS_DBBUF_CFG;
	begin();
	for (unsigned round = 0; round < 3; round++) {
		unsigned doorbells = layer.fake->doorbells;

		begin_many(nvme_cmd_read, 1);
		layer_submit(&queue, &ios[0]);
		layer_pumps(3);
		ck_assert_uint_gt(layer.fake->doorbells, doorbells);
		layer_until_done(ios, 1);
		end_many();
		layer_queue_close(&queue);
		layer_queue_open_live(&queue);
	}
	end();
}
END_TEST

START_TEST(shadows_are_unwanted)
{
	layer.fake->id.oacs = NVME_CTRL_OACS_DBBUF_CFG;
	layer.drive.opts.shadow_doorbells = NVME_SHADOWS_OFF;
	begin();
	ck_assert_ptr_null(layer.fake->shadow);
	end();
}
END_TEST

/* QEMU's controllers are slower by them. */
static void become_qemu(void)
{
	layer.fake->id.oacs = NVME_CTRL_OACS_DBBUF_CFG;
	layer.fake->id.vid = htole16(0x1b36);
	memcpy(layer.fake->id.mn, "QEMU NVMe Ctrl ", 15);
}

START_TEST(qemus_shadows_are_left_alone)
{
	become_qemu();
	begin();
	ck_assert_ptr_null(layer.fake->shadow);
	write_and_read(0, 17);
	end();
}
END_TEST

START_TEST(qemus_shadows_are_used_if_wanted)
{
	become_qemu();
	layer.drive.opts.shadow_doorbells = NVME_SHADOWS_ON;
	begin();
	ck_assert_ptr_nonnull(layer.fake->shadow);
	write_and_read(0, 17);
	end();
}
END_TEST

START_TEST(doorbells_pass_event_indexes)
{
	/* @event is the value up to which the controller looks by itself. */
	ck_assert(vfio_doorbell_passed(0, 1, 0));
	ck_assert(!vfio_doorbell_passed(1, 1, 0));
	ck_assert(vfio_doorbell_passed(5, 8, 3));
	ck_assert(vfio_doorbell_passed(3, 8, 3));
	ck_assert(!vfio_doorbell_passed(8, 8, 3));
	ck_assert(!vfio_doorbell_passed(2, 8, 3));
	ck_assert(!vfio_doorbell_passed(9, 8, 3));
	ck_assert(vfio_doorbell_passed(15, 0, 15)); /* past the queue's end */
	ck_assert(vfio_doorbell_passed(0xffff, 2, 0xfffe));
}
END_TEST

/* Refused doorbell buffers are done without. */
START_TEST(shadows_may_be_refused)
{
	layer.fake->id.oacs = NVME_CTRL_OACS_DBBUF_CFG;
	layer.fake->refuses = true;
	layer.fake->refuse_opcode = nvme_admin_dbbuf;
	begin();
	ck_assert_ptr_null(layer.fake->shadow);
	write_and_read(0, 8);
	end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(layer_begin, layer_end),
		UNIT_TEST(what_is_written_is_read),
		UNIT_TEST(one_element_is_one_sgl_descriptor),
		UNIT_TEST(vectors_that_keep_to_pages_are_prps),
		UNIT_TEST(vectors_that_do_not_are_sgls),
		UNIT_TEST(foreign_memory_is_refused),
		UNIT_TEST(the_devices_status_and_result_are_passed_on),
		UNIT_TEST(what_finds_no_room_waits_in_order),
		UNIT_TEST(what_finds_no_list_waits),
		UNIT_TEST(queues_wrap),
		UNIT_TEST(a_batch_is_one_doorbell),
		UNIT_TEST(the_next_request_is_rung_at_once),
		UNIT_TEST(shadow_doorbells),
		UNIT_TEST(doorbells_pass_event_indexes),
		UNIT_TEST(shadows_may_be_refused),
		UNIT_TEST(shadows_are_not_inherited),
		UNIT_TEST(shadows_are_unwanted),
		UNIT_TEST(qemus_shadows_are_left_alone),
		UNIT_TEST(qemus_shadows_are_used_if_wanted),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
