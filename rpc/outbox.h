/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_OUTBOX_H
#define RPC_OUTBOX_H

/* The answers that wait for a client to take them. Thread: control. */

struct rpc_connection;
struct rpc_text;

/**
 * rpc_outbox_add() - queue an answer, for the next rpc_outbox_send()
 * @answer: emptied, unless nothing more is sent to the client (dead). It counts as the server's
 *	answer_bytes already.
 * A client that lets too many pile up, or for whose answer there is no memory, is dead then.
 */
void rpc_outbox_add(struct rpc_connection *connection, struct rpc_text *answer);

/* Sends what the client's socket takes now. */
void rpc_outbox_send(struct rpc_connection *connection);

#endif
