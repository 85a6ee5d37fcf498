/* SPDX-License-Identifier: Apache-2.0 */

/* How many clients may be connected, and where. */

#include "core/exporter/places.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

#define LISTENERS (EXPORTER_PLACES_OWNERS + 2)

static struct exporter_places places[LISTENERS];

static unsigned fill(struct exporter_places *at)
{
	unsigned count = 0;

	while (exporter_places_are_free(at)) {
		exporter_places_take(at);
		count++;
	}
	return count;
}

static void clear(struct exporter_places *at)
{
	while (at->used > 0) {
		exporter_places_give(at);
	}
}

START_TEST(who_fills_one_locks_out_no_other)
{
	unsigned i, all;

	for (i = 0; i < EXPORTER_PLACES_OWNERS; i++) {
		ck_assert(exporter_places_open(&places[i]));
	}
	all = fill(&places[0]);
	ck_assert_uint_eq(all, EXPORTER_PLACES_OWN + EXPORTER_PLACES_COMMON);
	for (i = 1; i < EXPORTER_PLACES_OWNERS; i++) {
		ck_assert_uint_eq(fill(&places[i]), EXPORTER_PLACES_OWN);
		all += EXPORTER_PLACES_OWN;
	}
	ck_assert_uint_eq(all, EXPORTER_CLIENTS_MAX);
	/* A common one that comes free is anybody's. */
	exporter_places_give(&places[0]);
	ck_assert_uint_eq(fill(&places[7]), 1);
	ck_assert(!exporter_places_are_free(&places[0]));
	/* One's own is one's own. */
	exporter_places_give(&places[8]);
	ck_assert(!exporter_places_are_free(&places[0]));
	ck_assert_uint_eq(fill(&places[8]), 1);
}
END_TEST

START_TEST(further_listeners_have_common_places_only)
{
	unsigned i;

	for (i = 0; i < EXPORTER_PLACES_OWNERS; i++) {
		ck_assert(exporter_places_open(&places[i]));
	}
	ck_assert(!exporter_places_open(&places[i]));
	ck_assert_uint_eq(fill(&places[i]), EXPORTER_PLACES_COMMON);
	ck_assert_uint_eq(fill(&places[0]), EXPORTER_PLACES_OWN);
	/* Those of one that closes are the next one's. */
	clear(&places[0]);
	exporter_places_close(&places[0]);
	ck_assert(exporter_places_open(&places[i + 1]));
	ck_assert_uint_eq(fill(&places[i + 1]), EXPORTER_PLACES_OWN);
	clear(&places[i]);
	exporter_places_close(&places[i]);
}
END_TEST

/* Own places taken are never more than what is kept for them, in whatever order they come and go. */
START_TEST(any_order_keeps_the_sums)
{
	unsigned i, j, all = 0;

	srand((unsigned)_i);
	for (i = 0; i < EXPORTER_PLACES_OWNERS; i++) {
		ck_assert(exporter_places_open(&places[i]));
	}
	for (i = 0; i < 50000; i++) {
		struct exporter_places *at =
			&places[(unsigned)rand() % (1 + (unsigned)rand() % EXPORTER_PLACES_OWNERS)];

		if (rand() % 5 < 3) {
			if (exporter_places_are_free(at)) {
				exporter_places_take(at);
				all++;
			} else {
				ck_assert_uint_ge(at->used, EXPORTER_PLACES_OWN);
			}
		} else if (at->used > 0) {
			exporter_places_give(at);
			all--;
		}
		ck_assert_uint_le(all, EXPORTER_CLIENTS_MAX);
	}
	for (j = 0; j < EXPORTER_PLACES_OWNERS; j++) {
		clear(&places[j]);
	}
	ck_assert_uint_eq(fill(&places[3]), EXPORTER_PLACES_OWN + EXPORTER_PLACES_COMMON);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(who_fills_one_locks_out_no_other),
		UNIT_TEST(further_listeners_have_common_places_only),
		UNIT_LOOP(any_order_keeps_the_sums, 0, 8),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
