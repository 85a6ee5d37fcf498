/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of states: what may follow what, and that nothing else is let through. */
#include <signal.h>
#include <stdbool.h>

#include <ebb/base.h>

#include "drivers/nvme/vfio/io_queue_state.h"
#include "drivers/nvme/vfio/queue_setup_state.h"
#include "drivers/nvme/vfio/state.h"
#include "tests/unit/unit.h"

struct move {
	unsigned from;
	unsigned to;
};

static const struct move ctrlr_moves[] = {
	{VFIO_OPENING, VFIO_DISABLING},
	{VFIO_OPENING, VFIO_CLOSING},
	{VFIO_OPENING, VFIO_ENDED},
	{VFIO_DISABLING, VFIO_RESETTING},
	{VFIO_DISABLING, VFIO_ENABLING},
	{VFIO_DISABLING, VFIO_FAILED},
	{VFIO_DISABLING, VFIO_CLOSING},
	{VFIO_RESETTING, VFIO_DISABLING},
	{VFIO_RESETTING, VFIO_CLOSING},
	{VFIO_ENABLING, VFIO_CONFIGURING},
	{VFIO_ENABLING, VFIO_DISABLING},
	{VFIO_ENABLING, VFIO_CLOSING},
	{VFIO_CONFIGURING, VFIO_READY},
	{VFIO_CONFIGURING, VFIO_DISABLING},
	{VFIO_CONFIGURING, VFIO_CLOSING},
	{VFIO_READY, VFIO_STOPPING},
	{VFIO_READY, VFIO_SHUTTING_DOWN},
	{VFIO_STOPPING, VFIO_DELETING},
	{VFIO_STOPPING, VFIO_DISABLING},
	{VFIO_STOPPING, VFIO_CLOSING},
	{VFIO_DELETING, VFIO_DISABLING},
	{VFIO_DELETING, VFIO_CLOSING},
	{VFIO_SHUTTING_DOWN, VFIO_CLOSING},
	{VFIO_CLOSING, VFIO_GONE},
	{VFIO_FAILED, VFIO_DISABLING},
	{VFIO_FAILED, VFIO_CLOSING},
	{VFIO_GONE, VFIO_ENDED},
};

static const struct move queue_moves[] = {
	{VFIO_IO_QUEUE_RUNNING, VFIO_IO_QUEUE_FULL},
	{VFIO_IO_QUEUE_RUNNING, VFIO_IO_QUEUE_STOPPED},
	{VFIO_IO_QUEUE_RUNNING, VFIO_IO_QUEUE_DESTROYED},
	{VFIO_IO_QUEUE_FULL, VFIO_IO_QUEUE_RUNNING},
	{VFIO_IO_QUEUE_FULL, VFIO_IO_QUEUE_STOPPED},
	{VFIO_IO_QUEUE_CREATING, VFIO_IO_QUEUE_FULL},
	{VFIO_IO_QUEUE_CREATING, VFIO_IO_QUEUE_FAILED},
	{VFIO_IO_QUEUE_CREATING, VFIO_IO_QUEUE_DESTROYED},
	{VFIO_IO_QUEUE_STOPPED, VFIO_IO_QUEUE_FULL},
	{VFIO_IO_QUEUE_STOPPED, VFIO_IO_QUEUE_FAILED},
	{VFIO_IO_QUEUE_STOPPED, VFIO_IO_QUEUE_DESTROYED},
	{VFIO_IO_QUEUE_FAILED, VFIO_IO_QUEUE_FULL},
	{VFIO_IO_QUEUE_FAILED, VFIO_IO_QUEUE_FAILED},
	{VFIO_IO_QUEUE_FAILED, VFIO_IO_QUEUE_DESTROYED},
};

static const struct move setup_moves[] = {
	{VFIO_SETUP_CREATING, VFIO_SETUP_RUNNING}, {VFIO_SETUP_CREATING, VFIO_SETUP_FAILED},
	{VFIO_SETUP_CREATING, VFIO_SETUP_LEAVING}, {VFIO_SETUP_RUNNING, VFIO_SETUP_STOPPING},
	{VFIO_SETUP_RUNNING, VFIO_SETUP_LEAVING},  {VFIO_SETUP_STOPPING, VFIO_SETUP_CREATING},
	{VFIO_SETUP_STOPPING, VFIO_SETUP_LEAVING}, {VFIO_SETUP_FAILED, VFIO_SETUP_CREATING},
	{VFIO_SETUP_FAILED, VFIO_SETUP_LEAVING},
};

