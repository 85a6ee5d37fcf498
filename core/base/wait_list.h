/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_WAIT_LIST_H
#define CORE_BASE_WAIT_LIST_H

/*
 * Those who wait for something of which there is none at the moment. They are woken by turns. Who
 * waits when a turn begins is woken in it, first come, first served, for as long as there is
 * something to be had; the others come first in the next turn. Who waits meanwhile, again or for
 * the first time, waits for the next turn, so that every turn ends. Anybody may be taken off by
 * ebb_list_remove() at any time.
 *
 *	if (base_wait_list_begin(&waiters)) {
 *		while (there_is_some && (node = base_wait_list_next(&waiters)) != NULL) {
 *			wake(node);
 *		}
 *		base_wait_list_end(&waiters);
 *	}
 */

#include <ebb/list.h>

struct base_wait_list {
	struct ebb_list waiting; /* for the next turn */
	struct ebb_list turn;    /* for theirs in the turn under way */
	bool waking;             /* there is one */
};

void base_wait_list_init(struct base_wait_list *list);

/* Return: false: a turn is under way, by whose doing this was called. */
bool base_wait_list_begin(struct base_wait_list *list);

/* Takes off who is next in this turn. Return: NULL: nobody. */
struct ebb_list *base_wait_list_next(struct base_wait_list *list);

void base_wait_list_end(struct base_wait_list *list);

static inline void base_wait_list_add(struct base_wait_list *list, struct ebb_list *node)
{
	ebb_list_push_back(&list->waiting, node);
}

/* Nobody waits for the next turn. */
static inline bool base_wait_list_empty(const struct base_wait_list *list)
{
	return ebb_list_empty(&list->waiting);
}

#endif
