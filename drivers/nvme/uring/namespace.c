/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/internal.h"

/*
 * A namespace for passthrough: its block device claimed, its generic device open, and one block
 * read by that way, so that whoever attaches it learns at once if it does not work, and why.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <nvme/ioctl.h>

#include "drivers/nvme/channel.h"
#include "drivers/nvme/host/sysfs.h"
#include "drivers/nvme/uring/errors.h"
#include "drivers/nvme/uring/probe.h"

static int ns_fail(struct uring_ns *uns, int rc, const char *format, ...) EBB_PRINTF(3, 4);

static int ns_fail(struct uring_ns *uns, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(uns->ns->fault, sizeof(uns->ns->fault), format, args);
	va_end(args);
	return rc;
}

static int ns_find_each(const struct host_sysfs_ns *names, void *arg)
{
	struct uring_ns *uns = arg;

	if (names->nsid != uns->ns->nsid) {
		return 0;
	}
	uns->names = *names;
	return 1;
}

static int ns_find(struct uring_ns *uns)
{
	const struct uring_target *target = &uns->ctrlr->target;
	uint32_t nsid = uns->ns->nsid;

	if (host_topology_namespaces("", target->ctrlr, ns_find_each, uns) != 1) {
		return ns_fail(uns, -ENODEV,
			       "the kernel has no block device for namespace %u of %s: a format or "
			       "a command set that it does not know, or it has not seen it yet "
			       "(/sys/class/nvme/%s/rescan_controller)",
			       nsid, target->ctrlr, target->ctrlr);
	}
	if (target->only[0] != '\0' && strcmp(target->only, uns->names.block) != 0) {
		return -ENOENT;
	}
	if (uns->names.generic[0] == '\0') {
		return ns_fail(uns, -ENOTSUP,
			       "%s has no generic device (/dev/ngXnY): the kernel is older than "
			       "5.13, or does not know the namespace's command set",
			       uns->names.block);
	}
	return 0;
}

/* True if @uns->fd is what sysfs calls by that name. */
static bool ns_is_device(const struct uring_ns *uns)
{
	unsigned major_num, minor_num;
	struct stat st;
	char text[32];

	return host_sysfs_read(text, sizeof(text), "/sys/class/nvme-generic/%s/dev",
			       uns->names.generic) == 0 &&
	       sscanf(text, "%u:%u", &major_num, &minor_num) == 2 && fstat(uns->fd, &st) == 0 &&
	       S_ISCHR(st.st_mode) && st.st_rdev == makedev(major_num, minor_num);
}

static int ns_open_device(struct uring_ns *uns, const char *path)
{
	char *fault = uns->ns->fault;
	__u32 nsid = 0;

	uns->fd = open(path, O_RDWR | O_CLOEXEC);
	if (uns->fd < 0) {
		return uring_errors_open(-errno, path, fault, sizeof(uns->ns->fault));
	}
	if (!ns_is_device(uns)) {
		return ns_fail(uns, -ENODEV,
			       "'%s' is not the device that the kernel has by that name", path);
	}
	if (nvme_get_nsid(uns->fd, &nsid) != 0 || nsid != uns->ns->nsid) {
		return ns_fail(uns, -ENODEV, "'%s' is of namespace %u, not %u", path, nsid,
			       uns->ns->nsid);
	}
	return 0;
}

/* What was found when the controller was attached must do for this namespace too. */
static int ns_check_limits(struct uring_ns *uns)
{
	const struct nvme_limits *all = &uns->ns->path->limits;
	struct uring_limits one;

	uring_limits_read("", uns->names.block, &one);
	uns->polled = one.polled && uns->ctrlr->limits.polled;
	if (one.max_io_bytes < all->max_io_bytes || one.max_segments < all->max_segments ||
	    one.buf_align > all->buf_align || one.page_bytes > all->page_bytes) {
		return ns_fail(uns, -ENOTSUP,
			       "the kernel's limits for %s are tighter than the controller's were "
			       "(%u bytes, %u segments); detach the controller and attach it again",
			       uns->names.block, one.max_io_bytes, one.max_segments);
	}
	return 0;
}

static void ns_let_go(struct uring_ns *uns)
{
	if (uns->fd >= 0) {
		close(uns->fd);
	}
	host_claim_release(uns->claim);
}

static void ns_open_run(struct ebb_work *work)
{
	struct uring_ns *uns = ebb_container_of(work, struct uring_ns, work);
	struct nvme_path_ns *ns = uns->ns;
	char path[NVME_NAME_SIZE + 8];

	uns->rc = ns_find(uns);
	if (uns->rc < 0) {
		return;
	}
	snprintf(path, sizeof(path), "/dev/%s", uns->names.generic);
	uns->rc = host_claim_namespace("", path, &uns->claim, ns->fault, sizeof(ns->fault));
	if (uns->rc == 0) {
		uns->rc = ns_open_device(uns, path);
	}
	if (uns->rc == 0) {
		uns->rc = ns_check_limits(uns);
	}
	if (uns->rc == 0) {
		uns->rc = uring_probe(uns->fd, path, ns->nsid, ns->ns->bdev.block_size, ns->fault,
				      sizeof(ns->fault));
	}
	if (uns->rc < 0) {
		ns_let_go(uns);
	}
}

static void ns_open_done(struct ebb_work *work)
{
	struct uring_ns *uns = ebb_container_of(work, struct uring_ns, work);
	struct nvme_path_ns *ns = uns->ns;
	int rc = uns->rc;

	if (rc < 0) {
		ns->transport_ns = NULL;
		free(uns);
	}
	nvme_path_ns_opened(ns, rc);
}

void uring_ns_open(struct nvme_path_ns *ns)
{
	struct uring_ns *uns = calloc(1, sizeof(*uns));

	if (uns == NULL) {
		snprintf(ns->fault, sizeof(ns->fault), "out of memory");
		nvme_path_ns_opened(ns, -ENOMEM);
		return;
	}
	uns->ns = ns;
	uns->ctrlr = ns->path->transport_ctrlr;
	uns->index = ns->ns->index;
	uns->fd = -1;
	ebb_work_init(&uns->work, ns_open_run, ns_open_done);
	ns->transport_ns = uns;
	ebb_helper_submit(&uns->work);
}

static void ns_close_run(struct ebb_work *work)
{
	ns_let_go(ebb_container_of(work, struct uring_ns, work));
}

static void ns_close_done(struct ebb_work *work)
{
	struct uring_ns *uns = ebb_container_of(work, struct uring_ns, work);
	struct nvme_path_ns *ns = uns->ns;

	ns->transport_ns = NULL;
	free(uns);
	nvme_path_ns_closed(ns);
}

/* Queues of another transport may stand on the same drive. */
static void ns_forget(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	const struct nvme_channel *ch = ebb_io_channel_ctx(channel);
	const struct uring_ns *uns = arg;

	if (ch->queue->transport == uns->ns->path->transport) {
		uring_io_queue_forget(ch->queue, uns->index);
	}
	ebb_for_each_channel_next(iter, 0);
}

static void ns_forgotten(void *arg, int rc)
{
	struct uring_ns *uns = arg;

	(void)rc; /* -ENODEV: there has never been a channel */
	ebb_work_init(&uns->work, ns_close_run, ns_close_done);
	ebb_helper_submit(&uns->work);
}

void uring_ns_close(struct nvme_path_ns *ns)
{
	struct uring_ns *uns = ns->transport_ns;

	ebb_for_each_channel(ns->path->drive, ns_forget, uns, ns_forgotten);
}
