/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_DOORBELL_H
#define DRIVERS_NVME_VFIO_DOORBELL_H

/*
 * Doorbells, and their shadows (NVMe Base 2.0, 5.8 "Doorbell Buffer Config command").
 *
 * An emulated controller, for which a register write is an exit from the guest, may offer a page of
 * shadow doorbells, which the host writes instead, and a page of event indexes, by which it says
 * up to which value it looks by itself. The register is written only if the new value has gone past
 * the event index, that is if the controller has stopped looking:
 *
 *	host                              controller, out of work
 *	shadow = new (exchange)           event index = what it has seen
 *	read the event index              read the shadow once more
 *
 * Each writes its own word and then reads the other's, so at least one sees the other: either the
 * controller finds the new value, or the host finds the event index and rings. This takes the store
 * to be visible before the load is done, which a release store is not: hence the exchange, which on
 * x86 costs no more than a fence. The submission queue entries come before either in any case.
 *
 * What they cost is on the controller's side. QEMU's (7.2) reads the shadow and writes the event
 * index for each command that it takes and each completion that it posts, all of it through its
 * IOMMU: four accesses for a request, beside the two of its queue entries. What they save a driver
 * that rings once for a batch is little, and the first request of an idle controller is always rung
 * for. So with QEMU they are slower at every depth above 1, and are not used unless a user asks.
 */

#include <stdatomic.h>
#include <stddef.h>

#include <ebb/base.h>

#include "drivers/nvme/vfio/regs.h"

struct vfio_doorbell {
	volatile uint32_t *reg;
	_Atomic uint32_t *shadow; /* NULL: there are none */
	_Atomic uint32_t *event;
};

/* Has [@old, @new) gone past @event? All are counts modulo the queue's size, 16 bits of them. */
static inline bool vfio_doorbell_passed(uint16_t event, uint16_t new, uint16_t old)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* As a queue begins: whoever had its number before has left its values there. */
static inline void vfio_doorbell_reset(const struct vfio_doorbell *doorbell)
{
	if (doorbell->shadow != NULL) {
		atomic_store(doorbell->shadow, 0);
		atomic_store(doorbell->event, 0);
	}
}

/* Return: true if the register has been written. */
static inline bool vfio_doorbell_ring(const struct vfio_doorbell *doorbell, uint32_t value)
{
	if (ebb_unlikely(doorbell->shadow != NULL)) {
		/* Pairs with the controller's store of the event index: see above. */
		uint32_t old =
			atomic_exchange_explicit(doorbell->shadow, value, memory_order_seq_cst);
		uint32_t event = atomic_load_explicit(doorbell->event, memory_order_seq_cst);

		if (!vfio_doorbell_passed((uint16_t)event, (uint16_t)value, (uint16_t)old)) {
			return false;
		}
	}
	vfio_store_reg(doorbell->reg, value);
	return true;
}

#endif
