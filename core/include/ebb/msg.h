/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_MSG_H
#define EBB_MSG_H

#include <stddef.h>

typedef void (*ebb_msg_fn)(void *arg);

/*
 * A message that its sender owns: it lives inside the object it is about, so that sending cannot
 * fail for want of memory. It must not be sent again before it has run.
 */
struct ebb_msg {
	struct ebb_msg *next;
	ebb_msg_fn fn;
	void *arg;
	const char *name; /* of fn, for people */
};

#define ebb_msg_init(msg, msg_fn, msg_arg)           \
	do {                                         \
		struct ebb_msg *msg_to_init = (msg); \
		msg_to_init->next = NULL;            \
		msg_to_init->fn = (msg_fn);          \
		msg_to_init->arg = (msg_arg);        \
		msg_to_init->name = #msg_fn;         \
	} while (0)

#endif
