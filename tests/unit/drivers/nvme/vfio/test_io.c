/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core/bdev/stage.h"

static struct layer_queue queue;

static void begin(void)
{
	layer_attach();
	layer_queue_open(&queue);
	layer_pumps(40);
}

static void end(void)
{
	layer_queue_close(&queue);
	layer_detach();
}

static void expect(const struct layer_io *io, int rc, uint16_t status)
{
	ck_assert_uint_eq(io->done, 1);
	ck_assert_int_eq(io->request.rc, rc);
	ck_assert_uint_eq(io->request.status, status);
}

static void fill(char *buf, size_t len_bytes, unsigned seed)
{
	for (size_t i = 0; i < len_bytes; i++) {
		buf[i] = (char)(seed + i * 7 + i / 512);
	}
}

START_TEST(what_is_written_is_read)
{
	static const uint32_t blocks[] = {1, 7, 8, 9, 16, 17, 24, 100, 256};
	struct layer_io write, read;

	begin();
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(blocks); i++) {
		layer_io_init(&write, nvme_cmd_write, 3 * i, blocks[i]);
		layer_io_init(&read, nvme_cmd_read, 3 * i, blocks[i]);
		fill(write.buf, write.buf_bytes, i);
		layer_submit(&queue, &write);
		layer_until_done(&write, 1);
		expect(&write, 0, 0);
		layer_submit(&queue, &read);
		layer_until_done(&read, 1);
		expect(&read, 0, 0);
		ck_assert_mem_eq(write.buf, read.buf, write.buf_bytes);
		ck_assert_mem_eq(write.buf, layer.fake->disk + 3 * i * FAKE_BLOCK, write.buf_bytes);
		layer_io_fini(&write);
		layer_io_fini(&read);
	}
	ck_assert_uint_eq(layer.fake->prp_lists, 2 * 4);
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_written_is_read,
		NULL,
	};

	return layer_main("nvme/vfio/io", tests);
}
