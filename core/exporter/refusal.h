/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_REFUSAL_H
#define CORE_EXPORTER_REFUSAL_H

/*
 * Clients that are sent away are told of in the log: the first, and then no more until there have
 * been none of that kind at that address for a minute. Thread: app.
 */

#include <stdint.h>

enum exporter_refusal {
	EXPORTER_REFUSAL_PLACES,      /* as many are connected as may be */
	EXPORTER_REFUSAL_DESCRIPTORS, /* those that are left are kept for others */
	EXPORTER_REFUSAL_ACCEPT,      /* there is nothing left for accept() */
	EXPORTER_REFUSAL_MEMORY,
	EXPORTER_REFUSAL_COUNT,
};

/* Of one listener; zeroed: none yet. */
struct exporter_refusals {
	uint64_t last_ns[EXPORTER_REFUSAL_COUNT];
};

/**
 * exporter_refusal_tell() - a client has been sent away, or cannot be taken
 * @where: the address that it came to
 * @peer: who it is, or the error's text of EXPORTER_REFUSAL_ACCEPT
 */
void exporter_refusal_tell(struct exporter_refusals *refusals, enum exporter_refusal kind,
			   const char *where, const char *peer);

#endif
