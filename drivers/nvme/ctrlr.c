/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A controller's life.
 *
 *	attaching -> starting -> enabled <-> resetting
 *	                |           |            |
 *	                +-----------+-> failed <-+     (a reset may bring it back)
 *	all of them -> deleting -> gone
 *
 * Deleting goes downhill in one order, whoever wants it (a user, the end of the process, a start
 * that failed, a device that has left): wait for what is under way (attach, reset, a job), take the
 * bdevs away, close each namespace when its last channel has gone, wait for the channels of the
 * controller, then let go of the device. Each end calls delete_go_on(), which looks how far down it
 * is. Clients that do not let go keep it waiting: the device stays theirs. An attach that fails is
 * answered when all of that is done: whoever tries again finds name and device free.
 */
#include "drivers/nvme/controllers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "drivers/nvme/channel.h"
#include "drivers/nvme/namespace.h"
#include "drivers/nvme/host/pci.h"
#include "drivers/nvme/worker.h"

#define START_JOBS                                                            \
	(EBB_BIT(EBB_NVME_JOB_IDENTIFY) | EBB_BIT(EBB_NVME_JOB_COMMAND_SET) | \
	 EBB_BIT(EBB_NVME_JOB_EVENTS) | EBB_BIT(EBB_NVME_JOB_POWER) | EBB_BIT(EBB_NVME_JOB_SCAN))
/* What a reset makes a controller forget; and what may have changed meanwhile, too. */
#define FEATURE_JOBS (EBB_BIT(EBB_NVME_JOB_EVENTS) | EBB_BIT(EBB_NVME_JOB_POWER))
#define RESET_JOBS   (FEATURE_JOBS | EBB_BIT(EBB_NVME_JOB_SCAN))

static struct ebb_list ctrlrs = EBB_LIST_INIT(ctrlrs);
static void (*gone_fn)(void *arg);
static void *gone_arg;

static const uint32_t state_next[EBB_NVME_CTRLR_STATE_COUNT] = {
	[EBB_NVME_CTRLR_ATTACHING] =
		EBB_BIT(EBB_NVME_CTRLR_STARTING) | EBB_BIT(EBB_NVME_CTRLR_DELETING),
	[EBB_NVME_CTRLR_STARTING] = EBB_BIT(EBB_NVME_CTRLR_ENABLED) |
				    EBB_BIT(EBB_NVME_CTRLR_FAILED) |
				    EBB_BIT(EBB_NVME_CTRLR_DELETING),
	[EBB_NVME_CTRLR_ENABLED] = EBB_BIT(EBB_NVME_CTRLR_RESETTING) |
				   EBB_BIT(EBB_NVME_CTRLR_FAILED) |
				   EBB_BIT(EBB_NVME_CTRLR_DELETING),
	[EBB_NVME_CTRLR_RESETTING] = EBB_BIT(EBB_NVME_CTRLR_ENABLED) |
				     EBB_BIT(EBB_NVME_CTRLR_FAILED) |
				     EBB_BIT(EBB_NVME_CTRLR_DELETING),
	[EBB_NVME_CTRLR_FAILED] =
		EBB_BIT(EBB_NVME_CTRLR_RESETTING) | EBB_BIT(EBB_NVME_CTRLR_DELETING),
	[EBB_NVME_CTRLR_DELETING] = 0,
};

static const char *const state_names[EBB_NVME_CTRLR_STATE_COUNT] = {
	[EBB_NVME_CTRLR_ATTACHING] = "attaching", [EBB_NVME_CTRLR_STARTING] = "starting",
	[EBB_NVME_CTRLR_ENABLED] = "enabled",     [EBB_NVME_CTRLR_RESETTING] = "resetting",
	[EBB_NVME_CTRLR_FAILED] = "failed",       [EBB_NVME_CTRLR_DELETING] = "deleting",
};

const char *ebb_nvme_ctrlr_state_name(enum ebb_nvme_ctrlr_state state)
{
	return state_names[state];
}

static void state_set(struct ebb_nvme_ctrlr *ctrlr, enum ebb_nvme_ctrlr_state state)
{
	ebb_assert((state_next[ctrlr->state] & EBB_BIT(state)) != 0);
	ctrlr->state = state;
	ebb_debug("nvme", "%s: %s", ctrlr->name, state_names[state]);
}

