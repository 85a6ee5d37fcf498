/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A client cannot take the service from the others, for what it can hold has a bound, and up to a
 * floor nobody else can hold it.
 *
 *     pool = floors and reserves of all places + pots of all threads + what is not for clients
 *
 * FLOOR      Each client has one chunk. Clients are let in as long as all floors fit into the pool
 *            (places.h), so it is there when it is asked for, whatever others do. A request is at
 *            most a chunk: what is longer goes in parts.
 * RESERVE    A little more for what the client sends, one piece at a time. A client that sends and
 *            does not read meanwhile can have filled its floor with replies; what it sends gets
 *            through nevertheless, so the two sides never wait for each other.
 * POT        Above their floors the clients of a thread share its pot, in turns of a chunk each
 *            (deficit round robin): as long as nobody waits, who asks gets; from then on nobody
 *            passes the queue, and its head waits until what it wants is there, so that who wants
 *            much is not passed for ever by those who want little.
 *
 * Who takes nothing keeps its floor, however long: a virtual machine that is paused is no enemy.
 * What such a client has of the pot it gives back when others wait for it (yield): replies that
 * have not been begun to be sent, which are read again when it is their turn. It gets no more of the
 * pot before it has taken something.
 *
 * All of that counts what is promised. Should the machine not have what the pool was to have (a
 * limit of address space, no memory), somebody may lack its floor. Only then, and when it has
 * lasted, one who has taken nothing for half a minute is dropped, the one with the most first.
 *
 * Nobody is looked at while nobody waits, and it is not looked again when that could not help: a
 * client that waits for itself, as it does not read, wakes nobody.
 */

#include "core/exporter/share.h"

#include <errno.h>

#include <ebb/assert.h>

void exporter_pot_init(struct exporter_pot *pot, uint32_t max_bytes)
{
	*pot = (struct exporter_pot){.max_bytes = max_bytes};
	ebb_list_init(&pot->shares);
	ebb_list_init(&pot->waiters);
	ebb_list_init(&pot->lacking);
}

void exporter_share_open(struct exporter_share *share, struct exporter_pot *pot,
			 const struct exporter_share_ops *ops)
{
	*share = (struct exporter_share){.pot = pot, .ops = ops};
	ebb_list_init(&share->wait);
	ebb_list_init(&share->link);
	ebb_list_push_back(&pot->shares, &share->link);
}

void exporter_share_close(struct exporter_share *share)
{
	struct exporter_pot *pot = share->pot;

	if (pot == NULL) {
		return;
	}
	ebb_assert(share->used_bytes == 0 && !share->reserve_used);
	ebb_list_remove(&share->wait);
	ebb_list_remove(&share->link);
	if (pot->turn == share) {
		pot->turn = NULL;
	}
	share->pot = NULL;
}

static uint32_t above_floor(uint32_t used_bytes)
{
	return used_bytes > EXPORTER_FLOOR ? used_bytes - EXPORTER_FLOOR : 0;
}

/* What of @bytes more would be the pot's. */
static uint32_t share_needs(const struct exporter_share *share, uint32_t bytes)
{
	return above_floor(share->used_bytes + bytes) - above_floor(share->used_bytes);
}

static bool pot_grants(struct exporter_pot *pot, const struct exporter_share *share, uint32_t needs)
{
	if (share->still || needs > pot->max_bytes - pot->used_bytes) {
		return false;
	}
	if (pot->turn == share && needs <= pot->credit_bytes) {
		pot->credit_bytes -= needs;
		return true;
	}
	return ebb_list_empty(&pot->waiters) || pot->waiters.next == &share->wait;
}

int exporter_share_try(struct exporter_share *share, uint32_t bytes)
{
	struct exporter_pot *pot = share->pot;
	uint32_t needs = share_needs(share, bytes);

	ebb_assert(bytes <= EXPORTER_CHUNK_SIZE);
	if (ebb_unlikely(needs > 0)) {
		if (!pot_grants(pot, share, needs)) {
			return -EBUSY;
		}
		pot->used_bytes += needs;
	}
	share->used_bytes += bytes;
	return 0;
}

int exporter_share_take(struct exporter_share *share, uint32_t bytes)
{
	int rc = exporter_share_try(share, bytes);

	if (ebb_unlikely(rc != 0)) {
		share->want_bytes = bytes;
		if (!share->still && ebb_list_empty(&share->wait)) {
			ebb_list_push_back(&share->pot->waiters, &share->wait);
		}
	} else if (ebb_unlikely(!ebb_list_empty(&share->wait))) {
		ebb_list_remove(&share->wait);
	}
	return rc;
}

int exporter_share_take_reserve(struct exporter_share *share)
{
	if (share->reserve_used) {
		return -EBUSY;
	}
	share->reserve_used = true;
	if (ebb_unlikely(!ebb_list_empty(&share->wait))) {
		/* It has what it wanted: who stands behind it need not wait for it. */
		ebb_list_remove(&share->wait);
		share->pot->freed |= exporter_pot_is_short(share->pot);
	}
	return 0;
}

void exporter_share_untake(struct exporter_share *share, uint32_t bytes)
{
	ebb_assert(bytes <= share->used_bytes);
	share->pot->used_bytes -=
		above_floor(share->used_bytes) - above_floor(share->used_bytes - bytes);
	share->used_bytes -= bytes;
}

