/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_ACCEPTOR_H
#define RPC_ACCEPTOR_H

/* Takes clients in, or tells them why not. Thread: control, but for init and fini. */

struct rpc_server;

/*
 * Makes its events and begins to listen to them. Thread: app, before the control thread is there.
 * Return: 0; -ENOMEM or another errno; rpc_acceptor_fini() frees what there is.
 */
int rpc_acceptor_init(struct rpc_server *server);
void rpc_acceptor_fini(struct rpc_server *server);

/**
 * rpc_acceptor_listen() - accept at server->socket, in place of where it did before
 * Thread: control; app before that is there. Return: 0; -ENOMEM.
 */
int rpc_acceptor_listen(struct rpc_server *server);

/* Takes no more clients. */
void rpc_acceptor_stop(struct rpc_server *server);

#endif
