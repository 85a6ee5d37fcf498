/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/internal.h"

/*
 * The transport "uring": a controller that stays with the kernel's driver. The kernel owns its
 * admin queue, its features, its power and its resets; what is asked of it here goes through
 * libnvme on the helper, one at a time. News come as the kernel's events (monitor.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nvme/ioctl.h>

#include "drivers/nvme/transport.h"
#include "drivers/nvme/uring/errors.h"

#define MIN_PAGE_BYTES 4096u /* of MDTS; the kernel's own limits have the rest */

static void uctrlr_event(void *arg, enum nvme_event event, uint32_t value)
{
	struct uring_ctrlr *uctrlr = arg;

	nvme_path_event(uctrlr->path, event, value);
}

static int uctrlr_open(struct uring_ctrlr *uctrlr)
{
	char path[NVME_NAME_SIZE + 8];
	struct nvme_id_ctrl *id;
	int rc;

	snprintf(path, sizeof(path), "/dev/%s", uctrlr->target.ctrlr);
	uctrlr->fd = open(path, O_RDWR | O_CLOEXEC);
	if (uctrlr->fd < 0) {
		return uring_errors_open(-errno, path, uctrlr->fault, sizeof(uctrlr->fault));
	}
	id = aligned_alloc(4096, sizeof(*id));
	if (id == NULL) {
		snprintf(uctrlr->fault, sizeof(uctrlr->fault), "out of memory");
		return -ENOMEM;
	}
	rc = nvme_identify_ctrl(uctrlr->fd, id) < 0 ? -errno : 0;
	free(id);
	if (rc == 0) {
		return 0;
	}
	snprintf(uctrlr->fault, sizeof(uctrlr->fault),
		 rc == -EACCES || rc == -EPERM
			 ? "the kernel takes no admin command through '%s': that needs "
			   "CAP_SYS_ADMIN (root, or AmbientCapabilities= of the unit)%s"
			 : "'%s' does not answer: %s",
		 path, rc == -EACCES || rc == -EPERM ? "" : strerror(-rc));
	return rc;
}

static void attach_run(struct ebb_work *work)
{
	struct uring_ctrlr *uctrlr = ebb_container_of(work, struct uring_ctrlr, work);

	uctrlr->rc = uring_resolve("", uctrlr->path->traddr, &uctrlr->target, uctrlr->fault,
				   sizeof(uctrlr->fault));
	if (uctrlr->rc == 0) {
		uctrlr->rc = uctrlr_open(uctrlr);
	}
	if (uctrlr->rc < 0) {
		if (uctrlr->fd >= 0) {
			close(uctrlr->fd);
		}
		return;
	}
	uring_limits_of_ctrlr("", uctrlr->target.ctrlr, &uctrlr->limits);
}

static void attach_done(struct ebb_work *work)
{
	struct uring_ctrlr *uctrlr = ebb_container_of(work, struct uring_ctrlr, work);
	struct nvme_path *path = uctrlr->path;
	int rc = uctrlr->rc;

	if (rc < 0) {
		nvme_path_fault(path, rc, "%s", uctrlr->fault);
		path->transport_ctrlr = NULL;
		free(uctrlr);
	} else {
		path->limits = (struct nvme_limits){
			.max_io_bytes = uctrlr->limits.max_io_bytes,
			.max_segments = uctrlr->limits.max_segments,
			.buf_align = uctrlr->limits.buf_align,
			.page_bytes = uctrlr->limits.page_bytes,
			.min_page_bytes = MIN_PAGE_BYTES,
		};
		uring_monitor_add(&uctrlr->news, uctrlr->target.ctrlr, uctrlr->target.subsystem,
				  uctrlr_event, uctrlr);
	}
	nvme_path_attached(path, rc);
}

static void uring_attach(struct nvme_path *path)
{
	struct uring_ctrlr *uctrlr = calloc(1, sizeof(*uctrlr));

	if (uctrlr == NULL) {
		nvme_path_fault(path, -ENOMEM, "out of memory");
		nvme_path_attached(path, -ENOMEM);
		return;
	}
	uctrlr->path = path;
	uctrlr->fd = -1;
	uctrlr->admin_queue.path = path;
	ebb_work_init(&uctrlr->work, attach_run, attach_done);
	path->transport_ctrlr = uctrlr;
	ebb_helper_submit(&uctrlr->work);
}

static void detach_run(struct ebb_work *work)
{
	close(ebb_container_of(work, struct uring_ctrlr, work)->fd);
}

static void detach_done(struct ebb_work *work)
{
	struct uring_ctrlr *uctrlr = ebb_container_of(work, struct uring_ctrlr, work);
	struct nvme_path *path = uctrlr->path;

	path->transport_ctrlr = NULL;
	free(uctrlr);
	nvme_path_detached(path);
}

static void uring_detach(struct nvme_path *path)
{
	struct uring_ctrlr *uctrlr = path->transport_ctrlr;

	uring_monitor_remove(&uctrlr->news);
	ebb_work_init(&uctrlr->work, detach_run, detach_done);
	ebb_helper_submit(&uctrlr->work);
}

/* ---- admin commands ---- */

