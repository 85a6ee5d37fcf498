/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look at the namespaces: which are active (a page of the list at a time), what each is, and
 * what is new about it. A new one is opened and becomes a bdev; a known one is compared, and has
 * changed its size, or is another one now and goes; one that was not seen goes too. Namespaces that
 * go do so in their own time; if one of the same identifier is there again, the look that follows
 * the end of the old one finds it.
 */
#include "drivers/nvme/scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/log.h>

#include <nvme/types.h>

#include "drivers/nvme/namespace.h"
#include "drivers/nvme/path.h"
#include "drivers/nvme/status.h"

#define VERSION_1_1 0x10100u
#define VERSION_1_3 0x10300u
/* Each is a struct and a bdev: more than this, and the list is not to be believed. */
#define NAMESPACES_MAX 4096u

static void scan_page(struct nvme_path *path);
static void scan_next(struct nvme_path *path);

static void scan_refuse(struct nvme_path *path, int rc, const char *why)
{
	struct nvme_scan *scan = &path->scan;
	uint32_t nsid = scan->nsids[scan->at];

	ebb_warn("nvme", "%s: namespace %u is not used: %s", path->drive->name, nsid, why);
	if (scan->refused++ == 0) {
		snprintf(scan->refusal, sizeof(scan->refusal), "namespace %u: %s", nsid, why);
		scan->refusal_rc = rc;
	}
}

/* All pages have been looked through. */
static void scan_finish(struct nvme_path *path)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &path->drive->namespaces) {
		struct nvme_ns *ns = ebb_list_entry(node, struct nvme_ns, link);

		if (ns->on_path->seen != path->scan.number) {
			nvme_ns_remove(ns, "the controller has it no more");
		}
	}
	nvme_worker_job_end(path, 0);
}

static void scan_failed(struct nvme_path *path, int rc)
{
	nvme_path_fault(path, rc, "NVMe controller '%s' (%s) does not tell its namespaces: %s",
			path->drive->name, path->traddr, strerror(-rc));
	if (path->state == NVME_PATH_ENABLED) {
		ebb_warn("nvme", "%s; they stay as they are", path->drive->fault);
	}
	nvme_worker_job_end(path, rc);
}

/* Is nobody to use its namespaces any more? */
static bool scan_is_in_vain(const struct nvme_path *path)
{
	return nvme_drive_is_leaving(path->drive) || path->state == NVME_PATH_FAILED ||
	       path->state == NVME_PATH_GONE;
}

static void open_end(struct nvme_path *path, int rc)
{
	struct nvme_ns *ns = path->scan.opening;
	char why[256];

	path->scan.opening = NULL;
	if (rc == -ENOENT) {
		nvme_ns_free(ns);
	} else if (rc < 0) {
		scan_refuse(path, rc,
			    ns->on_path->fault[0] != '\0' ? ns->on_path->fault : strerror(-rc));
		nvme_ns_free(ns);
	} else if (scan_is_in_vain(path)) {
		nvme_ns_discard(ns);
	} else {
		rc = nvme_ns_register(ns, why, sizeof(why));
		if (rc < 0) {
			scan_refuse(path, rc, why);
		}
	}
	scan_next(path);
}

/* It has no namespace object yet. */
static void scan_open(struct nvme_path *path)
{
	struct nvme_scan *scan = &path->scan;
	struct nvme_ns *ns = nvme_ns_create(path, scan->nsids[scan->at], &scan->info);

	if (ns == NULL) {
		scan_refuse(path, -ENOMEM, "out of memory");
		scan_next(path);
		return;
	}
	ns->on_path->seen = scan->number;
	if (ns->bdev.max_io_blocks == 0) {
		scan_refuse(path, -ENOTSUP, "one command cannot carry even one of its blocks");
		nvme_ns_free(ns);
		scan_next(path);
		return;
	}
	scan->opening = ns;
	nvme_worker_wait(&path->worker, open_end);
	path->transport->ns_open(ns->on_path);
}

/* Everything about nsids[at] is known. */
static void scan_apply(struct nvme_path *path)
{
	struct nvme_scan *scan = &path->scan;
	struct nvme_ns *ns = nvme_ns_find(path->drive, scan->nsids[scan->at]);

	if (ns == NULL) {
		scan_open(path);
		return;
	}
	ns->on_path->seen = scan->number;
	if (ns->state != NVME_NS_ONLINE) {
		path->scan.again = true;
	} else if (!nvme_ns_update(ns, &scan->info)) {
		path->scan.again = true;
		nvme_ns_remove(ns, "it has been formatted anew, or replaced");
	}
	scan_next(path);
}

/* It is there, but cannot be a bdev. */
static void scan_unusable(struct nvme_path *path, int rc, const char *why)
{
	struct nvme_scan *scan = &path->scan;
	struct nvme_ns *ns = nvme_ns_find(path->drive, scan->nsids[scan->at]);

	scan_refuse(path, rc, why);
	if (ns != NULL) {
		ns->on_path->seen = scan->number;
		nvme_ns_remove(ns, why);
	}
	scan_next(path);
}

