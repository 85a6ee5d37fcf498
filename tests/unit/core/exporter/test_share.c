/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What clients may use: floors, the pot and its turns, who gives back and who is dropped. Besides
 * single cases there are walks of many clients in random order, whose rules are looked at after
 * each step.
 */

#include "core/exporter/share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/base.h>

#include "tests/unit/unit.h"

#define POT     (4u << 20)
#define CHUNK   EXPORTER_CHUNK_SIZE
#define CLIENTS 12u
#define STEPS   20000u
#define WALKS   24

struct client {
	struct exporter_share share;
	uint64_t moved;
	uint32_t takes;  /* when it is retried: this; 0: it only counts */
	uint32_t gives;  /* when it is to yield */
	unsigned served; /* how often it has been retried */
	unsigned got;    /* and had what it wanted */
	unsigned yielded;
	unsigned dropped;
	uint32_t greed; /* it takes that much as often as it can */
};

static struct exporter_pot pot;
static struct client clients[CLIENTS];
static struct client *order[2 * CLIENTS]; /* who was retried, in order */
static unsigned num_order;

static struct client *client_of(struct exporter_share *share)
{
	return ebb_container_of(share, struct client, share);
}

static void client_retry(struct exporter_share *share)
{
	struct client *client = client_of(share);

	client->served++;
	if (num_order < EBB_ARRAY_SIZE(order)) {
		order[num_order++] = client;
	}
	if (client->takes > 0 && exporter_share_take(share, client->takes) == 0) {
		client->got++;
		client->takes = 0;
	}
	while (client->greed > 0 && exporter_share_take(share, client->greed) == 0) {
	}
}

static uint64_t client_moved(struct exporter_share *share)
{
	return client_of(share)->moved;
}

static void client_yield(struct exporter_share *share)
{
	struct client *client = client_of(share);

	client->yielded++;
	if (client->gives > 0) {
		exporter_share_yield(share, client->gives);
		client->gives = 0;
	}
}

static void client_drop(struct exporter_share *share)
{
	client_of(share)->dropped++;
}

static const struct exporter_share_ops ops = {
	.retry = client_retry,
	.moved = client_moved,
	.yield = client_yield,
	.drop = client_drop,
};

static void setup(void)
{
	exporter_pot_init(&pot, POT);
	for (unsigned i = 0; i < CLIENTS; i++) {
		exporter_share_open(&clients[i].share, &pot, &ops);
	}
}

static void fill_pot(struct exporter_share *share)
{
	for (unsigned i = 0; i < 1 + POT / CHUNK; i++) {
		ck_assert_int_eq(exporter_share_take(share, CHUNK), 0);
	}
	ck_assert_uint_eq(pot.used_bytes, POT);
}

START_TEST(a_floor_is_nobody_elses)
{
	fill_pot(&clients[0].share);
	ck_assert_int_eq(exporter_share_take(&clients[0].share, 4096), -EBUSY);
	for (unsigned i = 1; i < CLIENTS; i++) {
		ck_assert_int_eq(exporter_share_take(&clients[i].share, EXPORTER_FLOOR - 4096), 0);
		ck_assert_int_eq(exporter_share_take(&clients[i].share, 4096), 0);
		ck_assert_int_eq(exporter_share_try(&clients[i].share, 4096), -EBUSY);
		ck_assert_int_eq(exporter_share_take_reserve(&clients[i].share), 0);
		ck_assert_int_eq(exporter_share_take_reserve(&clients[i].share), -EBUSY);
		exporter_share_give_reserve(&clients[i].share);
	}
	ck_assert_uint_eq(pot.used_bytes, POT);
}
END_TEST

START_TEST(what_is_given_back_is_the_pots_first)
{
	struct exporter_share *share = &clients[0].share;

	fill_pot(share);
	exporter_share_give(share, CHUNK / 2);
	ck_assert_uint_eq(pot.used_bytes, POT - CHUNK / 2);
	exporter_share_give(share, POT - CHUNK / 2);
	ck_assert_uint_eq(pot.used_bytes, 0);
	ck_assert_uint_eq(share->used_bytes, EXPORTER_FLOOR);
	exporter_share_give(share, 4096);
	ck_assert_uint_eq(pot.used_bytes, 0);
	exporter_share_give(share, EXPORTER_FLOOR - 4096);
	exporter_share_close(share);
	ck_assert_ptr_null(share->pot);
	exporter_share_close(share);
}
END_TEST

