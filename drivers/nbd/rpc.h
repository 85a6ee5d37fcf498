/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NBD_RPC_H
#define NBD_RPC_H

/* Ends every call that waits to start an export. Thread: app. */
void nbd_rpc_fini(void);

#endif
