/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_TRANSPORT_H
#define DRIVERS_NVME_TRANSPORT_H

/*
 * What carries NVMe commands. The layer above knows commands, namespaces and bdevs, and nothing of
 * doorbells or passthrough; a transport knows how to bring a command to the device and its answer
 * back, and nothing of blocks. There are two: vfio (a controller driven in user space) and uring
 * (the kernel's driver, by io_uring passthrough).
 *
 * Threads. A transport's controller belongs to the app thread: attach, admin, reset, detach and the
 * events are its. A queue belongs to the thread that made it. Nothing here blocks: what may, a
 * transport gives to the helper.
 *
 * Order. attach; then identify and the like by admin(); ns_open() of each namespace; queues come
 * and go; ns_close() of each; detach() when no queue is left. A transport may tell of events
 * between attached and detached, at any time.
 */

#include <ebb/base.h>

#include "drivers/nvme/request.h"

struct nvme_path;
struct nvme_path_ns;
struct nvme_queue;
struct json_object;

/* What a transport, with this device, can carry. Filled in by attach(). */
struct nvme_limits {
	uint32_t max_io_bytes; /* of one command; the layer takes the least of this and MDTS */
	uint32_t max_segments; /* iovec elements of one command */
	uint32_t buf_align;    /* bytes, of memory and length of each element */
	uint32_t page_bytes;   /* elements but the first begin, and but the last end, so; 0: any */
	bool owns_controller;  /* features are ours to set (APST, asynchronous events) */
	bool polled;           /* its queues are served by poll() while a reactor polls */
	uint32_t min_page_bytes; /* CAP.MPSMIN in bytes: the unit of MDTS */
};

enum nvme_event {
	NVME_EVENT_ASYNC,      /* asynchronous event; @value: dword 0 of its completion */
	NVME_EVENT_NS_CHANGED, /* look at the namespaces again */
	NVME_EVENT_RESET,      /* a reset has begun that nobody asked for; @value: none */
	NVME_EVENT_READY,      /* and has ended well */
	NVME_EVENT_FAILED,     /* no reset helps: every request fails from now on */
	NVME_EVENT_GONE,       /* the device has left, or we are asked to let go: detach */
};

/* A channel's way to the device: the transport's struct begins with one. */
struct nvme_queue {
	const struct nvme_transport *transport;
	struct nvme_path *path;
	/*
	 * Fires when poll() would find something while interrupts are on; -1: none. To be watched
	 * edge-triggered (EPOLLET): nobody reads it.
	 */
	int wake_fd;
};

struct nvme_transport {
	const char *trtype; /* as bdev_nvme_attach_controller has it: "PCIe", "uring" */
	struct ebb_list link;
	/* Drives devices itself: can take one from the kernel's driver, and has its doorbells. */
	bool rebinds;

	/*
	 * Take hold of the device that @path->traddr names. Answers, now or later, by
	 * nvme_path_attached(); until then nothing else is called. On failure nothing is left,
	 * and nvme_path_fault() has said why. If it takes long: nvme_drive_is_leaving() says
	 * that it is not wanted any more, and then it may fail with -ECANCELED.
	 */
	void (*attach)(struct nvme_path *path);
	/* No queue and no open namespace is left. Answers by nvme_path_detached(). */
	void (*detach)(struct nvme_path *path);
	/* Submits an admin command; any number may be under way. */
	void (*admin)(struct nvme_path *path, struct nvme_request *request);
	/* Resets the controller; I/O is kept and goes on. Answers by nvme_path_was_reset(). */
	void (*reset)(struct nvme_path *path);

	/* Makes @ns usable by queues. Answers by nvme_path_ns_opened(), as attach() does; with -ENOENT
	 * for one that the user has not asked for. */
	void (*ns_open)(struct nvme_path_ns *ns);
	/* No channel of its bdev is left. Answers by nvme_path_ns_closed(). */
	void (*ns_close)(struct nvme_path_ns *ns);

	/*
	 * On the queue's thread. The transport allocates its struct, which begins with struct
	 * nvme_queue, on a cache line, and fills that in. Its creation may go on after it has
	 * returned: what is submitted meanwhile waits inside. Return: 0; -errno, nothing is left.
	 */
	int (*queue_create)(struct nvme_path *path, struct nvme_queue **ret_queue);
	/*
	 * Nothing is outstanding. The caller knows the queue no more; its memory may live on, for
	 * what the device still has to be told.
	 */
	void (*queue_destroy)(struct nvme_queue *queue);

	/* The queue's thread. Never fails: what finds no room waits inside, in order. */
	void (*submit)(struct nvme_queue *queue, struct nvme_request *request);
	/*
	 * The three that the reactor calls itself, with the queue's struct nvme_queue.
	 *
	 * Looks for answers, rings what doorbells are due. NULL: the reactor does all of it (its
	 * io_uring), and the queue has no poller. Return: requests answered or brought on their
	 * way.
	 */
	int (*poll)(void *queue);
	/* As struct ebb_poller_wake has them. */
	int (*set_interrupt)(void *queue, bool on);
	int (*arm)(void *queue);
	/* Calls @done once nothing is outstanding. Nothing is submitted between the two. */
	void (*drain)(struct nvme_queue *queue, void (*done)(void *arg), void *arg);

	/*
	 * Optional, on the queue's thread, which is about to go to another reactor, and has come
	 * there: what belongs to a reactor (registered files, its io_uring) is let go of, and got.
	 * Between the two requests may still be submitted, and end; nothing is outstanding when the
	 * thread goes.
	 */
	void (*leave)(struct nvme_queue *queue);
	void (*arrive)(struct nvme_queue *queue);

	/* Optional: adds what only the transport knows to the controller's description. */
	void (*describe)(struct nvme_path *path, struct json_object *into);
};

/* Before main(); they stand by their trtype. */
void nvme_transport_add(struct nvme_transport *transport);

#define NVME_TRANSPORT_REGISTER(transport)        \
	EBB_CONSTRUCTOR(transport##_register)     \
	{                                         \
		nvme_transport_add(&(transport)); \
	}

/* Those that there are. Thread: app. */

/* The transport of that trtype, in whatever case, or NULL. */
const struct nvme_transport *nvme_transport_find(const char *trtype);

/* The next one; NULL gives the first, and ends. */
const struct nvme_transport *nvme_transport_next(const struct nvme_transport *previous);

/* For a test that has added its own. */
void nvme_transport_remove(struct nvme_transport *transport);

#endif
