/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_NUMBERS_H
#define DRIVERS_NVME_VFIO_NUMBERS_H

/*
 * What queues take of a controller: identifiers of queue pairs, and interrupt vectors. Queues are
 * created on their own threads, and a creation that finds nothing left has to fail at once, so this
 * is under a lock and not in messages. Whoever creates a queue keeps the lock meanwhile: until then
 * the device is not closed, and what queues are made by (struct vfio_queue_shape) does not change.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ebb/base.h>

#define VFIO_QUEUES_MAX 64u /* I/O queue pairs that are asked for */

/* What a queue of this controller is made like. */
struct vfio_queue_shape {
	uint32_t depth;       /* entries of a submission queue */
	uint32_t entries_max; /* that a queue can have */
	uint32_t io_bytes;    /* of the longest command */
	uint32_t pause_ns;    /* from an answer to the next doorbell, while polling */
	bool sgl;
};

struct vfio_numbers {
	pthread_mutex_t lock;
	bool closed;      /* no queue can be created any more */
	uint32_t granted; /* I/O queue pairs */
	uint32_t num_vectors;
	uint64_t qids;    /* in use; bit n: queue n + 1 */
	uint64_t vectors; /* in use; bit n: vector n + 1 */
	struct vfio_queue_shape shape;
};

/* The numbers of one queue; 0: it has none of these. */
struct vfio_queue_numbers {
	uint16_t vector;
	uint16_t irq_qid;
	uint16_t polled_qid;
};

void vfio_numbers_init(struct vfio_numbers *numbers);
void vfio_numbers_fini(struct vfio_numbers *numbers);

/* Whoever changes what the lock protects, or creates a queue. Thread: any. */
void vfio_numbers_lock(struct vfio_numbers *numbers);
void vfio_numbers_unlock(struct vfio_numbers *numbers);

/**
 * vfio_numbers_take() - numbers for one more queue
 * It gets a pair that interrupts, for a reactor cannot sleep without; and a second, polled, one if
 * that leaves a pair for each of the @reactors, so that the first threads do not use up what later
 * ones need. Without a vector it gets the polled one alone.
 * Thread: any, under the lock.
 * Return: 0; -ENODEV closed; -ENOSPC there is not even one queue pair (a vector is put back).
 */
int vfio_numbers_take(struct vfio_numbers *numbers, uint32_t reactors,
		      struct vfio_queue_numbers *ret_taken);

/* Thread: any, without the lock. */
void vfio_numbers_put(struct vfio_numbers *numbers, const struct vfio_queue_numbers *taken);

/* No queue can be created from now on, and none is being. Thread: any, without the lock. */
void vfio_numbers_close(struct vfio_numbers *numbers);

#endif
