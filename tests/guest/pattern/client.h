/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GUEST_PATTERN_CLIENT_H
#define TESTS_GUEST_PATTERN_CLIENT_H

/* One NBD client with many requests in flight, in a slice of the ledger that is its alone. */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/guest/pattern/ledger.h"

#define CLIENT_DEPTH_MAX 256u

struct load {
	struct ledger *ledger;
	const char *socket;
	const char *export;
	uint32_t clients;
	uint32_t depth;     /* requests in flight, of each client */
	uint32_t min_bytes; /* of a request */
	uint32_t max_bytes;
	uint32_t write_percent;
	uint64_t ios; /* of each client; 0: until stopped */
	uint64_t seed;
	uint32_t stall_s; /* without any answer, and something is wrong */
	bool errors;      /* are to be counted; otherwise the first one ends the client */
	bool verify;      /* read the whole slice at the end */
};

struct client_result {
	uint64_t ios, bytes;
	uint64_t errors;
	uint32_t error;  /* the last of them: an errno */
	uint64_t others; /* that were not EIO */
	uint64_t wrong;  /* units that held what they must not */
	uint64_t lost;   /* requests that were never answered */
	uint64_t slowest_ns;
	const char *fault; /* why it ended before its time */
};

/* Set: begin nothing more. */
extern volatile sig_atomic_t client_stop;

/* Runs a client until it has done its work. */
void client_run(const struct load *load, uint32_t number, struct client_result *ret_result);

#endif
