/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_RPC_THREAD_H
#define RPC_RPC_THREAD_H

/*
 * What several of the framework's methods tell in the same way.
 *
 * Where methods are: a folder's own in its rpc.c (and rpc_NAME.c, if there are many). Here, in
 * rpc_NAME.c, are those about what stands below the methods' registry and cannot know of it, or is
 * the framework as a whole: reactors, threads, start-up.
 */

#include <ebb/method.h>
#include <ebb/thread.h>

/* A visit of all threads, one at a time, so that each may add to the same list. */
struct rpc_round {
	struct ebb_call *call;
	struct json_object *list;
};

/**
 * rpc_thread_round_start() - visit every thread for @call
 * @list: an array for @visit to add to, or to look into
 * @visit: on each thread, with the round
 * @done: here, with the round, when all have been visited: ends the call and frees the round
 * Thread: app. Owns: @list is taken over. If it cannot start, the call is ended with an error.
 */
void rpc_thread_round_start(struct ebb_call *call, struct json_object *list, ebb_msg_fn visit,
			    ebb_msg_fn done);

/* Adds a thread's name, id and cpumask to @json. */
void rpc_thread_add(struct json_object *json, const struct ebb_thread_stats *stats);

#endif
