/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/namespace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include <nvme/types.h>

#include "drivers/nvme/channel.h"
#include "drivers/nvme/describe.h"
#include "drivers/nvme/path.h"

/* What an NLB field of 16 bits can say (zero's based). */
#define NLB_MAX 65536u
/* A dataset management command has up to 256 ranges (NVM Command Set 1.0, 3.2.3). */
#define DSM_RANGES_MAX 256u
#define FUA_CDW12      EBB_BIT(30)
#define DEAC_CDW12     EBB_BIT(25)
#define PAGE_BYTES_MIN 4096u

static const uint32_t state_next[NVME_NS_STATE_COUNT] = {
	[NVME_NS_OPENING] = EBB_BIT(NVME_NS_ONLINE) | EBB_BIT(NVME_NS_CLOSING),
	[NVME_NS_ONLINE] = EBB_BIT(NVME_NS_LEAVING) | EBB_BIT(NVME_NS_CLOSING),
	[NVME_NS_LEAVING] = EBB_BIT(NVME_NS_CLOSING),
	[NVME_NS_CLOSING] = 0,
};

bool nvme_ns_state_may_follow(enum nvme_ns_state from, enum nvme_ns_state to)
{
	return (state_next[from] & EBB_BIT(to)) != 0;
}

static void state_set(struct nvme_ns *ns, enum nvme_ns_state state)
{
	ebb_assert(nvme_ns_state_may_follow(ns->state, state));
	ns->state = state;
}

struct nvme_ns *nvme_ns_find(struct nvme_drive *drive, uint32_t nsid)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &drive->namespaces) {
		struct nvme_ns *ns = ebb_list_entry(node, struct nvme_ns, link);

		if (ns->nsid == nsid) {
			return ns;
		}
	}
	return NULL;
}

static bool index_taken(const struct nvme_drive *drive, uint32_t index)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &drive->namespaces) {
		if (ebb_list_entry(node, struct nvme_ns, link)->index == index) {
			return true;
		}
	}
	return false;
}

/* Bytes that one command may carry. */
static uint64_t ns_max_bytes(const struct nvme_path *path, uint32_t pages)
{
	uint32_t page = path->limits.min_page_bytes;
	uint64_t bytes = (uint64_t)pages * (page == 0 ? PAGE_BYTES_MIN : page);

	return bytes == 0 ? UINT64_MAX : bytes;
}

static uint32_t blocks_of(const struct nvme_ns_info *info, uint64_t bytes)
{
	uint64_t blocks = bytes / info->block_size;

	return blocks > NLB_MAX ? NLB_MAX : (uint32_t)blocks;
}

static void ns_uuid(const struct nvme_ns_info *info, uint8_t uuid[16])
{
	if (info->has_uuid) {
		memcpy(uuid, info->uuid, sizeof(info->uuid));
	} else if (info->has_nguid) {
		memcpy(uuid, info->nguid, sizeof(info->nguid));
	} else if (info->has_eui64) {
		memcpy(uuid + 8, info->eui64, sizeof(info->eui64));
	}
}

static uint32_t ns_io_types(const struct nvme_ctrlr_info *info)
{
	uint32_t types = EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_WRITE) | EBB_BIT(EBB_BDEV_FLUSH);

	if ((info->oncs & NVME_CTRL_ONCS_DSM) != 0) {
		types |= EBB_BIT(EBB_BDEV_UNMAP);
	}
	if ((info->oncs & NVME_CTRL_ONCS_COMPARE) != 0) {
		types |= EBB_BIT(EBB_BDEV_COMPARE);
	}
	if ((info->oncs & NVME_CTRL_ONCS_WRITE_ZEROES) != 0) {
		types |= EBB_BIT(EBB_BDEV_WRITE_ZEROES);
	}
	return types;
}

/*
 * Where deallocated blocks read as zeroes, write zeroes may deallocate, whether it is told to or not
 * (NVM Command Set 1.0, 3.2.8 "Write Zeroes", DEAC): then it gives no room to what must have some, and
 * the layer writes that. And only what is deallocated is certain to be zero sooner than it is written.
 */
