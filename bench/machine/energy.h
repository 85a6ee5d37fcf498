/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ENERGY_H
#define BENCH_ENERGY_H

/*
 * What the processors' packages have used, as their own counters (RAPL) tell through the kernel's
 * powercap: cores, caches, memory controllers, and on most laptops the graphics unit. Disks, memory
 * and the rest of the machine are not in it, whatever else the machine did meanwhile is. A battery
 * is not asked: its gauge moves once a minute.
 */

#include <limits.h>

#include <ebb/base.h>

/* The word in a table for joules that there are none of. */
#define BENCH_ENERGY_UNAVAILABLE "unavailable"

#define BENCH_ENERGY_PACKAGES_MAX 64

struct bench_energy {
	char root[PATH_MAX / 4];
	unsigned num_packages;
	struct bench_energy_package {
		char folder[64];
		uint64_t range_uj; /* the counter goes from there to 0 */
		uint64_t last_uj;
		uint64_t used_uj; /* since it was opened */
	} packages[BENCH_ENERGY_PACKAGES_MAX];
};

/**
 * bench_energy_open() - find the packages
 * @root: "" but in tests, before /sys
 * Return: 0; -ENOTSUP: the machine has no such counters, or they stand still; -EACCES: they are
 *	there, and only root may read them.
 */
int bench_energy_open(const char *root, struct bench_energy *ret_energy);

/**
 * bench_energy_used() - the joules of all packages since bench_energy_open()
 * To be called more often than a counter wraps, which takes minutes at least.
 * Thread: one at a time.
 * Return: 0; -ENOTSUP: a counter has gone.
 */
int bench_energy_used(struct bench_energy *energy, double *ret_joules);

/**
 * bench_energy_read() - the joules of this machine since the first call
 * The difference of two readings is what was used between them.
 * Thread: the harness.
 * Return: 0; -ENOTSUP, -EACCES: as bench_energy_open().
 */
int bench_energy_read(double *ret_joules);

/* Why there are none, for people, with the remedy if there is one. @rc: of the above. */
const char *bench_energy_explain(int rc);

#endif
