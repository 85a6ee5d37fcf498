/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Autonomous power state transitions (NVMe Base 2.0, 5.27.1.10). A controller that is left alone
 * for long enough goes by itself to a non-operational state, and comes back with the next command,
 * after that state's exit latency. The table says for each state which state comes next, and after
 * how long: shallow ones soon, since going there and back is cheap, deep ones when it looks as if
 * nothing will come for a while. The times are those of Linux' driver.
 */
#include "drivers/nvme/apst.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define SHALLOW_LATENCY_US 15000u
#define SHALLOW_IDLE_MS    100u
#define DEEP_LATENCY_US    100000u
#define DEEP_IDLE_MS       2000u

static_assert(sizeof(struct nvme_apst_table) == 256, "APST data structure");

/* How long to be idle before a state of that cost; 0: never go there. */
static uint32_t idle_ms(const struct nvme_power_state *state, uint32_t latency_us)
{
	uint64_t total_us = (uint64_t)state->entry_us + state->exit_us;

	if (!state->non_operational || state->exit_us > latency_us || total_us > DEEP_LATENCY_US) {
		return 0;
	}
	return total_us <= SHALLOW_LATENCY_US ? SHALLOW_IDLE_MS : DEEP_IDLE_MS;
}

unsigned nvme_apst_table_make(const struct nvme_ctrlr_info *info, uint32_t latency_us,
			      struct nvme_apst_table *ret_table)
{
	unsigned state = info->num_power_states;
	unsigned count = 0;
	uint64_t next = 0; /* the entry for states above the one that is looked at */

	memset(ret_table, 0, sizeof(*ret_table));
	if (latency_us == 0 || !info->apst) {
		return 0;
	}
	while (state-- > 0) {
		uint64_t ms = idle_ms(&info->power_states[state], latency_us);

		ret_table->entries[state] = htole64(next);
		count += next != 0;
		if (ms != 0) {
			/* Idle Transition Power State in bits 7:3, Idle Time Prior in 31:8. */
			next = (uint64_t)state << 3 | ms << 8;
		}
	}
	return count;
}
