/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct bench_contender contenders[BENCH_PEER_CONTENDERS_MAX];
static char error[BENCH_TEXT_MAX];
static unsigned num;

static int make(const char *with)
{
	return bench_peer_make(with, contenders, BENCH_PEER_CONTENDERS_MAX, &num, error);
}

START_TEST(test_unknown)
{
	ck_assert_int_eq(make("vdbench"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "--with vdbench: no such peer; there are fio, "));
	ck_assert_int_eq(make("nbdkid"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "did you mean nbdkit?"));
	ck_assert_int_eq(make("qemu"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "did you mean qemu-storage-daemon?"));
	ck_assert_int_eq(make("fito"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "no such peer: did you mean fio?; there are"));
	ck_assert_int_eq(make(""), -EINVAL);
	ck_assert_ptr_null(strstr(error, "did you mean"));
}
END_TEST

START_TEST(test_values)
{
	ck_assert_int_eq(make("fio=/usr/bin/fio"), -EINVAL);
	ck_assert_str_eq(error, "--with fio=/usr/bin/fio: fio takes no value: give --with fio");
	ck_assert_int_eq(make("spdk"), -EINVAL);
	ck_assert_str_eq(error, "--with spdk: give spdk=PATH");
	ck_assert_int_eq(make("spdk=/nonexistent"), -ENOENT);
	ck_assert_str_eq(error, "--with spdk=/nonexistent: No such file or directory");
	ck_assert_int_eq(make("spdk=/tmp"), -ENOENT);
	ck_assert_str_eq(error, "--with spdk=/tmp: there is no build/examples/bdevperf in it: "
				"build SPDK there (./configure && make)");
	ck_assert_int_eq(make("spdk=/etc/passwd"), -ENOENT);
}
END_TEST

START_TEST(test_no_room)
{
	ck_assert_int_eq(bench_peer_make("fio", contenders, 1, &num, error), -ENOSPC);
}
END_TEST

START_TEST(test_a_program_that_is_not_there)
{
	ck_assert_int_eq(setenv("PATH", "/nonexistent", 1), 0);
	ck_assert_int_eq(make("fio"), -ENOENT);
	ck_assert_str_eq(error, "fio is not there: install it (Debian: apt-get install fio)");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_unknown),
		UNIT_TEST(test_values),
		UNIT_TEST(test_no_room),
		UNIT_TEST(test_a_program_that_is_not_there),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
