/* SPDX-License-Identifier: Apache-2.0 */

/* Which state follows which: all that may are taken, and all others are refused. */

#include "drivers/nbd/connection.h"
#include "drivers/nbd/export.h"
#include "drivers/nbd/listener.h"
#include "drivers/nbd/poll_group.h"
#include "tests/unit/fixtures/state.h"

static unsigned move_connection(unsigned from, unsigned to)
{
	static struct nbd_conn conn;

	conn.state = from;
	nbd_conn_set_state(&conn, to);
	return conn.state;
}

static unsigned move_listener(unsigned from, unsigned to)
{
	struct nbd_listener listener = {.state = from};

	nbd_listener_set_state(&listener, to);
	return listener.state;
}

static unsigned move_export(unsigned from, unsigned to)
{
	char name[] = "export";
	struct nbd_export export = {.state = from, .name = name};

	nbd_export_set_state(&export, to);
	return export.state;
}

static unsigned move_poll_group(unsigned from, unsigned to)
{
	struct nbd_poll_group group = {.state = from};

	nbd_poll_group_set_state(&group, to);
	return group.state;
}

static const struct state_move connection_moves[] = {
	{NBD_CONN_HAGGLING, NBD_CONN_LOOKUP},       {NBD_CONN_LOOKUP, NBD_CONN_HAGGLING},
	{NBD_CONN_HAGGLING, NBD_CONN_TRANSMISSION}, {NBD_CONN_TRANSMISSION, NBD_CONN_DRAINING},
	{NBD_CONN_HAGGLING, NBD_CONN_CLOSING},      {NBD_CONN_TRANSMISSION, NBD_CONN_CLOSING},
	{NBD_CONN_DRAINING, NBD_CONN_CLOSING},      {NBD_CONN_CLOSING, NBD_CONN_GONE},
};

static const struct state_move listener_moves[] = {
	{NBD_LISTENER_OPENING, NBD_LISTENER_ACCEPTING},
	{NBD_LISTENER_ACCEPTING, NBD_LISTENER_PAUSED},
	{NBD_LISTENER_PAUSED, NBD_LISTENER_ACCEPTING},
	{NBD_LISTENER_ACCEPTING, NBD_LISTENER_CLOSING},
	{NBD_LISTENER_ACCEPTING, NBD_LISTENER_CLOSED},
	{NBD_LISTENER_PAUSED, NBD_LISTENER_CLOSED},
	{NBD_LISTENER_CLOSING, NBD_LISTENER_CLOSED},
};

static const struct state_move export_moves[] = {
	{NBD_EXPORT_STARTING, NBD_EXPORT_SERVED},
	{NBD_EXPORT_SERVED, NBD_EXPORT_STOPPING},
	{NBD_EXPORT_STOPPING, NBD_EXPORT_STOPPED},
};

static const struct state_move poll_group_moves[] = {
	{NBD_POLL_GROUP_READY, NBD_POLL_GROUP_QUIESCING},
	{NBD_POLL_GROUP_QUIESCING, NBD_POLL_GROUP_QUIET},
	{NBD_POLL_GROUP_QUIESCING, NBD_POLL_GROUP_READY},
	{NBD_POLL_GROUP_QUIESCING, NBD_POLL_GROUP_BROKEN},
	{NBD_POLL_GROUP_QUIET, NBD_POLL_GROUP_READY},
	{NBD_POLL_GROUP_QUIET, NBD_POLL_GROUP_BROKEN},
	{NBD_POLL_GROUP_BROKEN, NBD_POLL_GROUP_QUIESCING},
};

static const struct state_machine machines[] = {
	STATE_MACHINE(move_connection, NBD_CONN_STATE_COUNT, connection_moves),
	STATE_MACHINE(move_listener, NBD_LISTENER_STATE_COUNT, listener_moves),
	STATE_MACHINE(move_export, NBD_EXPORT_STATE_COUNT, export_moves),
	STATE_MACHINE(move_poll_group, NBD_POLL_GROUP_STATE_COUNT, poll_group_moves),
	STATE_MACHINE_END,
};

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		state_legal_moves(machines),
		state_other_moves(machines),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
