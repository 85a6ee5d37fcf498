/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/vfio/fake_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/assert.h>

#include "drivers/nvme/vfio/regs.h"
#include "drivers/nvme/vfio/ownership.h"

#define BAR_BYTES 0x4000u

static struct fake_ctrlr *fake_given;

volatile uint32_t *fake_doorbell(struct fake_ctrlr *fake, unsigned qid, bool completion)
{
	return (volatile uint32_t *)(fake->bar + VFIO_REG_DOORBELLS + 8 * qid + 4 * completion);
}

static volatile uint32_t *fake_reg(const struct fake_ctrlr *fake, unsigned offset)
{
	return (volatile uint32_t *)(fake->bar + offset);
}

uint32_t fake_ctrlr_csts(const struct fake_ctrlr *fake)
{
	return *fake_reg(fake, NVME_REG_CSTS);
}

void fake_ctrlr_set_csts(struct fake_ctrlr *fake, uint32_t csts)
{
	*fake_reg(fake, NVME_REG_CSTS) = csts;
}

void fake_ctrlr_vanish(struct fake_ctrlr *fake)
{
	memset(fake->bar, 0xff, BAR_BYTES);
	fake->gone = true;
}

/* Everything stops; memory is the host's again. */
static void fake_forget(struct fake_ctrlr *fake)
{
	memset(fake->sq, 0, sizeof(fake->sq));
	memset(fake->cq, 0, sizeof(fake->cq));
	fake->num_pending = 0;
	fake->shadow = NULL;
	fake->event = NULL;
	fake->cc = 0;
	fake->enable_steps = 0;
}

static void fake_init_registers(struct fake_ctrlr *fake)
{
	uint64_t cap = 0x3ffull | 1ull << NVME_CAP_CQR_SHIFT | 4ull << NVME_CAP_TO_SHIFT |
		       (uint64_t)NVME_CAP_CSS_NVM << NVME_CAP_CSS_SHIFT;

	memset(fake->bar, 0, VFIO_REG_DOORBELLS);
	memset(fake->bar + VFIO_REG_DOORBELLS, 0xff, BAR_BYTES - VFIO_REG_DOORBELLS);
	*fake_reg(fake, NVME_REG_CAP) = (uint32_t)cap;
	*fake_reg(fake, NVME_REG_CAP + 4) = (uint32_t)(cap >> 32);
	*fake_reg(fake, NVME_REG_VS) = 0x10400;
}

static int fake_set_vector(struct vfio_device *device, unsigned vector, int eventfd)
{
	struct fake_ctrlr *fake = ebb_container_of(device, struct fake_ctrlr, device);

	ebb_assert(vector < FAKE_VECTORS);
	if (fake->vector_rc != 0 && vector != 0) {
		return fake->vector_rc;
	}
	pthread_mutex_lock(&fake->lock);
	fake->vectors[vector] = eventfd;
	pthread_mutex_unlock(&fake->lock);
	return 0;
}

static int fake_reset(struct vfio_device *device)
{
	struct fake_ctrlr *fake = ebb_container_of(device, struct fake_ctrlr, device);

	pthread_mutex_lock(&fake->lock);
	fake->function_resets++;
	if (fake->reset_rc == 0) {
		fake_forget(fake);
		fake_init_registers(fake);
		fake->never_disabled = false;
	}
	pthread_mutex_unlock(&fake->lock);
	return fake->reset_rc;
}

static void fake_close(struct vfio_device *device)
{
	struct fake_ctrlr *fake = ebb_container_of(device, struct fake_ctrlr, device);

	pthread_mutex_lock(&fake->lock);
	fake->closes++;
	fake_forget(fake);
	memset(fake->vectors, 0xff, sizeof(fake->vectors));
	pthread_mutex_unlock(&fake->lock);
}

static const struct vfio_device_ops fake_ops = {
	.set_vector = fake_set_vector,
	.reset = fake_reset,
	.close = fake_close,
};

/* In place of ownership.c. */
int vfio_ownership_begin(struct vfio_ownership *ownership, const char *traddr, bool rebind,
			 char *ret_error, size_t error_size)
{
	*ownership = (struct vfio_ownership){.give_back = rebind};
	if (fake_given->open_rc != 0) {
		snprintf(ret_error, error_size, "%s cannot be had", traddr);
		return fake_given->open_rc;
	}
	fake_given->opens++;
	ownership->device = &fake_given->device;
	return 0;
}

void vfio_ownership_end(struct vfio_ownership *ownership)
{
	ownership->device->ops->close(ownership->device);
	ownership->device = NULL;
}