/* Data in several pieces goes by one; the kernel's interface has no other. */
static void *admin_gather(const struct nvme_request *request)
{
	char *buf = aligned_alloc(4096, (request->len_bytes + 4095u) & ~4095u), *at = buf;

	for (int i = 0; i < request->iovcnt && buf != NULL; i++) {
		memcpy(at, request->iov[i].iov_base, request->iov[i].iov_len);
		at += request->iov[i].iov_len;
	}
	return buf;
}

static void admin_scatter(const struct nvme_request *request, const char *buf)
{
	for (int i = 0; i < request->iovcnt; i++) {
		memcpy(request->iov[i].iov_base, buf, request->iov[i].iov_len);
		buf += request->iov[i].iov_len;
	}
}

static void admin_run(struct ebb_work *work)
{
	struct nvme_request *request = ebb_container_of(work, struct nvme_request, work);
	struct uring_ctrlr *uctrlr = request->queue->path->transport_ctrlr;
	struct nvme_passthru_cmd64 cmd = {
		.opcode = request->opcode,
		.nsid = request->nsid,
		.data_len = request->len_bytes,
		.cdw10 = request->cdw10,
		.cdw11 = request->cdw11,
		.cdw12 = request->cdw12,
		.cdw13 = request->cdw13,
		.cdw14 = request->cdw14,
		.cdw15 = request->cdw15,
	};
	void *gathered = request->iovcnt > 1 ? admin_gather(request) : NULL;
	__u64 result = 0;
	int rc;

	request->status = 0;
	request->result = 0;
	if (request->iovcnt > 1 && gathered == NULL) {
		request->rc = -ENOMEM;
		return;
	}
	if (request->iovcnt > 0) {
		cmd.addr = (uintptr_t)(gathered != NULL ? gathered : request->iov->iov_base);
	}
	rc = nvme_submit_admin_passthru64(uctrlr->fd, &cmd, &result);
	request->rc = rc < 0 ? -errno : 0;
	if (rc >= 0) {
		request->status = (uint16_t)rc;
		request->result = result;
	}
	if (gathered != NULL) {
		admin_scatter(request, gathered);
		free(gathered);
	}
}

static void admin_done(struct ebb_work *work)
{
	struct nvme_request *request = ebb_container_of(work, struct nvme_request, work);

	request->done(request, request->use);
}

static void uring_admin(struct nvme_path *path, struct nvme_request *request)
{
	struct uring_ctrlr *uctrlr = path->transport_ctrlr;

	request->queue = &uctrlr->admin_queue;
	ebb_work_init(&request->work, admin_run, admin_done);
	ebb_helper_submit(&request->work);
}

static void reset_run(struct ebb_work *work)
{
	struct uring_ctrlr *uctrlr = ebb_container_of(work, struct uring_ctrlr, work);

	uctrlr->rc = nvme_ctrl_reset(uctrlr->fd) < 0 ? -errno : 0;
	if (uctrlr->rc < 0) {
		snprintf(uctrlr->fault, sizeof(uctrlr->fault), "the kernel cannot reset %s: %s",
			 uctrlr->target.ctrlr, strerror(-uctrlr->rc));
	}
}

static void reset_done(struct ebb_work *work)
{
	struct uring_ctrlr *uctrlr = ebb_container_of(work, struct uring_ctrlr, work);

	if (uctrlr->rc < 0) {
		nvme_path_fault(uctrlr->path, uctrlr->rc, "%s", uctrlr->fault);
	}
	nvme_path_was_reset(uctrlr->path, uctrlr->rc);
}

/* The kernel keeps what is outstanding, or gives it back with -EINTR. */
static void uring_reset(struct nvme_path *path)
{
	struct uring_ctrlr *uctrlr = path->transport_ctrlr;

	ebb_work_init(&uctrlr->work, reset_run, reset_done);
	ebb_helper_submit(&uctrlr->work);
}

static void uring_describe(struct nvme_path *path, struct json_object *into)
{
	const struct uring_ctrlr *uctrlr = path->transport_ctrlr;

	json_object_object_add(into, "kernel_controller",
			       json_object_new_string(uctrlr->target.ctrlr));
	json_object_object_add(into, "io_poll", json_object_new_boolean(uctrlr->limits.polled));
	json_object_object_add(into, "max_io_bytes",
			       json_object_new_int64(uctrlr->limits.max_io_bytes));
	json_object_object_add(into, "max_segments",
			       json_object_new_int64(uctrlr->limits.max_segments));
}

static struct nvme_transport uring_transport = {
	.trtype = "uring",
	.attach = uring_attach,
	.detach = uring_detach,
	.admin = uring_admin,
	.reset = uring_reset,
	.ns_open = uring_ns_open,
	.ns_close = uring_ns_close,
	.queue_create = uring_io_queue_create,
	.queue_destroy = uring_io_queue_destroy,
	.submit = uring_io_queue_submit,
	.drain = uring_io_queue_drain,
	.leave = uring_io_queue_leave,
	.arrive = uring_io_queue_arrive,
	.describe = uring_describe,
};

NVME_TRANSPORT_REGISTER(uring_transport)
