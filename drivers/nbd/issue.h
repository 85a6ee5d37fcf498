/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_ISSUE_H
#define DRIVERS_NBD_ISSUE_H

/* What a request asks of the bdev. */

#include "drivers/nbd/request.h"

/**
 * nbd_req_issue() - ask the bdev for what @req->wire says
 * If the bdev has no request free it is asked later, unless nobody is left to answer by then.
 * Thread: the connection's.
 * Return: 0: requests->done will come; < 0: it will not.
 */
int nbd_req_issue(struct nbd_req *req);

#endif
