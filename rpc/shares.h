/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_SHARES_H
#define RPC_SHARES_H

/*
 * What a client may have, so that none takes the service from the others. Each has a floor that no
 * other can use: its place, and one request under way with its answer, whatever that takes. Above
 * it clients share what there is for all (control.h has the numbers).
 *
 * Who takes nothing keeps his floor: a client that was stopped is no enemy. Only when somebody
 * else cannot have his is such a client cut off, and only if it has not moved for half a minute.
 *
 * Thread: control. Nothing here calls libevent or touches a socket.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct rpc_connection;
struct rpc_server;

/**
 * rpc_shares_has_place() - may one more client be served?
 * The last RPC_PLACES_OWN are for root and for the user that the daemon runs as, and there for
 * processes that have few yet: who has many connections leaves those.
 */
bool rpc_shares_has_place(const struct rpc_server *server, const struct ucred *peer);

/* Has the process so few connections that it may have one of the last places or descriptors? */
bool rpc_shares_has_few(const struct rpc_server *server, const struct ucred *peer);

/* Return: whose process has the most connections, and in @ret_num how many; NULL: there are none. */
const struct rpc_connection *rpc_shares_largest(const struct rpc_server *server, unsigned *ret_num);

/* Bytes of it have come or gone, or it begins to have an answer: it does not stall. */
void rpc_shares_moved(struct rpc_connection *connection);

/**
 * rpc_shares_stalled() - the client to cut off for another's floor
 * It has not moved for RPC_STALLED_NS: it has taken nothing of its answer, or sent no more of its
 * request, or asked nothing. Who waits for a call that has not ended is not meant.
 * Return: the one that has not moved for longest; NULL: there is none.
 */
struct rpc_connection *rpc_shares_stalled(const struct rpc_server *server, uint64_t now_ns);

/* May the client's next request be looked at? If not, its bytes stay where they are. */
bool rpc_shares_may_ask(const struct rpc_connection *connection);

/* May the next call of its requests be made? If not, the request waits for its turn. */
bool rpc_shares_may_call(const struct rpc_connection *connection);

/* Is there memory for a request whose values take @bytes? */
bool rpc_shares_has_memory(const struct rpc_server *server, size_t bytes);

/* How long the answers to one batch may become now. */
size_t rpc_shares_batch_bytes(const struct rpc_server *server);

#endif
