/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_PRINT_H
#define RPC_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include <json-c/json.h>

/* Prints @json for people, two spaces to a level, and a newline. */
void rpc_print_json(struct json_object *json, bool colour, FILE *out);

/* Whether @out is a terminal that shall have colours: NO_COLOR and TERM=dumb are obeyed. */
bool rpc_print_colour(FILE *out);

#endif
