/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_RESET_H
#define DRIVERS_NVME_VFIO_RESET_H

/*
 * Why a controller is to be reset, or let go of. These functions note the reason, the first of each
 * kind, and nothing else: whoever calls them, or has called who calls them, goes on with
 * vfio_advance(), which acts on it. All of it is the app thread's.
 */

#include <stdbool.h>
#include <stdint.h>

#include <ebb/base.h>

struct vfio_ctrlr;

enum vfio_reset_cause {
	VFIO_RESET_WANTED, /* somebody wants it, or wants it to go: it does its work */
	VFIO_RESET_NEEDED, /* for what it has done, or not done: it counts against its requests */
};

struct vfio_reset {
	enum vfio_reset_cause cause; /* of the last one, since STOPPING */
	char need[256];              /* not acted on yet: why it has to be reset; "": it has not */
	const char *leave;           /* likewise: why it is to be let go of; NULL: it is not */
};

/* It does not do its work. Ignored but in CONFIGURING and READY. */
void vfio_reset_need(struct vfio_ctrlr *c, const char *format, ...) EBB_PRINTF(2, 3);

/* It has gone, or the system wants it back. @why: a literal. */
void vfio_reset_leave(struct vfio_ctrlr *c, const char *why);

/* There is a reason, and it has not been acted on. */
bool vfio_reset_is_due(const struct vfio_ctrlr *c);

/*
 * Looks at its status. Return: false: it has gone, or says that it is broken, and that is noted.
 * CONFIGURING, READY only.
 */
bool vfio_reset_check_alive(struct vfio_ctrlr *c);

#endif
