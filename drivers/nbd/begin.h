/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_BEGIN_H
#define DRIVERS_NBD_BEGIN_H

/* How requests begin, and end at the bdev. */

#include "drivers/nbd/request.h"

/**
 * nbd_req_begin() - begin what @wire asks
 * It is checked, gets its buffers and goes to the bdev; or has its reply at once; or, when the
 * export goes, none.
 * @ret_req: a write, whose payload comes next; or a long request, whose parts are to be begun; or a
 *	write with an error, like a long one. NULL: neither, or the payload is to be dropped.
 * Return: 0; -EBUSY one of the connection's own requests ends first, or its turn comes; -ENOMEM the
 *	pool is empty: then nothing has begun.
 */
int nbd_req_begin(struct nbd_requests *requests, const struct nbd_request *wire,
		  struct nbd_req **ret_req);

/**
 * nbd_req_begin_part() - the next part of a long request, of which there is some left to begin
 * @ret_part: a write's has its payload to come; it is submitted with that; a read's has been submitted
 * Return: as nbd_req_begin().
 */
int nbd_req_begin_part(struct nbd_req *whole, struct nbd_req **ret_part);

/* A write or part that has all of its payload goes to the bdev. */
void nbd_req_submit(struct nbd_req *req);

/* The bdev is done with it. Return: true: there is a reply; false: a flush follows, or other parts. */
bool nbd_req_end(struct nbd_req *req, int status);

#endif
