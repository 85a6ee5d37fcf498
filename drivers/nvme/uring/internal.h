/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_URING_INTERNAL_H
#define DRIVERS_NVME_URING_INTERNAL_H

/*
 * The transport "uring": the kernel's NVMe driver, by io_uring passthrough. See io_queue.c,
 * transport.c.
 */

#include "drivers/nvme/path.h"
#include "drivers/nvme/host/claim.h"
#include "drivers/nvme/uring/limits.h"
#include "drivers/nvme/uring/monitor.h"
#include "drivers/nvme/uring/resolve.h"

#define URING_FILES 64 /* namespaces, by their index, with a registered file */

struct uring_ctrlr {
	struct nvme_path *path;
	struct uring_target target;
	struct uring_limits limits;
	struct uring_subscriber news;
	int fd; /* of the controller, for admin commands */
	struct nvme_queue admin_queue;
	struct ebb_work work;
	int rc;
	char fault[512];
};

struct uring_ns {
	struct nvme_path_ns *ns;
	struct uring_ctrlr *ctrlr;
	struct host_sysfs_ns names;
	struct host_claim *claim;
	uint32_t index; /* the namespace's, for the queues' tables */
	int fd;         /* of the generic device */
	bool polled;
	_Atomic bool no_fixed; /* the kernel has refused a registered buffer */
	struct ebb_work work;
	int rc;
};

struct uring_io_queue {
	_Alignas(EBB_CACHE_LINE) struct nvme_queue queue;
	unsigned outstanding;
	unsigned depth;
	struct ebb_list waiting;
	uint32_t timeout_ms;    /* of each command, the kernel's to keep; 0: its default */
	int core;               /* of the reactor on which the rings are open */
	int rc;                 /* why they are not; 0: they are */
	bool leaving;           /* the thread may move: nothing is registered */
	int files[URING_FILES]; /* places in the rings' tables; -1: not registered */
	void (*drained)(void *arg);
	void *drained_arg;
};

/* namespace.c */
void uring_ns_open(struct nvme_path_ns *ns);
void uring_ns_close(struct nvme_path_ns *ns);

/* io_queue.c */
int uring_io_queue_create(struct nvme_path *path, struct nvme_queue **ret_queue);
void uring_io_queue_destroy(struct nvme_queue *queue);
void uring_io_queue_submit(struct nvme_queue *queue, struct nvme_request *request);
void uring_io_queue_drain(struct nvme_queue *queue, void (*done)(void *arg), void *arg);
void uring_io_queue_leave(struct nvme_queue *queue);
void uring_io_queue_arrive(struct nvme_queue *queue);
/* The namespace of that index is about to be closed. */
void uring_io_queue_forget(struct nvme_queue *queue, uint32_t index);

#endif