int vfio_ownership_claim(const struct nvme_ctrlr_info *info, uint32_t nsid,
			 struct host_claim **ret_hold, char *ret_error, size_t error_size)
{
	if (fake_given->hold_rc != 0) {
		snprintf(ret_error, error_size, "its alias is in use");
		return fake_given->hold_rc;
	}
	fake_given->holds++;
	fake_given->held_nsid = nsid;
	snprintf(fake_given->held_subnqn, sizeof(fake_given->held_subnqn), "%s", info->subnqn);
	*ret_hold = (struct host_claim *)fake_given;
	return 0;
}

void vfio_ownership_release(struct host_claim *hold)
{
	fake_given->holds -= hold == (struct host_claim *)fake_given;
}

static int fake_region_added(struct ebb_mem_subscriber *subscriber,
			     const struct ebb_mem_region *region)
{
	struct fake_ctrlr *fake = ebb_container_of(subscriber, struct fake_ctrlr, subscriber);

	fake->regions[region->index] = region->base;
	atomic_store(&fake->device.region_iova[region->index],
		     FAKE_IOVA + (uint64_t)region->index * EBB_MEM_REGION_SIZE);
	return 0;
}

static void fake_region_removed(struct ebb_mem_subscriber *subscriber,
				const struct ebb_mem_region *region)
{
	struct fake_ctrlr *fake = ebb_container_of(subscriber, struct fake_ctrlr, subscriber);

	atomic_store(&fake->device.region_iova[region->index], 0);
	fake->regions[region->index] = NULL;
}

struct fake_ctrlr *fake_ctrlr_create(void)
{
	struct fake_ctrlr *fake = calloc(1, sizeof(*fake));

	ebb_assert(fake != NULL);
	pthread_mutex_init(&fake->lock, NULL);
	fake->bar = aligned_alloc(VFIO_PAGE, BAR_BYTES);
	fake->disk = calloc(FAKE_BLOCKS, FAKE_BLOCK);
	fake->pending = calloc(FAKE_PENDING, sizeof(*fake->pending));
	ebb_assert(fake->bar != NULL && fake->disk != NULL && fake->pending != NULL);
	memset(fake->vectors, 0xff, sizeof(fake->vectors));
	fake->device.ops = &fake_ops;
	fake->device.bar0 = fake->bar;
	fake->device.bar0_bytes = BAR_BYTES;
	fake->device.num_vectors = FAKE_VECTORS;
	fake->device.request_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fake->device.error_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	snprintf(fake->device.bdf, sizeof(fake->device.bdf), "0000:01:00.0");
	fake->granted = 64;
	fake->id.nn = 1;
	fake->id.mdts = 7;
	fake->id.acl = 3;
	fake->id.aerl = 3;
	fake->id.sqes = 0x66;
	fake->id.cqes = 0x44;
	fake->id.cntrltype = NVME_CTRL_CNTRLTYPE_IO;
	fake->id.oncs = NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES;
	memcpy(fake->id.sn, "fake0               ", sizeof(fake->id.sn));
	memset(fake->id.mn, ' ', sizeof(fake->id.mn));
	memcpy(fake->id.mn, "Fake", 4);
	fake_init_registers(fake);
	fake->subscriber.added = fake_region_added;
	fake->subscriber.removed = fake_region_removed;
	(void)ebb_mem_subscribe(&fake->subscriber);
	fake_given = fake;
	return fake;
}

void fake_ctrlr_destroy(struct fake_ctrlr *fake)
{
	ebb_mem_unsubscribe(&fake->subscriber);
	close(fake->device.request_fd);
	close(fake->device.error_fd);
	free(fake->bar);
	free(fake->disk);
	free(fake->pending);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
}

static void fake_start(struct fake_ctrlr *fake)
{
	uint32_t aqa = *fake_reg(fake, NVME_REG_AQA);
	uint64_t asq = vfio_read64(&fake->device, NVME_REG_ASQ);
	uint64_t acq = vfio_read64(&fake->device, NVME_REG_ACQ);

	fake->starts++;
	if (fake->fatal_starts > 0) {
		fake->fatal_starts--;
		fake_ctrlr_set_csts(fake, NVME_CSTS_CFS_MASK << NVME_CSTS_CFS_SHIFT);
		return;
	}
	fake->sq[0] = (struct fake_queue){
		.exists = true,
		.size = NVME_AQA_ASQS(aqa) + 1u,
		.phase = 1,
	};
	fake->cq[0] = fake->sq[0];
	fake->cq[0].size = NVME_AQA_ACQS(aqa) + 1u;
	fake->cq[0].interrupts = true;
	fake->sq[0].memory = fake_memory(fake, asq, 64ull * fake->sq[0].size);
	fake->cq[0].memory = fake_memory(fake, acq, 16ull * fake->cq[0].size);
	if (NVME_CC_IOSQES(fake->cc) != 6 || NVME_CC_IOCQES(fake->cc) != 4 ||
	    NVME_CC_MPS(fake->cc) != 0) {
		fake_wrong(fake, "CC is %08x", fake->cc);
	}
	memset(fake->bar + VFIO_REG_DOORBELLS, 0xff, BAR_BYTES - VFIO_REG_DOORBELLS);
	fake_ctrlr_set_csts(fake, 1);
}

