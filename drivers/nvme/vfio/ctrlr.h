/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_CTRLR_H
#define DRIVERS_NVME_VFIO_CTRLR_H

/*
 * A controller behind VFIO. All of it is the app thread's, but for @numbers, under their lock. Each
 * part is explained, and changed, where its struct is declared; this file is what all may use.
 */

#include "drivers/nvme/path.h"
#include "drivers/nvme/vfio/admin.h"
#include "drivers/nvme/vfio/configure.h"
#include "drivers/nvme/vfio/numbers.h"
#include "drivers/nvme/vfio/ownership.h"
#include "drivers/nvme/vfio/pollers.h"
#include "drivers/nvme/vfio/reset.h"
#include "drivers/nvme/vfio/start.h"
#include "drivers/nvme/vfio/state.h"

/* Shadow doorbells, and event indexes: a page each. */
#define VFIO_SHADOW_BYTES (2 * VFIO_PAGE)

/* What is to become of the controller once it is disabled. */
enum vfio_aim {
	VFIO_AIM_READY,
	VFIO_AIM_FAIL,   /* no start has worked: fail all requests, keep the device */
	VFIO_AIM_GONE,   /* the device has left, or we are asked to let go */
	VFIO_AIM_DETACH, /* also: an attach that has failed */
};

/* What the layer above waits for; several at a time. */
enum vfio_owed {
	VFIO_OWED_ATTACHED, /* nvme_path_attached() */
	VFIO_OWED_DETACHED, /* nvme_path_detached() */
	VFIO_OWED_RESET,    /* nvme_path_was_reset() */
	VFIO_OWED_READY,    /* the end of the EVENT_RESET that it has been told of */
};

struct vfio_ctrlr {
	struct nvme_path *path; /* the layer's */
	struct nvme_attach_opts opts;
	struct vfio_ownership ownership;
	struct vfio_device *device; /* NULL: closed */

	enum vfio_state state;
	enum vfio_aim aim;
	uint32_t owed;  /* bits of enum vfio_owed */
	bool advancing; /* vfio_advance() is at work, or the admin queue is being answered */
	int fail_rc;    /* what requests fail with once there is no controller */

	struct vfio_start start;
	struct vfio_configure configure;
	struct vfio_reset reset;
	struct vfio_admin admin;
	struct vfio_pollers pollers;
	struct vfio_numbers numbers;
	struct ebb_list queues; /* struct vfio_queue_setup */

	uint32_t doorbell_step; /* bytes from one doorbell to the next */
	bool shadows;           /* the controller's doorbell buffers are used */
	char *shadow_memory;

	struct ebb_work work; /* opens, resets, closes the device: one at a time, by the state */
	bool work_done;       /* and nobody has looked at what it has ended with */
	int work_rc;
	char work_error[512];

	uint64_t resets;
	uint64_t lost_interrupts; /* of queues that have gone */
	uint64_t timeouts;
};

static inline struct vfio_ctrlr *vfio_ctrlr_of(struct nvme_path *path)
{
	return path->transport_ctrlr;
}

/* As the layer's struct for @ctrlr is filled in; the state is OPENING. Return: NULL: no memory. */
struct vfio_ctrlr *vfio_ctrlr_alloc(struct nvme_path *path);

/* Frees the struct; all in it has been freed. */
void vfio_ctrlr_free(struct vfio_ctrlr *c);

/* As its user has named it. Thread: any that has a queue of it. */
const char *vfio_ctrlr_name(const struct vfio_ctrlr *c);

/* The layer above waits for that. */
bool vfio_ctrlr_owes(const struct vfio_ctrlr *c, enum vfio_owed what);

/* Its user detaches it while it is being attached. */
bool vfio_ctrlr_is_unwanted(const struct vfio_ctrlr *c);

/*
 * Tells people: the user who attaches it, or the log. Requests fail with @rc if it comes to that.
 */
void vfio_ctrlr_fault(struct vfio_ctrlr *c, int rc, const char *text);

/* What it can carry, for the layer. */
void vfio_ctrlr_set_limits(struct vfio_ctrlr *c);

/* What a queue begins with. Thread: any. */
struct nvme_queue vfio_ctrlr_queue_base(const struct vfio_ctrlr *c);

/* The doorbells of the queue pair @qid. */
void vfio_ctrlr_doorbells(const struct vfio_ctrlr *c, uint16_t qid, struct vfio_doorbell *ret_sq,
			  struct vfio_doorbell *ret_cq);

#endif
