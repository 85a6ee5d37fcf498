/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_VERIFY_H
#define BENCH_VERIFY_H

/*
 * Verified I/O. Each device block that is written carries its own number, how often its place has been
 * written in this run, and who wrote it, in a pattern that fills it and is sealed by a checksum. A block
 * that comes back as another one, as an older one, as somebody else's, or damaged is therefore told
 * apart, whatever a device, a cache or a driver has done to it.
 *
 * A verifier belongs to one worker and to a part of the range that no other worker touches. Nothing is
 * known of a place before it was written in this run, so a read of such a place writes it instead; and
 * a place that has a request in flight gets no other: what would be right then, nobody knows.
 */

#include <stdbool.h>
#include <stddef.h>

#include <ebb/base.h>

#include "bench/load/load.h"

struct bench_verify {
	uint64_t first_slot; /* of the worker's part of the range */
	uint64_t num_slots;
	uint64_t io_blocks; /* of a slot */
	uint32_t block_size;
	uint64_t seed;
	uint64_t run;    /* no two runs have the same */
	uint32_t *slots; /* see verify.c */
};

/**
 * bench_verify_init() - nothing is known of @num_slots slots from @first_slot on
 * @seed, @run: written into each block, and demanded of it
 * Return: 0; -ENOMEM.
 */
int bench_verify_init(struct bench_verify *verify, uint64_t first_slot, uint64_t num_slots,
		      uint64_t io_blocks, uint32_t block_size, uint64_t seed, uint64_t run);

/* Also of one that is all zero. */
void bench_verify_fini(struct bench_verify *verify);

/**
 * bench_verify_begin() - take a slot for a request
 * @slot: the one that is wanted; the next one that is free is taken, around
 * @write: what is wanted; set to true if nothing is known of the slot
 * @buf: gets what is to be written, if it is a write; otherwise what no block is, so that a read
 *	that brings nothing is found out
 * Of @verify's slots, one is free at least.
 * Return: the slot.
 */
uint64_t bench_verify_begin(struct bench_verify *verify, uint64_t slot, bool *write, void *buf);

/**
 * bench_verify_end() - the request on @slot has ended
 * @buf: what was read, or written
 * @status: as it ended; what a write has left behind that failed is not known
 * Return: 0; -EILSEQ: a block that was read is not what it should be: @error says which, what it should
 *	be and what it is.
 */
int bench_verify_end(struct bench_verify *verify, uint64_t slot, bool write, const void *buf,
		     int status, char error[BENCH_LOAD_ERROR_MAX]);

#endif
