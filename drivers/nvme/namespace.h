/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_NAMESPACE_H
#define EBB_DRIVERS_NVME_NAMESPACE_H

/* A namespace's life: found, opened, a bdev, removed, closed. Thread: app. */

#include "drivers/nvme/ctrlr.h"

/* Return: the new namespace, state OPENING, not told to the transport; NULL out of memory. */
struct ebb_nvme_ns *ebb_nvme_ns_create(struct ebb_nvme_ctrlr *ctrlr, uint32_t nsid,
				       const struct ebb_nvme_ns_info *info);

/* One that is not open. */
void ebb_nvme_ns_free(struct ebb_nvme_ns *ns);

/**
 * ebb_nvme_ns_register() - the transport has opened @ns: make it a bdev
 * Return: 0; on failure it is being closed, or gone already, and @ret_fault says why.
 */
int ebb_nvme_ns_register(struct ebb_nvme_ns *ns, char *ret_fault, size_t fault_size);

/* The transport has opened @ns, and nobody wants it any more. It may be gone afterwards. */
void ebb_nvme_ns_discard(struct ebb_nvme_ns *ns);

/* Takes the bdev away; @why: for the log, or NULL: it is asked for. Does nothing if it goes. */
void ebb_nvme_ns_remove(struct ebb_nvme_ns *ns, const char *why);

/**
 * ebb_nvme_ns_update() - @ns has been looked at again, and is as @info says
 * Return: true: taken (size, write protection); false: it is another one now, and has to go.
 */
bool ebb_nvme_ns_update(struct ebb_nvme_ns *ns, const struct ebb_nvme_ns_info *info);

struct ebb_nvme_ns *ebb_nvme_ns_find(struct ebb_nvme_ctrlr *ctrlr, uint32_t nsid);

/* The bdev's: no channel of it is left. */
void ebb_nvme_ns_destruct(struct ebb_bdev *bdev);

#endif
