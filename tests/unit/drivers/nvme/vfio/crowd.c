/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/vfio/crowd.h"

#include <string.h>

struct layer_queue crowd_queue;
struct layer_io crowd[CROWD];

void crowd_begin(void)
{
	layer_attach();
	layer_queue_open_live(&crowd_queue);
	for (unsigned i = 0; i < CROWD; i++) {
		layer_io_init(&crowd[i], nvme_cmd_write, i, 1);
		memset(crowd[i].buf, (int)i + 1, FAKE_BLOCK);
	}
}

void crowd_submit(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		layer_submit(&crowd_queue, &crowd[i]);
	}
}

/* Each was answered once, and well, and what it wrote is there. */
void crowd_check(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		layer_expect(&crowd[i], 0, 0);
		ck_assert_mem_eq(crowd[i].buf, layer.fake->disk + i * FAKE_BLOCK, FAKE_BLOCK);
	}
}

void crowd_check_failed(unsigned count, int rc)
{
	for (unsigned i = 0; i < count; i++) {
		layer_expect(&crowd[i], rc, 0);
	}
}

void crowd_end(void)
{
	layer_queue_close(&crowd_queue);
	layer_detach();
	for (unsigned i = 0; i < CROWD; i++) {
		layer_io_fini(&crowd[i]);
	}
}

/* Milliseconds of the test's clock go by until all are answered. */
unsigned crowd_until_done(unsigned count)
{
	unsigned ms = 0;

	for (unsigned i = 0; i < count; i++) {
		while (crowd[i].done == 0) {
			layer_pump();
			ck_assert_uint_lt(++ms, 1000000);
		}
	}
	return ms;
}
