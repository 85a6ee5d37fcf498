/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/outbox.h"

#include <errno.h>

#include <ebb/log.h>

#include "rpc/control.h"
#include "rpc/load.h"
#include "rpc/shares.h"

void rpc_outbox_add(struct rpc_connection *connection, struct rpc_text *answer)
{
	size_t waiting = rpc_text_bytes(&connection->out);

	if (connection->dead) {
		return;
	}
	if (waiting > 0 && waiting + rpc_text_bytes(answer) > RPC_CLIENT_OUT_MAX) {
		ebb_warn("rpc",
			 "process %d does not read its answers (%zu bytes wait): it is cut off",
			 connection->peer.pid, waiting);
		connection->dead = true;
		return;
	}
	/* It is not its client's fault that nothing has moved before. */
	if (waiting == 0) {
		rpc_shares_moved(connection);
	}
	if (!rpc_text_move(&connection->out, answer)) {
		ebb_error("rpc", "out of memory for an answer to process %d: it is cut off",
			  connection->peer.pid);
		connection->dead = true;
	}
}

void rpc_outbox_send(struct rpc_connection *connection)
{
	struct rpc_text *out = &connection->out;

	while (!connection->dead && rpc_text_bytes(out) > 0) {
		ssize_t sent = send(connection->fd, rpc_text_begin(out), rpc_text_bytes(out),
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			rpc_text_take(out, (size_t)sent);
			rpc_load_drop_answer(connection->server, (size_t)sent);
			rpc_shares_moved(connection);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (errno != EINTR) {
			connection->dead = true;
		}
	}
}
