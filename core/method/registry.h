/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_METHOD_REGISTRY_H
#define CORE_METHOD_REGISTRY_H

#include <stddef.h>

/* Return: 0; -EINVAL: a method could not be added: @ret_error says which, and why. Thread: app. */
int method_registry_check(char *ret_error, size_t size);

#endif
