/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_METHOD_CALL_H
#define CORE_METHOD_CALL_H

#include <ebb/method.h>

/**
 * method_call_again() - call the method of @call once more, with the same parameters, in a moment
 * For what is in the way and may be gone by then. The method has changed nothing yet.
 * Thread: app. Owns: nothing changes; the method ends @call then, or asks for this again.
 * Return: true: it will be called, from a poller, 20 ms from now; false: that has been so for half a
 *	second, or cannot be: end @call.
 */
bool method_call_again(struct ebb_call *call);

/**
 * method_call_on_leave() - be told when nobody waits for the answer to @call any more
 * For a method that goes on only for the sake of its answer.
 * @left: called once, before @call has ended; the method ends it all the same, there or later. Not called
 *	if the caller waits to the end. NULL: none any more.
 * Thread: app, which @left is called on, too.
 */
void method_call_on_leave(struct ebb_call *call, void (*left)(void *arg), void *arg);

/**
 * method_call_dispatch() - as ebb_method_dispatch(), for whoever may stop waiting for the end
 * Return: the call, for method_call_leave(); NULL: none was made. It may have ended.
 */
struct ebb_call *method_call_dispatch(const struct ebb_method *method, struct json_object *params,
				      ebb_method_done done, void *arg);

/* Nobody waits for the answer to @call any more. Nothing happens if it has ended. Thread: app. */
void method_call_leave(struct ebb_call *call);

#endif
