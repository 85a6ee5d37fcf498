/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_IO_QUEUE_H
#define DRIVERS_NVME_VFIO_IO_QUEUE_H

/*
 * A queue is one thread's way to a controller: one queue pair that interrupts, or one that does
 * not, or both, and the requests that wait for them. This half of it is that thread's alone, until
 * it is destroyed; messages.h says how it and the app thread's half work together.
 */

#include <ebb/poller.h>
#include <ebb/reactor.h>

#include "drivers/nvme/transport.h"
#include "drivers/nvme/vfio/io_queue_state.h"
#include "drivers/nvme/vfio/messages.h"
#include "drivers/nvme/vfio/qpair.h"

/* How often one request is submitted again. */
#define VFIO_RESETS_MAX 2u

/* When the controller is told of a request that is submitted now. */
enum __attribute__((packed)) vfio_ring {
	VFIO_RING_AT_TURN_END,
	VFIO_RING_AT_POLL_END, /* a poll() is answering requests */
	VFIO_RING_NOW,         /* likewise, and it is the first since a sleep */
};

struct vfio_io_queue {
	/* What every request, and every look that finds nothing, touches. */
	_Alignas(EBB_CACHE_LINE) struct nvme_queue base;
	struct vfio_qpair *current; /* for reads and writes */
	struct vfio_qpair *slow;    /* for what may take long: a wait for it should be a sleep */
	enum vfio_io_queue_state state;
	enum vfio_ring ring;
	bool ring_due;        /* the turn's end will ring */
	bool timer_runs;      /* @timer */
	bool slept;           /* armed, and not polled since */
	bool may_sleep;       /* the reactor may: interrupts are on */
	bool count_reset;     /* STOPPED: what is under way has cost a reset */
	uint32_t streak;      /* completions since the reactor last had nothing to do, up to hot */
	uint64_t refused_ns;  /* since when arm() has refused for the polled pair's sake; 0: not */
	uint32_t pause_ns;    /* from an answer to the next doorbell, while polling */
	uint32_t num_waiting; /* in @waiting */
	struct vfio_qpair qpairs[VFIO_QPAIRS];
	struct ebb_list waiting;

	uint32_t present; /* bits of enum vfio_qpair_kind: queue pairs that may be used */
	int fail_rc;      /* FAILED: what requests are answered with */
	struct ebb_turn_end turn_end;
	void (*drained)(void *arg);
	void *drained_arg;

	/* io_queue_timer.c */
	struct ebb_poller *timer;
	struct ebb_poller *late_timer; /* looks at the polled pair while the reactor sleeps */
	bool late_timer_runs;

	struct vfio_queue_messages *messages; /* in the app thread's half */
	const char *ctrlr_name;
	struct vfio_device *device;
	uint64_t timeout_ns; /* of a command; 0: none */
	struct vfio_data_lists lists;
	int event_fd; /* of the interrupting pair; -1: none */
};

/* As struct nvme_transport has them. */
void vfio_io_queue_destroy(struct nvme_queue *base);
void vfio_io_queue_submit(struct nvme_queue *base, struct nvme_request *request);
int vfio_io_queue_poll(void *base);
int vfio_io_queue_set_interrupt(void *base, bool on);
int vfio_io_queue_arm(void *base);
void vfio_io_queue_drain(struct nvme_queue *base, void (*done)(void *arg), void *arg);

/* Tells the app thread of @fault, unless it is being told of one already. Thread: the queue's. */
void vfio_io_queue_report(struct vfio_io_queue *queue, const struct vfio_fault *fault);

/* It uses its queue pairs. */
static inline bool vfio_io_queue_is_live(const struct vfio_io_queue *queue)
{
	return queue->state == VFIO_IO_QUEUE_RUNNING || queue->state == VFIO_IO_QUEUE_FULL;
}

/* Submits what waits, as far as there is room. The state is FULL. */
void vfio_io_queue_submit_waiting(struct vfio_io_queue *queue);

/* Rings for all that has been submitted. */
void vfio_io_queue_ring(struct vfio_io_queue *queue);

/* Answers a drain, if one waits, and if nothing is under way or waiting. */
void vfio_io_queue_check_drained(struct vfio_io_queue *queue);

/* The function of @turn_end: rings for what the turn has submitted. */
void vfio_io_queue_turn_end(struct ebb_turn_end *end);

/* Chooses the queue pairs that new requests go to. @hot: the reactor is too busy to sleep. */
void vfio_io_queue_choose(struct vfio_io_queue *queue, bool hot);

/*
 * Frees the memory, also of one that has been created in part. Nobody knows the queue any more, the
 * controller included. Thread: any.
 */
void vfio_io_queue_free(struct vfio_io_queue *queue);

#endif
