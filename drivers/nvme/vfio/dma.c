/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool as the device sees it. Region N of the pool lies at iova_base + N * 2 MiB: one window as
 * large as the pool can get, chosen once, so that to find an address is an addition.
 *
 * The window is the lowest that the IOMMU offers, above the first 16 MiB: it fits IOMMUs of few
 * address bits, and on PCs that is memory, never a peer's BAR, so that a switch that routes
 * between its ports without asking the IOMMU cannot take an I/O address for one.
 *
 * A region is mapped before anyone can have memory in it, and unmapped when nobody has any more:
 * added() and removed() run under the pool's lock. One that cannot be mapped (RLIMIT_MEMLOCK) is
 * refused: the pool does without, and its users wait for memory; otherwise requests would fail for
 * where their memory happens to lie. The device learns a region's address only
 * through region_iova, stored (release) after the mapping is made and read (acquire) by whoever
 * builds a command.
 */
#include "drivers/nvme/vfio/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <ebb/log.h>

#define WINDOW_BYTES ((uint64_t)EBB_MEM_REGIONS_MAX * EBB_MEM_REGION_SIZE)
#define WINDOW_MIN   (16ull << 20)
#define INFO_MAX     65536u

uint64_t vfio_dma_place(const struct vfio_iova_range *ranges, unsigned num)
{
	uint64_t best = 0;
	unsigned i;

	for (i = 0; i < num; i++) {
		uint64_t start = ranges[i].start < WINDOW_MIN ? WINDOW_MIN : ranges[i].start;

		start = (start + EBB_MEM_REGION_SIZE - 1) & ~(uint64_t)(EBB_MEM_REGION_SIZE - 1);
		if (start >= ranges[i].start && start <= ranges[i].end &&
		    ranges[i].end - start >= WINDOW_BYTES - 1 && (best == 0 || start < best)) {
			best = start;
		}
	}
	return best;
}

/* Finds the ranges in the chain of capabilities. They are the kernel's words, and yet checked. */
static const struct vfio_iommu_type1_info_cap_iova_range *info_ranges(
	const struct vfio_iommu_type1_info *info)
{
	const char *base = (const char *)info;
	uint32_t offset = (info->flags & VFIO_IOMMU_INFO_CAPS) != 0 ? info->cap_offset : 0;

	while (offset >= sizeof(*info) &&
	       offset + sizeof(struct vfio_iommu_type1_info_cap_iova_range) <= info->argsz) {
		const struct vfio_info_cap_header *header = (const void *)(base + offset);

		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			return (const void *)header;
		}
		if (header->next <= offset) {
			break;
		}
		offset = header->next;
	}
	return NULL;
}

/*
 * Kernels that tell no ranges, before 5.4, are below our floor; without any, all is taken as free.
 */
static uint64_t window_place(const struct vfio_iommu_type1_info *info)
{
	static const struct vfio_iova_range all = {.start = 0, .end = (1ull << 39) - 1};
	const struct vfio_iommu_type1_info_cap_iova_range *cap = info_ranges(info);
	size_t room;

	if (cap == NULL) {
		return vfio_dma_place(&all, 1);
	}
	room = info->argsz - (size_t)((const char *)cap->iova_ranges - (const char *)info);
	return vfio_dma_place(cap->iova_ranges,
			      cap->nr_iovas < room / sizeof(struct vfio_iova_range)
				      ? cap->nr_iovas
				      : (unsigned)(room / sizeof(struct vfio_iova_range)));
}

static int window_choose(struct vfio_kernel_device *device, const struct vfio_error *error)
{
	struct vfio_iommu_type1_info *info = calloc(1, INFO_MAX);
	int rc = 0;

	if (info == NULL) {
		return vfio_error_set(error, -ENOMEM, "%s: out of memory", device->device.bdf);
	}
	info->argsz = INFO_MAX;
	if (ioctl(device->container_fd, VFIO_IOMMU_GET_INFO, info) < 0) {
		rc = vfio_error_set(error, -errno, "%s: the IOMMU does not tell what it can: %s",
				    device->device.bdf, strerror(errno));
	} else {
		info->argsz = info->argsz < INFO_MAX ? info->argsz : INFO_MAX;
		device->iova_base = window_place(info);
		if (device->iova_base == 0) {
			rc = vfio_error_set(error, -ERANGE,
					    "%s: its IOMMU has no %" PRIu64
					    " MiB of addresses in one "
					    "piece for the buffer pool",
					    device->device.bdf, WINDOW_BYTES >> 20);
		}
	}
	free(info);
	return rc;
}

