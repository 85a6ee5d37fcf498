/* SPDX-License-Identifier: Apache-2.0 */
/* What the fake controller's commands do. */
#include "tests/unit/drivers/nvme/vfio/fake_internal.h"

#include <stdlib.h>
#include <string.h>

#define INVALID_OPCODE NVME_SC_INVALID_OPCODE
#define INVALID_FIELD  NVME_SC_INVALID_FIELD

static void identify(struct fake_ctrlr *fake, struct fake_command *command)
{
	char page[VFIO_PAGE] = {0};
	struct fake_data data;

	switch (command->sqe.cdw10 & 0xff) {
	case NVME_IDENTIFY_CNS_NS: {
		struct nvme_id_ns *ns = (struct nvme_id_ns *)page;

		ns->nsze = FAKE_BLOCKS;
		ns->ncap = FAKE_BLOCKS;
		ns->nuse = FAKE_BLOCKS;
		ns->lbaf[0].ds = 9;
		break;
	}
	case NVME_IDENTIFY_CNS_CTRL:
		memcpy(page, &fake->id, sizeof(fake->id));
		break;
	case NVME_IDENTIFY_CNS_NS_ACTIVE_LIST:
		*(uint32_t *)page = command->sqe.nsid == 0 ? 1 : 0;
		break;
	case NVME_IDENTIFY_CNS_NS_DESC_LIST:
		break;
	default:
		command->status = INVALID_FIELD;
		return;
	}
	fake_data_find(fake, command, sizeof(page), &data);
	fake_data_copy(&data, page, sizeof(page), true);
}

/* NVMe Base 2.0, 3.3.3.2: the phase tags are 0 before the queue is created. */
static void check_phases(struct fake_ctrlr *fake, const struct fake_queue *queue)
{
	const struct vfio_cqe *entries = (const void *)queue->memory;

	for (uint32_t i = 0; entries != NULL && i < queue->size; i++) {
		if (VFIO_CQE_PHASE(atomic_load(&entries[i].tail)) != 0) {
			fake_wrong(fake, "a completion queue whose entry %u looks new", i);
			return;
		}
	}
}

static void create(struct fake_ctrlr *fake, struct fake_command *command, bool completion)
{
	const struct vfio_sqe *sqe = &command->sqe;
	unsigned qid = sqe->cdw10 & 0xffff;
	uint32_t size = (sqe->cdw10 >> 16) + 1;
	struct fake_queue *queue = completion ? &fake->cq[qid] : &fake->sq[qid];

	if (qid == 0 || qid > fake->granted || queue->exists || (sqe->cdw11 & 1) == 0) {
		command->status = NVME_SCT_CMD_SPECIFIC << 8 | NVME_SC_QID_INVALID;
		return;
	}
	*queue = (struct fake_queue){
		.exists = true,
		.size = size,
		.memory = fake_memory(fake, sqe->prp1, (size_t)size * (completion ? 16 : 64)),
		.phase = 1,
	};
	*fake_doorbell(fake, qid, completion) = FAKE_DOORBELL_QUIET;
	if (completion) {
		queue->interrupts = (sqe->cdw11 & 2) != 0;
		queue->vector = (uint16_t)(sqe->cdw11 >> 16);
		check_phases(fake, queue);
	} else {
		queue->cqid = (uint16_t)(sqe->cdw11 >> 16);
		if (!fake->cq[queue->cqid].exists) {
			fake_wrong(fake, "a submission queue without a completion queue");
		}
	}
}

static void delete (struct fake_ctrlr *fake, struct fake_command *command, bool completion)
{
	unsigned qid = command->sqe.cdw10 & 0xffff;
	struct fake_queue *queue = completion ? &fake->cq[qid] : &fake->sq[qid];

	if (qid == 0 || qid > fake->granted || !queue->exists) {
		command->status = NVME_SCT_CMD_SPECIFIC << 8 | NVME_SC_QID_INVALID;
		return;
	}
	if (completion && fake->sq[qid].exists) {
		fake_wrong(fake, "completion queue %u is deleted before its submission queue", qid);
	}
	queue->exists = false;
}

static void set_features(struct fake_ctrlr *fake, struct fake_command *command)
{
	if ((command->sqe.cdw10 & 0xff) == NVME_FEAT_FID_NUM_QUEUES) {
		command->result = (fake->granted - 1) | (fake->granted - 1) << 16;
	}
}

static void abort_command(struct fake_ctrlr *fake, struct fake_command *command)
{
	uint16_t sqid = (uint16_t)command->sqe.cdw10;
	uint16_t cid = (uint16_t)(command->sqe.cdw10 >> 16);

	fake->aborts++;
	command->result = 1;
	for (unsigned i = 0; fake->abort_works && i < fake->num_pending; i++) {
		struct fake_command *other = &fake->pending[i];

		if (other->sqid == sqid && other->sqe.cid == cid && !other->done) {
			other->done = true;
			other->status = NVME_SC_ABORT_REQ;
			command->result = 0;
		}
	}
}