struct ebb_nvme_ctrlr *ebb_nvme_ctrlr_next(struct ebb_nvme_ctrlr *previous)
{
	struct ebb_list *node = previous == NULL ? ctrlrs.next : previous->link.next;

	return node == &ctrlrs ? NULL : ebb_list_entry(node, struct ebb_nvme_ctrlr, link);
}

struct ebb_nvme_ctrlr *ebb_nvme_ctrlr_find(const char *name)
{
	struct ebb_nvme_ctrlr *ctrlr = NULL;

	while ((ctrlr = ebb_nvme_ctrlr_next(ctrlr)) != NULL) {
		if (strcmp(ctrlr->name, name) == 0) {
			break;
		}
	}
	return ctrlr;
}

void ebb_nvme_ctrlrs_wait_gone(void (*fn)(void *arg), void *arg)
{
	if (ebb_list_empty(&ctrlrs)) {
		fn(arg);
		return;
	}
	gone_fn = fn;
	gone_arg = arg;
}

int ebb_nvme_ctrlr_fault(struct ebb_nvme_ctrlr *ctrlr, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ctrlr->fault, sizeof(ctrlr->fault), format, args);
	va_end(args);
	return rc;
}

/* The one answer to an attach. */
static void attach_answer(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	ebb_nvme_ctrlr_cb done = ctrlr->attach_done;

	ctrlr->attach_done = NULL;
	if (done != NULL) {
		done(ctrlr->attach_arg, ctrlr, rc);
	}
}

static void ctrlr_free(struct ebb_nvme_ctrlr *ctrlr)
{
	void (*done)(void *arg) = ctrlr->detach_done;
	void *done_arg = ctrlr->detach_arg;
	void (*gone)(void *arg) = gone_fn;

	ebb_assert(ebb_list_empty(&ctrlr->namespaces));
	ebb_list_remove(&ctrlr->link);
	attach_answer(ctrlr, ctrlr->start_rc != 0 ? ctrlr->start_rc : -ECANCELED);
	ebb_nvme_worker_fini(ctrlr);
	free(ctrlr->name);
	free(ctrlr->traddr);
	free(ctrlr);
	if (done != NULL) {
		done(done_arg);
	}
	if (gone != NULL && ebb_list_empty(&ctrlrs)) {
		gone_fn = NULL;
		gone(gone_arg);
	}
}

static void reset_answer(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	ebb_nvme_ctrlr_cb done = ctrlr->reset_done;

	ctrlr->reset_done = NULL;
	if (done != NULL) {
		done(ctrlr->reset_arg, ctrlr, rc);
	}
}

static void bdevs_remove(struct ebb_nvme_ctrlr *ctrlr)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &ctrlr->namespaces) {
		ebb_nvme_ns_remove(ebb_list_entry(node, struct ebb_nvme_ns, link), NULL);
	}
}

static void channels_gone(void *device)
{
	struct ebb_nvme_ctrlr *ctrlr = device;

	ctrlr->transport->detach(ctrlr);
}

void ebb_nvme_ctrlr_detached(struct ebb_nvme_ctrlr *ctrlr)
{
	ebb_assert(ebb_thread_is_app() && ctrlr->state == EBB_NVME_CTRLR_DELETING);
	ctrlr_free(ctrlr);
}

/* See the top of the file. May free @ctrlr. */
static void delete_go_on(struct ebb_nvme_ctrlr *ctrlr)
{
	if (!ctrlr->detach_wanted || ctrlr->state == EBB_NVME_CTRLR_ATTACHING || ctrlr->resetting ||
	    ctrlr->users > 0 || !ebb_nvme_worker_idle(ctrlr) ||
	    !ebb_nvme_retry_idle(&ctrlr->admin_retry) || ctrlr->running ||
	    atomic_load(&ctrlr->look_sent)) {
		return;
	}
	if (ctrlr->state != EBB_NVME_CTRLR_DELETING) {
		state_set(ctrlr, EBB_NVME_CTRLR_DELETING);
		atomic_store_explicit(&ctrlr->ending, true, memory_order_relaxed);
		bdevs_remove(ctrlr);
	}
	if (ebb_list_empty(&ctrlr->namespaces) && ctrlr->device_registered) {
		ctrlr->device_registered = false;
		ebb_nvme_channels_end(ctrlr, channels_gone);
	}
}

