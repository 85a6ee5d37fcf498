/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/numbers.h"

#include <errno.h>

void vfio_numbers_init(struct vfio_numbers *numbers)
{
	*numbers = (struct vfio_numbers){0};
	pthread_mutex_init(&numbers->lock, NULL);
}

void vfio_numbers_fini(struct vfio_numbers *numbers)
{
	pthread_mutex_destroy(&numbers->lock);
}

void vfio_numbers_lock(struct vfio_numbers *numbers)
{
	pthread_mutex_lock(&numbers->lock);
}

void vfio_numbers_unlock(struct vfio_numbers *numbers)
{
	pthread_mutex_unlock(&numbers->lock);
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

static void number_put(uint64_t *used, uint16_t number)
{
	if (number != 0) {
		*used &= ~(1ull << (number - 1));
	}
}

int vfio_numbers_take(struct vfio_numbers *numbers, uint32_t reactors,
		      struct vfio_queue_numbers *ret_taken)
{
	struct vfio_queue_numbers taken = {0};
	uint32_t spare;

	if (numbers->closed) {
		return -ENODEV;
	}
	taken.vector = number_take(&numbers->vectors, numbers->num_vectors - 1);
	taken.irq_qid = taken.vector != 0 ? number_take(&numbers->qids, numbers->granted) : 0;
	spare = numbers->granted - (uint32_t)__builtin_popcountll(numbers->qids);
	if (taken.irq_qid == 0 || spare > reactors) {
		taken.polled_qid = number_take(&numbers->qids, numbers->granted);
	}
	if (taken.irq_qid == 0 && taken.polled_qid == 0) {
		number_put(&numbers->vectors, taken.vector);
		return -ENOSPC;
	}
	*ret_taken = taken;
	return 0;
}

void vfio_numbers_put(struct vfio_numbers *numbers, const struct vfio_queue_numbers *taken)
{
	vfio_numbers_lock(numbers);
	number_put(&numbers->vectors, taken->vector);
	number_put(&numbers->qids, taken->irq_qid);
	number_put(&numbers->qids, taken->polled_qid);
	vfio_numbers_unlock(numbers);
}

void vfio_numbers_close(struct vfio_numbers *numbers)
{
	vfio_numbers_lock(numbers);
	numbers->closed = true;
	vfio_numbers_unlock(numbers);
}
