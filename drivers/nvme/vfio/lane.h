/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_VFIO_LANE_H
#define EBB_DRIVERS_NVME_VFIO_LANE_H

/*
 * A lane is one thread's way to a controller: one queue pair that interrupts, or one that does not,
 * or both, and the requests that wait for them.
 *
 * Two threads know it. Its own submits and polls. The app thread, which has the admin queue, has it
 * connected, disconnected, and connected again after a reset. What is whose is said below; what
 * passes between the two are messages: the lane's hello, trouble and bye, the app thread's orders,
 * of which there is one at a time, and their acknowledgement. While a lane is stopped its queues
 * are the app thread's.
 */

#include <ebb/poller.h>
#include <ebb/reactor.h>
#include <ebb/thread.h>

#include "drivers/nvme/transport.h"
#include "drivers/nvme/vfio/qpair.h"

struct vfio_ctrlr;

enum vfio_face {
	VFIO_WOKEN,  /* the pair whose completions interrupt */
	VFIO_POLLED, /* the one whose do not */
	VFIO_FACES,
};

enum vfio_order {
	VFIO_ORDER_GO,   /* the pairs are connected */
	VFIO_ORDER_STOP, /* do not touch them until there is another order */
	VFIO_ORDER_FAIL, /* fail what there is, and what comes, with lane->fail_rc */
};

enum vfio_trouble {
	VFIO_TROUBLE_STATUS, /* it has gone, or says that it is broken */
	VFIO_TROUBLE_LATE,   /* a command has not been answered in time: abort it */
	VFIO_TROUBLE_LOST,   /* the abort has not helped: reset */
	VFIO_TROUBLE_BROKEN, /* pair->fault: reset */
};

struct vfio_lane {
	_Alignas(EBB_CACHE_LINE) struct ebb_nvme_queue base;

	/* The lane's thread's, on every request. */
	struct vfio_qpair *current; /* for reads and writes */
	struct vfio_qpair *slow;    /* for what may take long: a wait for it should be a sleep */
	bool held;                  /* what is submitted waits, or fails */
	bool serving;               /* a look at the queue will ring the doorbells when it ends */
	bool ringing;               /* the turn's end will */
	bool timed;                 /* the timer runs */
	bool interruptible;
	bool live;         /* the pairs are ours */
	bool stopped;      /* they were, and what is under way there is not known here */
	bool slept;        /* armed, and not polled since */
	bool eager;        /* the first request of this look is rung for at once */
	uint32_t streak;   /* completions since the reactor last had nothing to do, up to hot */
	uint32_t pause_ns; /* from an answer to the next doorbell, while polling */
	uint32_t present;  /* bits of enum vfio_face: pairs that may be used */
	struct vfio_qpair pairs[VFIO_FACES];
	struct ebb_list waiting;
	uint32_t num_waiting;

	struct ebb_turn_end turn_end;
	struct vfio_ctrlr *ctrlr;
	struct ebb_thread *thread;
	struct vfio_data_lists lists;
	int event_fd; /* of the interrupting pair; -1: none */

	void (*drained)(void *arg);
	void *drained_arg;

	/* ladder.c, on the lane's thread. */
	struct ebb_poller *timer;
	struct ebb_poller *straggler; /* looks at the polled pair while the reactor sleeps */
	bool straggling;
	uint64_t refused_ns; /* since when arm() has refused for the polled pair's sake; 0: not */
	_Atomic uint64_t lost_interrupts; /* read by the app thread, relaxed */
	_Atomic uint64_t timeouts;

	/* Read by both: what cannot change while an order, or trouble, is under way. */
	enum vfio_order order;
	enum vfio_trouble trouble;
	_Atomic bool trouble_sent; /* set by the lane's thread, cleared by the app thread */
	uint16_t trouble_qid;
	uint16_t trouble_cid;
	int fail_rc;
	uint32_t connected; /* bits of enum vfio_face, with GO */
	int failing;        /* the lane's thread's: what submits are answered with, or 0 */
	bool gone;          /* the lane's thread's: its queue has been destroyed */
	struct ebb_list
		taken_back; /* by the app thread from pairs of a stopped lane; with GO, FAIL */
	struct ebb_list given_up; /* likewise; to be failed with -ETIMEDOUT */

	struct ebb_msg hello_msg;
	struct ebb_msg bye_msg;
	struct ebb_msg trouble_msg;
	struct ebb_msg order_msg;
	struct ebb_msg ack_msg;

	/* The app thread's: connect.c. */
	struct ebb_list link; /* of ctrlr->lanes */
	struct ebb_nvme_request request;
	struct iovec iov; /* the queue that @request creates */
	enum vfio_face face;
	struct ebb_work work;
	int work_rc;
	int work_fd;     /* that the vector shall have; -1: none */
	uint16_t vector; /* 0: none */
	bool busy;       /* @request or @work is under way */
	bool ordering;
	bool leaving;
	bool going;  /* has been told to go, and not to stop since */
	bool failed; /* or to fail */
	bool vector_set;
	bool cq_made[VFIO_FACES];
	bool sq_made[VFIO_FACES];
};

/* As struct ebb_nvme_transport has them. */
int vfio_queue_create(struct ebb_nvme_ctrlr *ctrlr, struct ebb_nvme_queue **ret_queue);
void vfio_queue_destroy(struct ebb_nvme_queue *queue);
void vfio_queue_submit(struct ebb_nvme_queue *queue, struct ebb_nvme_request *request);
int vfio_queue_poll(struct ebb_nvme_queue *queue);
int vfio_queue_set_interrupt(struct ebb_nvme_queue *queue, bool on);
int vfio_queue_arm(struct ebb_nvme_queue *queue);
void vfio_queue_drain(struct ebb_nvme_queue *queue, void (*done)(void *arg), void *arg);

/* The lane's thread. Looks at the pairs, submits what waits, rings. Return: as ..._poll(). */
int vfio_lane_poll(struct vfio_lane *lane);

/* Rings for what a turn has submitted. */
void vfio_lane_turn_end(struct ebb_turn_end *end);

/* Chooses the pairs that new requests go to. */
void vfio_lane_choose(struct vfio_lane *lane, bool hot);

/* Frees the memory. Nobody knows the lane any more, the controller included. */
void vfio_lane_free(struct vfio_lane *lane);

/* Nothing is under way or waiting. */
static inline bool vfio_lane_idle(const struct vfio_lane *lane)
{
	return lane->pairs[VFIO_WOKEN].outstanding == 0 &&
	       lane->pairs[VFIO_POLLED].outstanding == 0 && lane->num_waiting == 0;
}

/* Runs @lane->order on the lane's thread, and acknowledges it. */
void vfio_lane_obey(void *lane);

/* ladder.c: registers the lane's timers, and stops them. */
int vfio_ladder_init(struct vfio_lane *lane);
void vfio_ladder_fini(struct vfio_lane *lane);
/* A command is under way, and the timer does not run. */
void vfio_ladder_start(struct vfio_lane *lane);
/* The reactor has had nothing to do but to wait for the polled pair. */
void vfio_ladder_straggle(struct vfio_lane *lane);
/* Tells the app thread, unless it is being told of something already. */
void vfio_ladder_report(struct vfio_lane *lane, enum vfio_trouble trouble, uint16_t qid,
			uint16_t cid);

#endif
