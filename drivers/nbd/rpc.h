/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_RPC_H
#define DRIVERS_NBD_RPC_H

struct exporter;

/* Who serves all that is started here. */
extern struct exporter nbd_exporter;

/* Ends every call that waits to start an export. Thread: app. */
void nbd_rpc_fini(void);

#endif
