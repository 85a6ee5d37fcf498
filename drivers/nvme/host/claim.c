/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/host/claim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/list.h>

#include "core/os/blkdev_claim.h"
#include "drivers/nvme/host/sysfs.h"
#include "drivers/nvme/host/topology.h"

#define DISKSEQ_SIZE 24u

/* A block device that this process has claimed. */
struct claimed {
	struct ebb_list link;
	unsigned refs; /* claims that share it */
	bool used;     /* one of them is a namespace's, for passthrough */
	int fd;
	char block[NVME_NAME_SIZE];
	char diskseq[DISKSEQ_SIZE]; /* a later device of the same name has another one */
};

struct claim_ref {
	struct claimed *claimed;
	bool uses;
};

struct host_claim {
	struct claim_ref *refs;
	unsigned num;
};

/* One of the three functions of claim.h under way. */
struct claiming {
	const char *root;
	struct host_claim *claim;
	char *error;
	size_t error_size;
	bool uses;   /* for passthrough */
	bool shares; /* with passthrough */
	/* Of host_claim_subsystem(). */
	const char *subnqn;
	const char *serial;
	const char *model;
	uint32_t nsid;
};

static struct ebb_list all_claimed = EBB_LIST_INIT(all_claimed); /* the helper's */

static int EBB_PRINTF(3, 4)
	claiming_fail(const struct claiming *claiming, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(claiming->error, claiming->error_size, format, args);
	va_end(args);
	return rc;
}

static bool claim_has(const struct host_claim *claim, const char *block)
{
	unsigned i;

	for (i = 0; i < claim->num; i++) {
		if (strcmp(claim->refs[i].claimed->block, block) == 0) {
			return true;
		}
	}
	return false;
}

static void read_diskseq(const char *root, const char *block, char text[DISKSEQ_SIZE])
{
	/* Without (before 5.15) the name has to do. */
	(void)host_sysfs_read(text, DISKSEQ_SIZE, "%s/sys/class/block/%s/diskseq", root, block);
}

static struct claimed *claimed_find(const char *root, const char *block)
{
	char diskseq[DISKSEQ_SIZE];
	struct ebb_list *node;

	read_diskseq(root, block, diskseq);
	ebb_list_for_each(node, &all_claimed) {
		struct claimed *claimed = ebb_list_entry(node, struct claimed, link);

		if (strcmp(claimed->block, block) == 0 && strcmp(claimed->diskseq, diskseq) == 0) {
			return claimed;
		}
	}
	return NULL;
}

static void claimed_put(const struct claim_ref *ref)
{
	struct claimed *claimed = ref->claimed;

	claimed->used = claimed->used && !ref->uses;
	if (--claimed->refs == 0) {
		ebb_list_remove(&claimed->link);
		close(claimed->fd);
		free(claimed);
	}
}

static int claimed_open(struct claiming *claiming, const struct host_sysfs_ns *ns,
			struct claimed **ret_claimed)
{
	char path[NVME_NAME_SIZE + 8], why[320];
	struct claimed *claimed;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", ns->block);
	fd = os_blkdev_claim(claiming->root, path, ns->dev, why, sizeof(why));
	if (fd == -EBUSY) {
		return claiming_fail(claiming, fd, "%s is %s first", ns->block, why);
	}
	if (fd == -EACCES || fd == -EPERM) {
		return claiming_fail(
			claiming, -EPERM,
			"not permitted to open %s, to keep others from it: run as root, "
			"or in the group that may (disk)",
			path);
	}
	if (fd < 0) {
		return claiming_fail(claiming, fd, "cannot open %s, to keep others from it: %s",
				     path, strerror(-fd));
	}
	claimed = calloc(1, sizeof(*claimed));
	if (claimed == NULL) {
		close(fd);
		return claiming_fail(claiming, -ENOMEM, "out of memory");
	}
	claimed->fd = fd;
	snprintf(claimed->block, sizeof(claimed->block), "%s", ns->block);
	read_diskseq(claiming->root, ns->block, claimed->diskseq);
	ebb_list_push_back(&all_claimed, &claimed->link);
	*ret_claimed = claimed;
	return 0;
}

/* Return: 0; < 0: @claimed is as it was. */
static int claim_append(struct claiming *claiming, struct claimed *claimed)
{
	struct host_claim *claim = claiming->claim;
	struct claim_ref *refs = realloc(claim->refs, (claim->num + 1) * sizeof(*refs));

	if (refs == NULL) {
		return claiming_fail(claiming, -ENOMEM, "out of memory");
	}
	claim->refs = refs;
	refs[claim->num++] = (struct claim_ref){.claimed = claimed, .uses = claiming->uses};
	claimed->refs++;
	claimed->used = claimed->used || claiming->uses;
	return 0;
}

static int claim_one(const struct host_sysfs_ns *ns, void *arg)
{
	struct claiming *claiming = arg;
	struct claimed *claimed;
	int rc = 0;

	if (claim_has(claiming->claim, ns->block)) {
		return 0;
	}
	claimed = claimed_find(claiming->root, ns->block);
	if (claimed == NULL) {
		rc = claimed_open(claiming, ns, &claimed);
	} else if (claimed->used && !claiming->shares) {
		rc = claiming_fail(
			claiming, -EBUSY,
			"%s is used by ebb already, by passthrough (trtype uring): detach "
			"its controller first",
			ns->block);
	}
	if (rc == 0) {
		claimed->refs++; /* ours, so that it can be put */
		rc = claim_append(claiming, claimed);
		claimed_put(&(struct claim_ref){.claimed = claimed});
	}
	return rc;
}

