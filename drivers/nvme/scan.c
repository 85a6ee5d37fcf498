/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look at the namespaces: which are active (a page of the list at a time), what each is, and
 * what is new about it. A new one is opened and becomes a bdev; a known one is compared, and has
 * changed its size, or is another one now and goes; one that was not seen goes too. Namespaces that
 * go do so in their own time; if one of the same identifier is there again, the look that follows
 * the end of the old one finds it.
 */
#include "drivers/nvme/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/log.h>

#include <nvme/types.h>

#include "drivers/nvme/controllers.h"
#include "drivers/nvme/namespace.h"
#include "drivers/nvme/status.h"

#define VERSION_1_1 0x10100u
#define VERSION_1_3 0x10300u
/* Each is a struct and a bdev: more than this, and the list is not to be believed. */
#define NAMESPACES_MAX 4096u

static void scan_page(struct ebb_nvme_ctrlr *ctrlr);
static void scan_next(struct ebb_nvme_ctrlr *ctrlr);

static void scan_refuse(struct ebb_nvme_ctrlr *ctrlr, int rc, const char *why)
{
	struct ebb_nvme_scan *scan = &ctrlr->scan;
	uint32_t nsid = scan->nsids[scan->at];

	ebb_warn("nvme", "%s: namespace %u is not used: %s", ctrlr->name, nsid, why);
	if (scan->refused++ == 0) {
		snprintf(scan->refusal, sizeof(scan->refusal), "namespace %u: %s", nsid, why);
		scan->refusal_rc = rc;
	}
}

/* All pages have been looked through. */
static void scan_finish(struct ebb_nvme_ctrlr *ctrlr)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &ctrlr->namespaces) {
		struct ebb_nvme_ns *ns = ebb_list_entry(node, struct ebb_nvme_ns, link);

		if (ns->seen != ctrlr->scan.number) {
			ebb_nvme_ns_remove(ns, "the controller has it no more");
		}
	}
	ebb_nvme_worker_job_end(ctrlr, 0);
}

static void scan_failed(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	ebb_nvme_ctrlr_fault(ctrlr, rc,
			     "NVMe controller '%s' (%s) does not tell its namespaces: %s",
			     ctrlr->name, ctrlr->traddr, strerror(-rc));
	if (ctrlr->state == EBB_NVME_CTRLR_ENABLED) {
		ebb_warn("nvme", "%s; they stay as they are", ctrlr->fault);
	}
	ebb_nvme_worker_job_end(ctrlr, rc);
}

/* Is nobody to use its namespaces any more? */
static bool scan_is_in_vain(const struct ebb_nvme_ctrlr *ctrlr)
{
	return ctrlr->detach_wanted || ctrlr->gone || ctrlr->state == EBB_NVME_CTRLR_FAILED;
}

static void open_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	struct ebb_nvme_ns *ns = ctrlr->scan.opening;
	char why[256];

	ctrlr->scan.opening = NULL;
	if (rc == -ENOENT) {
		ebb_nvme_ns_free(ns);
	} else if (rc < 0) {
		scan_refuse(ctrlr, rc, ns->fault[0] != '\0' ? ns->fault : strerror(-rc));
		ebb_nvme_ns_free(ns);
	} else if (scan_is_in_vain(ctrlr)) {
		ebb_nvme_ns_discard(ns);
	} else {
		rc = ebb_nvme_ns_register(ns, why, sizeof(why));
		if (rc < 0) {
			scan_refuse(ctrlr, rc, why);
		}
	}
	scan_next(ctrlr);
}

void ebb_nvme_ns_opened(struct ebb_nvme_ns *ns, int rc)
{
	ebb_nvme_worker_wake(ns->ctrlr, rc);
}

/* It has no namespace object yet. */
static void scan_open(struct ebb_nvme_ctrlr *ctrlr)
{
	struct ebb_nvme_scan *scan = &ctrlr->scan;
	struct ebb_nvme_ns *ns = ebb_nvme_ns_create(ctrlr, scan->nsids[scan->at], &scan->info);

	if (ns == NULL) {
		scan_refuse(ctrlr, -ENOMEM, "out of memory");
		scan_next(ctrlr);
		return;
	}
	ns->seen = scan->number;
	if (ns->bdev.max_io_blocks == 0) {
		scan_refuse(ctrlr, -ENOTSUP, "one command cannot carry even one of its blocks");
		ebb_nvme_ns_free(ns);
		scan_next(ctrlr);
		return;
	}
	scan->opening = ns;
	ebb_nvme_worker_wait(ctrlr, open_end);
	ctrlr->transport->ns_open(ns);
}

/* Everything about nsids[at] is known. */
static void scan_apply(struct ebb_nvme_ctrlr *ctrlr)
{
	struct ebb_nvme_scan *scan = &ctrlr->scan;
	struct ebb_nvme_ns *ns = ebb_nvme_ns_find(ctrlr, scan->nsids[scan->at]);

	if (ns == NULL) {
		scan_open(ctrlr);
		return;
	}
	ns->seen = scan->number;
	if (ns->state != EBB_NVME_NS_ONLINE) {
		ctrlr->rescan = true;
	} else if (!ebb_nvme_ns_update(ns, &scan->info)) {
		ctrlr->rescan = true;
		ebb_nvme_ns_remove(ns, "it has been formatted anew, or replaced");
	}
	scan_next(ctrlr);
}

/* It is there, but cannot be a bdev. */
static void scan_unusable(struct ebb_nvme_ctrlr *ctrlr, int rc, const char *why)
{
	struct ebb_nvme_scan *scan = &ctrlr->scan;
	struct ebb_nvme_ns *ns = ebb_nvme_ns_find(ctrlr, scan->nsids[scan->at]);

	scan_refuse(ctrlr, rc, why);
	if (ns != NULL) {
		ns->seen = scan->number;
		ebb_nvme_ns_remove(ns, why);
	}
	scan_next(ctrlr);
}

