/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/notify.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct ebb_notify_type unit_two = {.name = "unit_two"};
EBB_NOTIFY_TYPE_REGISTER(unit_two)

static struct ebb_notify_type unit_one = {.name = "unit_one"};
EBB_NOTIFY_TYPE_REGISTER(unit_one)

static struct ebb_notify_event events[EBB_NOTIFY_EVENTS_MAX + 8];
static unsigned num_events;

static void note_event(const struct ebb_notify_event *event, void *arg)
{
	(void)arg;
	events[num_events++] = *event;
}

static uint64_t look(uint64_t first_id, uint64_t max)
{
	num_events = 0;
	return ebb_notify_for_each(first_id, max, note_event, NULL);
}

static char type_names[256];

static void note_type(const struct ebb_notify_type *type, void *arg)
{
	size_t len = strlen(type_names);

	(void)arg;
	snprintf(type_names + len, sizeof(type_names) - len, "%s ", type->name);
}

START_TEST(test_types)
{
	ebb_notify_type_for_each(note_type, NULL);
	ck_assert_ptr_nonnull(strstr(type_names, "bdev_register bdev_resize bdev_unregister "));
	ck_assert_ptr_nonnull(strstr(type_names, "unit_one unit_two "));
}
END_TEST

START_TEST(test_one_by_one)
{
	ck_assert_uint_eq(look(0, UINT64_MAX), 0);
	ck_assert_uint_eq(ebb_notify_send(&unit_one, "one's name"), 0);
	ck_assert_uint_eq(ebb_notify_send(&unit_two, "two's name"), 1);
	ck_assert_uint_eq(look(0, 1), 1);
	ck_assert_ptr_eq(events[0].type, &unit_one);
	ck_assert_str_eq(events[0].context, "one's name");
	ck_assert_uint_eq(look(1, 1), 1);
	ck_assert_ptr_eq(events[0].type, &unit_two);
	ck_assert_str_eq(events[0].context, "two's name");
	ck_assert_uint_eq(events[0].id, 1);
	ck_assert_uint_eq(look(2, 1), 0); /* it has not happened yet */
	ck_assert_uint_eq(look(UINT64_MAX, UINT64_MAX), 0);
	ck_assert_uint_eq(look(0, 0), 0);
	ck_assert_uint_eq(look(0, UINT64_MAX), 2);
}
END_TEST

/* Who asks too late for what was overwritten gets the oldest there is, by its true number. */
START_TEST(test_overwritten)
{
	char name[32];

	for (unsigned i = 0; i < EBB_NOTIFY_EVENTS_MAX + 3; i++) {
		snprintf(name, sizeof(name), "%u", i);
		ck_assert_uint_eq(ebb_notify_send(&unit_one, name), i);
	}
	ck_assert_uint_eq(look(0, UINT64_MAX), EBB_NOTIFY_EVENTS_MAX);
	for (unsigned i = 0; i < num_events; i++) {
		snprintf(name, sizeof(name), "%u", i + 3);
		ck_assert_uint_eq(events[i].id, i + 3);
		ck_assert_str_eq(events[i].context, name);
	}
	ck_assert_uint_eq(look(2, 2), 2);
	ck_assert_uint_eq(events[0].id, 3);
	ck_assert_uint_eq(look(EBB_NOTIFY_EVENTS_MAX + 2, UINT64_MAX), 1);
	ck_assert_uint_eq(look(EBB_NOTIFY_EVENTS_MAX + 3, UINT64_MAX), 0);
}
END_TEST

static void send_another(const struct ebb_notify_event *event, void *arg)
{
	(void)arg;
	ck_assert_uint_eq(event->id, num_events++);
	ebb_notify_send(&unit_two, event->context);
}

/* Whoever is told of an event may send one: it is none of those that are told then. */
START_TEST(test_sent_while_told)
{
	ebb_notify_send(&unit_one, "first");
	ebb_notify_send(&unit_one, "second");
	ck_assert_uint_eq(ebb_notify_for_each(0, UINT64_MAX, send_another, NULL), 2);
	ck_assert_uint_eq(look(0, UINT64_MAX), 4);
	ck_assert_str_eq(events[3].context, "second");
}
END_TEST

START_TEST(test_long_context)
{
	char name[600];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ebb_notify_send(&unit_one, name);
	look(0, 1);
	ck_assert_uint_eq(strlen(events[0].context), EBB_NOTIFY_CONTEXT_MAX);
}
END_TEST

static void *send_many(void *arg)
{
	for (unsigned i = 0; i < 200; i++) {
		ebb_notify_send(arg, "");
	}
	return NULL;
}

/* Any OS thread may send: no number is given twice, none is left out. */
START_TEST(test_two_senders)
{
	pthread_t other;

	ck_assert_int_eq(pthread_create(&other, NULL, send_many, &unit_two), 0);
	send_many(&unit_one);
	pthread_join(other, NULL);
	ck_assert_uint_eq(look(0, UINT64_MAX), 400);
	for (unsigned i = 0; i < num_events; i++) {
		ck_assert_uint_eq(events[i].id, i);
	}
	ck_assert_uint_eq(ebb_notify_send(&unit_one, ""), 400);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_types),
		UNIT_TEST(test_one_by_one),
		UNIT_TEST(test_overwritten),
		UNIT_TEST(test_long_context),
		UNIT_TEST(test_two_senders),
		UNIT_TEST(test_sent_while_told),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
