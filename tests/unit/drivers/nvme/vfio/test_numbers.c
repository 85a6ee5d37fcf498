/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/numbers.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static struct vfio_numbers numbers;
static struct vfio_queue_numbers taken;

static void setup(void)
{
	vfio_numbers_init(&numbers);
	numbers.granted = 4;
	numbers.num_vectors = 4;
}

static void teardown(void)
{
	vfio_numbers_fini(&numbers);
}

static void take(unsigned reactors, unsigned vector, unsigned irq_qid, unsigned polled_qid)
{
	ck_assert_int_eq(vfio_numbers_take(&numbers, reactors, &taken), 0);
	ck_assert_uint_eq(taken.vector, vector);
	ck_assert_uint_eq(taken.irq_qid, irq_qid);
	ck_assert_uint_eq(taken.polled_qid, polled_qid);
}

START_TEST(each_gets_two_where_there_are_enough)
{
	take(1, 1, 1, 2);
	take(1, 2, 3, 0); /* the last is left for another reactor */
	take(1, 3, 4, 0);
	ck_assert_int_eq(vfio_numbers_take(&numbers, 1, &taken), -ENOSPC);
	ck_assert_uint_eq(numbers.vectors, 7);
}
END_TEST

/* Vector 0 is the admin queue's. */
START_TEST(without_a_vector_it_gets_a_polled_one)
{
	numbers.num_vectors = 1;
	take(8, 0, 0, 1);
	take(8, 0, 0, 2);
}
END_TEST

START_TEST(what_is_put_back_can_be_taken_again)
{
	struct vfio_queue_numbers first;

	take(1, 1, 1, 2);
	first = taken;
	take(1, 2, 3, 0);
	vfio_numbers_put(&numbers, &first);
	take(1, 1, 1, 2);
}
END_TEST

START_TEST(nothing_is_refused_for_want_of_a_vector_that_was_taken)
{
	numbers.granted = 0;
	ck_assert_int_eq(vfio_numbers_take(&numbers, 1, &taken), -ENOSPC);
	ck_assert_uint_eq(numbers.vectors, 0);
	numbers.granted = 1;
	take(1, 1, 1, 0);
}
END_TEST

START_TEST(a_closed_one_gives_none)
{
	vfio_numbers_close(&numbers);
	ck_assert_int_eq(vfio_numbers_take(&numbers, 1, &taken), -ENODEV);
	ck_assert_uint_eq(numbers.vectors, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nvme/vfio/numbers");
	TCase *tcase = tcase_create("numbers");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, each_gets_two_where_there_are_enough);
	tcase_add_test(tcase, without_a_vector_it_gets_a_polled_one);
	tcase_add_test(tcase, what_is_put_back_can_be_taken_again);
	tcase_add_test(tcase, nothing_is_refused_for_want_of_a_vector_that_was_taken);
	tcase_add_test(tcase, a_closed_one_gives_none);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
