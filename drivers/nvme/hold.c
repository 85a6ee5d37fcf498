/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/hold.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/list.h>

#include "core/os/blkdev_claim.h"
#include "drivers/nvme/pci.h"
#include "drivers/nvme/topology.h"

#define DISKSEQ_SIZE 24u

/* A block device that this process has claimed. */
struct claim {
	struct ebb_list link;
	unsigned refs; /* holds that share it */
	bool used;     /* one of them is a namespace's, for passthrough */
	int fd;
	char block[EBB_NVME_NAME_SIZE];
	char diskseq[DISKSEQ_SIZE]; /* a later device of the same name has another one */
};

struct hold_ref {
	struct claim *claim;
	bool uses;
};

struct ebb_nvme_hold {
	struct hold_ref *refs;
	unsigned num;
};

/* One of the three functions of hold.h under way. */
struct holding {
	const char *root;
	struct ebb_nvme_hold *hold;
	char *error;
	size_t error_size;
	bool uses;   /* for passthrough */
	bool shares; /* with passthrough */
	/* Of ebb_nvme_hold_subsystem(). */
	const char *subnqn;
	const char *serial;
	const char *model;
	uint32_t nsid;
};

static struct ebb_list claims = EBB_LIST_INIT(claims); /* the helper's */

static int EBB_PRINTF(3, 4)
	holding_fail(const struct holding *holding, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(holding->error, holding->error_size, format, args);
	va_end(args);
	return rc;
}

static bool hold_has(const struct ebb_nvme_hold *hold, const char *block)
{
	unsigned i;

	for (i = 0; i < hold->num; i++) {
		if (strcmp(hold->refs[i].claim->block, block) == 0) {
			return true;
		}
	}
	return false;
}

static void read_diskseq(const char *root, const char *block, char text[DISKSEQ_SIZE])
{
	/* Without (before 5.15) the name has to do. */
	(void)ebb_sysfs_read(text, DISKSEQ_SIZE, "%s/sys/class/block/%s/diskseq", root, block);
}

static struct claim *claim_find(const char *root, const char *block)
{
	char diskseq[DISKSEQ_SIZE];
	struct ebb_list *node;

	read_diskseq(root, block, diskseq);
	ebb_list_for_each(node, &claims) {
		struct claim *claim = ebb_list_entry(node, struct claim, link);

		if (strcmp(claim->block, block) == 0 && strcmp(claim->diskseq, diskseq) == 0) {
			return claim;
		}
	}
	return NULL;
}

static void claim_put(const struct hold_ref *ref)
{
	struct claim *claim = ref->claim;

	claim->used = claim->used && !ref->uses;
	if (--claim->refs == 0) {
		ebb_list_remove(&claim->link);
		close(claim->fd);
		free(claim);
	}
}

static int claim_open(struct holding *holding, const struct ebb_nvme_sysfs_ns *ns,
		      struct claim **ret_claim)
{
	char path[EBB_NVME_NAME_SIZE + 8], why[320];
	struct claim *claim;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", ns->block);
	fd = os_blkdev_claim(holding->root, path, ns->dev, why, sizeof(why));
	if (fd == -EBUSY) {
		return holding_fail(holding, fd, "%s is %s first", ns->block, why);
	}
	if (fd == -EACCES || fd == -EPERM) {
		return holding_fail(
			holding, -EPERM,
			"not permitted to open %s, to keep others from it: run as root, "
			"or in the group that may (disk)",
			path);
	}
	if (fd < 0) {
		return holding_fail(holding, fd, "cannot open %s, to keep others from it: %s", path,
				    strerror(-fd));
	}
	claim = calloc(1, sizeof(*claim));
	if (claim == NULL) {
		close(fd);
		return holding_fail(holding, -ENOMEM, "out of memory");
	}
	claim->fd = fd;
	snprintf(claim->block, sizeof(claim->block), "%s", ns->block);
	read_diskseq(holding->root, ns->block, claim->diskseq);
	ebb_list_push_back(&claims, &claim->link);
	*ret_claim = claim;
	return 0;
}

/* Return: 0; < 0: @claim is as it was. */
static int hold_append(struct holding *holding, struct claim *claim)
{
	struct ebb_nvme_hold *hold = holding->hold;
	struct hold_ref *refs = realloc(hold->refs, (hold->num + 1) * sizeof(*refs));

	if (refs == NULL) {
		return holding_fail(holding, -ENOMEM, "out of memory");
	}
	hold->refs = refs;
	refs[hold->num++] = (struct hold_ref){.claim = claim, .uses = holding->uses};
	claim->refs++;
	claim->used = claim->used || holding->uses;
	return 0;
}

static int claim_one(const struct ebb_nvme_sysfs_ns *ns, void *arg)
{
	struct holding *holding = arg;
	struct claim *claim;
	int rc = 0;

	if (hold_has(holding->hold, ns->block)) {
		return 0;
	}
	claim = claim_find(holding->root, ns->block);
	if (claim == NULL) {
		rc = claim_open(holding, ns, &claim);
	} else if (claim->used && !holding->shares) {
		rc = holding_fail(
			holding, -EBUSY,
			"%s is used by ebb already, by passthrough (trtype uring): detach "
			"its controller first",
			ns->block);
	}
	if (rc == 0) {
		claim->refs++; /* ours, so that it can be put */
		rc = hold_append(holding, claim);
		claim_put(&(struct hold_ref){.claim = claim});
	}
	return rc;
}

