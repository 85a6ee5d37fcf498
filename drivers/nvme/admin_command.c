/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/admin_command.h"

#include <errno.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/memory.h>

#include <nvme/types.h>

#include "drivers/nvme/path.h"
#include "drivers/nvme/status.h"

int nvme_admin_command_init(struct nvme_admin_command *admin, struct nvme_path *path,
			    void (*done)(struct nvme_admin_command *admin, int rc))
{
	memset(admin, 0, sizeof(*admin));
	admin->path = path;
	admin->done = done;
	admin->buf = ebb_mem_alloc(NVME_ADMIN_BYTES);
	return admin->buf == NULL ? -ENOMEM : 0;
}

void nvme_admin_command_fini(struct nvme_admin_command *admin)
{
	ebb_mem_free(admin->buf, NVME_ADMIN_BYTES);
	admin->buf = NULL;
}

static void admin_done(struct nvme_request *request, uint16_t use)
{
	struct nvme_admin_command *admin =
		ebb_container_of(request, struct nvme_admin_command, request);
	struct nvme_path *path = admin->path;
	int rc = request->rc < 0 ? request->rc : nvme_status_errno(request->status);

	(void)use;
	if (rc != 0 && nvme_retry_wanted(&path->admin_retry, request, path)) {
		return;
	}
	if (rc != 0) {
		ebb_debug("nvme", "%s: admin command %02xh: %s", path->drive->name, request->opcode,
			  request->rc < 0 ? strerror(-rc) : nvme_status_text(request->status));
	}
	admin->done(admin, rc);
}

void nvme_admin_command_again(struct nvme_retry *retry, struct nvme_request *request)
{
	struct nvme_path *path = ebb_container_of(retry, struct nvme_path, admin_retry);

	path->transport->admin(path, request);
}

static void admin_submit(struct nvme_admin_command *admin, uint8_t opcode, uint32_t nsid,
			 uint32_t cdw10, uint32_t cdw11, uint32_t len_bytes)
{
	struct nvme_request *request = &admin->request;

	ebb_assert(len_bytes <= NVME_ADMIN_BYTES);
	memset(request, 0, sizeof(*request));
	request->opcode = opcode;
	request->nsid = nsid;
	request->cdw10 = cdw10;
	request->cdw11 = cdw11;
	if (len_bytes > 0) {
		admin->iov = (struct iovec){.iov_base = admin->buf, .iov_len = len_bytes};
		request->iov = &admin->iov;
		request->iovcnt = 1;
		request->len_bytes = len_bytes;
	}
	request->done = admin_done;
	admin->path->transport->admin(admin->path, request);
}

void nvme_admin_command_identify(struct nvme_admin_command *admin, uint8_t cns, uint32_t nsid,
				 uint8_t csi)
{
	/* Base 2.0, 5.17: CNS in dword 10, the command set in bits 31:24 of dword 11. */
	memset(admin->buf, 0, NVME_ADMIN_BYTES);
	admin_submit(admin, nvme_admin_identify, nsid, cns, (uint32_t)csi << 24, NVME_ADMIN_BYTES);
}

void nvme_admin_command_get_log(struct nvme_admin_command *admin, uint8_t lid, uint32_t len_bytes)
{
	/* Base 2.0, 5.16: the number of dwords less one in bits 31:16; RAE (15) clear. */
	uint32_t numd = len_bytes / 4 - 1;

	memset(admin->buf, 0, NVME_ADMIN_BYTES);
	admin_submit(admin, nvme_admin_get_log_page, NVME_NSID_ALL, lid | (numd & 0xffff) << 16, 0,
		     len_bytes);
}

void nvme_admin_command_set_feature(struct nvme_admin_command *admin, uint8_t fid, uint32_t cdw11,
				    uint32_t len_bytes)
{
	admin_submit(admin, nvme_admin_set_features, 0, fid, cdw11, len_bytes);
}
