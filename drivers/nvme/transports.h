/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_TRANSPORTS_H
#define EBB_DRIVERS_NVME_TRANSPORTS_H

/* The registry of transports. Thread: app. */

#include "drivers/nvme/transport.h"

/* The transport of that trtype, in whatever case, or NULL. */
const struct ebb_nvme_transport *ebb_nvme_transport_find(const char *trtype);

/* The next one; NULL gives the first, and ends. */
const struct ebb_nvme_transport *ebb_nvme_transport_next(const struct ebb_nvme_transport *previous);

/* For a test that has added its own. */
void ebb_nvme_transport_remove(struct ebb_nvme_transport *transport);

#endif