static uint64_t region_address(const struct vfio_kernel_device *device, unsigned index)
{
	return device->iova_base + (uint64_t)index * EBB_MEM_REGION_SIZE;
}

/* What RLIMIT_MEMLOCK is, and how much would do. */
static void memlock_text(char *text, size_t size)
{
	unsigned long locked_kib = 0;
	struct ebb_mem_stats stats;
	struct rlimit limit;
	char line[128];
	FILE *file = fopen("/proc/self/status", "re");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "VmLck: %lu kB", &locked_kib) == 1) {
			break;
		}
	}
	if (file != NULL) {
		fclose(file);
	}
	ebb_mem_get_stats(&stats);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	snprintf(text, size,
		 "RLIMIT_MEMLOCK is %" PRIu64 " KiB, of which %lu KiB are used, and each device "
		 "needs the whole buffer pool, now %zu KiB and at most %u KiB: raise LimitMEMLOCK= "
		 "(ulimit -l) by %u KiB for each",
		 (uint64_t)limit.rlim_cur >> 10, locked_kib, stats.mapped_bytes >> 10,
		 (unsigned)(WINDOW_BYTES >> 10), (unsigned)(WINDOW_BYTES >> 10));
}

/* Once for each device. The pool's lock is held: nothing is asked of it, or of a file, here. */
static void dma_refused(struct vfio_kernel_device *device, int rc)
{
	struct rlimit limit;
	unsigned mapped = 0;

	if (device->refused) {
		return;
	}
	device->refused = true;
	for (unsigned i = 0; i < EBB_MEM_REGIONS_MAX; i++) {
		mapped += atomic_load_explicit(&device->device.region_iova[i],
					       memory_order_relaxed) != 0;
	}
	getrlimit(RLIMIT_MEMLOCK, &limit);
	ebb_warn("vfio",
		 "%s: the buffer pool cannot grow, for its memory cannot be mapped for the device "
		 "(%s): it stays at %u MiB, and I/O waits for buffers. RLIMIT_MEMLOCK is %" PRIu64
		 " KiB, and each device may need %u KiB of it: raise LimitMEMLOCK= (ulimit -l)",
		 device->device.bdf, strerror(-rc), 2 * mapped, (uint64_t)limit.rlim_cur >> 10,
		 (unsigned)(WINDOW_BYTES >> 10));
}

/* Under the pool's lock. */
static int dma_added(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region)
{
	struct vfio_kernel_device *device =
		ebb_container_of(subscriber, struct vfio_kernel_device, subscriber);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)region->base,
		.iova = region_address(device, region->index),
		.size = EBB_MEM_REGION_SIZE,
	};

	if (ioctl(device->container_fd, VFIO_IOMMU_MAP_DMA, &map) < 0) {
		int rc = -errno;

		if (device->subscribed) {
			dma_refused(device, rc);
		}
		return rc;
	}
	atomic_store_explicit(&device->device.region_iova[region->index], map.iova,
			      memory_order_release);
	return 0;
}

/* Under the pool's lock; nobody has memory of the region. */
static void dma_removed(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region)
{
	struct vfio_kernel_device *device =
		ebb_container_of(subscriber, struct vfio_kernel_device, subscriber);
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = region_address(device, region->index),
		.size = EBB_MEM_REGION_SIZE,
	};

	atomic_store_explicit(&device->device.region_iova[region->index], 0, memory_order_relaxed);
	if (ioctl(device->container_fd, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0) {
		ebb_error("vfio", "%s: a region of the buffer pool cannot be unmapped: %s",
			  device->device.bdf, strerror(errno));
	}
	ebb_mem_region_released(subscriber, region);
}

int vfio_dma_init(struct vfio_kernel_device *device, const struct vfio_error *error)
{
	char remedy[400];
	int rc = window_choose(device, error);

	if (rc < 0) {
		return rc;
	}
	device->subscriber.added = dma_added;
	device->subscriber.removed = dma_removed;
	rc = ebb_mem_subscribe(&device->subscriber);
	if (rc == 0) {
		device->subscribed = true;
		return 0;
	}
	if (rc == -ENOMEM) {
		memlock_text(remedy, sizeof(remedy));
		return vfio_error_set(error, -ENOMEM, "%s: memory cannot be mapped for it: %s",
				      device->device.bdf, remedy);
	}
	return vfio_error_set(error, rc, "%s: memory cannot be mapped for it: %s",
			      device->device.bdf, strerror(-rc));
}

void vfio_dma_fini(struct vfio_kernel_device *device)
{
	if (device->subscribed) {
		ebb_mem_unsubscribe(&device->subscriber);
	}
}