static void descriptors_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	struct ebb_nvme_ns_info *info = &ctrlr->scan.info;
	const char *fault;

	/* Not all that should know the list do; what they are is then what CNS 00h has said. */
	if (rc == 0 && !ebb_nvme_identify_descriptors(ctrlr->admin.buf, info)) {
		ebb_warn("nvme", "%s: namespace %u: its identification descriptors are malformed",
			 ctrlr->name, ctrlr->scan.nsids[ctrlr->scan.at]);
	}
	fault = ebb_nvme_identify_csi_fault(info->csi);
	if (fault != NULL) {
		scan_unusable(ctrlr, -ENOTSUP, fault);
		return;
	}
	scan_apply(ctrlr);
}

static void identify_failed(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	const struct ebb_nvme_request *request = &ctrlr->admin.request;
	struct ebb_nvme_scan *scan = &ctrlr->scan;
	struct ebb_nvme_ns *ns = ebb_nvme_ns_find(ctrlr, scan->nsids[scan->at]);
	char why[256];

	if (request->rc < 0) {
		scan_failed(ctrlr, rc); /* the controller does not answer: nothing is known */
		return;
	}
	if (EBB_NVME_SCT(request->status) != NVME_SCT_GENERIC ||
	    EBB_NVME_SC(request->status) != NVME_SC_INVALID_NS) {
		snprintf(why, sizeof(why), "it cannot be identified: %s",
			 ebb_nvme_status_text(request->status));
		scan_refuse(ctrlr, rc, why);
		if (ns != NULL) {
			ns->seen = scan->number; /* it stays as it was */
		}
	}
	scan_next(ctrlr);
}

static void ns_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	struct ebb_nvme_scan *scan = &ctrlr->scan;
	uint32_t nsid = scan->nsids[scan->at];
	char why[256];

	if (rc < 0) {
		identify_failed(ctrlr, rc);
		return;
	}
	rc = ebb_nvme_identify_ns(ctrlr->admin.buf, &scan->info, why, sizeof(why));
	if (rc == -ENODEV) {
		scan_next(ctrlr); /* inactive: not seen */
		return;
	}
	if (rc < 0) {
		scan_unusable(ctrlr, rc, why);
		return;
	}
	if (ctrlr->info.version < VERSION_1_3) {
		scan_apply(ctrlr);
		return;
	}
	ebb_nvme_worker_wait(ctrlr, descriptors_end);
	nvme_admin_command_identify(&ctrlr->admin, NVME_IDENTIFY_CNS_NS_DESC_LIST, nsid, 0);
}

/* What is at nsids[at]? */
static void scan_look(struct ebb_nvme_ctrlr *ctrlr)
{
	struct ebb_nvme_scan *scan = &ctrlr->scan;

	if (scan_is_in_vain(ctrlr)) {
		ebb_nvme_worker_job_end(ctrlr, ctrlr->gone ? -ENODEV : -ECANCELED);
	} else if (scan->at < scan->count) {
		ebb_nvme_worker_wait(ctrlr, ns_end);
		nvme_admin_command_identify(&ctrlr->admin, NVME_IDENTIFY_CNS_NS,
					    scan->nsids[scan->at], 0);
	} else if (scan->last_page) {
		scan_finish(ctrlr);
	} else {
		scan_page(ctrlr);
	}
}

static void scan_next(struct ebb_nvme_ctrlr *ctrlr)
{
	ctrlr->scan.at++;
	scan_look(ctrlr);
}

static void page_end(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	struct ebb_nvme_scan *scan = &ctrlr->scan;

	if (rc < 0) {
		scan_failed(ctrlr, rc);
		return;
	}
	scan->count = ebb_nvme_identify_ns_list(ctrlr->admin.buf, scan->after, scan->nsids);
	scan->at = 0;
	scan->pages++;
	scan->last_page = scan->count < NVME_ID_NS_LIST_MAX ||
			  scan->pages >= NAMESPACES_MAX / NVME_ID_NS_LIST_MAX;
	if (scan->count > 0) {
		scan->after = scan->nsids[scan->count - 1];
	}
	scan_look(ctrlr);
}

/* From before there was a list: all up to NN, those that are inactive say so themselves. */
static void page_make(struct ebb_nvme_scan *scan, uint32_t num_namespaces)
{
	scan->at = 0;
	scan->count = 0;
	scan->last_page = true;
	while (scan->count < NVME_ID_NS_LIST_MAX && scan->count < num_namespaces) {
		scan->nsids[scan->count] = scan->count + 1;
		scan->count++;
	}
}

static void scan_page(struct ebb_nvme_ctrlr *ctrlr)
{
	struct ebb_nvme_scan *scan = &ctrlr->scan;

	if (ctrlr->info.version < VERSION_1_1) {
		page_make(scan, ctrlr->info.num_namespaces);
		scan_look(ctrlr);
		return;
	}
	ebb_nvme_worker_wait(ctrlr, page_end);
	nvme_admin_command_identify(&ctrlr->admin, NVME_IDENTIFY_CNS_NS_ACTIVE_LIST, scan->after,
				    0);
}

void ebb_nvme_scan_begin(struct ebb_nvme_ctrlr *ctrlr)
{
	struct ebb_nvme_scan *scan = &ctrlr->scan;

	scan->number++;
	scan->after = 0;
	scan->pages = 0;
	scan->refused = 0;
	ctrlr->rescan = false;
	scan_page(ctrlr);
}
