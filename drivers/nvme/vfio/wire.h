/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_WIRE_H
#define DRIVERS_NVME_VFIO_WIRE_H

/*
 * What lies in memory that a controller reads or writes, as far as libnvme has no structure for it.
 * All of NVMe is little-endian.
 */

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "commands are written as they are");

/* CC.MPS 0: the host's page. */
#define VFIO_PAGE 4096u

/* NVMe Base 2.0, 4.4 "Scatter Gather List (SGL)": a data block, or a segment of more of these. */
struct vfio_sgl {
	uint64_t address;
	uint32_t len_bytes;
	uint8_t reserved[3];
	uint8_t type;
};

#define VFIO_SGL_DATA_BLOCK   0x00u
#define VFIO_SGL_LAST_SEGMENT 0x30u

static_assert(sizeof(struct vfio_sgl) == 16, "NVMe Base 2.0, figure 92");

/* NVMe Base 2.0, 3.3.3.1 "Submission Queue Entry". */
struct vfio_sqe {
	uint8_t opcode;
	uint8_t flags; /* bits 7:6, PSDT */
	uint16_t cid;
	uint32_t nsid;
	uint64_t cdw2_3;
	uint64_t mptr;
	union {
		struct {
			uint64_t prp1;
			uint64_t prp2;
		};
		struct vfio_sgl sgl;
	};
	uint32_t cdw10;
	uint32_t cdw11;
	uint32_t cdw12;
	uint32_t cdw13;
	uint32_t cdw14;
	uint32_t cdw15;
};

#define VFIO_PSDT_PRP 0x00u
#define VFIO_PSDT_SGL 0x40u /* and a metadata pointer that is an address, if any */

static_assert(sizeof(struct vfio_sqe) == 64, "CC.IOSQES is 6");
static_assert(offsetof(struct vfio_sqe, prp1) == 24, "DPTR");
static_assert(offsetof(struct vfio_sqe, cdw10) == 40, "CDW10");

/* NVMe Base 2.0, 3.3.3.2 "Common Completion Queue Entry". */
struct vfio_cqe {
	uint64_t result;
	uint32_t sq; /* bits 15:0 SQHD, 31:16 SQID */
	/* Bits 15:0 CID, 16 the phase tag, 31:17 the status. The controller writes it last. */
	_Atomic uint32_t tail;
};

#define VFIO_CQE_CID(tail)    ((uint16_t)(tail))
#define VFIO_CQE_PHASE(tail)  (((tail) >> 16) & 1u)
#define VFIO_CQE_STATUS(tail) ((uint16_t)((tail) >> 17))

static_assert(sizeof(struct vfio_cqe) == 16, "CC.IOCQES is 4");
static_assert(offsetof(struct vfio_cqe, tail) == 12, "figure 95");

#endif