bool ebb_nvme_ctrlr_get(struct ebb_nvme_ctrlr *ctrlr)
{
	if (ctrlr->state != EBB_NVME_CTRLR_ENABLED || ctrlr->detach_wanted || ctrlr->gone) {
		return false;
	}
	ctrlr->users++;
	return true;
}

void ebb_nvme_ctrlr_put(struct ebb_nvme_ctrlr *ctrlr)
{
	ebb_assert(ctrlr->users > 0);
	ctrlr->users--;
	delete_go_on(ctrlr);
}

static void delete_begin(struct ebb_nvme_ctrlr *ctrlr)
{
	ctrlr->detach_wanted = true;
	delete_go_on(ctrlr);
}

int ebb_nvme_ctrlr_detach(struct ebb_nvme_ctrlr *ctrlr, void (*done)(void *arg), void *arg)
{
	ebb_assert(ebb_thread_is_app());
	if (ctrlr->detach_wanted && ctrlr->detach_done != NULL) {
		return -EALREADY;
	}
	ctrlr->detach_done = done;
	ctrlr->detach_arg = arg;
	delete_begin(ctrlr);
	return 0;
}

void ebb_nvme_ctrlr_ns_left(struct ebb_nvme_ctrlr *ctrlr)
{
	if (ctrlr->detach_wanted) {
		delete_go_on(ctrlr);
	} else if (ctrlr->rescan) {
		ebb_nvme_worker_add(ctrlr, EBB_BIT(EBB_NVME_JOB_SCAN));
	}
}

void ebb_nvme_ctrlr_start_failed(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	ctrlr->detach_wanted = true; /* the worker's end begins it */
	ctrlr->start_rc = rc;
}

/* Nothing but what is refused: whoever attaches it wants to know, and has no use for it. */
static bool start_is_useless(const struct ebb_nvme_ctrlr *ctrlr)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &ctrlr->namespaces) {
		if (ebb_list_entry(node, struct ebb_nvme_ns, link)->state == EBB_NVME_NS_ONLINE) {
			return false;
		}
	}
	return ctrlr->scan.refused > 0;
}

static void start_end(struct ebb_nvme_ctrlr *ctrlr)
{
	if (start_is_useless(ctrlr)) {
		ebb_nvme_ctrlr_fault(ctrlr, ctrlr->scan.refusal_rc,
				     "NVMe controller '%s' (%s): none of its %u namespaces can be "
				     "used: %s",
				     ctrlr->name, ctrlr->traddr, ctrlr->scan.refused,
				     ctrlr->scan.refusal);
		ebb_nvme_ctrlr_start_failed(ctrlr, ctrlr->scan.refusal_rc);
		delete_go_on(ctrlr);
		return;
	}
	state_set(ctrlr, EBB_NVME_CTRLR_ENABLED);
	attach_answer(ctrlr, 0);
}

void ebb_nvme_ctrlr_worker_idle(struct ebb_nvme_ctrlr *ctrlr)
{
	if (ctrlr->detach_wanted) {
		delete_go_on(ctrlr);
	} else if (ctrlr->state == EBB_NVME_CTRLR_STARTING && ctrlr->jobs == 0) {
		start_end(ctrlr);
	}
}

void ebb_nvme_ctrlr_attached(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	ebb_assert(ebb_thread_is_app() && ctrlr->state == EBB_NVME_CTRLR_ATTACHING);
	if (rc == 0 && !ctrlr->detach_wanted) {
		rc = ebb_nvme_channels_begin(ctrlr);
		ctrlr->device_registered = rc == 0;
		if (rc < 0) {
			ebb_nvme_ctrlr_fault(ctrlr, rc, "NVMe controller '%s': out of memory",
					     ctrlr->name);
			state_set(ctrlr, EBB_NVME_CTRLR_DELETING);
			ctrlr->start_rc = rc;
			ctrlr->transport->detach(ctrlr);
			return;
		}
	} else if (rc == 0) {
		state_set(ctrlr, EBB_NVME_CTRLR_DELETING);
		ebb_nvme_ctrlr_fault(ctrlr, -ECANCELED,
				     "NVMe controller '%s' is detached before it was attached",
				     ctrlr->name);
		ctrlr->transport->detach(ctrlr);
		return;
	}
	if (rc < 0) {
		state_set(ctrlr, EBB_NVME_CTRLR_DELETING);
		if (ctrlr->fault[0] == '\0') {
			ebb_nvme_ctrlr_fault(ctrlr, rc,
					     "NVMe controller '%s' (%s) cannot be attached: %s",
					     ctrlr->name, ctrlr->traddr, strerror(-rc));
		}
		ctrlr->start_rc = rc;
		ctrlr_free(ctrlr);
		return;
	}
	state_set(ctrlr, EBB_NVME_CTRLR_STARTING);
	ebb_nvme_worker_add(ctrlr, START_JOBS);
}

