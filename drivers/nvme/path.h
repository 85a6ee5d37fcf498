/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_PATH_H
#define DRIVERS_NVME_PATH_H

/*
 * A path to a drive: one controller, by one transport, as the command layer and the transport share
 * it. All of it is the app thread's, but for what says otherwise.
 */

#include <stdatomic.h>

#include "drivers/nvme/admin_command.h"
#include "drivers/nvme/async_event.h"
#include "drivers/nvme/drive.h"
#include "drivers/nvme/identify.h"
#include "drivers/nvme/namespace.h"
#include "drivers/nvme/path_state.h"
#include "drivers/nvme/retry.h"
#include "drivers/nvme/scan.h"
#include "drivers/nvme/transport.h"
#include "drivers/nvme/worker.h"

/* What the transport has been asked to do, and has not answered. */
enum nvme_path_call {
	NVME_PATH_CALL_NONE,
	NVME_PATH_CALL_ATTACH,
	NVME_PATH_CALL_RESET,
	NVME_PATH_CALL_DETACH,
};

struct nvme_path {
	struct nvme_drive *drive;
	const struct nvme_transport *transport;
	void *transport_ctrlr; /* the transport's own, from attach() until detached */
	char *traddr;          /* "0000:01:00.0", "/dev/nvme0", as the user has given it */
	struct nvme_limits limits;

	/* The command layer's own. */
	enum nvme_path_state state;
	enum nvme_path_call call;
	struct nvme_ctrlr_info info; /* channels' threads read @retry_delay_100ms */
	/* Nothing is tried again: it is at its end. Pairs with retry.c, on channels' threads. */
	_Atomic bool no_retries;
	struct nvme_worker worker;
	struct nvme_admin_command admin; /* the worker's */
	struct nvme_retry admin_retry;
	struct nvme_scan scan;
	struct nvme_async_event async_event;
};

/* Return: a path of @drive, which has no other, state ATTACHING; NULL out of memory. */
struct nvme_path *nvme_path_create(struct nvme_drive *drive, const struct nvme_transport *transport,
				   const char *traddr);

/* For one whose transport has never been asked, or has nothing any more. */
void nvme_path_destroy(struct nvme_path *path);

/*
 * A transport's answers and news, all on the app thread. See struct nvme_transport. The path, and
 * its drive, may be gone afterwards.
 */
void nvme_path_attached(struct nvme_path *path, int rc);
void nvme_path_detached(struct nvme_path *path);
void nvme_path_was_reset(struct nvme_path *path, int rc);
void nvme_path_event(struct nvme_path *path, enum nvme_event event, uint32_t value);
void nvme_path_ns_opened(struct nvme_path_ns *ns, int rc);
void nvme_path_ns_closed(struct nvme_path_ns *ns);

#endif
