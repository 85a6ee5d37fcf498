/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_NAMESPACE_H
#define DRIVERS_NVME_NAMESPACE_H

/* A namespace's life: found, opened, a bdev, removed, closed. Thread: app. */

#include <ebb/bdev_module.h>

#include "drivers/nvme/identify.h"

struct nvme_drive;
struct nvme_path;

enum nvme_ns_state {
	NVME_NS_OPENING, /* the transport's ns_open() is under way */
	NVME_NS_ONLINE,  /* its bdev is registered */
	NVME_NS_LEAVING, /* its bdev is being unregistered */
	NVME_NS_CLOSING, /* the transport's ns_close() is under way */
	NVME_NS_STATE_COUNT,
};

/* A namespace of a drive. */
struct nvme_ns {
	struct ebb_bdev bdev;
	struct nvme_drive *drive;
	struct nvme_path_ns *on_path; /* as the drive's path has it */
	struct ebb_list link;         /* of drive->namespaces */
	uint32_t nsid;
	uint32_t index; /* small, unique among the drive's namespaces: a transport's tables */
	uint8_t block_shift;
	enum nvme_ns_state state;
	struct nvme_ns_info info;
	uint32_t fua_cdw12;    /* what EBB_BDEV_FUA is in dword 12; 0: no cache to get through */
	uint32_t deac_cdw12;   /* what makes write zeroes deallocate; 0: nothing does */
	uint32_t range_blocks; /* the longest range of a dataset management command */
	bool flushes;          /* it has a volatile cache */
};

/* The same by one path: what a transport is given. */
struct nvme_path_ns {
	struct nvme_path *path;
	struct nvme_ns *ns;
	uint32_t nsid;
	char fault[256];    /* the transport's to say: why it is not open */
	void *transport_ns; /* the transport's own */
	uint32_t seen;      /* by the path's scan of that number */
};

bool nvme_ns_state_may_follow(enum nvme_ns_state from, enum nvme_ns_state to);

/* Return: the new namespace, state OPENING, not told to the transport; NULL out of memory. */
struct nvme_ns *nvme_ns_create(struct nvme_path *path, uint32_t nsid,
			       const struct nvme_ns_info *info);

/* One that is not open. */
void nvme_ns_free(struct nvme_ns *ns);

/**
 * nvme_ns_register() - the transport has opened @ns: make it a bdev
 * Return: 0; on failure it is being closed, or gone already, and @ret_fault says why.
 */
int nvme_ns_register(struct nvme_ns *ns, char *ret_fault, size_t fault_size);

/* The transport has opened @ns, and nobody wants it any more. It may be gone afterwards. */
void nvme_ns_discard(struct nvme_ns *ns);

/* Takes the bdev away; @why: for the log, or NULL: it is asked for. Does nothing if it goes. */
void nvme_ns_remove(struct nvme_ns *ns, const char *why);

/**
 * nvme_ns_update() - @ns has been looked at again, and is as @info says
 * Return: true: taken (size, write protection); false: it is another one now, and has to go.
 */
bool nvme_ns_update(struct nvme_ns *ns, const struct nvme_ns_info *info);

struct nvme_ns *nvme_ns_find(struct nvme_drive *drive, uint32_t nsid);

#endif
