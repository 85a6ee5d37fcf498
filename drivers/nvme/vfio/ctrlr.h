/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_VFIO_CTRLR_H
#define EBB_DRIVERS_NVME_VFIO_CTRLR_H

/*
 * A controller behind VFIO: its registers, its admin queue, its life. All of it is the app
 * thread's, but for the allocation of queue identifiers and what queue.c reads of it.
 */

#include <pthread.h>

#include "drivers/nvme/ctrlr.h"
#include "drivers/nvme/vfio/lane.h"
#include "drivers/nvme/vfio/state.h"
#include "drivers/nvme/vfio/ownership.h"

#define VFIO_QUEUES_MAX 64u /* I/O queue pairs that are asked for */

#define VFIO_ADMIN_DEPTH 64u
#define VFIO_IO_DEPTH    256u /* by default */

/* How often one request is submitted again, and how often in a row a start is tried. */
#define VFIO_RESETS_MAX 2u
#define VFIO_STARTS_MAX 3u

#define VFIO_ABORTS_MAX 4u

/* What is to become of the controller once it is disabled. */
enum vfio_aim {
	VFIO_AIM_READY,
	VFIO_AIM_FAIL,   /* no start has worked: fail all requests, keep the device */
	VFIO_AIM_GONE,   /* the device has left, or we are asked to let go */
	VFIO_AIM_DETACH, /* also: an attach that has failed */
};

struct vfio_abort {
	struct ebb_nvme_request request;
	struct vfio_ctrlr *ctrlr;
	bool busy;
};

struct vfio_ctrlr {
	struct ebb_nvme_ctrlr *ctrlr;
	struct vfio_ownership ownership;
	struct ebb_vfio_device *device; /* NULL: closed */
	enum vfio_state state;
	enum vfio_aim aim;
	bool attaching;      /* the layer waits for ebb_nvme_ctrlr_attached() */
	bool detaching;      /* for ebb_nvme_ctrlr_detached() */
	bool telling;        /* the layer is being told something: its detach() waits for the end */
	bool reset_asked;    /* for ebb_nvme_ctrlr_was_reset() */
	bool announced;      /* EVENT_RESET has been told, and no end of it */
	bool blaming;        /* the reset is some request's fault: it counts against them */
	bool reset_function; /* a function level reset has been tried since the last start */
	unsigned starts;     /* that failed, in a row */

	uint64_t cap;
	uint32_t timeout_us;    /* of a command; 0: none */
	uint32_t admin_ms;      /* of an admin command; 0: none */
	uint64_t ready_ns;      /* how long the controller may take to become ready, or not ready */
	uint64_t shutdown_ns;   /* and to shut down */
	uint64_t deadline_ns;   /* of the state */
	uint32_t doorbell_step; /* bytes from one doorbell to the next */
	uint32_t mqes;          /* entries that an I/O queue can have */
	uint32_t depth;         /* that ours have */
	uint32_t io_bytes;      /* of the longest command */
	uint32_t pause_ns;      /* as its lanes have it */
	bool sgl;
	bool shadows;        /* the controller's doorbell buffers are used */
	char *shadow_memory; /* two pages: doorbells, event indexes */
	void *identify;      /* a page */

	struct ebb_work work;
	int work_rc;
	bool work_busy;
	char work_error[512];

	/* The admin queue: admin.c. */
	struct vfio_qpair admin;
	struct vfio_data_lists admin_lists;
	struct ebb_list admin_own;     /* wait for room: the driver's */
	struct ebb_list admin_waiting; /* and the layer's */
	struct ebb_nvme_request start_request;
	struct iovec start_iov;
	unsigned admin_busy; /* commands that are expected to end: no AERs */
	struct vfio_abort aborts[VFIO_ABORTS_MAX];
	unsigned num_aborts; /* that the controller takes at a time, at most VFIO_ABORTS_MAX */

	/* watch.c */
	int admin_fd; /* eventfd of vector 0 */
	int watch_fd; /* epoll: admin_fd, the device's request_fd and error_fd */
	struct ebb_poller *watch;
	struct ebb_poller *watch_timer; /* in its place while nothing is expected on a poller's */
	uint64_t watch_wakes;
	uint64_t watch_next_ns;
	bool watch_sleeps; /* the reactor may sleep */
	bool watch_timed;
	bool watch_told; /* @watch_msg is under way */
	bool freed;      /* and then the rest of this can go, too */
	struct ebb_msg watch_msg;
	struct ebb_poller *step_timer;
	struct ebb_poller *admin_timer;

