/* SPDX-License-Identifier: Apache-2.0 */

/* What is told of clients that are sent away: each kind once, until it has been over for a minute. */

#include "core/exporter/refusal.h"

#include <ebb/base.h>
#include <ebb/clock.h>

#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static uint64_t now_ns = 1;

static uint64_t clock_moved(void)
{
	return now_ns;
}

static void setup(void)
{
	ebb_clock_set_source(clock_moved);
	log_capture();
}

static void teardown(void)
{
	log_release();
}

START_TEST(a_shortage_is_told_once)
{
	struct exporter_refusals refusals = {{0}};
	unsigned i;

	for (i = 0; i < 1000; i++) {
		exporter_refusal_tell(&refusals, EXPORTER_REFUSAL_PLACES, "/a.nbd", "pid 1");
		now_ns += 59 * EBB_NS_PER_S;
	}
	ck_assert_uint_eq(log_count("/a.nbd: client pid 1 refused: the limit"), 1);
	now_ns += 60 * EBB_NS_PER_S;
	exporter_refusal_tell(&refusals, EXPORTER_REFUSAL_PLACES, "/a.nbd", "pid 1");
	ck_assert_uint_eq(log_count("refused"), 2);
}
END_TEST

START_TEST(each_kind_and_each_address_by_itself)
{
	struct exporter_refusals one = {{0}}, other = {{0}};

	for (unsigned i = 0; i < 3; i++) {
		exporter_refusal_tell(&one, EXPORTER_REFUSAL_PLACES, "one", "pid 1");
		exporter_refusal_tell(&one, EXPORTER_REFUSAL_DESCRIPTORS, "one", "pid 1");
		exporter_refusal_tell(&one, EXPORTER_REFUSAL_ACCEPT, "one", "no files");
		exporter_refusal_tell(&one, EXPORTER_REFUSAL_MEMORY, "one", "pid 1");
		exporter_refusal_tell(&other, EXPORTER_REFUSAL_DESCRIPTORS, "other", "pid 1");
	}
	ck_assert_uint_eq(log_count("one: "), 4);
	ck_assert_uint_eq(log_count("ulimit -n"), 2);
	ck_assert_uint_eq(log_count("every second: no files"), 1);
	ck_assert_uint_eq(log_count("one: client pid 1 refused: out of memory"), 1);
	ck_assert_uint_eq(log_count("other: "), 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_shortage_is_told_once),
		UNIT_TEST(each_kind_and_each_address_by_itself),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