struct ebb_nvme_ctrlr *ebb_nvme_ctrlr_find_address(const struct ebb_nvme_transport *transport,
						   const char *traddr)
{
	struct ebb_nvme_ctrlr *ctrlr = NULL;
	char bdf[EBB_PCI_BDF_SIZE];

	traddr = ebb_pci_bdf_parse(traddr, bdf) ? bdf : traddr;
	while ((ctrlr = ebb_nvme_ctrlr_next(ctrlr)) != NULL) {
		if (ctrlr->transport == transport && strcasecmp(ctrlr->traddr, traddr) == 0) {
			break;
		}
	}
	return ctrlr;
}

int ebb_nvme_ctrlr_attach(const struct ebb_nvme_transport *transport, const char *name,
			  const char *traddr, const struct ebb_nvme_attach_opts *opts,
			  ebb_nvme_ctrlr_cb done, void *arg)
{
	char bdf[EBB_PCI_BDF_SIZE];
	struct ebb_nvme_ctrlr *ctrlr;

	ebb_assert(ebb_thread_is_app());
	/* "01:00.0" and "0000:01:00.0" are one. */
	traddr = ebb_pci_bdf_parse(traddr, bdf) ? bdf : traddr;
	if (ebb_nvme_ctrlr_find(name) != NULL ||
	    ebb_nvme_ctrlr_find_address(transport, traddr) != NULL) {
		return -EEXIST;
	}
	ctrlr = calloc(1, sizeof(*ctrlr));
	if (ctrlr == NULL) {
		return -ENOMEM;
	}
	ctrlr->name = strdup(name);
	ctrlr->traddr = strdup(traddr);
	if (ctrlr->name == NULL || ctrlr->traddr == NULL || ebb_nvme_worker_init(ctrlr) < 0) {
		free(ctrlr->name);
		free(ctrlr->traddr);
		free(ctrlr);
		return -ENOMEM;
	}
	ctrlr->transport = transport;
	ctrlr->opts = *opts;
	ctrlr->state = EBB_NVME_CTRLR_ATTACHING;
	ctrlr->attach_done = done;
	ctrlr->attach_arg = arg;
	ebb_list_init(&ctrlr->namespaces);
	ebb_list_push_back(&ctrlrs, &ctrlr->link);
	transport->attach(ctrlr);
	return 0;
}

int ebb_nvme_ctrlr_reset(struct ebb_nvme_ctrlr *ctrlr, ebb_nvme_ctrlr_cb done, void *arg)
{
	ebb_assert(ebb_thread_is_app());
	if (ctrlr->detach_wanted || ctrlr->gone) {
		return -ENODEV;
	}
	if (ctrlr->state != EBB_NVME_CTRLR_ENABLED && ctrlr->state != EBB_NVME_CTRLR_FAILED) {
		return -EBUSY;
	}
	state_set(ctrlr, EBB_NVME_CTRLR_RESETTING);
	ctrlr->resetting = true;
	ctrlr->reset_done = done;
	ctrlr->reset_arg = arg;
	ctrlr->transport->reset(ctrlr);
	return 0;
}

/* It works (again): what a reset has undone is done once more. May free @ctrlr. */
static void ctrlr_ready(struct ebb_nvme_ctrlr *ctrlr)
{
	if (ctrlr->state == EBB_NVME_CTRLR_STARTING) {
		ebb_nvme_worker_add(ctrlr, FEATURE_JOBS); /* what has been set so far is gone */
		return;
	}
	if (ctrlr->state != EBB_NVME_CTRLR_RESETTING) {
		return;
	}
	state_set(ctrlr, EBB_NVME_CTRLR_ENABLED);
	atomic_store_explicit(&ctrlr->ending, false, memory_order_relaxed);
	ebb_nvme_worker_add(ctrlr, RESET_JOBS);
}