static const struct move made_moves[] = {
	{VFIO_MADE_NONE, VFIO_MADE_CQ},   {VFIO_MADE_CQ, VFIO_MADE_BOTH},
	{VFIO_MADE_CQ, VFIO_MADE_NONE},   {VFIO_MADE_BOTH, VFIO_MADE_CQ},
	{VFIO_MADE_BOTH, VFIO_MADE_NONE},
};

static unsigned ctrlr_set(unsigned from, unsigned to)
{
	enum vfio_state state = (enum vfio_state)from;

	vfio_state_set(&state, (enum vfio_state)to);
	return state;
}

static unsigned queue_set(unsigned from, unsigned to)
{
	enum vfio_io_queue_state state = (enum vfio_io_queue_state)from;

	vfio_io_queue_state_set(&state, (enum vfio_io_queue_state)to);
	return state;
}

static unsigned setup_set(unsigned from, unsigned to)
{
	enum vfio_queue_setup_state state = (enum vfio_queue_setup_state)from;

	vfio_queue_setup_state_set(&state, (enum vfio_queue_setup_state)to);
	return state;
}

static unsigned made_set(unsigned from, unsigned to)
{
	enum vfio_made made = (enum vfio_made)from;

	vfio_queue_setup_made_set(&made, (enum vfio_made)to);
	return made;
}

static const struct table {
	unsigned count;
	const struct move *moves;
	unsigned num_moves;
	unsigned (*set)(unsigned from, unsigned to);
} tables[] = {
	{VFIO_STATE_COUNT, ctrlr_moves, EBB_ARRAY_SIZE(ctrlr_moves), ctrlr_set},
	{VFIO_IO_QUEUE_STATE_COUNT, queue_moves, EBB_ARRAY_SIZE(queue_moves), queue_set},
	{VFIO_SETUP_STATE_COUNT, setup_moves, EBB_ARRAY_SIZE(setup_moves), setup_set},
	{VFIO_MADE_COUNT, made_moves, EBB_ARRAY_SIZE(made_moves), made_set},
};

static bool is_legal(const struct table *table, unsigned from, unsigned to)
{
	for (unsigned i = 0; i < table->num_moves; i++) {
		if (table->moves[i].from == from && table->moves[i].to == to) {
			return true;
		}
	}
	return false;
}

/* How many moves are refused in all tables; *@ret: the one of @index, and its table. */
static unsigned find_refused(unsigned index, const struct table **ret_table, struct move *ret)
{
	unsigned count = 0;

	for (unsigned t = 0; t < EBB_ARRAY_SIZE(tables); t++) {
		for (unsigned i = 0; i < tables[t].count * tables[t].count; i++) {
			struct move move = {i / tables[t].count, i % tables[t].count};

			if (is_legal(&tables[t], move.from, move.to)) {
				continue;
			}
			if (count++ == index) {
				*ret_table = &tables[t];
				*ret = move;
			}
		}
	}
	return count;
}

START_TEST(every_legal_move_is_made)
{
	for (unsigned t = 0; t < EBB_ARRAY_SIZE(tables); t++) {
		for (unsigned i = 0; i < tables[t].num_moves; i++) {
			const struct move *move = &tables[t].moves[i];

			ck_assert_uint_eq(tables[t].set(move->from, move->to), move->to);
		}
	}
}
END_TEST

START_TEST(every_other_move_aborts)
{
	const struct table *table = NULL;
	struct move move = {0};

	find_refused((unsigned)_i, &table, &move);
	table->set(move.from, move.to);
}
END_TEST

int main(int argc, char **argv)
{
	const struct table *table;
	struct move move;
	const struct unit_test tests[] = {
		UNIT_TEST(every_legal_move_is_made),
		{
			.test = every_other_move_aborts,
			.end = (int)find_refused(0, &table, &move),
			.signal = SIGABRT,
		},
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
