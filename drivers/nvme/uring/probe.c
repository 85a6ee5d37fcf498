/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <liburing.h>
#include <nvme/ioctl.h>

#include "drivers/nvme/uring/errors.h"

static int probe_read(struct io_uring *ring, int fd, uint32_t nsid, void *buf, uint32_t len_bytes)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int rc;

	if (sqe == NULL) {
		return -EBUSY; /* it was made for this one */
	}
	io_uring_prep_nop(sqe);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = NVME_URING_CMD_IO;
	*(struct nvme_uring_cmd *)sqe->cmd = (struct nvme_uring_cmd){
		.opcode = nvme_cmd_read,
		.nsid = nsid,
		.addr = (uintptr_t)buf,
		.data_len = len_bytes,
	};
	do {
		rc = io_uring_submit_and_wait(ring, 1);
	} while (rc == -EINTR);
	if (rc < 0) {
		return rc;
	}
	do {
		rc = io_uring_wait_cqe(ring, &cqe);
	} while (rc == -EINTR);
	if (rc < 0) {
		return rc;
	}
	rc = cqe->res < 0 ? cqe->res : 0;
	io_uring_cqe_seen(ring, cqe);
	return rc;
}

int uring_probe(int fd, const char *path, uint32_t nsid, uint32_t block_size, char *ret_error,
		size_t error_size)
{
	const unsigned tries_max = 3;
	struct io_uring ring;
	int rc = io_uring_queue_init(2, &ring, IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
	void *buf;

	if (rc < 0) {
		return uring_errors_ring(rc, ret_error, error_size);
	}
	buf = aligned_alloc(4096, block_size < 4096 ? 4096 : block_size);
	if (buf == NULL) {
		io_uring_queue_exit(&ring);
		snprintf(ret_error, error_size, "out of memory");
		return -ENOMEM;
	}
	for (unsigned tries = 0; tries < tries_max; tries++) {
		rc = probe_read(&ring, fd, nsid, buf, block_size);
		if (rc != -EINTR && rc != -EAGAIN) {
			break;
		}
	}
	io_uring_queue_exit(&ring);
	free(buf);
	return rc == 0 ? 0 : uring_errors_command(rc, path, ret_error, error_size);
}
