/* SPDX-License-Identifier: Apache-2.0 */
/* As it is built where libnbd is not there; with it, test_nbd_client.c is the test. */
#undef HAVE_LIBNBD
#include "bench/peer/nbd_connection.c" // NOLINT(bugprone-suspicious-include)

#include "tests/unit/unit.h"

static char error[BENCH_TEXT_MAX];

START_TEST(test_the_option_is_refused_by_its_name)
{
	struct bench_nbd_connection *connection = NULL;

	ck_assert_int_eq(bench_nbd_connection_check("--with nbdkit", error), -ENOTSUP);
	ck_assert_str_eq(error, "--with nbdkit: ebb-bench was built without libnbd: install "
				"libnbd-dev and build again");
	ck_assert_int_eq(bench_nbd_connection_open("nbd://localhost/", "--nbd", &connection, error),
			 -ENOTSUP);
	ck_assert_str_eq(error, "--nbd: ebb-bench was built without libnbd: install libnbd-dev and "
				"build again");
	ck_assert_ptr_null(connection);
}
END_TEST

START_TEST(test_nothing_else_can_be_done)
{
	struct bench_nbd_request request = {0};
	struct bench_nbd_geometry geometry = {.size_bytes = 1};

	bench_nbd_connection_get_geometry(NULL, &geometry);
	ck_assert_uint_eq(geometry.size_bytes, 0);
	ck_assert_int_eq(bench_nbd_connection_submit(NULL, &request), -ENOTSUP);
	ck_assert_int_eq(bench_nbd_connection_poll(NULL, -1, 0), -EIO);
	ck_assert_str_eq(bench_nbd_connection_fault(NULL), "ebb-bench was built without libnbd");
	bench_nbd_connection_close(NULL);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_the_option_is_refused_by_its_name),
		UNIT_TEST(test_nothing_else_can_be_done),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
