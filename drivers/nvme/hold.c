/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/hold.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/in_use.h"
#include "drivers/nvme/pci.h"
#include "drivers/nvme/topology.h"

struct claim {
	int fd;
	char block[EBB_NVME_NAME_SIZE];
};

struct ebb_nvme_hold {
	struct claim *claims;
	unsigned num;
};

/* One of the three functions of hold.h under way. */
struct holding {
	const char *root;
	struct ebb_nvme_hold *hold;
	char *error;
	size_t error_size;
	/* Of ebb_nvme_hold_subsystem(). */
	const char *subnqn;
	const char *serial;
	const char *model;
};

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
		if (strcmp(hold->claims[i].block, block) == 0) {
			return true;
		}
	}
	return false;
}

static int hold_append(struct ebb_nvme_hold *hold, const char *block, int fd)
{
	struct claim *claims = realloc(hold->claims, (hold->num + 1) * sizeof(*claims));

	if (claims == NULL) {
		return -ENOMEM;
	}
	hold->claims = claims;
	claims[hold->num].fd = fd;
	snprintf(claims[hold->num].block, sizeof(claims[0].block), "%s", block);
	hold->num++;
	return 0;
}

static int claim_one(const struct ebb_nvme_sysfs_ns *ns, void *arg)
{
	struct holding *holding = arg;
	char path[EBB_NVME_NAME_SIZE + 8], why[320];
	int fd, rc;

	if (hold_has(holding->hold, ns->block)) {
		return 0;
	}
	snprintf(path, sizeof(path), "/dev/%s", ns->block);
	fd = ebb_in_use_claim(holding->root, path, ns->dev, why, sizeof(why));
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
	rc = hold_append(holding->hold, ns->block, fd);
	if (rc < 0) {
		close(fd);
		return holding_fail(holding, rc, "out of memory");
	}
	return 0;
}

static int claim_namespace(const struct ebb_nvme_sysfs_ns *ns, void *arg)
{
	struct holding *holding = arg;
	int rc = claim_one(ns, holding);

	return rc < 0 ? rc : ebb_nvme_topology_twins(holding->root, ns, claim_one, holding);
}

static int claim_controller_of_subsystem(const char *ctrlr, void *arg)
{
	static const char *const attributes[] = {"subsysnqn", "serial", "model"};
	struct holding *holding = arg;
	const char *const wanted[] = {holding->subnqn, holding->serial, holding->model};
	char text[256];
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(wanted); i++) {
		if (ebb_sysfs_read(text, sizeof(text), "%s/sys/class/nvme/%s/%s", holding->root,
				   ctrlr, attributes[i]) < 0 ||
		    strcmp(text, wanted[i]) != 0) {
			return 0;
		}
	}
	return ebb_nvme_topology_namespaces(holding->root, ctrlr, claim_namespace, holding);
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
			    const char *model, struct ebb_nvme_hold **ret_hold, char *ret_error,
			    size_t error_size)
{
	struct holding holding;
	int rc = holding_begin(&holding, root, ret_error, error_size);

	holding.subnqn = subnqn;
	holding.serial = serial;
	holding.model = model;
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
				   hold->claims[i].block) < 0) {
			close(hold->claims[i].fd);
		} else {
			hold->claims[kept++] = hold->claims[i];
		}
	}
	hold->num = kept;
}

void ebb_nvme_hold_release(struct ebb_nvme_hold *hold)
{
	unsigned i;

	for (i = 0; hold != NULL && i < hold->num; i++) {
		close(hold->claims[i].fd);
	}
	if (hold != NULL) {
		free(hold->claims);
	}
	free(hold);
}
