/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/shares.h"

#include <unistd.h>

#include "rpc/control.h"

static struct rpc_connection *connection_of(const struct ebb_list *node)
{
	return ebb_list_entry(node, struct rpc_connection, link);
}

static unsigned shares_of_process(const struct rpc_server *server, pid_t pid)
{
	const struct ebb_list *node;
	unsigned num = 0;

	ebb_list_for_each(node, &server->connections) {
		num += connection_of(node)->peer.pid == pid;
	}
	return num;
}

bool rpc_shares_has_few(const struct rpc_server *server, const struct ucred *peer)
{
	return shares_of_process(server, peer->pid) < RPC_PROCESS_FEW;
}

bool rpc_shares_has_place(const struct rpc_server *server, const struct ucred *peer)
{
	bool own = peer->uid == 0 || peer->uid == geteuid();

	if (server->num_connections < RPC_PLACES_ANY) {
		return true;
	}
	return own && server->num_connections < RPC_PLACES_ANY + RPC_PLACES_OWN &&
	       rpc_shares_has_few(server, peer);
}

const struct rpc_connection *rpc_shares_largest(const struct rpc_server *server, unsigned *ret_num)
{
	const struct rpc_connection *largest = NULL;
	const struct ebb_list *node;

	*ret_num = 0;
	ebb_list_for_each(node, &server->connections) {
		unsigned num = shares_of_process(server, connection_of(node)->peer.pid);

		if (num > *ret_num) {
			*ret_num = num;
			largest = connection_of(node);
		}
	}
	return largest;
}

void rpc_shares_moved(struct rpc_connection *connection)
{
	connection->moved_ns = ebb_clock_now_ns();
}

/* It is its client's turn to move. */
static bool connection_waits_for_client(const struct rpc_connection *connection)
{
	return connection->num_requests == 0 || rpc_text_bytes(&connection->out) > 0;
}

struct rpc_connection *rpc_shares_stalled(const struct rpc_server *server, uint64_t now_ns)
{
	struct rpc_connection *stalled = NULL;
	const struct ebb_list *node;

	ebb_list_for_each(node, &server->connections) {
		struct rpc_connection *connection = connection_of(node);

		if (connection_waits_for_client(connection) &&
		    now_ns >= connection->moved_ns + RPC_STALLED_NS &&
		    (stalled == NULL || connection->moved_ns < stalled->moved_ns)) {
			stalled = connection;
		}
	}
	return stalled;
}

bool rpc_shares_may_ask(const struct rpc_connection *connection)
{
	const struct rpc_server *server = connection->server;

	return rpc_text_bytes(&connection->out) <= RPC_CLIENT_OUT_HIGH &&
	       connection->request_bytes <= RPC_CLIENT_IN_HIGH &&
	       (connection->num_requests < RPC_CLIENT_FEW ||
		server->num_requests < RPC_REQUESTS_MAX);
}

bool rpc_shares_may_call(const struct rpc_connection *connection)
{
	size_t unread = rpc_text_bytes(&connection->out);

	if (connection->calling != NULL) {
		return false;
	}
	return unread == 0 || (unread <= RPC_CLIENT_OUT_HIGH &&
			       connection->server->answer_bytes < RPC_ANSWERS_MAX);
}

bool rpc_shares_has_memory(const struct rpc_server *server, size_t bytes)
{
	return bytes <= RPC_REQUEST_MEMORY_FLOOR ||
	       server->request_memory + bytes <= RPC_REQUESTS_MEMORY_MAX;
}

size_t rpc_shares_batch_bytes(const struct rpc_server *server)
{
	return server->answer_bytes < RPC_ANSWERS_MAX ? RPC_BATCH_OUT_MAX : RPC_CLIENT_OUT_HIGH;
}
