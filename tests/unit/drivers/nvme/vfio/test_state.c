/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of states: what may follow what, and that nothing else is let through. */
#include "drivers/nvme/vfio/io_queue_state.h"
#include "drivers/nvme/vfio/queue_setup_state.h"
#include "drivers/nvme/vfio/state.h"
#include "tests/unit/fixtures/state.h"

static const struct state_move ctrlr_moves[] = {
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

static const struct state_move queue_moves[] = {
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

static const struct state_move setup_moves[] = {
	{VFIO_SETUP_CREATING, VFIO_SETUP_RUNNING}, {VFIO_SETUP_CREATING, VFIO_SETUP_FAILED},
	{VFIO_SETUP_CREATING, VFIO_SETUP_LEAVING}, {VFIO_SETUP_RUNNING, VFIO_SETUP_STOPPING},
	{VFIO_SETUP_RUNNING, VFIO_SETUP_LEAVING},  {VFIO_SETUP_STOPPING, VFIO_SETUP_CREATING},
	{VFIO_SETUP_STOPPING, VFIO_SETUP_LEAVING}, {VFIO_SETUP_FAILED, VFIO_SETUP_CREATING},
	{VFIO_SETUP_FAILED, VFIO_SETUP_LEAVING},
};

static const struct state_move made_moves[] = {
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

static const struct state_machine machines[] = {
	STATE_MACHINE(ctrlr_set, VFIO_STATE_COUNT, ctrlr_moves),
	STATE_MACHINE(queue_set, VFIO_IO_QUEUE_STATE_COUNT, queue_moves),
	STATE_MACHINE(setup_set, VFIO_SETUP_STATE_COUNT, setup_moves),
	STATE_MACHINE(made_set, VFIO_MADE_COUNT, made_moves),
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
