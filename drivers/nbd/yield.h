/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_YIELD_H
#define DRIVERS_NBD_YIELD_H

/* Reads that nobody takes: they give their memory back, and are read again. */

#include "drivers/nbd/request.h"

/**
 * nbd_requests_yield() - give back what is above the floor: data of reads that nobody takes
 * No send is under way.
 * @partly_sent: the first reply has been sent in part
 */
void nbd_requests_yield(struct nbd_requests *requests, bool partly_sent);

/* Begins again what has been given back. Return: 0; or as nbd_req_begin(): there is more of it. */
int nbd_requests_redo(struct nbd_requests *requests);

#endif
