/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/place.h"

#include <stdio.h>
#include <string.h>

#include <ebb/reactor.h>

#include "bench/harness.h"
#include "bench/machine/pin.h"

void bench_place_get(struct bench_place *ret_place)
{
	size_t used = 0;
	int core;
	int cpu;

	memset(ret_place, 0, sizeof(*ret_place));
	for (unsigned i = 0; (core = ebb_reactor_core(i)) >= 0; i++) {
		CPU_SET((size_t)core, &ret_place->cpus);
		ret_place->num_cpus++;
		if (used < sizeof(ret_place->list)) {
			used += (size_t)snprintf(ret_place->list + used,
						 sizeof(ret_place->list) - used, "%s%d",
						 i > 0 ? "," : "", core);
		}
	}
	ret_place->client_cpu = -1;
	for (unsigned i = 0; (cpu = bench_pin_cpu(i)) >= 0; i++) {
		if (!CPU_ISSET((size_t)cpu, &ret_place->cpus)) {
			ret_place->client_cpu = cpu;
			break;
		}
	}
}

int bench_place_quiet(char error[BENCH_TEXT_MAX])
{
	int rc = bench_harness_set_mode(EBB_REACTOR_INTERRUPT);

	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "ebb's reactors cannot be put to sleep, and would disturb a peer: %s",
			 strerror(-rc));
	}
	return rc;
}
