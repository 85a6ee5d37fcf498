/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/refusal.h"

#include <ebb/base.h>
#include <ebb/clock.h>
#include <ebb/log.h>

#include "core/exporter/places.h"

#define SILENCE_NS (60 * EBB_NS_PER_S)

void exporter_refusal_tell(struct exporter_refusals *refusals, enum exporter_refusal kind,
			   const char *where, const char *peer)
{
	uint64_t *last_ns = &refusals->last_ns[kind];
	uint64_t now_ns = ebb_clock_now_ns();
	bool again = *last_ns != 0 && now_ns - *last_ns < SILENCE_NS;

	*last_ns = now_ns;
	if (again) {
		return;
	}
	switch (kind) {
	case EXPORTER_REFUSAL_PLACES:
		ebb_warn("exporter",
			 "%s: client %s refused: the limit of connections is reached; this address "
			 "has %u places of its own, and %u are common to all (further ones are not "
			 "told of)",
			 where, peer, EXPORTER_PLACES_OWN, EXPORTER_PLACES_COMMON);
		break;
	case EXPORTER_REFUSAL_DESCRIPTORS:
		ebb_warn("exporter",
			 "%s: client %s refused: the file descriptors that are left are kept for "
			 "RPC; raise RLIMIT_NOFILE (ulimit -n) (further ones are not told of)",
			 where, peer);
		break;
	case EXPORTER_REFUSAL_ACCEPT:
		ebb_error("exporter",
			  "%s: no client can be accepted, which is tried again when one has gone, "
			  "and every second: %s",
			  where, peer);
		break;
	case EXPORTER_REFUSAL_MEMORY:
	case EXPORTER_REFUSAL_COUNT:
		ebb_error("exporter", "%s: client %s refused: out of memory", where, peer);
		break;
	}
}
