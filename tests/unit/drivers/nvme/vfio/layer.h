/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_VFIO_LAYER_H
#define TESTS_UNIT_DRIVERS_NVME_VFIO_LAYER_H

/*
 * In place of the command layer: what the transport answers and tells is noted here. With the fake
 * controller below and a stepped reactor, whose clock goes on by a millisecond a turn.
 */

#include <check.h>

#include "drivers/nvme/path.h"
#include "drivers/nvme/vfio/ctrlr.h"
#include "drivers/nvme/vfio/io_queue.h"
#include "tests/unit/drivers/nvme/vfio/fake_ctrlr.h"

#define LAYER_TIMEOUT_MS 1000u

struct layer {
	const struct nvme_transport *transport;
	struct nvme_path path;
	struct nvme_drive drive;
	struct fake_ctrlr *fake;
	bool attached;
	bool detached;
	bool was_reset;
	bool ns_opened;
	bool ns_closed;
	int ns_rc;
	int attach_rc;
	int reset_rc;
	unsigned attach_calls;
	unsigned detach_calls;
	unsigned reset_calls;
	unsigned events[NVME_EVENT_GONE + 1];
	char fault[512];
	bool hasty; /* it detaches as soon as it is told that all is lost */
};

extern struct layer layer;

/* One request of a test's: a read or write of @blocks from @lba on. */
struct layer_io {
	struct nvme_request request;
	struct iovec iov;
	char *buf;
	size_t buf_bytes;
	unsigned done;
};

/* A thread's queue, and its poller. */
struct layer_queue {
	struct vfio_io_queue *queue;
	struct ebb_poller *poller;
};

/* Fixture: a stage, a fake controller, nothing attached. */
void layer_begin(void);
void layer_end(void);

/* One step of the controller, one turn, one millisecond. */
void layer_pump(void);
void layer_pumps(unsigned count);
/* Pumps until *@flag; fails the test if that does not come. */
void layer_until(const bool *flag);
void layer_until_done(const struct layer_io *io, unsigned count);

/* Attaches, and fails the test if that does. */
void layer_attach(void);
void layer_detach(void);

void layer_queue_open(struct layer_queue *queue);
/* And waits until it is created. */
void layer_queue_open_live(struct layer_queue *queue);
void layer_queue_live(struct layer_queue *queue);
void layer_queue_close(struct layer_queue *queue);

void layer_io_init(struct layer_io *io, uint8_t opcode, uint64_t lba, uint32_t blocks);
void layer_io_fini(struct layer_io *io);
void layer_expect(const struct layer_io *io, int rc, uint16_t status); /* answered once, so */
void layer_submit(struct layer_queue *queue, struct layer_io *io);

/* What the kernel does with an eventfd of the device's. */
void layer_notify(int fd);

/* A program of one test case, each test between layer_begin() and layer_end(). Return: main()'s. */
int layer_main(const char *name, const TTest *const *tests);

#endif
