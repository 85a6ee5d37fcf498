/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GUEST_PATTERN_LEDGER_H
#define TESTS_GUEST_PATTERN_LEDGER_H

/*
 * What must be on a disk. The disk's region is divided into units, of one logical block each. A
 * unit is written with a generation that never comes again, and its content follows from the run's
 * tag, its own number and that generation, so that every byte can be told right or wrong, whoever
 * reads it, and a block that has gone astray is seen where it went as well as where it is missing.
 *
 * The ledger keeps two generations of each unit: the last one that was written for certain, and the
 * last one that was tried. They differ while a write is under way, and for good after one that has
 * failed: what such a unit holds must then be one of these, or of those between. It is a file that
 * outlives whatever is killed. Format, little-endian: struct ledger_head, then a struct unit_state
 * for each unit; a file of zeroes behind its head is the ledger of an unwritten disk.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_MAGIC    0x72656764656c6265u
#define LEDGER_UNIT_MAX 4096u

struct ledger_head {
	uint64_t magic;
	uint64_t tag;
	uint64_t offset_bytes; /* of unit 0 on the disk */
	uint64_t units;
	uint32_t unit_bytes;
	_Atomic uint32_t generation; /* the last that was given out */
	_Atomic uint64_t ios;        /* that were answered well */
	_Atomic uint64_t errors;     /* or not */
};

struct unit_state {
	uint32_t written; /* 0: never; what the unit held before is not known */
	uint32_t tried;
};

struct ledger {
	struct ledger_head *head;
	struct unit_state *units;
};

/* Maps the file @path. It ends the program when there is something wrong with that. */
void ledger_open(struct ledger *ledger, const char *path);

/* A new generation for the units from @first on; their content goes to @data. */
uint32_t ledger_write_begin(struct ledger *ledger, uint64_t first, uint32_t count, char *data);
void ledger_write_done(struct ledger *ledger, uint64_t first, uint32_t count, uint32_t generation);

/* How many of these units hold what they must not; each is told of on stderr. */
unsigned ledger_check(const struct ledger *ledger, uint64_t first, uint32_t count,
		      const char *data);

#endif
