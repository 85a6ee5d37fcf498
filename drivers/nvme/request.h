/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_REQUEST_H
#define DRIVERS_NVME_REQUEST_H

/*
 * One NVMe command under way, whichever transport carries it. The command layer fills in what the
 * specification lets a host choose; the transport adds the command identifier and the pointers to
 * data, and answers once.
 */

#include <stdbool.h>
#include <sys/uio.h>

#include <ebb/helper.h>
#include <ebb/list.h>
#include <ebb/uring.h>

struct nvme_ns;
struct nvme_queue;
struct nvme_request;

/* @use: the request's, as it was at submit(). */
typedef void (*nvme_done_fn)(struct nvme_request *request, uint16_t use);

/*
 * The status field of a completion without its phase tag (NVMe Base 2.0, 3.3.3.2.1 "Status Field").
 */
#define NVME_SC(status)  ((status)&0xffu)
#define NVME_SCT(status) (((status) >> 8) & 0x7u)
#define NVME_CRD(status) (((status) >> 11) & 0x3u)
#define NVME_MORE        EBB_BIT(13)
#define NVME_DNR         EBB_BIT(14)

/*
 * The owner's storage: it sets all up to @done. It is the transport's from submit() until @done is
 * entered. @done runs exactly once, on the thread that submitted; perhaps inside submit().
 *
 * Should an answer come that is one too many, the storage may be in use for another command. So
 * what stands for the command at the device (a tracker, an entry of io_uring) keeps @use by value,
 * and @done gets it from there.
 */
struct nvme_request {
	/* The command's fields, as NVMe Base names them. */
	uint8_t opcode;
	uint8_t tries;    /* the command layer's: how often it was submitted */
	uint16_t sent_as; /* the transport's */
	uint32_t nsid;
	uint32_t cdw10;
	uint32_t cdw11;
	uint32_t cdw12;
	uint32_t cdw13;
	uint32_t cdw14;
	uint32_t cdw15;

	/*
	 * Data, in the direction that the opcode's two low bits tell (Base 2.0, 3.3.3.1, "Data
	 * Transfer"). All of it lies in the pool (ebb/memory.h) and keeps to the transport's
	 * limits.
	 */
	const struct iovec *iov;
	int iovcnt; /* 0: no data */
	uint32_t len_bytes;

	struct nvme_ns *ns; /* NULL: an admin command */
	nvme_done_fn done;

	/*
	 * The answer. @rc 0: the device has answered, @status (0: success) and @result are its
	 * words. < 0: it has not: -ENODEV it has gone, -ETIMEDOUT and the reset did not help
	 * either,
	 * -ECANCELED cancelled, or an errno of the kernel's.
	 */
	int rc;
	uint16_t status;
	uint8_t resets;  /* the transport's: how often it had to be submitted once more */
	uint64_t result; /* dwords 0 and 1 of the completion */

	uint16_t use; /* which of the uses of its storage; the owner's, 0 if it has just one */

	/* The transport's own. */
	struct nvme_queue *queue; /* that carries it */
	uint64_t deadline_ns;
	struct ebb_list link;
	union {
		struct ebb_uring_op uring_op;
		struct ebb_work work;
	};
};

#endif
