/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/table.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

#include <ebb/violation.h>

#include "core/event/app_only.h"

static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ebb_list bdevs = EBB_LIST_INIT(bdevs);
static struct base_hash bdevs_by_name;
static struct base_hash bdevs_by_uuid;
static struct ebb_list cursors = EBB_LIST_INIT(cursors);

void bdev_table_lock(void)
{
	pthread_mutex_lock(&table_mutex);
}

void bdev_table_unlock(void)
{
	pthread_mutex_unlock(&table_mutex);
}

struct ebb_bdev_internal *bdev_table_find_locked(const char *name)
{
	uint64_t hash = base_hash_of_name(name);
	struct ebb_bdev_internal *internal;
	struct base_hash_node *node;

	base_hash_for_each(node, &bdevs_by_name, hash)
	{
		internal = base_hash_entry(node, struct ebb_bdev_internal, name_node);
		if (strcmp(internal->bdev->name, name) == 0) {
			return internal;
		}
	}
	base_hash_for_each(node, &bdevs_by_uuid, hash)
	{
		internal = base_hash_entry(node, struct ebb_bdev_internal, uuid_node);
		if (strcasecmp(internal->uuid_text, name) == 0) {
			return internal;
		}
	}
	return NULL;
}

void bdev_table_add_locked(struct ebb_bdev_internal *internal)
{
	ebb_list_push_back(&bdevs, &internal->link);
	base_hash_add(&bdevs_by_name, &internal->name_node,
		      base_hash_of_name(internal->bdev->name));
	base_hash_add(&bdevs_by_uuid, &internal->uuid_node, base_hash_of_name(internal->uuid_text));
}

void bdev_table_cursor_init(struct bdev_table_cursor *cursor)
{
	cursor->next = bdevs.next;
	ebb_list_push_back(&cursors, &cursor->link);
}

void bdev_table_cursor_fini(struct bdev_table_cursor *cursor)
{
	ebb_list_remove(&cursor->link);
}

struct ebb_bdev *bdev_table_cursor_next(struct bdev_table_cursor *cursor)
{
	struct ebb_list *node = cursor->next;

	if (node == &bdevs) {
		return NULL;
	}
	cursor->next = node->next;
	return ebb_list_entry(node, struct ebb_bdev_internal, link)->bdev;
}

/* Nobody's place is at @internal any more. */
static void cursors_pass(const struct ebb_bdev_internal *internal)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &cursors) {
		struct bdev_table_cursor *cursor =
			ebb_list_entry(node, struct bdev_table_cursor, link);

		if (cursor->next == &internal->link) {
			cursor->next = internal->link.next;
		}
	}
}

void bdev_table_remove_locked(struct ebb_bdev_internal *internal)
{
	cursors_pass(internal);
	ebb_list_remove(&internal->link);
	base_hash_remove(&bdevs_by_name, &internal->name_node);
	base_hash_remove(&bdevs_by_uuid, &internal->uuid_node);
}

struct ebb_bdev_internal *bdev_table_find(const char *name)
{
	struct ebb_bdev_internal *internal;

	bdev_table_lock();
	internal = bdev_table_find_locked(name);
	bdev_table_unlock();
	return internal;
}

EBB_REPORTS struct ebb_bdev *ebb_bdev_find(const char *name)
{
	struct ebb_bdev_internal *internal;

	if (!event_app_only(__func__, name, __builtin_return_address(0))) {
		return NULL;
	}
	internal = bdev_table_find(name);
	return internal != NULL ? internal->bdev : NULL;
}

EBB_REPORTS struct ebb_bdev *ebb_bdev_next(struct ebb_bdev *previous)
{
	struct ebb_list *node;

	if (!event_app_only(__func__, previous != NULL ? previous->name : "the first bdev",
			    __builtin_return_address(0))) {
		return NULL;
	}
	node = previous == NULL ? bdevs.next : previous->internal->link.next;
	return node == &bdevs ? NULL : ebb_list_entry(node, struct ebb_bdev_internal, link)->bdev;
}
