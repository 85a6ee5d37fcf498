/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_ADMIN_H
#define EBB_DRIVERS_NVME_ADMIN_H

/* One admin command at a time, with a page of memory for its data. Thread: app. */

#include "drivers/nvme/request.h"

struct ebb_nvme_ctrlr;
struct ebb_nvme_retry;

#define EBB_NVME_ADMIN_BYTES 4096u

struct ebb_nvme_admin {
	struct ebb_nvme_request request; /* the answer's dwords and status, too */
	struct iovec iov;
	struct ebb_nvme_ctrlr *ctrlr;
	void *buf; /* EBB_NVME_ADMIN_BYTES of pool memory */
	/* @rc: 0, or the errno for what the device, or the transport, has answered. */
	void (*done)(struct ebb_nvme_admin *admin, int rc);
};

/* Return: 0; -ENOMEM. */
int ebb_nvme_admin_init(struct ebb_nvme_admin *admin, struct ebb_nvme_ctrlr *ctrlr,
			void (*done)(struct ebb_nvme_admin *admin, int rc));

/* Nothing is under way. Harmless on a zeroed one. */
void ebb_nvme_admin_fini(struct ebb_nvme_admin *admin);

/* Each fills in the command and submits it. */
void ebb_nvme_admin_identify(struct ebb_nvme_admin *admin, uint8_t cns, uint32_t nsid, uint8_t csi);
void ebb_nvme_admin_get_log(struct ebb_nvme_admin *admin, uint8_t lid, uint32_t len_bytes);
/* @len_bytes of @admin->buf are the feature's data; 0: none. */
void ebb_nvme_admin_set_feature(struct ebb_nvme_admin *admin, uint8_t fid, uint32_t cdw11,
				uint32_t len_bytes);

/* What the controller's retry queue calls. */
void ebb_nvme_admin_again(struct ebb_nvme_retry *retry, struct ebb_nvme_request *request);

#endif