/* All have their floors, and want more: each gets a chunk before any gets two. */
START_TEST(the_pot_goes_round)
{
	unsigned i, round;

	fill_pot(&clients[0].share);
	for (i = 1; i < CLIENTS; i++) {
		ck_assert_int_eq(exporter_share_take(&clients[i].share, CHUNK), 0);
		ck_assert_int_eq(exporter_share_take(&clients[i].share, CHUNK), -EBUSY);
		clients[i].takes = CHUNK;
	}
	for (round = 1; round < CLIENTS; round++) {
		struct client *last = round > 1 ? order[round - 2] : &clients[0];

		/* It wants more at once, and is behind those who wait. */
		exporter_share_give(&last->share, CHUNK);
		if (last != &clients[0]) {
			ck_assert_int_eq(exporter_share_take(&last->share, CHUNK), -EBUSY);
		}
		ck_assert(pot.freed);
		exporter_pot_serve(&pot);
		ck_assert_uint_eq(num_order, round);
		ck_assert_ptr_eq(order[round - 1], &clients[round]);
		ck_assert_uint_eq(clients[round].got, 1);
	}
}
END_TEST

/* Who wants little does not pass who wants much, though there is enough for little. */
START_TEST(the_first_waits_for_all_that_it_wants)
{
	unsigned i;

	fill_pot(&clients[0].share);
	for (i = 1; i < 3; i++) {
		ck_assert_int_eq(exporter_share_take(&clients[i].share, CHUNK), 0);
	}
	clients[1].takes = CHUNK;
	clients[2].takes = 4096;
	for (i = 1; i < 3; i++) {
		ck_assert_int_eq(exporter_share_take(&clients[i].share, clients[i].takes), -EBUSY);
	}
	exporter_share_give(&clients[0].share, CHUNK / 2);
	exporter_pot_serve(&pot);
	ck_assert_uint_eq(num_order, 0);
	/* Who does not wait passes nobody either. */
	ck_assert_int_eq(exporter_share_take(&clients[3].share, CHUNK), 0);
	ck_assert_int_eq(exporter_share_try(&clients[3].share, 4096), -EBUSY);
	exporter_share_give(&clients[0].share, CHUNK / 2);
	exporter_pot_serve(&pot);
	ck_assert_uint_eq(clients[1].got, 1);
	ck_assert_uint_eq(clients[2].got, 0);
	/* It goes before its turn: the next one is not forgotten. */
	exporter_share_give(&clients[1].share, 2 * CHUNK);
	exporter_pot_serve(&pot);
	ck_assert_uint_eq(clients[2].got, 1);
}
END_TEST

START_TEST(whoever_waits_may_go)
{
	fill_pot(&clients[0].share);
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK), 0);
	ck_assert_int_eq(exporter_share_take(&clients[2].share, CHUNK), 0);
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK), -EBUSY);
	clients[2].takes = 4096;
	ck_assert_int_eq(exporter_share_take(&clients[2].share, 4096), -EBUSY);
	exporter_share_give(&clients[0].share, CHUNK / 2);
	exporter_pot_serve(&pot);
	ck_assert_uint_eq(clients[2].got, 0);
	exporter_share_give(&clients[1].share, CHUNK);
	exporter_share_close(&clients[1].share);
	exporter_pot_serve(&pot);
	ck_assert_uint_eq(clients[2].got, 1);
}
END_TEST

/* However much there is: who waits behind has its chunk too. */
START_TEST(a_turn_is_a_chunk)
{
	unsigned i;

	fill_pot(&clients[0].share);
	for (i = 1; i < 3; i++) {
		ck_assert_int_eq(exporter_share_take(&clients[i].share, CHUNK), 0);
		clients[i].greed = 65536;
		ck_assert_int_eq(exporter_share_take(&clients[i].share, 65536), -EBUSY);
	}
	exporter_share_give(&clients[0].share, 2 * CHUNK);
	exporter_pot_serve(&pot);
	for (i = 1; i < 3; i++) {
		ck_assert_uint_eq(clients[i].share.used_bytes, 2 * CHUNK);
	}
}
END_TEST

