/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <time.h>

#include "tests/unit/core/bdev/stage.h"

struct layer layer;

void nvme_transport_add(struct nvme_transport *transport)
{
	layer.transport = transport;
}

void nvme_path_attached(struct nvme_path *path, int rc)
{
	ck_assert_ptr_eq(path, &layer.path);
	ck_assert_ptr_eq(ebb_thread_current(), ebb_thread_app());
	layer.attached = true;
	layer.attach_rc = rc;
	layer.attach_calls++;
}

void nvme_path_detached(struct nvme_path *path)
{
	ck_assert_ptr_eq(path, &layer.path);
	layer.detached = true;
	layer.detach_calls++;
}

void nvme_path_was_reset(struct nvme_path *path, int rc)
{
	ck_assert_ptr_eq(path, &layer.path);
	layer.was_reset = true;
	layer.reset_rc = rc;
	layer.reset_calls++;
	if (rc < 0 && layer.hasty) {
		layer.hasty = false;
		layer.transport->detach(path);
	}
}

void nvme_path_event(struct nvme_path *path, enum nvme_event event, uint32_t value)
{
	ck_assert_ptr_eq(path, &layer.path);
	ck_assert_uint_eq(value, 0);
	layer.events[event]++;
	if (event >= NVME_EVENT_FAILED && layer.hasty) {
		layer.hasty = false;
		layer.transport->detach(path);
	}
}

void nvme_path_ns_opened(struct nvme_path_ns *ns, int rc)
{
	ck_assert_ptr_eq(ns->path, &layer.path);
	ck_assert_ptr_eq(ebb_thread_current(), ebb_thread_app());
	ck_assert(!layer.ns_opened);
	layer.ns_opened = true;
	layer.ns_rc = rc;
}

void nvme_path_ns_closed(struct nvme_path_ns *ns)
{
	ck_assert_ptr_eq(ns->path, &layer.path);
	ck_assert_ptr_null(ns->transport_ns);
	ck_assert(!layer.ns_closed);
	layer.ns_closed = true;
}

int nvme_path_fault(struct nvme_path *path, int rc, const char *format, ...)
{
	va_list args;

	(void)path;
	va_start(args, format);
	vsnprintf(layer.fault, sizeof(layer.fault), format, args);
	va_end(args);
	return rc;
}

void layer_begin(void)
{
	const struct nvme_transport *transport = layer.transport;

	stage_begin();
	memset(&layer, 0, sizeof(layer));
	layer.transport = transport;
	layer.fake = fake_ctrlr_create();
	layer.path.transport = transport;
	layer.path.drive = &layer.drive;
	layer.drive.name = "Nvme0";
	layer.path.traddr = "0000:01:00.0";
	layer.drive.opts.timeout_us = LAYER_TIMEOUT_MS * 1000;
	layer.drive.opts.io_queue_depth = 16;
}

void layer_end(void)
{
	ck_assert_ptr_null(layer.path.transport_ctrlr);
	stage_end();
	ck_assert_msg(layer.fake->wrong == 0, "%u wrongs, the last: %s", layer.fake->wrong,
		      layer.fake->wrong_text);
	fake_ctrlr_destroy(layer.fake);
}

void layer_pump(void)
{
	unsigned aborted = layer.fake->aborted_by_deletion;

	fake_ctrlr_step(layer.fake);
	/*
	 * A queue that leaves has waited for its commands; only before a disabling that is not so.
	 */
	ck_assert(layer.fake->aborted_by_deletion == aborted ||
		  vfio_ctrlr_of(&layer.path)->state == VFIO_DELETING);
	stage_turn();
	stage_clock_advance(EBB_NS_PER_MS);
}

void layer_pumps(unsigned count)
{
	while (count-- > 0) {
		layer_pump();
	}
}

/* The helper is a real thread: it is given time. */
static bool layer_waits_on(const struct timespec *begin)
{
	struct timespec now;

	sched_yield();
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - begin->tv_sec < 20;
}

void layer_until(const bool *flag)
{
	struct timespec begin;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (!*flag) {
		layer_pump();
		ck_assert_msg(layer_waits_on(&begin), "what was waited for did not come");
	}
}