static bool fake_has_io_queues(const struct fake_ctrlr *fake)
{
	bool any = false;

	for (unsigned qid = 1; qid < FAKE_QUEUES; qid++) {
		any = any || fake->sq[qid].exists;
	}
	return any;
}

/* What the host has written to CC. Return: true if it is something new. */
static bool fake_look_at_cc(struct fake_ctrlr *fake)
{
	uint32_t cc = *fake_reg(fake, NVME_REG_CC);

	if (NVME_CC_EN(cc) && fake_ctrlr_csts(fake) == 0 && !fake->never_ready) {
		fake->cc = cc;
		if (fake->enable_steps++ >= fake->ready_steps) {
			fake_start(fake);
		}
		return true;
	}
	if (!NVME_CC_EN(cc) && fake_ctrlr_csts(fake) != 0 && !fake->never_disabled) {
		fake->disabled_busy += fake_has_io_queues(fake);
		fake_forget(fake);
		fake_ctrlr_set_csts(fake, 0);
		return true;
	}
	if (NVME_CC_SHN(cc) != 0 && NVME_CSTS_SHST(fake_ctrlr_csts(fake)) == 0 &&
	    !fake->shutdown_hangs) {
		fake->shutdowns++;
		fake_ctrlr_set_csts(fake, fake_ctrlr_csts(fake) | NVME_CSTS_SHST_CMPLT
									  << NVME_CSTS_SHST_SHIFT);
		return true;
	}
	return false;
}

static void fake_write_cqe(struct fake_ctrlr *fake, struct fake_queue *cq, struct vfio_cqe cqe)
{
	struct vfio_cqe *entry = &((struct vfio_cqe *)cq->memory)[cq->tail];
	uint32_t tail = atomic_load(&cqe.tail) | cq->phase << 16;

	entry->result = cqe.result;
	entry->sq = cqe.sq;
	atomic_store_explicit(&entry->tail, tail, memory_order_release);
	if (++cq->tail == cq->size) {
		cq->tail = 0;
		cq->phase ^= 1;
	}
	if (cq->interrupts && fake->vectors[cq->vector] >= 0 && !fake->loses_interrupts) {
		static const uint64_t one = 1;

		ebb_assert(write(fake->vectors[cq->vector], &one, sizeof(one)) == sizeof(one));
	}
}

static bool fake_cq_full(const struct fake_queue *cq)
{
	return (cq->tail + 1) % cq->size == cq->head;
}

void fake_ctrlr_post_raw(struct fake_ctrlr *fake, uint16_t qid, struct vfio_cqe *cqe)
{
	fake_write_cqe(fake, &fake->cq[qid], *cqe);
}

/* Return: false: there is no room for the answer. */
static bool fake_answer(struct fake_ctrlr *fake, const struct fake_command *command)
{
	struct fake_queue *sq = &fake->sq[command->sqid];
	struct fake_queue *cq = &fake->cq[sq->cqid];
	enum fake_mischief mischief = command->sqid != 0 ? fake->mischief : FAKE_GOOD;
	uint32_t cid = command->sqe.cid;
	uint32_t head = sq->head;
	uint32_t sqid = command->sqid;
	struct vfio_cqe cqe = {.result = command->result};

	if (fake_cq_full(cq)) {
		return false;
	}
	fake->mischief = command->sqid != 0 ? FAKE_GOOD : fake->mischief;
	cid = mischief == FAKE_WRONG_CID ? cid ^ 0x100u : cid;
	cid = mischief == FAKE_NO_TRACKER_CID ? 0xffffu : cid;
	head = mischief == FAKE_BAD_SQHD ? sq->size : head;
	sqid = mischief == FAKE_BAD_SQID ? sqid + 1 : sqid;
	cqe.sq = head | sqid << 16;
	atomic_store(&cqe.tail, cid | (uint32_t)command->status << 17);
	if (mischief == FAKE_WRONG_PHASE) {
		cq->phase ^= 1;
	}
	fake_write_cqe(fake, cq, cqe);
	if (mischief == FAKE_WRONG_PHASE) {
		cq->phase ^= 1;
	}
	if (mischief == FAKE_REPEATED_CID) {
		fake_write_cqe(fake, cq, cqe);
	}
	return true;
}

