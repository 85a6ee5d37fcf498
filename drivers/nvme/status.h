/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_STATUS_H
#define DRIVERS_NVME_STATUS_H

/* What a device's, or a transport's, answer means. Pure functions. */

#include <stdbool.h>
#include <stdint.h>

/**
 * nvme_status_errno() - the errno for a status field
 * @status: as in struct nvme_request; 0 gives 0
 * Return: 0 or negative errno; what is not known is -EIO.
 */
int nvme_status_errno(uint16_t status);

/* The status in words: "unrecovered read error"; never NULL. */
const char *nvme_status_text(uint16_t status);

/* May the same command succeed a little later? False with DNR, and for what cannot change. */
bool nvme_status_retry(uint16_t status);

/* The same for an answer that is no status: @rc as in struct nvme_request, < 0. */
bool nvme_status_rc_retry(int rc);

/*
 * Does the status mean that the namespace may not be what it was identified as? Then another host,
 * or an administrator, may have formatted it, and nobody has told.
 */
bool nvme_status_doubts_ns(uint16_t status);

#endif