/* Its own floor is free again while it stands in the queue. */
START_TEST(who_has_its_floor_back_leaves_the_queue)
{
	fill_pot(&clients[0].share);
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK), 0);
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK), -EBUSY);
	exporter_share_give(&clients[1].share, CHUNK);
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK), 0);
	ck_assert(!exporter_pot_is_short(&pot));
}
END_TEST

/* It does what it wanted the memory for with its reserve. */
START_TEST(who_has_its_reserve_leaves_the_queue)
{
	fill_pot(&clients[0].share);
	exporter_share_give(&clients[0].share, CHUNK / 2);
	ck_assert_int_eq(exporter_share_take(&clients[0].share, CHUNK), -EBUSY);
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK), 0);
	clients[1].takes = CHUNK / 2;
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK / 2), -EBUSY);
	pot.freed = false;
	ck_assert_int_eq(exporter_share_take_reserve(&clients[0].share), 0);
	ck_assert(pot.freed);
	exporter_pot_serve(&pot);
	ck_assert_uint_eq(clients[1].got, 1);
	ck_assert(!exporter_pot_is_short(&pot));
}
END_TEST

START_TEST(who_lacks_memory_is_asked_once_each_time)
{
	ck_assert_int_eq(exporter_share_take(&clients[0].share, CHUNK), 0);
	exporter_share_lack(&clients[0].share, CHUNK, false);
	ck_assert_int_eq(exporter_share_take_reserve(&clients[1].share), 0);
	exporter_share_lack(&clients[1].share, 4096, true);
	ck_assert(!pot.freed);
	ck_assert(!clients[1].share.reserve_used);
	exporter_pot_serve(&pot);
	ck_assert_uint_eq(clients[0].served, 1);
	ck_assert_uint_eq(clients[1].served, 1);
	exporter_pot_serve(&pot);
	ck_assert_uint_eq(clients[0].served, 1);
}
END_TEST

/* Client 0 has the pot and takes nothing; client 1 waits for its turn. */
static void stall(void)
{
	fill_pot(&clients[0].share);
	clients[0].gives = POT;
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK), 0);
	clients[1].takes = CHUNK;
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK), -EBUSY);
}

START_TEST(who_takes_nothing_gives_back_what_others_wait_for)
{
	uint64_t now = 77;

	stall();
	ck_assert(exporter_pot_look(&pot, now, false));
	ck_assert(exporter_pot_look(&pot, now + EXPORTER_STILL_NS - 1, false));
	ck_assert_uint_eq(clients[0].yielded, 0);
	/* It has taken something: it has as long again. */
	clients[0].moved++;
	now += EXPORTER_STILL_NS;
	ck_assert(exporter_pot_look(&pot, now, false));
	ck_assert(exporter_pot_look(&pot, now + EXPORTER_STILL_NS - 1, false));
	ck_assert_uint_eq(clients[0].yielded, 0);
	ck_assert(exporter_pot_look(&pot, now + EXPORTER_STILL_NS, false));
	ck_assert_uint_eq(clients[0].yielded, 1);
	ck_assert_uint_eq(clients[0].share.used_bytes, EXPORTER_FLOOR);
	exporter_pot_serve(&pot);
	ck_assert_uint_eq(clients[1].got, 1);
	/* It gets no more of the pot, and does not stand in the queue, until it takes something. */
	ck_assert_int_eq(exporter_share_take(&clients[0].share, 4096), -EBUSY);
	ck_assert(!exporter_pot_is_short(&pot));
	exporter_share_give(&clients[0].share, 4096);
	ck_assert_int_eq(exporter_share_take(&clients[0].share, 4096), 0);
	ck_assert_int_eq(exporter_share_take(&clients[0].share, 4096), 0);
	ck_assert_uint_eq(clients[0].dropped, 0);
}
END_TEST

