/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making lanes, and what they need of the controller: identifiers of queues, and vectors. A lane
 * takes a pair that interrupts first, for a reactor cannot sleep without; and a second, polled, one
 * if that leaves a pair for each reactor, so that the first threads do not use up what later ones
 * need. Without a vector it has the polled one alone, and keeps its reactor awake.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "drivers/nvme/vfio/ctrlr.h"

/* Lists of a lane, shared by its pairs: commands of more than two pages under way. */
#define LANE_LISTS 64u

void vfio_queue_doorbells(struct vfio_ctrlr *c, struct vfio_qpair *pair)
{
	uint32_t offset = 2u * pair->qid * c->doorbell_step;
	bool shadows = pair->qid != 0 && c->shadows;
	char *shadow = c->shadow_memory + offset;

	pair->sq_doorbell = (struct vfio_doorbell){
		.reg = vfio_reg(c->device, VFIO_REG_DOORBELLS + offset),
		.shadow = shadows ? (void *)shadow : NULL,
		.event = shadows ? (void *)(shadow + VFIO_PAGE) : NULL,
	};
	pair->cq_doorbell = (struct vfio_doorbell){
		.reg = vfio_reg(c->device, VFIO_REG_DOORBELLS + offset + c->doorbell_step),
		.shadow = shadows ? (void *)(shadow + c->doorbell_step) : NULL,
		.event = shadows ? (void *)(shadow + c->doorbell_step + VFIO_PAGE) : NULL,
	};
}

/* Takes the lowest of @count numbers that is free in @used. Return: it, from 1; 0: none is. */
static uint16_t number_take(uint64_t *used, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < 64; i++) {
		if ((*used & 1ull << i) == 0) {
			*used |= 1ull << i;
			return (uint16_t)(i + 1);
		}
	}
	return 0;
}

static void number_put(struct vfio_ctrlr *c, uint64_t *used, uint16_t number)
{
	if (number != 0) {
		pthread_mutex_lock(&c->lock);
		*used &= ~(1ull << (number - 1));
		pthread_mutex_unlock(&c->lock);
	}
}

static uint32_t count_reactors(void)
{
	unsigned count = 0;

	while (ebb_reactor_core(count) >= 0) {
		count++;
	}
	return count;
}

/* Return: false: there is not even one queue pair. Under the lock. */
static bool lane_take_numbers(struct vfio_lane *lane, uint16_t qids[VFIO_FACES])
{
	struct vfio_ctrlr *c = lane->ctrlr;
	uint32_t spare;

	lane->vector = number_take(&c->vectors, c->num_vectors - 1);
	qids[VFIO_WOKEN] = lane->vector != 0 ? number_take(&c->qids, c->granted) : 0;
	spare = c->granted - (uint32_t)__builtin_popcountll(c->qids);
	if (qids[VFIO_WOKEN] == 0 || spare > count_reactors()) {
		qids[VFIO_POLLED] = number_take(&c->qids, c->granted);
	}
	return qids[VFIO_WOKEN] != 0 || qids[VFIO_POLLED] != 0;
}

static int lane_make_pair(struct vfio_lane *lane, enum vfio_face face, uint16_t qid)
{
	struct vfio_ctrlr *c = lane->ctrlr;
	uint32_t cq_depth = face == VFIO_POLLED ? 2 * c->depth : c->depth;
	struct vfio_qpair_opts opts = {
		.device = c->device,
		.lists = &lane->lists,
		.qid = qid,
		.depth = (uint16_t)c->depth,
		.sgl = c->sgl,
	};
	int rc;

	cq_depth = cq_depth > c->mqes ? c->mqes : cq_depth;
	opts.cq_depth = (uint16_t)cq_depth;
	opts.cq_lazy = (uint16_t)((cq_depth - c->depth) / 2);
	rc = vfio_qpair_init(&lane->pairs[face], &opts);
	if (rc == 0) {
		lane->present |= EBB_BIT(face);
	}
	return rc;
}

static int lane_make(struct vfio_lane *lane, const uint16_t qids[VFIO_FACES])
{
	int rc = vfio_data_lists_init(&lane->lists, lane->ctrlr->device, LANE_LISTS,
				      lane->ctrlr->io_bytes);

	lane->pause_ns = lane->ctrlr->pause_ns;
	for (enum vfio_face face = 0; face < VFIO_FACES && rc == 0; face++) {
		if (qids[face] != 0) {
			rc = lane_make_pair(lane, face, qids[face]);
		}
	}
	if (rc == 0 && qids[VFIO_WOKEN] != 0) {
		lane->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		rc = lane->event_fd < 0 ? -errno : 0;
	}
	return rc != 0 ? rc : vfio_ladder_init(lane);
}

