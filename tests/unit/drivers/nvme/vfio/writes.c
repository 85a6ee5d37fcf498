/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/vfio/writes.h"

#include <string.h>

struct layer_queue writes_queue;
struct layer_io writes[WRITES];

void writes_begin(void)
{
	layer_attach();
	layer_queue_open_live(&writes_queue);
	for (unsigned i = 0; i < WRITES; i++) {
		layer_io_init(&writes[i], nvme_cmd_write, i, 1);
		memset(writes[i].buf, (int)i + 1, FAKE_BLOCK);
	}
}

void writes_submit(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		layer_submit(&writes_queue, &writes[i]);
	}
}

/* Each was answered once, and well, and what it wrote is there. */
void writes_check(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		layer_expect(&writes[i], 0, 0);
		ck_assert_mem_eq(writes[i].buf, layer.fake->disk + i * FAKE_BLOCK, FAKE_BLOCK);
	}
}

void writes_check_failed(unsigned count, int rc)
{
	for (unsigned i = 0; i < count; i++) {
		layer_expect(&writes[i], rc, 0);
	}
}

void writes_end(void)
{
	layer_queue_close(&writes_queue);
	layer_detach();
	for (unsigned i = 0; i < WRITES; i++) {
		layer_io_fini(&writes[i]);
	}
}

/* Milliseconds of the test's clock go by until all are answered. */
unsigned writes_until_done(unsigned count)
{
	unsigned ms = 0;

	for (unsigned i = 0; i < count; i++) {
		while (writes[i].done == 0) {
			layer_pump();
			ck_assert_uint_lt(++ms, 1000000);
		}
	}
	return ms;
}
