/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_RPC_H
#define DRIVERS_NBD_RPC_H

/* Ends every call that waits to start an export. Thread: app. */
void nbd_rpc_fini(void);

#endif
