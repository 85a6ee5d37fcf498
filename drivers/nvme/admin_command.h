/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_ADMIN_COMMAND_H
#define DRIVERS_NVME_ADMIN_COMMAND_H

/* One admin command at a time, with a page of memory for its data. Thread: app. */

#include "drivers/nvme/request.h"

struct nvme_path;
struct nvme_retry;

#define NVME_ADMIN_BYTES 4096u

struct nvme_admin_command {
	struct nvme_request request; /* the answer's dwords and status, too */
	struct iovec iov;
	struct nvme_path *path;
	void *buf; /* NVME_ADMIN_BYTES of pool memory */
	/* @rc: 0, or the errno for what the device, or the transport, has answered. */
	void (*done)(struct nvme_admin_command *admin, int rc);
};

/* Return: 0; -ENOMEM. */
int nvme_admin_command_init(struct nvme_admin_command *admin, struct nvme_path *path,
			    void (*done)(struct nvme_admin_command *admin, int rc));

/* Nothing is under way. Harmless on a zeroed one. */
void nvme_admin_command_fini(struct nvme_admin_command *admin);

/* Each fills in the command and submits it. */
void nvme_admin_command_identify(struct nvme_admin_command *admin, uint8_t cns, uint32_t nsid,
				 uint8_t csi);
void nvme_admin_command_get_log(struct nvme_admin_command *admin, uint8_t lid, uint32_t len_bytes);
/* @len_bytes of @admin->buf are the feature's data; 0: none. */
void nvme_admin_command_set_feature(struct nvme_admin_command *admin, uint8_t fid, uint32_t cdw11,
				    uint32_t len_bytes);

/* What the path's retry queue calls. */
void nvme_admin_command_again(struct nvme_retry *retry, struct nvme_request *request);

#endif
