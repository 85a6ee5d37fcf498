/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/notify.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct ebb_list notify_types = EBB_LIST_INIT(notify_types);

static pthread_mutex_t notify_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ebb_notify_event notify_events[EBB_NOTIFY_EVENTS_MAX]; /* at id modulo their number */
static uint64_t notify_next_id;

void ebb_notify_type_add(struct ebb_notify_type *type)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &notify_types) {
		if (strcmp(ebb_list_entry(node, struct ebb_notify_type, link)->name, type->name) >
		    0) {
			break;
		}
	}
	ebb_list_push_back(node, &type->link); /* before it */
}

void ebb_notify_type_for_each(void (*fn)(const struct ebb_notify_type *type, void *arg), void *arg)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &notify_types) {
		fn(ebb_list_entry(node, struct ebb_notify_type, link), arg);
	}
}

uint64_t ebb_notify_send(const struct ebb_notify_type *type, const char *context)
{
	struct ebb_notify_event *event;
	uint64_t id;

	pthread_mutex_lock(&notify_mutex);
	id = notify_next_id++;
	event = &notify_events[id % EBB_NOTIFY_EVENTS_MAX];
	event->id = id;
	event->type = type;
	snprintf(event->context, sizeof(event->context), "%s", context);
	pthread_mutex_unlock(&notify_mutex);
	return id;
}

/* Copies the oldest event from *@id to @end - 1, and says which it is. Return: false: none. */
static bool notify_copy(uint64_t *id, uint64_t end, struct ebb_notify_event *ret_event)
{
	uint64_t oldest;
	bool found;

	pthread_mutex_lock(&notify_mutex);
	oldest =
		notify_next_id > EBB_NOTIFY_EVENTS_MAX ? notify_next_id - EBB_NOTIFY_EVENTS_MAX : 0;
	*id = *id > oldest ? *id : oldest;
	found = *id < end;
	if (found) {
		*ret_event = notify_events[*id % EBB_NOTIFY_EVENTS_MAX];
	}
	pthread_mutex_unlock(&notify_mutex);
	return found;
}

uint64_t ebb_notify_for_each(uint64_t first_id, uint64_t max,
			     void (*fn)(const struct ebb_notify_event *event, void *arg), void *arg)
{
	struct ebb_notify_event event;
	uint64_t id = first_id;
	uint64_t count = 0;
	uint64_t end;

	pthread_mutex_lock(&notify_mutex);
	end = notify_next_id;
	pthread_mutex_unlock(&notify_mutex);
	while (count < max && notify_copy(&id, end, &event)) {
		fn(&event, arg);
		count++;
		id++;
	}
	return count;
}