static void ns_describe_holes(struct nvme_ns *ns)
{
	if (ns->info.zeroes_deallocate) {
		ns->deac_cdw12 = DEAC_CDW12;
		ns->bdev.zeroes_unmap = true;
		ns->bdev.zero_flags |= EBB_BDEV_FAST_ZERO;
	}
	if (!ns->info.reads_zero) {
		ns->bdev.zero_flags |= EBB_BDEV_NO_HOLE;
	}
}

/*
 * Without a limit of its own it is that of reads and writes (NVM Command Set 1.0, 4.1.5.4, WZSL).
 */
static void ns_describe_zeroes(struct nvme_ns *ns)
{
	const struct nvme_ctrlr_info *info = &ns->on_path->path->info;
	uint32_t pages = info->wzsl_pages != 0 ? info->wzsl_pages : info->mdts_pages;

	ns->bdev.max_write_zeroes_blocks =
		blocks_of(&ns->info, ns_max_bytes(ns->on_path->path, pages));
	if (ns->bdev.max_write_zeroes_blocks == 0) {
		ns->bdev.io_types &= ~EBB_BIT(EBB_BDEV_WRITE_ZEROES); /* they are written */
	}
	if ((ns->bdev.io_types & EBB_BIT(EBB_BDEV_WRITE_ZEROES)) != 0) {
		ns_describe_holes(ns);
	}
}

static void ns_describe_unmap(struct nvme_ns *ns)
{
	const struct nvme_ctrlr_info *info = &ns->on_path->path->info;
	uint64_t ranges = info->dsm_ranges != 0 ? info->dsm_ranges : DSM_RANGES_MAX;
	uint64_t blocks;

	ns->range_blocks = info->dsm_blocks != 0 ? info->dsm_blocks : UINT32_MAX;
	blocks = ranges * ns->range_blocks;
	if (info->dsm_total != 0 && info->dsm_total < blocks) {
		blocks = info->dsm_total;
	}
	ns->bdev.max_unmap_blocks = blocks;
}

static void ns_close(struct nvme_ns *ns)
{
	state_set(ns, NVME_NS_CLOSING);
	ns->on_path->path->transport->ns_close(ns->on_path);
}

/* The bdev's: no channel of it is left. */
static void ns_destruct(struct ebb_bdev *bdev)
{
	ns_close(ebb_container_of(bdev, struct nvme_ns, bdev));
}

static const struct ebb_bdev_ops bdev_ops = {
	.submit = nvme_io_submit,
	.destruct = ns_destruct,
	.dump_info = nvme_describe_bdev,
};

static void ns_describe(struct nvme_ns *ns)
{
	const struct nvme_path *path = ns->on_path->path;
	const struct nvme_limits *limits = &path->limits;
	const struct nvme_ns_info *info = &ns->info;
	uint64_t max_bytes = ns_max_bytes(path, path->info.mdts_pages);

	if (limits->max_io_bytes != 0 && limits->max_io_bytes < max_bytes) {
		max_bytes = limits->max_io_bytes;
	}
	ns->block_shift = (uint8_t)__builtin_ctz(info->block_size);
	ns->flushes = path->info.volatile_cache;
	ns->fua_cdw12 = ns->flushes ? FUA_CDW12 : 0;
	ns->bdev.product_name = "NVMe disk";
	ns->bdev.block_size = info->block_size;
	ns->bdev.num_blocks = info->num_blocks;
	ns->bdev.read_only = info->write_protected;
	ns->bdev.io_types = ns_io_types(&path->info);
	ns->bdev.fua = true;
	ns->bdev.buf_align = limits->buf_align;
	ns->bdev.max_io_blocks = blocks_of(info, max_bytes);
	ns->bdev.optimal_io_boundary = info->boundary_blocks;
	ns->bdev.max_segments = limits->max_segments;
	ns->bdev.pool_memory = true;
	ns->bdev.segment_align = limits->page_bytes;
	ns_describe_zeroes(ns);
	ns_describe_unmap(ns);
	ns->bdev.io_ctx_size = sizeof(struct nvme_io);
	ns->bdev.ops = &bdev_ops;
	ns->bdev.io_device = ns->drive;
	ns_uuid(info, ns->bdev.uuid);
}

