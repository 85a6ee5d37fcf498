/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_URING_INTERNAL_H
#define EBB_DRIVERS_NVME_URING_INTERNAL_H

/* The transport "uring": the kernel's NVMe driver, by io_uring passthrough. See queue.c, attach.c. */

#include "drivers/nvme/ctrlr.h"
#include "drivers/nvme/host/claim.h"
#include "drivers/nvme/host/topology.h"
#include "drivers/nvme/uring/monitor.h"

#define EBB_NVME_URING_FILES 64 /* namespaces, by their index, with a registered file */

/* What the kernel's queue of a block device takes of one command: it does not split passthrough. */
struct ebb_nvme_uring_limits {
	uint32_t max_io_bytes;
	uint32_t max_segments;
	uint32_t buf_align;
	uint32_t page_bytes; /* 0: elements may begin and end anywhere */
	uint32_t depth;      /* requests that a queue of the kernel's has room for */
	bool polled;         /* the driver has queues that are polled */
};

/* Where a controller is. The helper's to fill in. */
struct ebb_nvme_uring_where {
	char ctrlr[EBB_NVME_NAME_SIZE];     /* "nvme0" */
	char subsystem[EBB_NVME_NAME_SIZE]; /* "nvme-subsys0"; empty: not known */
	char only[EBB_NVME_NAME_SIZE]; /* the block device of the only namespace wanted; or empty */
};

struct ebb_nvme_uring_ctrlr {
	struct ebb_nvme_ctrlr *ctrlr;
	struct ebb_nvme_uring_where where;
	struct ebb_nvme_uring_limits limits;
	struct ebb_nvme_watch watch;
	int fd; /* of the controller, for admin commands */
	struct ebb_nvme_queue admin_queue;
	struct ebb_work work;
	int rc;
	char fault[512];
};

struct ebb_nvme_uring_ns {
	struct ebb_nvme_ns *ns;
	struct ebb_nvme_uring_ctrlr *ctrlr;
	struct ebb_nvme_sysfs_ns names;
	struct host_claim *claim;
	int fd; /* of the generic device */
	bool polled;
	_Atomic bool no_fixed; /* the kernel has refused a registered buffer */
	struct ebb_work work;
	int rc;
};

struct ebb_nvme_uring_queue {
	_Alignas(EBB_CACHE_LINE) struct ebb_nvme_queue queue;
	unsigned outstanding;
	unsigned depth;
	struct ebb_list waiting;
	uint32_t timeout_ms;             /* of each command, the kernel's to keep; 0: its default */
	int core;                        /* of the reactor on which the rings are open */
	int rc;                          /* why they are not; 0: they are */
	bool leaving;                    /* the thread may move: nothing is registered */
	int files[EBB_NVME_URING_FILES]; /* places in the rings' tables; -1: not registered */
	void (*drained)(void *arg);
	void *drained_arg;
};

/*
 * where.c: from sysfs. @root: "" but in tests. On the helper.
 * @ret_error: why not, and the remedy. Return: 0; -ENODEV; -errno.
 */
int ebb_nvme_uring_find(const char *root, const char *traddr,
			struct ebb_nvme_uring_where *ret_where, char *ret_error, size_t error_size);
void ebb_nvme_uring_read_limits(const char *root, const char *block,
				struct ebb_nvme_uring_limits *ret_limits);
/* The least of all namespaces'; what every device takes if there is none. */
void ebb_nvme_uring_ctrlr_limits(const char *root, const char *ctrlr,
				 struct ebb_nvme_uring_limits *ret_limits);

/* explain.c: what an errno means, and what to do about it. Each returns @rc. */
int ebb_nvme_uring_explain_open(int rc, const char *path, char *ret_error, size_t error_size);
int ebb_nvme_uring_explain_ring(int rc, char *ret_error, size_t error_size);
int ebb_nvme_uring_explain_command(int rc, const char *path, char *ret_error, size_t error_size);

/**
 * ebb_nvme_uring_try() - reads one block through a ring that is made for it
 * Whatever the device answers, the way to it is open. Blocks: on the helper.
 * Return: 0; or as the ring or the command has failed, and @ret_error says why.
 */
int ebb_nvme_uring_try(int fd, const char *path, uint32_t nsid, uint32_t block_size,
		       char *ret_error, size_t error_size);

/* namespace.c */
void ebb_nvme_uring_ns_open(struct ebb_nvme_ns *ns);
void ebb_nvme_uring_ns_close(struct ebb_nvme_ns *ns);

/* queue.c */
int ebb_nvme_uring_queue_create(struct ebb_nvme_ctrlr *ctrlr, struct ebb_nvme_queue **ret_queue);
void ebb_nvme_uring_queue_destroy(struct ebb_nvme_queue *queue);
void ebb_nvme_uring_submit(struct ebb_nvme_queue *queue, struct ebb_nvme_request *request);
void ebb_nvme_uring_drain(struct ebb_nvme_queue *queue, void (*done)(void *arg), void *arg);
void ebb_nvme_uring_leave(struct ebb_nvme_queue *queue);
void ebb_nvme_uring_arrive(struct ebb_nvme_queue *queue);
/* The namespace of that index is about to be closed. */
void ebb_nvme_uring_forget(struct ebb_nvme_queue *queue, uint32_t index);

#endif
