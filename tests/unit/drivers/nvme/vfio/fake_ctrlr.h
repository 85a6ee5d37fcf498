/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_VFIO_FAKE_CTRLR_H
#define TESTS_UNIT_DRIVERS_NVME_VFIO_FAKE_CTRLR_H

/*
 * An NVMe controller in memory, in place of a PCI function behind VFIO: registers, doorbells,
 * queues, identify data, a namespace of RAM. It does nothing by itself: fake_ctrlr_step() is its
 * turn. It checks what it is given as a strict controller would (fake->wrong counts), and
 * misbehaves as it is told.
 */

#include <pthread.h>

#include <nvme/types.h>

#include "drivers/nvme/vfio/device.h"
#include "drivers/nvme/vfio/wire.h"

#define FAKE_QUEUES   65u
#define FAKE_VECTORS  66u
#define FAKE_PENDING  2048u
#define FAKE_BLOCK    512u
#define FAKE_BLOCKS   32768u
#define FAKE_SEGMENTS 600u

/* What is wrong with the next I/O completion; then it is back to FAKE_GOOD. */
enum fake_mischief {
	FAKE_GOOD,
	FAKE_WRONG_PHASE,
	FAKE_WRONG_CID,
	FAKE_REPEATED_CID,   /* the entry comes, and then comes again */
	FAKE_NO_TRACKER_CID, /* FFFFh */
	FAKE_BAD_SQHD,
	FAKE_BAD_SQID,
};

struct fake_queue {
	bool exists;
	char *memory;
	uint32_t size;
	uint32_t head;
	uint32_t tail;
	uint16_t cqid;
	uint16_t vector;
	bool interrupts;
	uint32_t phase;
	uint32_t doorbells; /* register writes */
};

struct fake_command {
	struct vfio_sqe sqe;
	uint16_t sqid;
	bool done;
	uint16_t status;
	uint64_t result;
};

struct fake_ctrlr {
	struct vfio_device device;
	struct ebb_mem_subscriber subscriber;
	pthread_mutex_t lock; /* the helper resets and closes it while the test steps it */
	char *bar;
	char *regions[EBB_MEM_REGIONS_MAX];
	int vectors[FAKE_VECTORS];
	struct fake_queue sq[FAKE_QUEUES];
	struct fake_queue cq[FAKE_QUEUES];
	char *shadow;
	char *event;
	uint32_t cc;
	unsigned enable_steps; /* since CC.EN was set */
	struct fake_command *pending;
	unsigned num_pending;
	struct nvme_id_ctrl id;
	uint8_t *disk;

	/* What it is like. */
	uint32_t granted; /* I/O queue pairs */
	unsigned ready_steps;
	int open_rc; /* of vfio_ownership_begin() */
	int hold_rc; /* of vfio_ownership_claim() */
	int vector_rc;
	int reset_rc;

	/* How it misbehaves. */
	enum fake_mischief mischief;
	bool gone; /* all ones */
	bool never_ready;
	bool never_disabled; /* until a function level reset */
	bool fatal_at_start;
	unsigned fatal_starts; /* so many starts end in CSTS.CFS */
	bool shutdown_hangs;
	bool loses_interrupts;
	bool holds_io;      /* I/O commands stay pending */
	unsigned holds_few; /* the next so many, and no others */
	bool holds_admin;   /* admin commands but for abort */
	bool abort_works;
	uint16_t io_status;    /* of the next I/O command; then 0 */
	uint8_t refuse_opcode; /* admin commands of this opcode fail */
	bool refuses;
	unsigned refusals;

	/* What it has seen. */
	unsigned opens;
	unsigned closes;
	unsigned holds; /* claims of shared namespaces that there are */
	uint32_t held_nsid;
	char held_subnqn[224]; /* of the last */
	unsigned function_resets;
	unsigned starts;
	unsigned shutdowns;
	unsigned aborts;
	unsigned aborted_by_deletion; /* commands, of their submission queue */
	unsigned disabled_busy;       /* CC.EN was cleared while there were I/O submission queues */
	unsigned aers;
	unsigned sgl_commands;
	unsigned prp_lists;
	unsigned doorbells; /* of I/O queues */
	unsigned reads;
	unsigned writes;
	unsigned wrong; /* things a driver must not do */
	char wrong_text[256];
};

/* Makes it, and the one that vfio_ownership_begin() gives out. */
struct fake_ctrlr *fake_ctrlr_create(void);
void fake_ctrlr_destroy(struct fake_ctrlr *fake);

/* Return: true if it has done something. */
bool fake_ctrlr_step(struct fake_ctrlr *fake);

/* Carries out and answers up to @count of the I/O commands that are held, oldest first. */
void fake_ctrlr_release(struct fake_ctrlr *fake, unsigned count);

/* Held commands of I/O queues. */
unsigned fake_ctrlr_held(const struct fake_ctrlr *fake);

/* Answers one asynchronous event request with @result. Return: false: there is none. */
bool fake_ctrlr_event(struct fake_ctrlr *fake, uint32_t result);

/* Posts @cqe as it is into completion queue @qid, with the phase that is due. */
void fake_ctrlr_post_raw(struct fake_ctrlr *fake, uint16_t qid, struct vfio_cqe *cqe);

uint32_t fake_ctrlr_csts(const struct fake_ctrlr *fake);
void fake_ctrlr_set_csts(struct fake_ctrlr *fake, uint32_t csts);

/* The function is pulled out: all its registers read as ones. */
void fake_ctrlr_vanish(struct fake_ctrlr *fake);

#endif
