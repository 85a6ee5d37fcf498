/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_REGS_H
#define DRIVERS_NVME_VFIO_REGS_H

/* A controller's registers: 64-bit ones as two halves, which every controller takes. */

#include <stdbool.h>
#include <stdint.h>

#include <nvme/types.h>

#include "drivers/nvme/vfio/device.h"

/* NVMe over PCIe Transport 1.0, 3.1.2.1: doorbells begin here. */
#define VFIO_REG_DOORBELLS 0x1000u

/* What a register of a function that has gone reads as. */
#define VFIO_REG_GONE UINT32_MAX

static inline volatile uint32_t *vfio_reg(const struct vfio_device *device, unsigned offset)
{
	return (volatile uint32_t *)((volatile char *)device->bar0 + offset);
}

static inline uint32_t vfio_read32(const struct vfio_device *device, unsigned offset)
{
	return *vfio_reg(device, offset);
}

static inline uint64_t vfio_read64(const struct vfio_device *device, unsigned offset)
{
	uint64_t low = vfio_read32(device, offset);

	return low | (uint64_t)vfio_read32(device, offset + 4) << 32;
}

/*
 * A store to a register after all stores to memory before it. The processor keeps that order on
 * x86, where only the compiler has to be told; elsewhere memory and devices need a barrier.
 */
static inline void vfio_store_reg(volatile uint32_t *reg, uint32_t value)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshst" ::: "memory");
#elif defined(__x86_64__)
	__asm__ volatile("" ::: "memory");
#else
	__sync_synchronize();
#endif
	*reg = value;
}

static inline void vfio_write32(const struct vfio_device *device, unsigned offset, uint32_t value)
{
	vfio_store_reg(vfio_reg(device, offset), value);
}

static inline void vfio_write64(const struct vfio_device *device, unsigned offset, uint64_t value)
{
	vfio_write32(device, offset, (uint32_t)value);
	vfio_write32(device, offset + 4, (uint32_t)(value >> 32));
}

#endif
