/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_DRIVE_H
#define DRIVERS_NVME_DRIVE_H

/*
 * A drive: what its user knows of it. It has the name, the bdevs and what was asked for; the path
 * (path.h) has all that is known by going some way to the device. The path may be another one one
 * day; the drive, and its bdevs, stay. Thread: app, but for @opts, which do not change.
 */

#include <ebb/bdev_module.h>

#include "drivers/nvme/drive_state.h"

struct nvme_transport;
struct nvme_path;

enum nvme_shadows {
	NVME_SHADOWS_WHERE_CHEAPER, /* if the controller offers them, and is not slower by them */
	NVME_SHADOWS_OFF,
	NVME_SHADOWS_ON, /* if the controller offers them */
};

/*
 * What a user may ask of a controller, at attach; 0 or NULL: the default of bdev_nvme_set_options.
 */
struct nvme_attach_opts {
	bool rebind;              /* take the device from the kernel's driver, and give it back */
	uint32_t num_io_queues;   /* at most; 0: as many as there are channels */
	uint32_t io_queue_depth;  /* entries */
	uint32_t timeout_us;      /* of a command, before anything is done about it; 0: none */
	uint32_t apst_latency_us; /* longest exit latency that power saving may cost; 0: no APST */
	uint32_t retry_count;     /* tries after the first, where the device says that may help */
	enum nvme_shadows shadow_doorbells; /* bdev_nvme_set_options has none */
};

typedef void (*nvme_drive_cb)(void *arg, struct nvme_drive *drive, int rc);

struct nvme_drive {
	char *name; /* the user's; bdevs are NAMEn1, NAMEn2 … */
	struct nvme_path *path;
	struct nvme_attach_opts opts;
	struct ebb_list namespaces;
	enum nvme_drive_state state;
	struct ebb_list link; /* of all drives */
	unsigned users;       /* of the path's admin queue, besides its worker */
	char fault[512];      /* what was wrong last, for the user */

	/* Who waits. */
	struct {
		nvme_drive_cb done; /* NULL: has been answered */
		void *arg;
		int rc; /* what has ended it; 0: nothing, or a detach */
	} attach;
	struct {
		nvme_drive_cb done;
		void *arg;
	} reset;
	struct {
		void (*done)(void *arg);
		void *arg;
	} detach;
};

/* True once it shall go, by whoever's will: nothing new is begun. An attach() may look at it. */
static inline bool nvme_drive_is_leaving(const struct nvme_drive *drive)
{
	return drive->state >= NVME_DRIVE_LEAVING;
}

/* Return: a drive without a path, state ATTACHING, among all drives; NULL out of memory. */
struct nvme_drive *nvme_drive_create(const char *name, const struct nvme_attach_opts *opts,
				     nvme_drive_cb done, void *arg);

/*
 * The two halves of its end, when it has neither channels nor namespaces: name and address are free
 * and an attach is answered; then, without its path, it is freed, and a detach is answered.
 */
void nvme_drive_unlist(struct nvme_drive *drive);
void nvme_drive_destroy(struct nvme_drive *drive);

struct nvme_drive *nvme_drive_find(const char *name);

/* The one that was attached there. PCI addresses may be written in either form. */
struct nvme_drive *nvme_drive_find_address(const struct nvme_transport *transport,
					   const char *traddr);

/* The next one; NULL gives the first, and ends. */
struct nvme_drive *nvme_drive_next(struct nvme_drive *previous);

/* Calls @fn(@arg) once, when no drive is left; at once if that is so. One waiter at a time. */
void nvme_drive_wait_none(void (*fn)(void *arg), void *arg);

/* The one answer to an attach, and that to a reset, if anybody waits for one. */
void nvme_drive_answer_attach(struct nvme_drive *drive, int rc);
void nvme_drive_answer_reset(struct nvme_drive *drive, int rc);

/**
 * nvme_drive_detach() - let go of it: bdevs, channels, namespaces, the device
 * @done: once, later, when it is gone; may be NULL
 * Return: 0; -EALREADY it is going: @done will not run.
 */
int nvme_drive_detach(struct nvme_drive *drive, void (*done)(void *arg), void *arg);

/**
 * nvme_drive_reset() - reset the controller; I/O waits and goes on
 * Return: 0; -EBUSY it starts, or a reset is under way; -ENODEV it is going. Then @done does not
 * run.
 */
int nvme_drive_reset(struct nvme_drive *drive, nvme_drive_cb done, void *arg);

/*
 * Somebody outside the worker uses the path's admin queue: it is not let go of meanwhile.
 * Return: false: it is not enabled. The put may free @drive.
 */
bool nvme_drive_get(struct nvme_drive *drive);
void nvme_drive_put(struct nvme_drive *drive);

/* It shall go: whoever has begun that, or @drive is of no use. It may be gone afterwards. */
void nvme_drive_leave(struct nvme_drive *drive);

/* Something that a leaving drive may have waited for has ended. It may be gone afterwards. */
void nvme_drive_go_on(struct nvme_drive *drive);

/* Its device fails, or has left: its bdevs go, nothing is tried again. */
void nvme_drive_end_io(struct nvme_drive *drive);

#endif
