/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_LIST_H
#define EBB_LIST_H

/* An intrusive, circular, doubly linked list. An unlinked node points to itself. */

#include <stdbool.h>

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_list {
	struct ebb_list *next;
	struct ebb_list *prev;
};

#define EBB_LIST_INIT(list)      \
	{                        \
		&(list), &(list) \
	}

static inline void ebb_list_init(struct ebb_list *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool ebb_list_empty(const struct ebb_list *list)
{
	return list->next == list;
}

static inline void ebb_list_insert_before(struct ebb_list *node, struct ebb_list *next)
{
	node->next = next;
	node->prev = next->prev;
	next->prev->next = node;
	next->prev = node;
}

static inline void ebb_list_push_back(struct ebb_list *list, struct ebb_list *node)
{
	ebb_list_insert_before(node, list);
}

static inline void ebb_list_push_front(struct ebb_list *list, struct ebb_list *node)
{
	ebb_list_insert_before(node, list->next);
}

/* Unlinks @node from whatever list it is on; harmless on an unlinked node. */
static inline void ebb_list_remove(struct ebb_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	ebb_list_init(node);
}

/* Unlinks and returns the first node, or NULL. */
static inline struct ebb_list *ebb_list_pop_front(struct ebb_list *list)
{
	struct ebb_list *node = list->next;

	if (node == list) {
		return NULL;
	}
	ebb_list_remove(node);
	return node;
}

/* Moves all nodes of @from to the end of @to, in order; leaves @from empty. */
static inline void ebb_list_splice_back(struct ebb_list *to, struct ebb_list *from)
{
	if (ebb_list_empty(from)) {
		return;
	}
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	ebb_list_init(from);
}

#define ebb_list_entry(node, type, member) ebb_container_of(node, type, member)

#define ebb_list_first(list, type, member) ebb_list_entry((list)->next, type, member)

/* @node: a struct ebb_list *; the body must not unlink it. */
#define ebb_list_for_each(node, list) \
	for ((node) = (list)->next; (node) != (list); (node) = (node)->next)

/* As above; the body may unlink or free @node, but no other node. */
#define ebb_list_for_each_safe(node, tmp, list)                             \
	for ((node) = (list)->next, (tmp) = (node)->next; (node) != (list); \
	     (node) = (tmp), (tmp) = (node)->next)

#ifdef __cplusplus
}
#endif

#endif
