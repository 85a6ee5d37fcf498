/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_TEXT_H
#define RPC_TEXT_H

/* Bytes that are added at one end and taken away at the other: answers on their way out. */

#include <stdbool.h>
#include <stddef.h>

/* All zero is empty. */
struct rpc_text {
	char *data;
	size_t offset; /* of the first that has not been taken */
	size_t len;    /* from the beginning of @data */
	size_t size;
};

static inline size_t rpc_text_bytes(const struct rpc_text *text)
{
	return text->len - text->offset;
}

static inline const char *rpc_text_begin(const struct rpc_text *text)
{
	return text->data + text->offset;
}

/* Return: false: out of memory; nothing has been added. */
bool rpc_text_add(struct rpc_text *text, const char *data, size_t len);

/* Adds all of @from, which is empty then; costs no copy if @text is. Return: as rpc_text_add(). */
bool rpc_text_move(struct rpc_text *text, struct rpc_text *from);

/* The first @len bytes are done with. Memory of more than a few KiB goes back with the last one. */
void rpc_text_take(struct rpc_text *text, size_t len);

/* Empties it, and gives its memory back. */
void rpc_text_fini(struct rpc_text *text);

#endif
