/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/energy.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/machine/pseudo_file.h"

#define POWERCAP       "/sys/class/powercap"
#define UJ_IN_J        1e6
#define PACKAGE_PREFIX "package-"

/* "intel-rapl:0" and not "intel-rapl:0:1", which is a part of it, nor the same by another door. */
static int is_zone(const struct dirent *entry)
{
	unsigned number;
	char rest;

	return sscanf(entry->d_name, "intel-rapl:%u%c", &number, &rest) == 1;
}

static int package_read(const struct bench_energy *energy, const char *folder, uint64_t *ret_uj)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" POWERCAP "/%s/energy_uj", energy->root, folder);
	if (access(path, R_OK) < 0) {
		return errno == EACCES || errno == EPERM ? -EACCES : -ENOTSUP;
	}
	return bench_pseudo_file_count(ret_uj, energy->root, POWERCAP "/%s/energy_uj", folder)
		       ? 0
		       : -ENOTSUP;
}

/* Return: 0, also if the zone is no package (the whole platform, say). */
static int zone_add(struct bench_energy *energy, const char *folder)
{
	struct bench_energy_package *package = &energy->packages[energy->num_packages];
	char name[64];
	int rc;

	if (energy->num_packages == BENCH_ENERGY_PACKAGES_MAX ||
	    strlen(folder) >= sizeof(package->folder) ||
	    !bench_pseudo_file_line(name, sizeof(name), energy->root, POWERCAP "/%s/name",
				    folder) ||
	    strncmp(name, PACKAGE_PREFIX, strlen(PACKAGE_PREFIX)) != 0) {
		return 0;
	}
	rc = package_read(energy, folder, &package->last_uj);
	if (rc < 0) {
		return rc;
	}
	snprintf(package->folder, sizeof(package->folder), "%s", folder);
	package->used_uj = 0;
	package->range_uj = 0;
	bench_pseudo_file_count(&package->range_uj, energy->root,
				POWERCAP "/%s/max_energy_range_uj", folder);
	energy->num_packages++;
	return 0;
}

/* A hypervisor may show its guests counters that are always 0. */
static bool counters_stand_still(const struct bench_energy *energy)
{
	for (unsigned i = 0; i < energy->num_packages; i++) {
		if (energy->packages[i].last_uj != 0) {
			return false;
		}
	}
	return true;
}

int bench_energy_open(const char *root, struct bench_energy *ret_energy)
{
	char path[PATH_MAX];
	struct dirent **zones;
	int count, rc = 0;

	memset(ret_energy, 0, sizeof(*ret_energy));
	snprintf(ret_energy->root, sizeof(ret_energy->root), "%s", root);
	snprintf(path, sizeof(path), "%s" POWERCAP, root);
	count = scandir(path, &zones, is_zone, alphasort);
	if (count < 0) {
		return -ENOTSUP;
	}
	for (int i = 0; i < count; i++) {
		if (rc == 0) {
			rc = zone_add(ret_energy, zones[i]->d_name);
		}
		free(zones[i]);
	}
	free(zones);
	if (rc == 0 && counters_stand_still(ret_energy)) {
		rc = -ENOTSUP;
	}
	return rc;
}

int bench_energy_used(struct bench_energy *energy, double *ret_joules)
{
	uint64_t sum_uj = 0;

	for (unsigned i = 0; i < energy->num_packages; i++) {
		struct bench_energy_package *package = &energy->packages[i];
		uint64_t now_uj;

		if (package_read(energy, package->folder, &now_uj) < 0 ||
		    (now_uj < package->last_uj && package->range_uj < package->last_uj)) {
			return -ENOTSUP;
		}
		if (now_uj < package->last_uj) {
			package->used_uj += package->range_uj - package->last_uj + now_uj;
		} else {
			package->used_uj += now_uj - package->last_uj;
		}
		package->last_uj = now_uj;
		sum_uj += package->used_uj;
	}
	*ret_joules = (double)sum_uj / UJ_IN_J;
	return 0;
}

int bench_energy_read(double *ret_joules)
{
	static struct bench_energy machine;
	static bool opened;
	static int rc;

	if (!opened) {
		opened = true;
		rc = bench_energy_open("", &machine);
	}
	return rc < 0 ? rc : bench_energy_used(&machine, ret_joules);
}

const char *bench_energy_explain(int rc)
{
	if (rc == -EACCES) {
		return BENCH_ENERGY_UNAVAILABLE
			": only root may read the energy counters (RAPL); run as root, or "
			"chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj";
	}
	return BENCH_ENERGY_UNAVAILABLE ": this machine has no energy counters (RAPL)";
}