START_TEST(who_waits_for_itself_is_left_alone)
{
	fill_pot(&clients[0].share);
	clients[0].gives = POT;
	ck_assert_int_eq(exporter_share_take(&clients[0].share, CHUNK), -EBUSY);
	ck_assert(exporter_pot_look(&pot, 1, false));
	/* And nobody looks again. */
	ck_assert(!exporter_pot_look(&pot, 1 + EXPORTER_STILL_NS, false));
	ck_assert_uint_eq(clients[0].yielded, 0);
}
END_TEST

START_TEST(nobody_is_dropped_while_all_have_their_floors)
{
	unsigned i;

	stall();
	clients[0].gives = 0;
	for (i = 0; i < 100; i++) {
		(void)exporter_pot_look(&pot, 1 + i * EXPORTER_DROP_NS, false);
	}
	ck_assert_uint_eq(clients[0].yielded, 1);
	ck_assert_uint_eq(clients[0].dropped + clients[1].dropped, 0);
	/* That is looked for only when it is of use. */
	ck_assert(!exporter_pot_look(&pot, i * EXPORTER_DROP_NS, false));
}
END_TEST

START_TEST(one_that_takes_nothing_is_dropped_if_another_lacks_its_floor)
{
	uint64_t now = 5;

	ck_assert_int_eq(exporter_share_take(&clients[0].share, 8192), 0);
	ck_assert_int_eq(exporter_share_take(&clients[1].share, CHUNK), 0);
	ck_assert_int_eq(exporter_share_take(&clients[2].share, CHUNK), 0);
	ck_assert(exporter_pot_look(&pot, now, true));
	clients[2].moved++;
	ck_assert(exporter_pot_look(&pot, now + EXPORTER_DROP_NS - 1, true));
	ck_assert_uint_eq(clients[0].dropped + clients[1].dropped + clients[2].dropped, 0);
	/* The one with the most, and not all of them. */
	ck_assert(exporter_pot_look(&pot, now + EXPORTER_DROP_NS, true));
	ck_assert_uint_eq(clients[1].dropped, 1);
	/* Whoever has its memory still, it is not dropped again: the next one is. */
	ck_assert(exporter_pot_look(&pot, now + EXPORTER_DROP_NS, true));
	ck_assert_uint_eq(clients[1].dropped, 1);
	ck_assert_uint_eq(clients[0].dropped, 1);
	exporter_share_give(&clients[1].share, CHUNK);
	exporter_share_give(&clients[0].share, 8192);
	/* Who has nothing is no use. */
	ck_assert(exporter_pot_look(&pot, now + EXPORTER_DROP_NS, true));
	ck_assert_uint_eq(clients[0].dropped + clients[1].dropped, 2);
	ck_assert_uint_eq(clients[2].dropped, 0);
}
END_TEST

static uint32_t any_size(void)
{
	return 4096u << ((unsigned)rand() % 9);
}

/* The pot is what is above the floors, and all stay within it. */
static void check_sums(void)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < CLIENTS; i++) {
		uint32_t used = clients[i].share.used_bytes;

		sum += used > EXPORTER_FLOOR ? used - EXPORTER_FLOOR : 0;
	}
	ck_assert_uint_eq(pot.used_bytes, sum);
	ck_assert_uint_le(pot.used_bytes, pot.max_bytes);
}

static void walk_take(struct client *client)
{
	uint32_t size = any_size();
	uint32_t used = client->share.used_bytes;
	int rc = exporter_share_take(&client->share, size);

	if (used + size <= EXPORTER_FLOOR) {
		ck_assert_int_eq(rc, 0);
	}
	/* Whoever did not wait has not passed one who does. */
	if (rc == 0 && used + size > EXPORTER_FLOOR && ebb_list_empty(&client->share.wait)) {
		ck_assert(ebb_list_empty(&pot.waiters));
	}
	client->takes = rc == 0 ? 0 : size;
}

static void walk_give(struct client *client)
{
	uint32_t size = any_size();

	if (client->share.used_bytes > 0) {
		size = size < client->share.used_bytes ? size : client->share.used_bytes;
		client->gives = 0;
		exporter_share_give(&client->share, size);
	}
}