void exporter_share_lack(struct exporter_share *share, uint32_t bytes, bool reserve)
{
	if (reserve) {
		share->reserve_used = false;
	} else {
		exporter_share_untake(share, bytes);
	}
	share->want_bytes = bytes;
	ebb_list_remove(&share->wait);
	/* Above the floor it has something, and asks again when that has gone. */
	ebb_list_push_back(reserve || share_needs(share, bytes) == 0 ? &share->pot->lacking
								     : &share->pot->waiters,
			   &share->wait);
}

void exporter_share_yield(struct exporter_share *share, uint32_t bytes)
{
	exporter_share_untake(share, bytes);
	if (ebb_unlikely(exporter_pot_is_short(share->pot))) {
		share->pot->freed = true;
	}
}

void exporter_share_give(struct exporter_share *share, uint32_t bytes)
{
	share->still = false;
	exporter_share_yield(share, bytes);
}

void exporter_share_give_reserve(struct exporter_share *share)
{
	struct exporter_pot *pot = share->pot;

	ebb_assert(share->reserve_used);
	share->reserve_used = false;
	if (ebb_unlikely(exporter_pot_is_short(pot))) {
		pot->freed = true;
	}
}

/* Each once: who lacks again waits for the next time. */
static void serve_lacking(struct exporter_pot *pot)
{
	struct ebb_list turn = EBB_LIST_INIT(turn);
	struct ebb_list *node;

	ebb_list_splice_back(&turn, &pot->lacking);
	while ((node = ebb_list_pop_front(&turn)) != NULL) {
		struct exporter_share *share = ebb_list_entry(node, struct exporter_share, wait);

		share->ops->retry(share);
	}
}

/* Those who wait now, once each, as far as there is enough for the first. */
static void serve_waiters(struct exporter_pot *pot)
{
	struct ebb_list *node;
	unsigned count = 0;

	ebb_list_for_each(node, &pot->waiters) {
		count++;
	}
	while (count > 0 && !ebb_list_empty(&pot->waiters)) {
		struct exporter_share *share =
			ebb_list_first(&pot->waiters, struct exporter_share, wait);

		if (share_needs(share, share->want_bytes) > pot->max_bytes - pot->used_bytes) {
			break;
		}
		ebb_list_remove(&share->wait);
		pot->turn = share;
		pot->credit_bytes = EXPORTER_CHUNK_SIZE;
		share->ops->retry(share);
		pot->turn = NULL;
		count--;
	}
}

void exporter_pot_serve(struct exporter_pot *pot)
{
	int rounds = 2; /* who is served may give back what others wait for */

	if (pot->serving) {
		return;
	}
	pot->serving = true;
	do {
		pot->freed = false;
		serve_lacking(pot);
		serve_waiters(pot);
	} while (pot->freed && --rounds > 0);
	pot->serving = false;
}

/* Somebody else than @share waits. */
static bool others_wait(const struct exporter_share *share)
{
	const struct exporter_pot *pot = share->pot;
	const struct ebb_list *first = pot->waiters.next;

	return !ebb_list_empty(&pot->lacking) ||
	       (first != &pot->waiters && (first != &share->wait || first->next != &pot->waiters));
}

/* How long its client has neither taken nor sent anything, as far as is known. */
static uint64_t share_still_ns(struct exporter_share *share, uint64_t now_ns)
{
	uint64_t moved = share->ops->moved(share);

	if (share->since_ns == 0 || moved != share->moved) {
		share->moved = moved;
		share->since_ns = now_ns;
	}
	return now_ns - share->since_ns;
}

/* Return: true: it is to be looked at again. */
static bool share_look(struct exporter_share *share, uint64_t still_ns, bool lacking)
{
	if (share->used_bytes <= EXPORTER_FLOOR || share->still) {
		return false;
	}
	if (still_ns < EXPORTER_STILL_NS) {
		return true;
	}
	if (share->ops->yield == NULL || !(lacking || others_wait(share))) {
		return false;
	}
	share->still = true;
	ebb_list_remove(&share->wait);
	share->ops->yield(share);
	return true;
}

bool exporter_pot_look(struct exporter_pot *pot, uint64_t now_ns, bool lacking)
{
	struct exporter_share *victim = NULL;
	struct ebb_list *node, *tmp;
	bool again = lacking;

	ebb_list_for_each_safe(node, tmp, &pot->shares) {
		struct exporter_share *share = ebb_list_entry(node, struct exporter_share, link);
		uint64_t still_ns;

		if (share->used_bytes <= EXPORTER_FLOOR && !lacking) {
			continue;
		}
		still_ns = share_still_ns(share, now_ns);
		if (share_look(share, still_ns, lacking)) {
			again = true;
		} else if (lacking && still_ns >= EXPORTER_DROP_NS && share->used_bytes > 0 &&
			   !share->dropped &&
			   (victim == NULL || share->used_bytes > victim->used_bytes)) {
			victim = share;
		}
	}
	if (victim != NULL) {
		victim->dropped = true;
		victim->ops->drop(victim);
	}
	return again;
}