void vfio_lane_free(struct vfio_lane *lane)
{
	struct vfio_ctrlr *c = lane->ctrlr;

	for (enum vfio_face face = 0; face < VFIO_FACES; face++) {
		if (lane->pairs[face].sq != NULL) {
			number_put(c, &c->qids, lane->pairs[face].qid);
			vfio_qpair_fini(&lane->pairs[face]);
		}
	}
	number_put(c, &c->vectors, lane->vector);
	if (lane->lists.memory != NULL) {
		vfio_data_lists_fini(&lane->lists);
	}
	if (lane->event_fd >= 0) {
		close(lane->event_fd);
	}
	free(lane);
}

static struct vfio_lane *lane_alloc(struct vfio_ctrlr *c)
{
	struct vfio_lane *lane = aligned_alloc(_Alignof(struct vfio_lane), sizeof(*lane));

	if (lane == NULL) {
		return NULL;
	}
	memset(lane, 0, sizeof(*lane));
	lane->base.transport = c->ctrlr->transport;
	lane->base.ctrlr = c->ctrlr;
	lane->ctrlr = c;
	lane->thread = ebb_thread_current();
	lane->event_fd = -1;
	lane->held = true;
	lane->turn_end.fn = vfio_lane_turn_end;
	ebb_list_init(&lane->waiting);
	ebb_list_init(&lane->taken_back);
	ebb_list_init(&lane->given_up);
	ebb_list_init(&lane->link);
	for (enum vfio_face face = 0; face < VFIO_FACES; face++) {
		ebb_list_init(&lane->pairs[face].aborted);
	}
	return lane;
}

static int lane_fail_create(struct vfio_lane *lane, const uint16_t qids[VFIO_FACES], int rc)
{
	struct vfio_ctrlr *c = lane->ctrlr;

	for (enum vfio_face face = 0; face < VFIO_FACES; face++) {
		if (lane->pairs[face].sq == NULL) {
			number_put(c, &c->qids, qids[face]);
		}
	}
	vfio_lane_free(lane);
	return rc;
}

static int lane_refuse(const struct vfio_lane *lane)
{
	ebb_error("nvme",
		  "%s: thread '%s' gets no queue: all %u I/O queue pairs are in use by other "
		  "threads: run on fewer CPUs (--cpumask), or raise num_io_queues if it is that",
		  vfio_ctrlr_name(lane->ctrlr), ebb_thread_name(lane->thread),
		  lane->ctrlr->granted);
	return -ENOSPC;
}

int vfio_queue_create(struct ebb_nvme_ctrlr *ctrlr, struct ebb_nvme_queue **ret_queue)
{
	struct vfio_ctrlr *c = vfio_ctrlr_of(ctrlr);
	struct vfio_lane *lane = lane_alloc(c);
	uint16_t qids[VFIO_FACES] = {0};
	int rc = -ENODEV;

	if (lane == NULL) {
		return -ENOMEM;
	}
	pthread_mutex_lock(&c->lock);
	if (!c->closed) {
		rc = lane_take_numbers(lane, qids) ? lane_make(lane, qids) : lane_refuse(lane);
	}
	pthread_mutex_unlock(&c->lock);
	if (rc != 0) {
		return lane_fail_create(lane, qids, rc);
	}
	lane->connected = lane->present;
	vfio_lane_choose(lane, false);
	lane->base.wake_fd = lane->event_fd;
	ebb_msg_init(&lane->hello_msg, vfio_connect_hello, lane);
	ebb_thread_send(ebb_thread_app(), &lane->hello_msg);
	*ret_queue = &lane->base;
	return 0;
}

void vfio_queue_destroy(struct ebb_nvme_queue *queue)
{
	struct vfio_lane *lane = ebb_container_of(queue, struct vfio_lane, base);

	ebb_assert(vfio_lane_idle(lane));
	vfio_ladder_fini(lane);
	lane->gone = true;
	lane->live = false;
	lane->held = true;
	ebb_msg_init(&lane->bye_msg, vfio_connect_bye, lane);
	if (!lane->ringing) { /* otherwise the turn's end still comes by */
		ebb_thread_send(ebb_thread_app(), &lane->bye_msg);
	}
}
