/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_CTRLR_H
#define EBB_DRIVERS_NVME_CTRLR_H

/* A controller and its namespaces, as the command layer and the transports share them. */

#include <ebb/bdev_module.h>

#include "drivers/nvme/transport.h"

/* What a user may ask of a controller, at attach; 0 or NULL: the default of bdev_nvme_set_options. */
struct ebb_nvme_attach_opts {
	bool rebind;              /* take the device from the kernel's driver, and give it back */
	uint32_t num_io_queues;   /* at most; 0: as many as there are channels */
	uint32_t io_queue_depth;  /* entries */
	uint32_t timeout_us;      /* of a command, before anything is done about it; 0: none */
	uint32_t apst_latency_us; /* longest exit latency that power saving may cost; 0: no APST */
	uint32_t retry_count;     /* tries after the first, where the device says that may help */
};

struct ebb_nvme_ns {
	struct ebb_bdev bdev;
	struct ebb_nvme_ctrlr *ctrlr;
	struct ebb_list link; /* of ctrlr->namespaces */
	uint32_t nsid;
	uint32_t index; /* small, unique among the controller's namespaces: a transport's tables */
	uint8_t block_shift;
	char fault[256];    /* why it is not open */
	void *transport_ns; /* the transport's own */
			    /* The command layer's own fields follow here. */
};

struct ebb_nvme_ctrlr {
	const struct ebb_nvme_transport *transport;
	void *transport_ctrlr; /* the transport's own, from attach() until detached */
	char *name;            /* the user's; bdevs are NAMEn1, NAMEn2 … */
	char *traddr;          /* "0000:01:00.0", "/dev/nvme0", as the user has given it */
	struct ebb_nvme_attach_opts opts;
	struct ebb_nvme_limits limits;
	struct ebb_list namespaces;
	char fault[512];
	/* The command layer's own fields follow here. */
};

#endif
