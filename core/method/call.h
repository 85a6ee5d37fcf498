/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_METHOD_CALL_H
#define CORE_METHOD_CALL_H

#include <stdbool.h>

struct ebb_call;

/**
 * method_call_again() - call the method of @call once more, with the same parameters, in a moment
 * For what is in the way and may be gone by then. The method has changed nothing yet.
 * Thread: app. Owns: nothing changes; the method ends @call then, or asks for this again.
 * Return: true: it will be called, from a poller, 20 ms from now; false: that has been so for half a
 *	second, or cannot be: end @call.
 */
bool method_call_again(struct ebb_call *call);

#endif
