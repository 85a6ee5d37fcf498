/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_RPC_PRINT_H
#define EBB_RPC_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include <json-c/json.h>

/* Prints @json for people, two spaces to a level, and a newline. */
void ebb_print_json(struct json_object *json, bool colour, FILE *out);

/* Whether @out is a terminal that shall have colours: NO_COLOR and TERM=dumb are obeyed. */
bool ebb_print_colour(FILE *out);

#endif