/* Always ends: everybody who waits is served once the others have given all back. */
static void walk_ends(void)
{
	for (unsigned round = 0; exporter_pot_is_short(&pot); round++) {
		ck_assert_uint_lt(round, 10 * CLIENTS);
		for (unsigned i = 0; i < CLIENTS; i++) {
			struct exporter_share *share = &clients[i].share;

			exporter_share_give(share, share->used_bytes);
			exporter_pot_serve(&pot);
		}
		check_sums();
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct exporter_share *share = &clients[i].share;

		ck_assert_uint_eq(clients[i].takes, 0);
		exporter_share_give(share, share->used_bytes);
	}
	ck_assert_uint_eq(pot.used_bytes, 0);
}

START_TEST(any_order_keeps_the_sums)
{
	uint64_t now = 1;

	srand((unsigned)_i);
	for (unsigned i = 0; i < STEPS; i++) {
		struct client *client = &clients[(unsigned)rand() % CLIENTS];
		unsigned step = (unsigned)rand() % 8;

		if (step < 4 && client->takes == 0) {
			walk_take(client);
		} else if (step < 7) {
			walk_give(client);
		} else {
			now += (uint64_t)(unsigned)rand() % EXPORTER_STILL_NS;
			client->gives = client->share.used_bytes > EXPORTER_FLOOR
						? client->share.used_bytes - EXPORTER_FLOOR
						: 0;
			(void)exporter_pot_look(&pot, now, false);
		}
		if (pot.freed) {
			exporter_pot_serve(&pot);
		}
		/* Who is served no more by others asks for itself, as its client takes something. */
		if (client->takes > 0 && client->share.still) {
			client->share.still = false;
			client_retry(&client->share);
		}
		check_sums();
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i].share.still = false;
		if (clients[i].takes > 0 && ebb_list_empty(&clients[i].share.wait)) {
			client_retry(&clients[i].share);
		}
	}
	walk_ends();
}
END_TEST

/* Everybody always wants more, some much at once and some little: over time each gets the same. */
START_TEST(all_get_the_same)
{
	static uint64_t total[CLIENTS];
	uint64_t least = UINT64_MAX, most = 0;
	unsigned i, turn;

	for (i = 0; i < CLIENTS; i++) {
		clients[i].greed = CHUNK >> (i % 3);
		client_retry(&clients[i].share);
	}
	for (turn = 0; turn < 1000; turn++) {
		struct client *client = &clients[turn % CLIENTS];
		uint32_t done = client->share.used_bytes - EXPORTER_FLOOR;

		total[turn % CLIENTS] += done;
		exporter_share_give(&client->share, done);
		exporter_pot_serve(&pot);
		client_retry(&client->share);
		check_sums();
	}
	for (i = 0; i < CLIENTS; i++) {
		least = total[i] < least ? total[i] : least;
		most = total[i] > most ? total[i] : most;
	}
	ck_assert_uint_gt(least, 0);
	ck_assert_uint_le(most, least + least / 4);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(a_floor_is_nobody_elses),
		UNIT_TEST(what_is_given_back_is_the_pots_first),
		UNIT_TEST(the_pot_goes_round),
		UNIT_TEST(the_first_waits_for_all_that_it_wants),
		UNIT_TEST(whoever_waits_may_go),
		UNIT_TEST(a_turn_is_a_chunk),
		UNIT_TEST(who_has_its_floor_back_leaves_the_queue),
		UNIT_TEST(who_has_its_reserve_leaves_the_queue),
		UNIT_TEST(who_lacks_memory_is_asked_once_each_time),
		UNIT_TEST(who_takes_nothing_gives_back_what_others_wait_for),
		UNIT_TEST(who_waits_for_itself_is_left_alone),
		UNIT_TEST(nobody_is_dropped_while_all_have_their_floors),
		UNIT_TEST(one_that_takes_nothing_is_dropped_if_another_lacks_its_floor),
		UNIT_LOOP(any_order_keeps_the_sums, 0, WALKS),
		UNIT_TEST(all_get_the_same),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