struct nvme_ns *nvme_ns_create(struct nvme_path *path, uint32_t nsid,
			       const struct nvme_ns_info *info)
{
	struct nvme_path_ns *on_path = calloc(1, sizeof(*on_path));
	struct nvme_ns *ns = calloc(1, sizeof(*ns));
	struct nvme_drive *drive = path->drive;
	char *name;

	if (on_path == NULL || ns == NULL || asprintf(&name, "%sn%u", drive->name, nsid) < 0) {
		free(on_path);
		free(ns);
		return NULL;
	}
	*on_path = (struct nvme_path_ns){.path = path, .ns = ns, .nsid = nsid};
	ns->bdev.name = name;
	ns->drive = drive;
	ns->on_path = on_path;
	ns->nsid = nsid;
	ns->info = *info;
	ns->state = NVME_NS_OPENING;
	while (index_taken(drive, ns->index)) {
		ns->index++;
	}
	ns_describe(ns);
	ebb_list_push_back(&drive->namespaces, &ns->link);
	return ns;
}

void nvme_ns_free(struct nvme_ns *ns)
{
	ebb_list_remove(&ns->link);
	free((char *)(uintptr_t)ns->bdev.name);
	free(ns->on_path);
	free(ns);
}

void nvme_ns_discard(struct nvme_ns *ns)
{
	ns_close(ns);
}

int nvme_ns_register(struct nvme_ns *ns, char *ret_fault, size_t fault_size)
{
	int rc;

	state_set(ns, NVME_NS_ONLINE);
	rc = ebb_bdev_register(&ns->bdev);
	if (rc == -EEXIST && ebb_bdev_find(ns->bdev.name) == NULL) {
		ebb_notice("nvme",
			   "%s: another bdev has its UUID (the same namespace by another way?); it "
			   "gets one of its own",
			   ns->bdev.name);
		memset(ns->bdev.uuid, 0, sizeof(ns->bdev.uuid));
		rc = ebb_bdev_register(&ns->bdev);
	}
	if (rc < 0) {
		snprintf(ret_fault, fault_size, "bdev '%s' cannot be registered: %s", ns->bdev.name,
			 rc == -EEXIST ? "there is one of that name" : strerror(-rc));
		ns_close(ns);
	}
	return rc;
}

static void ns_removed(void *arg)
{
	(void)arg; /* destruct() has seen to it */
}

void nvme_ns_remove(struct nvme_ns *ns, const char *why)
{
	if (ns->state != NVME_NS_ONLINE) {
		return;
	}
	if (why != NULL) {
		ebb_notice("nvme", "%s is removed: %s", ns->bdev.name, why);
	}
	state_set(ns, NVME_NS_LEAVING);
	/* -EBUSY: the end of the process is taking it away already. */
	(void)ebb_bdev_unregister(&ns->bdev, ns_removed, NULL);
}

static bool same_identity(const struct nvme_ns_info *a, const struct nvme_ns_info *b)
{
	return a->block_size == b->block_size && a->reads_zero == b->reads_zero &&
	       a->zeroes_deallocate == b->zeroes_deallocate && a->has_uuid == b->has_uuid &&
	       a->has_nguid == b->has_nguid && a->has_eui64 == b->has_eui64 &&
	       memcmp(a->uuid, b->uuid, sizeof(a->uuid)) == 0 &&
	       memcmp(a->nguid, b->nguid, sizeof(a->nguid)) == 0 &&
	       memcmp(a->eui64, b->eui64, sizeof(a->eui64)) == 0;
}

bool nvme_ns_update(struct nvme_ns *ns, const struct nvme_ns_info *info)
{
	if (!same_identity(&ns->info, info)) {
		return false;
	}
	if (ns->info.write_protected != info->write_protected) {
		ebb_notice("nvme", "%s is %s now", ns->bdev.name,
			   info->write_protected ? "write protected" : "writable");
		ns->bdev.read_only = info->write_protected;
	}
	if (ns->info.num_blocks != info->num_blocks) {
		ebb_notice("nvme", "%s has %llu blocks now, it had %llu", ns->bdev.name,
			   (unsigned long long)info->num_blocks,
			   (unsigned long long)ns->info.num_blocks);
		(void)ebb_bdev_resize(&ns->bdev, info->num_blocks);
	}
	ns->info = *info;
	return true;
}