void layer_until_done(const struct layer_io *io, unsigned count)
{
	struct timespec begin;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (unsigned i = 0; i < count; i++) {
		while (io[i].done == 0) {
			layer_pump();
			ck_assert_msg(layer_waits_on(&begin), "request %u is not answered", i);
		}
	}
}

void layer_attach(void)
{
	layer.transport->attach(&layer.path);
	layer_until(&layer.attached);
	ck_assert_msg(layer.attach_rc == 0, "%d: %s", layer.attach_rc, layer.fault);
	ck_assert_uint_eq(layer.attach_calls, 1);
}

void layer_detach(void)
{
	layer.transport->detach(&layer.path);
	layer_until(&layer.detached);
	ck_assert_uint_eq(layer.detach_calls, 1);
	ck_assert_uint_eq(layer.fake->closes, 1);
}

static int queue_poll(void *arg)
{
	return layer.transport->poll(arg);
}

static int queue_set_interrupt(void *arg, bool on)
{
	return layer.transport->set_interrupt(arg, on);
}

static int queue_arm(void *arg)
{
	return layer.transport->arm(arg);
}

void layer_queue_open(struct layer_queue *queue)
{
	struct ebb_poller_wake wake = {
		.events = EPOLLIN | EPOLLET,
		.set_interrupt = queue_set_interrupt,
		.arm = queue_arm,
	};
	struct nvme_queue *base;

	ck_assert_int_eq(layer.transport->queue_create(&layer.path, &base), 0);
	ck_assert_ptr_eq(base->transport, layer.transport);
	ck_assert_ptr_eq(base->path, &layer.path);
	ck_assert_uint_eq((uintptr_t)base % EBB_CACHE_LINE, 0);
	queue->queue = ebb_container_of(base, struct vfio_io_queue, base);
	wake.fd = base->wake_fd;
	queue->poller = wake.fd >= 0 ? ebb_poller_register_wake(queue_poll, queue->queue, &wake)
				     : ebb_poller_register(queue_poll, queue->queue, 0);
	ck_assert_ptr_nonnull(queue->poller);
}

void layer_queue_live(struct layer_queue *queue)
{
	struct timespec begin;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (!vfio_io_queue_is_live(queue->queue)) {
		layer_pump();
		ck_assert_msg(layer_waits_on(&begin), "the queue is not created");
	}
}

void layer_queue_open_live(struct layer_queue *queue)
{
	layer_queue_open(queue);
	layer_queue_live(queue);
}

void layer_queue_close(struct layer_queue *queue)
{
	ebb_poller_unregister(&queue->poller);
	layer.transport->queue_destroy(&queue->queue->base);
	queue->queue = NULL;
}

static void io_done(struct nvme_request *request, uint16_t use)
{
	(void)use;
	ebb_container_of(request, struct layer_io, request)->done++;
}

void layer_io_init(struct layer_io *io, uint8_t opcode, uint64_t lba, uint32_t blocks)
{
	memset(io, 0, sizeof(*io));
	io->buf_bytes = (size_t)blocks * FAKE_BLOCK;
	io->buf = ebb_mem_alloc(io->buf_bytes);
	ck_assert_ptr_nonnull(io->buf);
	io->iov = (struct iovec){.iov_base = io->buf, .iov_len = io->buf_bytes};
	io->request = (struct nvme_request){
		.opcode = opcode,
		.nsid = 1,
		.cdw10 = (uint32_t)lba,
		.cdw11 = (uint32_t)(lba >> 32),
		.cdw12 = blocks - 1,
		.iov = &io->iov,
		.iovcnt = 1,
		.len_bytes = (uint32_t)io->buf_bytes,
		.done = io_done,
	};
}

void layer_io_fini(struct layer_io *io)
{
	ebb_mem_free(io->buf, io->buf_bytes);
}

void layer_expect(const struct layer_io *io, int rc, uint16_t status)
{
	ck_assert_uint_eq(io->done, 1);
	ck_assert_int_eq(io->request.rc, rc);
	if (rc == 0) {
		ck_assert_uint_eq(io->request.status, status);
	}
}

void layer_submit(struct layer_queue *queue, struct layer_io *io)
{
	io->done = 0;
	layer.transport->submit(&queue->queue->base, &io->request);
}

void layer_notify(int fd)
{
	static const uint64_t one = 1;

	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
}