static int claim_namespace(const struct host_sysfs_ns *ns, void *arg)
{
	struct claiming *claiming = arg;
	int rc = claim_one(ns, claiming);

	return rc < 0 ? rc : host_topology_aliases(claiming->root, ns, claim_one, claiming);
}

/* A namespace whose identifier the kernel does not tell may be the one. */
static int claim_of_nsid(const struct host_sysfs_ns *ns, void *arg)
{
	const struct claiming *claiming = arg;

	return ns->nsid == 0 || ns->nsid == claiming->nsid ? claim_namespace(ns, arg) : 0;
}

static int claim_controller_of_subsystem(const char *ctrlr, void *arg)
{
	static const char *const attributes[] = {"subsysnqn", "serial", "model"};
	struct claiming *claiming = arg;
	const char *const wanted[] = {claiming->subnqn, claiming->serial, claiming->model};
	char text[256];
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(wanted); i++) {
		if (wanted[i][0] != '\0' &&
		    (host_sysfs_read(text, sizeof(text), "%s/sys/class/nvme/%s/%s", claiming->root,
				     ctrlr, attributes[i]) < 0 ||
		     strcmp(text, wanted[i]) != 0)) {
			return 0;
		}
	}
	return host_topology_namespaces(claiming->root, ctrlr, claim_of_nsid, claiming);
}

/* The end of each of the three: all is held, or nothing. */
static int claiming_end(struct claiming *claiming, int rc, struct host_claim **ret_claim)
{
	if (rc < 0) {
		host_claim_release(claiming->claim);
		return rc;
	}
	*ret_claim = claiming->claim;
	return 0;
}

static int claiming_begin(struct claiming *claiming, const char *root, char *ret_error,
			  size_t error_size)
{
	*claiming = (struct claiming){.root = root, .error = ret_error, .error_size = error_size};
	claiming->claim = calloc(1, sizeof(*claiming->claim));
	return claiming->claim == NULL ? claiming_fail(claiming, -ENOMEM, "out of memory") : 0;
}

int host_claim_namespace(const char *root, const char *path, struct host_claim **ret_claim,
			 char *ret_error, size_t error_size)
{
	struct host_sysfs_ns ns;
	struct claiming claiming;
	int rc = claiming_begin(&claiming, root, ret_error, error_size);

	claiming.uses = true;
	if (rc == 0) {
		rc = host_topology_find(root, path, &ns);
		if (rc < 0) {
			claiming_fail(&claiming, rc, "%s: %s; ebbctl nvme list shows what there is",
				      path,
				      rc == -ENODEV ? "it is no namespace with a block device"
						    : strerror(-rc));
		} else {
			rc = claim_namespace(&ns, &claiming);
		}
	}
	return claiming_end(&claiming, rc, ret_claim);
}

int host_claim_controller(const char *root, const char *ctrlr, struct host_claim **ret_claim,
			  char *ret_error, size_t error_size)
{
	struct claiming claiming;
	int rc = claiming_begin(&claiming, root, ret_error, error_size);

	if (rc == 0) {
		rc = host_topology_exists(root, ctrlr)
			     ? host_topology_namespaces(root, ctrlr, claim_namespace, &claiming)
			     : claiming_fail(&claiming, -ENODEV,
					     "%s: the kernel has no such controller", ctrlr);
	}
	return claiming_end(&claiming, rc, ret_claim);
}

int host_claim_subsystem(const char *root, const char *subnqn, const char *serial,
			 const char *model, uint32_t nsid, struct host_claim **ret_claim,
			 char *ret_error, size_t error_size)
{
	struct claiming claiming;
	int rc = claiming_begin(&claiming, root, ret_error, error_size);

	claiming.subnqn = subnqn;
	claiming.serial = serial;
	claiming.model = model;
	claiming.nsid = nsid;
	claiming.shares = true;
	if (rc == 0) {
		rc = host_topology_controllers(root, claim_controller_of_subsystem, &claiming);
	}
	return claiming_end(&claiming, rc, ret_claim);
}

void host_claim_prune(const char *root, struct host_claim *claim)
{
	unsigned i, kept = 0;
	char text[32];

	for (i = 0; i < claim->num; i++) {
		if (host_sysfs_read(text, sizeof(text), "%s/sys/class/block/%s/dev", root,
				    claim->refs[i].claimed->block) < 0) {
			claimed_put(&claim->refs[i]);
		} else {
			claim->refs[kept++] = claim->refs[i];
		}
	}
	claim->num = kept;
}

void host_claim_release(struct host_claim *claim)
{
	unsigned i;

	for (i = 0; claim != NULL && i < claim->num; i++) {
		claimed_put(&claim->refs[i]);
	}
	if (claim != NULL) {
		free(claim->refs);
	}
	free(claim);
}
