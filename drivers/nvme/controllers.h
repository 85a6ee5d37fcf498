/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_CONTROLLERS_H
#define EBB_DRIVERS_NVME_CONTROLLERS_H

/* The controllers that are attached, and how they come and go. Thread: app. */

#include "drivers/nvme/ctrlr.h"

/**
 * ebb_nvme_ctrlr_attach() - take hold of a controller and make bdevs of its namespaces
 * @done: once, perhaps inside this call. rc 0: it is enabled. < 0: @ctrlr->fault says why not, and
 *	@ctrlr is gone after this has returned: its name, and the device, may be attached again.
 * Return: 0; -EEXIST there is one of that name, or with that address; -ENOMEM. Then @done does not
 *	run.
 */
int ebb_nvme_ctrlr_attach(const struct ebb_nvme_transport *transport, const char *name,
			  const char *traddr, const struct ebb_nvme_attach_opts *opts,
			  ebb_nvme_ctrlr_cb done, void *arg);

/**
 * ebb_nvme_ctrlr_detach() - let go of it: bdevs, channels, namespaces, the device
 * @done: once, later, when it is gone; may be NULL
 * Return: 0; -EALREADY it is going: @done will not run.
 */
int ebb_nvme_ctrlr_detach(struct ebb_nvme_ctrlr *ctrlr, void (*done)(void *arg), void *arg);

/**
 * ebb_nvme_ctrlr_reset() - reset the controller; I/O waits and goes on
 * Return: 0; -EBUSY it starts, or a reset is under way; -ENODEV it is going. Then @done does not run.
 */
int ebb_nvme_ctrlr_reset(struct ebb_nvme_ctrlr *ctrlr, ebb_nvme_ctrlr_cb done, void *arg);

struct ebb_nvme_ctrlr *ebb_nvme_ctrlr_find(const char *name);

/* The one that was attached there. PCI addresses may be written in either form. */
struct ebb_nvme_ctrlr *ebb_nvme_ctrlr_find_address(const struct ebb_nvme_transport *transport,
						   const char *traddr);

/* The next one; NULL gives the first, and ends. */
struct ebb_nvme_ctrlr *ebb_nvme_ctrlr_next(struct ebb_nvme_ctrlr *previous);

/* "enabled", "resetting", … */
const char *ebb_nvme_ctrlr_state_name(enum ebb_nvme_ctrlr_state state);

/* Calls @fn(@arg) once, when no controller is left; at once if that is so. One waiter at a time. */
void ebb_nvme_ctrlrs_wait_gone(void (*fn)(void *arg), void *arg);

/*
 * Somebody outside the worker uses the controller's admin queue: it is not let go of meanwhile.
 * Return: false: it is not enabled. The put may free @ctrlr.
 */
bool ebb_nvme_ctrlr_get(struct ebb_nvme_ctrlr *ctrlr);
void ebb_nvme_ctrlr_put(struct ebb_nvme_ctrlr *ctrlr);

/* From the other parts of the command layer. The first three may free @ctrlr. */
void ebb_nvme_ctrlr_ns_left(struct ebb_nvme_ctrlr *ctrlr);
void ebb_nvme_ctrlr_worker_idle(struct ebb_nvme_ctrlr *ctrlr);
void ebb_nvme_ctrlr_start_failed(struct ebb_nvme_ctrlr *ctrlr, int rc);

/* event.c: dword 0 of an asynchronous event's completion. May free @ctrlr. */
void ebb_nvme_async_event(struct ebb_nvme_ctrlr *ctrlr, uint32_t dword);

/* event.c: asks the controller to tell of the next event, unless it has been asked. */
void ebb_nvme_async_arm(struct ebb_nvme_ctrlr *ctrlr);

#endif
