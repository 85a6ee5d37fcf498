/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/energy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

#define SOMEBODY 65534

#define CAP "sys/class/powercap/"

static void zone(const char *zone_name, const char *name, const char *uj, const char *range)
{
	char path[128];

	snprintf(path, sizeof(path), CAP "%s/name", zone_name);
	scratch_text(path, name);
	snprintf(path, sizeof(path), CAP "%s/energy_uj", zone_name);
	scratch_text(path, uj);
	snprintf(path, sizeof(path), CAP "%s/max_energy_range_uj", zone_name);
	scratch_text(path, range);
}

/* Two packages, their parts, the platform, and the first package once more by another interface. */
static void two_packages(void)
{
	zone("intel-rapl:0", "package-0\n", "1000000\n", "10000000\n");
	zone("intel-rapl:1", "package-1\n", "9000000\n", "10000000\n");
	zone("intel-rapl:0:0", "core\n", "500000\n", "10000000\n");
	zone("intel-rapl:2", "psys\n", "7000000\n", "10000000\n");
	zone("intel-rapl-mmio:0", "package-0\n", "1000000\n", "10000000\n");
}

START_TEST(test_sum)
{
	struct bench_energy energy;
	double joules;

	two_packages();
	ck_assert_int_eq(bench_energy_open(scratch_dir(), &energy), 0);
	ck_assert_uint_eq(energy.num_packages, 2);
	ck_assert_int_eq(bench_energy_used(&energy, &joules), 0);
	ck_assert_double_eq(joules, 0);
	scratch_text(CAP "intel-rapl:0/energy_uj", "2500000\n");
	scratch_text(CAP "intel-rapl:1/energy_uj", "9250000\n");
	ck_assert_int_eq(bench_energy_used(&energy, &joules), 0);
	ck_assert_double_eq_tol(joules, 1.75, 1e-9);
}
END_TEST

START_TEST(test_wrap)
{
	struct bench_energy energy;
	double joules;

	two_packages();
	ck_assert_int_eq(bench_energy_open(scratch_dir(), &energy), 0);
	scratch_text(CAP "intel-rapl:1/energy_uj", "500000\n");
	ck_assert_int_eq(bench_energy_used(&energy, &joules), 0);
	ck_assert_double_eq_tol(joules, 1.5, 1e-9);
	scratch_text(CAP "intel-rapl:1/energy_uj", "0\n");
	ck_assert_int_eq(bench_energy_used(&energy, &joules), 0);
	ck_assert_double_eq_tol(joules, 11, 1e-9);
}
END_TEST

/* It went back, and nobody says from where: that is no energy. */
START_TEST(test_wrap_unknown)
{
	struct bench_energy energy;
	double joules = 5;

	zone("intel-rapl:0", "package-0\n", "1000000\n", "none\n");
	ck_assert_int_eq(bench_energy_open(scratch_dir(), &energy), 0);
	scratch_text(CAP "intel-rapl:0/energy_uj", "999\n");
	ck_assert_int_eq(bench_energy_used(&energy, &joules), -ENOTSUP);
	ck_assert_double_eq(joules, 5);
}
END_TEST

START_TEST(test_none)
{
	struct bench_energy energy;
	double joules;

	ck_assert_int_eq(bench_energy_open(scratch_dir(), &energy), -ENOTSUP);
	zone("intel-rapl:0:0", "core\n", "500000\n", "10000000\n");
	zone("intel-rapl:2", "psys\n", "7000000\n", "10000000\n");
	ck_assert_int_eq(bench_energy_open(scratch_dir(), &energy), -ENOTSUP);
	zone("intel-rapl:0", "package-0\n", "0\n",
	     "10000000\n"); /* a guest's, which stands still */
	ck_assert_int_eq(bench_energy_open(scratch_dir(), &energy), -ENOTSUP);
	zone("intel-rapl:0", "package-0\n", "full\n", "10000000\n");
	ck_assert_int_eq(bench_energy_open(scratch_dir(), &energy), -ENOTSUP);
	zone("intel-rapl:0", "package-0\n", "10\n", "10000000\n");
	ck_assert_int_eq(bench_energy_open(scratch_dir(), &energy), 0);
	ck_assert_int_eq(unlink(scratch_path(CAP "intel-rapl:0/energy_uj")), 0);
	ck_assert_int_eq(bench_energy_used(&energy, &joules), -ENOTSUP);
}
END_TEST

/* One of the two may not be read: half of the energy would be a lie. */
START_TEST(test_permission)
{
	static const char *const folders[] = {
		"", "sys", "sys/class", CAP, CAP "intel-rapl:0", CAP "intel-rapl:1"};
	struct bench_energy energy;
	int rc;

	two_packages();
	ck_assert_int_eq(chmod(scratch_path(CAP "intel-rapl:1/energy_uj"), 0), 0);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(folders); i++) {
		ck_assert_int_eq(chmod(scratch_path(folders[i]), 0755), 0);
	}
	if (getuid() == 0) {
		ck_assert_int_eq(setreuid(SOMEBODY, 0), 0); /* root may read every file */
	}
	rc = bench_energy_open(scratch_dir(), &energy);
	if (geteuid() == 0) {
		ck_assert_int_eq(setreuid(0, 0), 0);
	}
	ck_assert_int_eq(rc, -EACCES);
	ck_assert_uint_eq(energy.num_packages, 1);
}
END_TEST

START_TEST(test_explain)
{
	ck_assert_ptr_nonnull(strstr(bench_energy_explain(-EACCES), "only root"));
	ck_assert_ptr_nonnull(strstr(bench_energy_explain(-ENOTSUP), "no energy counters"));
	ck_assert_int_eq(strncmp(bench_energy_explain(-EACCES), "unavailable", 11), 0);
	ck_assert_int_eq(strncmp(bench_energy_explain(-ENOTSUP), "unavailable", 11), 0);
}
END_TEST

/* Of this machine: there is some, more and more of it, or none for a reason. */
START_TEST(test_real)
{
	double first = -1, second;
	int rc = bench_energy_read(&first);

	if (rc < 0) {
		ck_assert(rc == -ENOTSUP || rc == -EACCES);
		ck_assert_double_eq(first, -1);
		ck_assert_int_eq(bench_energy_read(&second), rc);
		return;
	}
	ck_assert_int_eq(bench_energy_read(&second), 0);
	ck_assert_double_ge(second, first);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(scratch_begin, scratch_end),
		UNIT_TEST(test_sum),
		UNIT_TEST(test_wrap),
		UNIT_TEST(test_wrap_unknown),
		UNIT_TEST(test_none),
		UNIT_TEST(test_permission),
		UNIT_TEST(test_explain),
		UNIT_TEST(test_real),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
