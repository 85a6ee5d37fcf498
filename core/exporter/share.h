/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_SHARE_H
#define CORE_EXPORTER_SHARE_H

/*
 * What a client may use of the memory for I/O. See the essay in share.c. It is arithmetic and lists:
 * the memory itself is buffers.h's, and when to look is poll_group.h's. Thread: the poll group's,
 * for all.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <ebb/base.h>
#include <ebb/list.h>
#include <ebb/memory.h>

#include "core/exporter/places.h"

#define EXPORTER_CHUNK_SIZE EBB_MEM_ALLOC_MAX
#define EXPORTER_FLOOR      EXPORTER_CHUNK_SIZE /* bytes of each client that no other can use */
#define EXPORTER_RESERVE    (128u << 10)        /* and beside them, of what it sends */
#define EXPORTER_POT_MAX    (8u << 20)          /* of a thread, above the floors of its clients */
#define EXPORTER_POTS_MAX   (96u << 20)         /* of all threads together */
#define EXPORTER_NOT_OURS   (128u << 20)        /* of the pool, for all who are no clients */

static_assert((uint64_t)EXPORTER_CLIENTS_MAX * (EXPORTER_FLOOR + EXPORTER_RESERVE) +
			      EXPORTER_POTS_MAX + EXPORTER_NOT_OURS <=
		      ((uint64_t)EBB_MEM_REGIONS_MAX << 21),
	      "all promises fit into the pool");

#define EXPORTER_STILL_NS (1ull * 1000000000u)  /* who takes nothing for so long gives back */
#define EXPORTER_DROP_NS  (30ull * 1000000000u) /* and for so long may be dropped */

struct exporter_share;

/* What a protocol does for the shares of its clients. */
struct exporter_share_ops {
	/* There may be memory now: ask again. */
	void (*retry)(struct exporter_share *share);
	/* Changes with every byte that the client takes or sends. */
	uint64_t (*moved)(struct exporter_share *share);
	/*
	 * Give back, now or soon, by exporter_share_yield(), what is above the floor and can be done
	 * again later: replies that nobody takes. NULL: there is no such thing.
	 */
	void (*yield)(struct exporter_share *share);
	/* Hang up, and say in the log why: it takes nothing, and others need its memory. */
	void (*drop)(struct exporter_share *share);
};

/* What the clients of a thread have together. */
struct exporter_pot {
	uint32_t max_bytes;
	uint32_t used_bytes;         /* by shares above their floors */
	struct ebb_list shares;      /* all */
	struct ebb_list waiters;     /* for the pot, in order */
	struct ebb_list lacking;     /* lack memory that no other client can use */
	struct exporter_share *turn; /* who is served, as long as it has credit; NULL: nobody */
	uint32_t credit_bytes;
	bool serving;
	bool freed; /* something has come back, and somebody waits */
};

/* What one client has. */
struct exporter_share {
	const struct exporter_share_ops *ops;
	struct exporter_pot *pot; /* NULL: not open */
	struct ebb_list link;     /* of the pot's shares */
	struct ebb_list wait;     /* of the pot's waiters or lacking */
	uint32_t used_bytes;      /* without the reserve */
	uint32_t want_bytes;      /* while it waits */
	bool reserve_used;
	bool still;        /* has yielded, and taken nothing since: no more from the pot */
	bool dropped;      /* its memory comes when who has that is done with it */
	uint64_t moved;    /* when it was looked at last */
	uint64_t since_ns; /* when that had changed last; 0: it has not been looked at */
};

void exporter_pot_init(struct exporter_pot *pot, uint32_t max_bytes);

void exporter_share_open(struct exporter_share *share, struct exporter_pot *pot,
			 const struct exporter_share_ops *ops);

/* It uses nothing any more. Harmless if it is not open. */
void exporter_share_close(struct exporter_share *share);

/**
 * exporter_share_take() - count @bytes, at most a chunk, as used
 * Return: 0; -EBUSY there are not so many: it waits, and its retry() comes; or it takes nothing of
 *	what it was sent, and asks again when it has.
 */
int exporter_share_take(struct exporter_share *share, uint32_t bytes);

/* The same, without waiting. */
int exporter_share_try(struct exporter_share *share, uint32_t bytes);

/**
 * exporter_share_take_reserve() - for at most EXPORTER_RESERVE bytes of what the client sends
 * So that what it sends goes on, whatever it does not take of what it was sent.
 * Return: 0; -EBUSY it uses it already.
 */
int exporter_share_take_reserve(struct exporter_share *share);

/* The memory that was taken is not to be had: undoes that, and wakes nobody. */
void exporter_share_untake(struct exporter_share *share, uint32_t bytes);

/* The same, of the share or of its reserve; and retry() comes, when there may be some. */
void exporter_share_lack(struct exporter_share *share, uint32_t bytes, bool reserve);

void exporter_share_give(struct exporter_share *share, uint32_t bytes);
void exporter_share_give_reserve(struct exporter_share *share);

/* Gives back because its yield() was called, not because the client has taken anything. */
void exporter_share_yield(struct exporter_share *share, uint32_t bytes);

/* Somebody waits for its turn, or lacks memory. */
static inline bool exporter_pot_is_short(const struct exporter_pot *pot)
{
	return !ebb_list_empty(&pot->waiters) || !ebb_list_empty(&pot->lacking);
}

/* Calls the retry() of those who lack memory, and of waiters in turn, as far as there is some. */
void exporter_pot_serve(struct exporter_pot *pot);

/**
 * exporter_pot_look() - see who takes nothing, and have it give back
 * @lacking: somebody lacks its floor, on whatever thread: who has taken nothing for
 *	EXPORTER_DROP_NS is dropped, one in each look
 * Return: true: it may help to look again in a while.
 */
bool exporter_pot_look(struct exporter_pot *pot, uint64_t now_ns, bool lacking);

#endif