static int claim_namespace(const struct ebb_nvme_sysfs_ns *ns, void *arg)
{
	struct holding *holding = arg;
	int rc = claim_one(ns, holding);

	return rc < 0 ? rc : ebb_nvme_topology_twins(holding->root, ns, claim_one, holding);
}

/* A namespace whose identifier the kernel does not tell may be the one. */
static int claim_of_nsid(const struct ebb_nvme_sysfs_ns *ns, void *arg)
{
	const struct holding *holding = arg;

	return ns->nsid == 0 || ns->nsid == holding->nsid ? claim_namespace(ns, arg) : 0;
}

static int claim_controller_of_subsystem(const char *ctrlr, void *arg)
{
	static const char *const attributes[] = {"subsysnqn", "serial", "model"};
	struct holding *holding = arg;
	const char *const wanted[] = {holding->subnqn, holding->serial, holding->model};
	char text[256];
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(wanted); i++) {
		if (wanted[i][0] != '\0' &&
		    (ebb_sysfs_read(text, sizeof(text), "%s/sys/class/nvme/%s/%s", holding->root,
				    ctrlr, attributes[i]) < 0 ||
		     strcmp(text, wanted[i]) != 0)) {
			return 0;
		}
	}
	return ebb_nvme_topology_namespaces(holding->root, ctrlr, claim_of_nsid, holding);
}

/* The end of each of the three: all is held, or nothing. */
static int holding_end(struct holding *holding, int rc, struct ebb_nvme_hold **ret_hold)
{
	if (rc < 0) {
		ebb_nvme_hold_release(holding->hold);
		return rc;
	}
	*ret_hold = holding->hold;
	return 0;
}

static int holding_begin(struct holding *holding, const char *root, char *ret_error,
			 size_t error_size)
{
	*holding = (struct holding){.root = root, .error = ret_error, .error_size = error_size};
	holding->hold = calloc(1, sizeof(*holding->hold));
	return holding->hold == NULL ? holding_fail(holding, -ENOMEM, "out of memory") : 0;
}

int ebb_nvme_hold_namespace(const char *root, const char *path, struct ebb_nvme_hold **ret_hold,
			    char *ret_error, size_t error_size)
{
	struct ebb_nvme_sysfs_ns ns;
	struct holding holding;
	int rc = holding_begin(&holding, root, ret_error, error_size);

	holding.uses = true;
	if (rc == 0) {
		rc = ebb_nvme_topology_find(root, path, &ns);
		if (rc < 0) {
			holding_fail(&holding, rc, "%s: %s; ebbctl nvme list shows what there is",
				     path,
				     rc == -ENODEV ? "it is no namespace with a block device"
						   : strerror(-rc));
		} else {
			rc = claim_namespace(&ns, &holding);
		}
	}
	return holding_end(&holding, rc, ret_hold);
}

int ebb_nvme_hold_controller(const char *root, const char *ctrlr, struct ebb_nvme_hold **ret_hold,
			     char *ret_error, size_t error_size)
{
	struct holding holding;
	int rc = holding_begin(&holding, root, ret_error, error_size);

	if (rc == 0) {
		rc = ebb_nvme_topology_exists(root, ctrlr)
			     ? ebb_nvme_topology_namespaces(root, ctrlr, claim_namespace, &holding)
			     : holding_fail(&holding, -ENODEV,
					    "%s: the kernel has no such controller", ctrlr);
	}
	return holding_end(&holding, rc, ret_hold);
}

int ebb_nvme_hold_subsystem(const char *root, const char *subnqn, const char *serial,
			    const char *model, uint32_t nsid, struct ebb_nvme_hold **ret_hold,
			    char *ret_error, size_t error_size)
{
	struct holding holding;
	int rc = holding_begin(&holding, root, ret_error, error_size);

	holding.subnqn = subnqn;
	holding.serial = serial;
	holding.model = model;
	holding.nsid = nsid;
	holding.shares = true;
	if (rc == 0) {
		rc = ebb_nvme_topology_controllers(root, claim_controller_of_subsystem, &holding);
	}
	return holding_end(&holding, rc, ret_hold);
}

void ebb_nvme_hold_prune(const char *root, struct ebb_nvme_hold *hold)
{
	unsigned i, kept = 0;
	char text[32];

	for (i = 0; i < hold->num; i++) {
		if (ebb_sysfs_read(text, sizeof(text), "%s/sys/class/block/%s/dev", root,
				   hold->refs[i].claim->block) < 0) {
			claim_put(&hold->refs[i]);
		} else {
			hold->refs[kept++] = hold->refs[i];
		}
	}
	hold->num = kept;
}

void ebb_nvme_hold_release(struct ebb_nvme_hold *hold)
{
	unsigned i;

	for (i = 0; hold != NULL && i < hold->num; i++) {
		claim_put(&hold->refs[i]);
	}
	if (hold != NULL) {
		free(hold->refs);
	}
	free(hold);
}
