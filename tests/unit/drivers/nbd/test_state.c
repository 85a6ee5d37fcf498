/* SPDX-License-Identifier: Apache-2.0 */

/* Which state follows which: all that may are taken, and all others are refused. */

#include <signal.h>

#include "drivers/nbd/connection.h"
#include "drivers/nbd/export.h"
#include "drivers/nbd/listener.h"
#include "drivers/nbd/poll_group.h"
#include "tests/unit/unit.h"

struct move {
	unsigned from, to;
};

/* Makes an object that is in state @from, and moves it. Return: the state it is in then. */
typedef unsigned (*move_fn)(struct move move);

static unsigned move_connection(struct move move)
{
	static struct nbd_conn conn;

	conn.state = move.from;
	nbd_conn_set_state(&conn, move.to);
	return conn.state;
}

static unsigned move_listener(struct move move)
{
	struct nbd_listener listener = {.state = move.from};

	nbd_listener_set_state(&listener, move.to);
	return listener.state;
}

static unsigned move_export(struct move move)
{
	char name[] = "export";
	struct nbd_export export = {.state = move.from, .name = name};

	nbd_export_set_state(&export, move.to);
	return export.state;
}

static unsigned move_poll_group(struct move move)
{
	struct nbd_poll_group group = {.state = move.from};

	nbd_poll_group_set_state(&group, move.to);
	return group.state;
}

static const struct move connection_moves[] = {
	{NBD_CONN_HAGGLING, NBD_CONN_LOOKUP},       {NBD_CONN_LOOKUP, NBD_CONN_HAGGLING},
	{NBD_CONN_HAGGLING, NBD_CONN_TRANSMISSION}, {NBD_CONN_TRANSMISSION, NBD_CONN_DRAINING},
	{NBD_CONN_HAGGLING, NBD_CONN_CLOSING},      {NBD_CONN_TRANSMISSION, NBD_CONN_CLOSING},
	{NBD_CONN_DRAINING, NBD_CONN_CLOSING},      {NBD_CONN_CLOSING, NBD_CONN_GONE},
};

static const struct move listener_moves[] = {
	{NBD_LISTENER_OPENING, NBD_LISTENER_ACCEPTING},
	{NBD_LISTENER_ACCEPTING, NBD_LISTENER_PAUSED},
	{NBD_LISTENER_PAUSED, NBD_LISTENER_ACCEPTING},
	{NBD_LISTENER_ACCEPTING, NBD_LISTENER_CLOSING},
	{NBD_LISTENER_ACCEPTING, NBD_LISTENER_CLOSED},
	{NBD_LISTENER_PAUSED, NBD_LISTENER_CLOSED},
	{NBD_LISTENER_CLOSING, NBD_LISTENER_CLOSED},
};

static const struct move export_moves[] = {
	{NBD_EXPORT_STARTING, NBD_EXPORT_SERVED},
	{NBD_EXPORT_SERVED, NBD_EXPORT_STOPPING},
	{NBD_EXPORT_STOPPING, NBD_EXPORT_STOPPED},
};

static const struct move poll_group_moves[] = {
	{NBD_POLL_GROUP_READY, NBD_POLL_GROUP_QUIESCING},
	{NBD_POLL_GROUP_QUIESCING, NBD_POLL_GROUP_QUIET},
	{NBD_POLL_GROUP_QUIESCING, NBD_POLL_GROUP_READY},
	{NBD_POLL_GROUP_QUIESCING, NBD_POLL_GROUP_BROKEN},
	{NBD_POLL_GROUP_QUIET, NBD_POLL_GROUP_READY},
	{NBD_POLL_GROUP_QUIET, NBD_POLL_GROUP_BROKEN},
	{NBD_POLL_GROUP_BROKEN, NBD_POLL_GROUP_QUIESCING},
};

static const struct machine {
	move_fn move;
	unsigned num_states;
	const struct move *legal;
	unsigned num_legal;
} machines[] = {
	{move_connection, NBD_CONN_STATE_COUNT, connection_moves, EBB_ARRAY_SIZE(connection_moves)},
	{move_listener, NBD_LISTENER_STATE_COUNT, listener_moves, EBB_ARRAY_SIZE(listener_moves)},
	{move_export, NBD_EXPORT_STATE_COUNT, export_moves, EBB_ARRAY_SIZE(export_moves)},
	{move_poll_group, NBD_POLL_GROUP_STATE_COUNT, poll_group_moves,
	 EBB_ARRAY_SIZE(poll_group_moves)},
};

static bool is_legal(const struct machine *machine, struct move move)
{
	unsigned i;

	for (i = 0; i < machine->num_legal; i++) {
		if (machine->legal[i].from == move.from && machine->legal[i].to == move.to) {
			return true;
		}
	}
	return false;
}

START_TEST(every_legal_move_is_taken)
{
	const struct machine *machine = &machines[_i];
	unsigned i;

	for (i = 0; i < machine->num_legal; i++) {
		ck_assert_uint_eq(machine->move(machine->legal[i]), machine->legal[i].to);
	}
}
END_TEST

/* The @n-th illegal move of all machines. Return: its machine; NULL: there are not so many. */
static const struct machine *illegal_move(unsigned n, struct move *ret_move)
{
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(machines); i++) {
		const struct machine *machine = &machines[i];
		struct move move;

		for (move.from = 0; move.from < machine->num_states; move.from++) {
			for (move.to = 0; move.to < machine->num_states; move.to++) {
				if (!is_legal(machine, move) && n-- == 0) {
					*ret_move = move;
					return machine;
				}
			}
		}
	}
	return NULL;
}

START_TEST(every_other_move_is_refused)
{
	struct move move;
	const struct machine *machine = illegal_move((unsigned)_i, &move);

	ck_assert_ptr_nonnull(machine);
	(void)machine->move(move);
}
END_TEST

int main(int argc, char **argv)
{
	struct move move;
	int num_illegal = 0;

	while (illegal_move((unsigned)num_illegal, &move) != NULL) {
		num_illegal++;
	}

	const struct unit_test tests[] = {
		UNIT_LOOP(every_legal_move_is_taken, 0, (int)EBB_ARRAY_SIZE(machines)),
		{
			.test = every_other_move_is_refused,
			.end = num_illegal,
			.signal = SIGABRT,
		},
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