/* Pending commands that can be answered are; those of a queue that was deleted go with it. */
static bool fake_finish(struct fake_ctrlr *fake)
{
	unsigned kept = 0;
	bool worked = false;

	for (unsigned i = 0; i < fake->num_pending; i++) {
		struct fake_command *command = &fake->pending[i];

		if (!fake->sq[command->sqid].exists) {
			fake->aborted_by_deletion++;
		} else if (command->done && fake_answer(fake, command)) {
			worked = true;
		} else {
			fake->pending[kept++] = *command;
		}
	}
	fake->num_pending = kept;
	return worked;
}

static void fake_fetch(struct fake_ctrlr *fake, uint16_t sqid)
{
	struct fake_queue *sq = &fake->sq[sqid];
	struct fake_command *command = &fake->pending[fake->num_pending];

	ebb_assert(fake->num_pending < FAKE_PENDING);
	fake->num_pending++;
	*command = (struct fake_command){
		.sqe = ((struct vfio_sqe *)sq->memory)[sq->head],
		.sqid = sqid,
	};
	sq->head = (sq->head + 1) % sq->size;
	for (unsigned i = 0; i + 1 < fake->num_pending; i++) {
		if (fake->pending[i].sqid == sqid && fake->pending[i].sqe.cid == command->sqe.cid) {
			fake_wrong(fake, "CID %04x is under way already", command->sqe.cid);
		}
	}
	command->done = fake_command_run(fake, command);
}

/*
 * A doorbell, by its register, or where there are shadows by the shadow, but that is looked at
 * only when the register has been written: the event index says that this is so.
 */
static uint32_t fake_look_at_doorbell(struct fake_ctrlr *fake, struct fake_queue *queue,
				      uint16_t qid, bool completion, uint32_t known)
{
	volatile uint32_t *reg = fake_doorbell(fake, qid, completion);
	uint32_t value = *reg;
	size_t offset = 8u * qid + 4u * completion;

	if (value != FAKE_DOORBELL_QUIET) {
		*reg = FAKE_DOORBELL_QUIET;
		queue->doorbells++;
		fake->doorbells += qid != 0;
		if (fake->shadow != NULL && qid != 0) {
			value = *(uint32_t *)(fake->shadow + offset);
			*(uint32_t *)(fake->event + offset) = value;
		}
	} else {
		value = known;
	}
	if (value >= queue->size) {
		fake_wrong(fake, "doorbell of queue %u: %u of %u", qid, value, queue->size);
		value = known;
	}
	return value;
}

static bool fake_look_at_queues(struct fake_ctrlr *fake)
{
	bool worked = false;

	for (uint16_t qid = 0; qid < FAKE_QUEUES; qid++) {
		struct fake_queue *sq = &fake->sq[qid];
		struct fake_queue *cq = &fake->cq[qid];

		if (cq->exists) {
			cq->head = fake_look_at_doorbell(fake, cq, qid, true, cq->head);
		}
		if (!sq->exists) {
			continue;
		}
		sq->tail = fake_look_at_doorbell(fake, sq, qid, false, sq->tail);
		while (sq->exists && sq->head != sq->tail) {
			fake_fetch(fake, qid);
			worked = true;
		}
	}
	return worked;
}

bool fake_ctrlr_step(struct fake_ctrlr *fake)
{
	bool worked;

	if (fake->gone) {
		return false;
	}
	pthread_mutex_lock(&fake->lock);
	worked = fake_look_at_cc(fake);
	if (fake->sq[0].exists) {
		worked |= fake_look_at_queues(fake);
		worked |= fake_finish(fake);
	}
	pthread_mutex_unlock(&fake->lock);
	return worked;
}

unsigned fake_ctrlr_held(const struct fake_ctrlr *fake)
{
	unsigned count = 0;

	for (unsigned i = 0; i < fake->num_pending; i++) {
		count += fake->pending[i].sqid != 0 && !fake->pending[i].done;
	}
	return count;
}

void fake_ctrlr_release(struct fake_ctrlr *fake, unsigned count)
{
	bool holds = fake->holds_io;

	fake->holds_io = false;
	for (unsigned i = 0; i < fake->num_pending && count > 0; i++) {
		struct fake_command *command = &fake->pending[i];

		if (command->sqid != 0 && !command->done) {
			command->done = fake_command_run(fake, command);
			count--;
		}
	}
	fake->holds_io = holds;
}

bool fake_ctrlr_event(struct fake_ctrlr *fake, uint32_t result)
{
	for (unsigned i = 0; i < fake->num_pending; i++) {
		struct fake_command *command = &fake->pending[i];

		if (command->sqid == 0 && command->sqe.opcode == nvme_admin_async_event &&
		    !command->done) {
			command->done = true;
			command->result = result;
			return true;
		}
	}
	return false;
}
