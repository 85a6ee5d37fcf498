/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/wait_list.h"

void base_wait_list_init(struct base_wait_list *list)
{
	ebb_list_init(&list->waiting);
	ebb_list_init(&list->turn);
	list->waking = false;
}

bool base_wait_list_begin(struct base_wait_list *list)
{
	if (list->waking) {
		return false;
	}
	list->waking = true;
	ebb_list_splice_back(&list->turn, &list->waiting);
	return true;
}

struct ebb_list *base_wait_list_next(struct base_wait_list *list)
{
	return ebb_list_pop_front(&list->turn);
}

void base_wait_list_end(struct base_wait_list *list)
{
	list->waking = false;
	ebb_list_splice_back(&list->turn, &list->waiting);
	ebb_list_splice_back(&list->waiting, &list->turn);
}
