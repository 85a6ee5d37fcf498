/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/limits.h"

#include <stdlib.h>

#include "drivers/nvme/host/sysfs.h"
#include "drivers/nvme/host/topology.h"

/*
 * Where sysfs is silent: what every controller takes (one page more than a page-aligned 128 KiB).
 */
#define DEFAULT_IO_BYTES (128u << 10)
#define DEFAULT_SEGMENTS 33u
#define DEFAULT_ALIGN    4u
#define PAGE_BYTES       4096u
#define VECTOR_MAX       1024u /* UIO_MAXIOV */

/* A number of the queue's, or @missing. */
static uint32_t read_number(const char *root, const char *block, const char *name, uint32_t missing)
{
	unsigned long long value;
	char text[32], *end;

	if (host_sysfs_read(text, sizeof(text), "%s/sys/class/block/%s/queue/%s", root, block,
			    name) < 0) {
		return missing;
	}
	value = strtoull(text, &end, 10);
	if (end == text || value > UINT32_MAX) {
		return missing;
	}
	return (uint32_t)value;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

void uring_limits_read(const char *root, const char *block, struct uring_limits *ret_limits)
{
	uint32_t kib = read_number(root, block, "max_hw_sectors_kb", DEFAULT_IO_BYTES >> 10);
	uint32_t segments = read_number(root, block, "max_segments", DEFAULT_SEGMENTS);
	uint32_t align = read_number(root, block, "dma_alignment", DEFAULT_ALIGN - 1) + 1;
	uint32_t boundary = read_number(root, block, "virt_boundary_mask", PAGE_BYTES - 1);
	uint32_t requests = read_number(root, block, "nr_requests", 0);

	*ret_limits = (struct uring_limits){
		.max_segments = segments < 2 ? 1 : least(segments, VECTOR_MAX),
		.buf_align = (align & (align - 1)) == 0 && align <= PAGE_BYTES ? align : PAGE_BYTES,
		.page_bytes = boundary == 0 ? 0 : boundary + 1,
		/* Others submit to the kernel's queue too. */
		.depth = requests == 1 ? 1 : requests / 2,
		.polled = read_number(root, block, "io_poll", 0) == 1,
	};
	/*
	 * The kernel counts pages that do not follow each other as segments. Data that begins
	 * inside a page has one more.
	 */
	ret_limits->max_io_bytes =
		least(kib > UINT32_MAX >> 10 ? UINT32_MAX : kib << 10,
		      ret_limits->max_segments < 2 ? PAGE_BYTES
						   : (ret_limits->max_segments - 1) * PAGE_BYTES);
}

struct limits_scan {
	const char *root;
	struct uring_limits *limits;
	bool any;
};

static int limits_scan_ns(const struct host_sysfs_ns *ns, void *arg)
{
	struct limits_scan *scan = arg;
	struct uring_limits *all = scan->limits, one;

	uring_limits_read(scan->root, ns->block, &one);
	if (!scan->any) {
		*all = one;
		scan->any = true;
		return 0;
	}
	all->max_io_bytes = least(all->max_io_bytes, one.max_io_bytes);
	all->max_segments = least(all->max_segments, one.max_segments);
	all->depth = least(all->depth, one.depth);
	all->buf_align = all->buf_align > one.buf_align ? all->buf_align : one.buf_align;
	all->page_bytes = all->page_bytes > one.page_bytes ? all->page_bytes : one.page_bytes;
	all->polled |= one.polled;
	return 0;
}

void uring_limits_of_ctrlr(const char *root, const char *ctrlr, struct uring_limits *ret_limits)
{
	struct limits_scan scan = {.root = root, .limits = ret_limits};

	host_topology_namespaces(root, ctrlr, limits_scan_ns, &scan);
	if (!scan.any) {
		uring_limits_read(root, "-", ret_limits);
	}
}