static void doorbell_buffers(struct fake_ctrlr *fake, struct fake_command *command)
{
	fake->shadow = fake_memory(fake, command->sqe.prp1, VFIO_PAGE);
	fake->event = fake_memory(fake, command->sqe.prp2, VFIO_PAGE);
	if ((command->sqe.prp1 | command->sqe.prp2) % VFIO_PAGE != 0) {
		fake_wrong(fake, "doorbell buffers inside a page");
	}
}

static void get_log(struct fake_ctrlr *fake, struct fake_command *command)
{
	size_t len_bytes = ((size_t)(command->sqe.cdw10 >> 16) + 1) * 4;
	char *zeroes = calloc(1, len_bytes);
	struct fake_data data;

	fake_data_find(fake, command, len_bytes, &data);
	fake_data_copy(&data, zeroes, len_bytes, true);
	free(zeroes);
}

static bool admin_run(struct fake_ctrlr *fake, struct fake_command *command)
{
	uint8_t opcode = command->sqe.opcode;

	if (fake->refuses && opcode == fake->refuse_opcode) {
		fake->refusals++;
		command->status = INVALID_FIELD;
		return true;
	}
	switch (opcode) {
	case nvme_admin_async_event:
		fake->aers++;
		return false;
	case nvme_admin_abort_cmd:
		abort_command(fake, command);
		return true;
	default:
		break;
	}
	if (fake->holds_admin) {
		return false;
	}
	switch (opcode) {
	case nvme_admin_identify:
		identify(fake, command);
		break;
	case nvme_admin_set_features:
		set_features(fake, command);
		break;
	case nvme_admin_get_features:
		break;
	case nvme_admin_create_cq:
	case nvme_admin_create_sq:
		create(fake, command, opcode == nvme_admin_create_cq);
		break;
	case nvme_admin_delete_cq:
	case nvme_admin_delete_sq:
		delete (fake, command, opcode == nvme_admin_delete_cq);
		break;
	case nvme_admin_dbbuf:
		doorbell_buffers(fake, command);
		break;
	case nvme_admin_get_log_page:
		get_log(fake, command);
		break;
	default:
		command->status = INVALID_OPCODE;
	}
	return true;
}

static void transfer(struct fake_ctrlr *fake, struct fake_command *command)
{
	uint64_t lba = command->sqe.cdw10 | (uint64_t)command->sqe.cdw11 << 32;
	uint32_t blocks = (command->sqe.cdw12 & 0xffff) + 1;
	struct fake_data data;

	if (lba + blocks > FAKE_BLOCKS) {
		command->status = NVME_SC_LBA_RANGE;
		return;
	}
	fake_data_find(fake, command, (size_t)blocks * FAKE_BLOCK, &data);
	fake_data_copy(&data, fake->disk + lba * FAKE_BLOCK, (size_t)blocks * FAKE_BLOCK,
		       command->sqe.opcode == nvme_cmd_read);
	fake->reads += command->sqe.opcode == nvme_cmd_read;
	fake->writes += command->sqe.opcode == nvme_cmd_write;
}

static void write_zeroes(struct fake_ctrlr *fake, struct fake_command *command)
{
	uint64_t lba = command->sqe.cdw10 | (uint64_t)command->sqe.cdw11 << 32;
	uint32_t blocks = (command->sqe.cdw12 & 0xffff) + 1;

	if (lba + blocks > FAKE_BLOCKS) {
		command->status = NVME_SC_LBA_RANGE;
		return;
	}
	memset(fake->disk + lba * FAKE_BLOCK, 0, (size_t)blocks * FAKE_BLOCK);
}

static bool io_run(struct fake_ctrlr *fake, struct fake_command *command)
{
	if (fake->holds_few > 0) {
		fake->holds_few--;
		return false;
	}
	if (fake->holds_io) {
		return false;
	}
	command->status = fake->io_status;
	fake->io_status = 0;
	if (command->status != 0) {
		return true;
	}
	if (command->sqe.nsid != 1) {
		command->status = NVME_SC_INVALID_NS;
		return true;
	}
	switch (command->sqe.opcode) {
	case nvme_cmd_read:
	case nvme_cmd_write:
		transfer(fake, command);
		break;
	case nvme_cmd_write_zeroes:
		write_zeroes(fake, command);
		break;
	case nvme_cmd_flush:
	case nvme_cmd_dsm:
		break;
	default:
		command->status = INVALID_OPCODE;
	}
	return true;
}

bool fake_command_run(struct fake_ctrlr *fake, struct fake_command *command)
{
	return command->sqid == 0 ? admin_run(fake, command) : io_run(fake, command);
}
