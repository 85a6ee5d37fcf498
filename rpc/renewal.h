/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_RENEWAL_H
#define RPC_RENEWAL_H

/* The socket's file, made again where somebody has removed it. */

struct rpc_server;

/**
 * rpc_renewal_init() - from here on, make the socket's file again where somebody removes it
 * Where it cannot be watched that is said, and no error.
 * Thread: app, before the control thread is there. Return: 0; -ENOMEM.
 */
int rpc_renewal_init(struct rpc_server *server);

/* Ends that; the file may be removed now. Thread: control. */
void rpc_renewal_stop(struct rpc_server *server);

/* Frees what rpc_renewal_init() has made, or a part of it. Thread: app, as rpc_control_fini(). */
void rpc_renewal_fini(struct rpc_server *server);

#endif