static void descriptors_end(struct nvme_path *path, int rc)
{
	struct nvme_ns_info *info = &path->scan.info;
	const char *fault;

	/* Not all that should know the list do; what they are is then what CNS 00h has said. */
	if (rc == 0 && !nvme_identify_parse_descriptors(path->admin.buf, info)) {
		ebb_warn("nvme", "%s: namespace %u: its identification descriptors are malformed",
			 path->drive->name, path->scan.nsids[path->scan.at]);
	}
	fault = nvme_identify_csi_fault(info->csi);
	if (fault != NULL) {
		scan_unusable(path, -ENOTSUP, fault);
		return;
	}
	scan_apply(path);
}

static void identify_failed(struct nvme_path *path, int rc)
{
	const struct nvme_request *request = &path->admin.request;
	struct nvme_scan *scan = &path->scan;
	struct nvme_ns *ns = nvme_ns_find(path->drive, scan->nsids[scan->at]);
	char why[256];

	if (request->rc < 0) {
		scan_failed(path, rc); /* the controller does not answer: nothing is known */
		return;
	}
	if (NVME_SCT(request->status) != NVME_SCT_GENERIC ||
	    NVME_SC(request->status) != NVME_SC_INVALID_NS) {
		snprintf(why, sizeof(why), "it cannot be identified: %s",
			 nvme_status_text(request->status));
		scan_refuse(path, rc, why);
		if (ns != NULL) {
			ns->on_path->seen = scan->number; /* it stays as it was */
		}
	}
	scan_next(path);
}

static void ns_end(struct nvme_path *path, int rc)
{
	struct nvme_scan *scan = &path->scan;
	uint32_t nsid = scan->nsids[scan->at];
	char why[256];

	if (rc < 0) {
		identify_failed(path, rc);
		return;
	}
	rc = nvme_identify_parse_ns(path->admin.buf, &scan->info, why, sizeof(why));
	if (rc == -ENODEV) {
		scan_next(path); /* inactive: not seen */
		return;
	}
	if (rc < 0) {
		scan_unusable(path, rc, why);
		return;
	}
	if (path->info.version < VERSION_1_3) {
		scan_apply(path);
		return;
	}
	nvme_worker_wait(&path->worker, descriptors_end);
	nvme_admin_command_identify(&path->admin, NVME_IDENTIFY_CNS_NS_DESC_LIST, nsid, 0);
}

/* What is at nsids[at]? */
static void scan_look(struct nvme_path *path)
{
	struct nvme_scan *scan = &path->scan;

	if (scan_is_in_vain(path)) {
		nvme_worker_job_end(path, path->state == NVME_PATH_GONE ? -ENODEV : -ECANCELED);
	} else if (scan->at < scan->count) {
		nvme_worker_wait(&path->worker, ns_end);
		nvme_admin_command_identify(&path->admin, NVME_IDENTIFY_CNS_NS,
					    scan->nsids[scan->at], 0);
	} else if (scan->last_page) {
		scan_finish(path);
	} else {
		scan_page(path);
	}
}

static void scan_next(struct nvme_path *path)
{
	path->scan.at++;
	scan_look(path);
}

static void page_end(struct nvme_path *path, int rc)
{
	struct nvme_scan *scan = &path->scan;

	if (rc < 0) {
		scan_failed(path, rc);
		return;
	}
	scan->count = nvme_identify_parse_ns_list(path->admin.buf, scan->after, scan->nsids);
	scan->at = 0;
	scan->pages++;
	scan->last_page = scan->count < NVME_ID_NS_LIST_MAX ||
			  scan->pages >= NAMESPACES_MAX / NVME_ID_NS_LIST_MAX;
	if (scan->count > 0) {
		scan->after = scan->nsids[scan->count - 1];
	}
	scan_look(path);
}

/* From before there was a list: all up to NN, those that are inactive say so themselves. */
static void page_make(struct nvme_scan *scan, uint32_t num_namespaces)
{
	scan->at = 0;
	scan->count = 0;
	scan->last_page = true;
	while (scan->count < NVME_ID_NS_LIST_MAX && scan->count < num_namespaces) {
		scan->nsids[scan->count] = scan->count + 1;
		scan->count++;
	}
}

static void scan_page(struct nvme_path *path)
{
	struct nvme_scan *scan = &path->scan;

	if (path->info.version < VERSION_1_1) {
		page_make(scan, path->info.num_namespaces);
		scan_look(path);
		return;
	}
	nvme_worker_wait(&path->worker, page_end);
	nvme_admin_command_identify(&path->admin, NVME_IDENTIFY_CNS_NS_ACTIVE_LIST, scan->after, 0);
}

void nvme_scan_begin(struct nvme_path *path)
{
	struct nvme_scan *scan = &path->scan;

	scan->number++;
	scan->after = 0;
	scan->pages = 0;
	scan->refused = 0;
	path->scan.again = false;
	scan_page(path);
}
