/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_PART_H
#define DRIVERS_NBD_PART_H

/* Parts of long requests: their memory, and what their ends make of the reply. See request.c. */

#include "drivers/nbd/request.h"

/**
 * nbd_part_get() - the next part of @whole, with its buffers
 * Return: NULL: @ret_rc is as of nbd_req_begin().
 */
struct nbd_req *nbd_part_get(struct nbd_req *whole, int *ret_rc);

/*
 * The bdev is done with @part. Its read is a chunk of the whole's reply, its write a share in the
 * whole's success. Return: true: there is something to be sent.
 */
bool nbd_part_end(struct nbd_req *part, uint32_t error);

/* No part of it will be begun any more. Return: true: none was under way, and it has its reply. */
bool nbd_req_end_parts(struct nbd_req *whole);

#endif