	/* connect.c, queue.c */
	/*
	 * Lanes are made on their threads under this lock: until then the device is not closed, and
	 * what it is like (@io_bytes, @sgl, @pause_ns) and what is left of it (what follows) do not
	 * change.
	 */
	pthread_mutex_t lock;
	bool closed;      /* no lane can be made any more */
	uint32_t granted; /* I/O queue pairs */
	uint32_t num_vectors;
	uint64_t qids;    /* in use; bit n: queue n + 1 */
	uint64_t vectors; /* in use; bit n: vector n + 1 */
	struct ebb_list lanes;
	unsigned stopping; /* lanes that have not acknowledged yet */
	int fail_rc;       /* what requests fail with once there is no controller */

	uint64_t resets;
	uint64_t aborted;
	uint64_t lost_interrupts; /* of lanes that have gone */
	uint64_t timeouts;
};

static inline struct vfio_ctrlr *vfio_ctrlr_of(struct ebb_nvme_ctrlr *ctrlr)
{
	return ctrlr->transport_ctrlr;
}

/* As its user has named it. */
const char *vfio_ctrlr_name(const struct vfio_ctrlr *c);

/* Tells people: the user who attaches it, or the log. Requests fail with @rc if it comes to that. */
void vfio_ctrlr_fault(struct vfio_ctrlr *c, int rc, const char *text);

/* Frees all of it but for the device, which is closed. */
void vfio_ctrlr_free(struct vfio_ctrlr *c);

/* start.c: from whatever state the controller is in to READY, by way of DISABLING. */
void vfio_start_opened(struct vfio_ctrlr *c);
void vfio_start_disable(struct vfio_ctrlr *c);
void vfio_start_enable(struct vfio_ctrlr *c); /* DISABLING has ended */
/* Looks at the status register; the poller function of c->step_timer. */
int vfio_start_step(void *ctrlr);
/* A start has failed, for that reason. */
void vfio_start_failed(struct vfio_ctrlr *c, const char *format, ...) EBB_PRINTF(2, 3);

/* life.c: what leads away from READY, and what is done when the controller is disabled. */
void vfio_reset(struct vfio_ctrlr *c, const char *format, ...) EBB_PRINTF(2, 3);
void vfio_leave(struct vfio_ctrlr *c, const char *why);
void vfio_disabled(struct vfio_ctrlr *c);
void vfio_ready(struct vfio_ctrlr *c);
void vfio_reset_wanted(struct vfio_ctrlr *c); /* by the user */
void vfio_stopped(struct vfio_ctrlr *c);      /* every lane is */
void vfio_close(struct vfio_ctrlr *c);
void vfio_detach_go_on(struct vfio_ctrlr *c);
/*
 * False: it has gone, or says that it is broken, and that has been dealt with. READY, CONFIGURING
 * only.
 */
bool vfio_check_alive(struct vfio_ctrlr *c);

/* admin.c */
int vfio_admin_init(struct vfio_ctrlr *c);
int vfio_admin_timer_init(struct vfio_ctrlr *c);
void vfio_admin_fini(struct vfio_ctrlr *c);
void vfio_admin_submit(struct vfio_ctrlr *c, struct ebb_nvme_request *request);
/* One of the driver's own, taken back when it is disabled. CONFIGURING, READY, DELETING only. */
void vfio_admin_submit_own(struct vfio_ctrlr *c, struct ebb_nvme_request *request);
void vfio_admin_go_on(struct vfio_ctrlr *c);
void vfio_admin_cancel(struct vfio_ctrlr *c, int rc, bool waiting);
bool vfio_admin_poll(struct vfio_ctrlr *c);
void vfio_admin_abort(struct vfio_ctrlr *c, uint16_t qid, uint16_t cid);

/* namespace.c, as struct ebb_nvme_transport has them. */
void vfio_namespace_open(struct ebb_nvme_ns *ns);
void vfio_namespace_close(struct ebb_nvme_ns *ns);

/* watch.c */
int vfio_watch_open(struct vfio_ctrlr *c); /* its fds */
int vfio_watch_init(struct vfio_ctrlr *c); /* its pollers: the device is open */
void vfio_watch_fini(struct vfio_ctrlr *c);
/* What is expected of the admin queue has changed. */
void vfio_watch_update(struct vfio_ctrlr *c);

/* connect.c: lanes, as the app thread sees them. */
void vfio_connect_hello(void *lane);
void vfio_connect_bye(void *lane);
void vfio_connect_trouble(void *lane);
void vfio_connect_ack(void *lane);
/*
 * All lanes: stop; have their submission queues deleted; have none any more; are stopped and their
 * queues gone; connect again; fail.
 */
void vfio_connect_stop(struct vfio_ctrlr *c);
void vfio_connect_delete(struct vfio_ctrlr *c);
bool vfio_connect_deleted(const struct vfio_ctrlr *c);
void vfio_connect_lost(struct vfio_ctrlr *c);
void vfio_connect_go_on(struct vfio_ctrlr *c);

/* queue.c: the doorbells of @pair. */
void vfio_queue_doorbells(struct vfio_ctrlr *c, struct vfio_qpair *pair);

#endif
