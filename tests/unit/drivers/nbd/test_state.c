/* SPDX-License-Identifier: Apache-2.0 */

/* Which state follows which: all that may are taken, and all others are refused. */

#include "drivers/nbd/connection.h"
#include "core/exporter/export.h"
#include "core/exporter/listener.h"
#include "core/exporter/poll_group.h"
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
	struct exporter_listener listener = {.state = from};

	exporter_listener_set_state(&listener, to);
	return listener.state;
}

static unsigned move_export(unsigned from, unsigned to)
{
	char name[] = "export";
	struct exporter_export export = {.state = from, .name = name};

	exporter_export_set_state(&export, to);
	return export.state;
}

static unsigned move_poll_group(unsigned from, unsigned to)
{
	struct exporter_poll_group group = {.state = from};

	exporter_poll_group_set_state(&group, to);
	return group.state;
}

static const struct state_move connection_moves[] = {
	{NBD_CONN_HAGGLING, NBD_CONN_LOOKUP},       {NBD_CONN_LOOKUP, NBD_CONN_HAGGLING},
	{NBD_CONN_HAGGLING, NBD_CONN_TRANSMISSION}, {NBD_CONN_TRANSMISSION, NBD_CONN_DRAINING},
	{NBD_CONN_HAGGLING, NBD_CONN_CLOSING},      {NBD_CONN_TRANSMISSION, NBD_CONN_CLOSING},
	{NBD_CONN_DRAINING, NBD_CONN_CLOSING},      {NBD_CONN_CLOSING, NBD_CONN_GONE},
};

static const struct state_move listener_moves[] = {
	{EXPORTER_LISTENER_OPENING, EXPORTER_LISTENER_ACCEPTING},
	{EXPORTER_LISTENER_ACCEPTING, EXPORTER_LISTENER_PAUSED},
	{EXPORTER_LISTENER_PAUSED, EXPORTER_LISTENER_ACCEPTING},
	{EXPORTER_LISTENER_ACCEPTING, EXPORTER_LISTENER_CLOSING},
	{EXPORTER_LISTENER_ACCEPTING, EXPORTER_LISTENER_CLOSED},
	{EXPORTER_LISTENER_PAUSED, EXPORTER_LISTENER_CLOSED},
	{EXPORTER_LISTENER_CLOSING, EXPORTER_LISTENER_CLOSED},
};

static const struct state_move export_moves[] = {
	{EXPORTER_EXPORT_STARTING, EXPORTER_EXPORT_SERVED},
	{EXPORTER_EXPORT_SERVED, EXPORTER_EXPORT_STOPPING},
	{EXPORTER_EXPORT_STOPPING, EXPORTER_EXPORT_STOPPED},
};

static const struct state_move poll_group_moves[] = {
	{EXPORTER_POLL_GROUP_READY, EXPORTER_POLL_GROUP_QUIESCING},
	{EXPORTER_POLL_GROUP_QUIESCING, EXPORTER_POLL_GROUP_QUIET},
	{EXPORTER_POLL_GROUP_QUIESCING, EXPORTER_POLL_GROUP_READY},
	{EXPORTER_POLL_GROUP_QUIESCING, EXPORTER_POLL_GROUP_BROKEN},
	{EXPORTER_POLL_GROUP_QUIET, EXPORTER_POLL_GROUP_READY},
	{EXPORTER_POLL_GROUP_QUIET, EXPORTER_POLL_GROUP_BROKEN},
	{EXPORTER_POLL_GROUP_BROKEN, EXPORTER_POLL_GROUP_QUIESCING},
};

static const struct state_machine machines[] = {
	STATE_MACHINE(move_connection, NBD_CONN_STATE_COUNT, connection_moves),
	STATE_MACHINE(move_listener, EXPORTER_LISTENER_STATE_COUNT, listener_moves),
	STATE_MACHINE(move_export, EXPORTER_EXPORT_STATE_COUNT, export_moves),
	STATE_MACHINE(move_poll_group, EXPORTER_POLL_GROUP_STATE_COUNT, poll_group_moves),
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