/* Its bdevs go; nothing is tried again. */
static void ctrlr_end_io(struct ebb_nvme_ctrlr *ctrlr)
{
	atomic_store_explicit(&ctrlr->ending, true, memory_order_relaxed);
	ebb_nvme_retry_flush(&ctrlr->admin_retry);
	if (ctrlr->device_registered) {
		ebb_nvme_channels_flush(ctrlr);
	}
	bdevs_remove(ctrlr);
}

static void ctrlr_failed(struct ebb_nvme_ctrlr *ctrlr)
{
	if (ctrlr->state == EBB_NVME_CTRLR_FAILED || ctrlr->state == EBB_NVME_CTRLR_DELETING ||
	    ctrlr->state == EBB_NVME_CTRLR_ATTACHING) {
		return;
	}
	if (ctrlr->state == EBB_NVME_CTRLR_STARTING) {
		ebb_nvme_ctrlr_fault(ctrlr, -EIO,
				     "NVMe controller '%s' (%s) has failed, and no reset has "
				     "helped; look at the kernel's log, or power it off and on",
				     ctrlr->name, ctrlr->traddr);
		ebb_nvme_ctrlr_start_failed(ctrlr, -EIO);
		delete_go_on(ctrlr);
		return;
	}
	ebb_error("nvme",
		  "%s (%s) has failed, and no reset has helped: its bdevs are removed; reset it "
		  "by bdev_nvme_reset_controller, or detach it",
		  ctrlr->name, ctrlr->traddr);
	state_set(ctrlr, EBB_NVME_CTRLR_FAILED);
	ctrlr_end_io(ctrlr);
}

void ebb_nvme_ctrlr_was_reset(struct ebb_nvme_ctrlr *ctrlr, int rc)
{
	ebb_assert(ebb_thread_is_app() && ctrlr->resetting);
	ctrlr->resetting = false;
	if (rc < 0 && !ctrlr->gone) {
		ctrlr_failed(ctrlr); /* its state was resetting: it is still there */
	}
	reset_answer(ctrlr, rc);
	if (ctrlr->detach_wanted) {
		delete_go_on(ctrlr);
	} else if (rc == 0) {
		ctrlr_ready(ctrlr);
	}
}

static void ctrlr_gone(struct ebb_nvme_ctrlr *ctrlr)
{
	if (ctrlr->gone || ctrlr->state == EBB_NVME_CTRLR_DELETING) {
		return;
	}
	ctrlr->gone = true;
	ebb_error("nvme", "%s (%s) has left, or is asked for: its bdevs are removed", ctrlr->name,
		  ctrlr->traddr);
	ctrlr_end_io(ctrlr);
	delete_begin(ctrlr);
}

void ebb_nvme_ctrlr_event(struct ebb_nvme_ctrlr *ctrlr, enum ebb_nvme_event event, uint32_t value)
{
	ebb_assert(ebb_thread_is_app());
	switch (event) {
	case EBB_NVME_EVENT_ASYNC:
		ebb_nvme_async_event(ctrlr, value);
		break;
	case EBB_NVME_EVENT_NS_CHANGED:
		ebb_nvme_worker_add(ctrlr, EBB_BIT(EBB_NVME_JOB_SCAN));
		break;
	case EBB_NVME_EVENT_RESET:
		if (ctrlr->state == EBB_NVME_CTRLR_ENABLED) {
			ebb_warn("nvme", "%s (%s) is being reset", ctrlr->name, ctrlr->traddr);
			state_set(ctrlr, EBB_NVME_CTRLR_RESETTING);
		}
		break;
	case EBB_NVME_EVENT_READY:
		if (!ctrlr->resetting) {
			ebb_notice("nvme", "%s (%s) works again", ctrlr->name, ctrlr->traddr);
			ctrlr_ready(ctrlr);
		}
		break;
	case EBB_NVME_EVENT_FAILED:
		ctrlr_failed(ctrlr);
		break;
	case EBB_NVME_EVENT_GONE:
		ctrlr_gone(ctrlr);
		break;
	}
}
