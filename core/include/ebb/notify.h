/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_NOTIFY_H
#define EBB_NOTIFY_H

/*
 * What has happened, for clients that ask now and then: the last 1,024 events, each with a type, the
 * name of what it happened to, and a number that grows by one. Nobody waits for them, and nobody
 * is woken.
 */

#include <ebb/list.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EBB_NOTIFY_EVENTS_MAX  1024
#define EBB_NOTIFY_CONTEXT_MAX 255 /* bytes; what is longer is cut */

struct ebb_notify_type {
	const char *name;
	struct ebb_list link; /* the registry's */
};

/* Thread: a constructor's. Owns: @type stays the caller's and must live until the end. */
void ebb_notify_type_add(struct ebb_notify_type *type);

#define EBB_NOTIFY_TYPE_REGISTER(type)        \
	EBB_CONSTRUCTOR(type##_register)      \
	{                                     \
		ebb_notify_type_add(&(type)); \
	}

/* Calls @fn for each type, in the order of their names. Thread: any. */
void ebb_notify_type_for_each(void (*fn)(const struct ebb_notify_type *type, void *arg), void *arg);

/**
 * ebb_notify_send() - note that something has happened
 * @context: to what: a name; copied
 * Thread: any; for a moment it waits for who reads or sends. Not on an I/O path.
 * Return: the event's number; the first one of a process is 0.
 */
uint64_t ebb_notify_send(const struct ebb_notify_type *type, const char *context);

struct ebb_notify_event {
	uint64_t id;
	const struct ebb_notify_type *type;
	char context[EBB_NOTIFY_CONTEXT_MAX + 1];
};

/**
 * ebb_notify_for_each() - call @fn for events, the oldest first
 * @first_id: the first one wanted; if it is not kept any more, the oldest there is
 * @max: so many at most
 * Those that are sent meanwhile are not among them, and may push old ones out.
 * Thread: any; @fn may send, too.
 * Return: how many there were.
 */
uint64_t ebb_notify_for_each(uint64_t first_id, uint64_t max,
			     void (*fn)(const struct ebb_notify_event *event, void *arg),
			     void *arg);

#ifdef __cplusplus
}
#endif

#endif
