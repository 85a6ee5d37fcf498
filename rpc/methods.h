/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_RPC_METHODS_H
#define EBB_RPC_METHODS_H

/* What several of the framework's methods tell in the same way. */

#include <ebb/method.h>
#include <ebb/thread.h>

/* Adds a thread's name, id and cpumask to @json. */
void ebb_rpc_add_thread(struct json_object *json, const struct ebb_thread_stats *stats);

#endif
