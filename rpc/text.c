/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/text.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE_MIN  4096
#define TEXT_SIZE_IDLE 16384 /* what an empty one may keep */

static bool text_reserve(struct rpc_text *text, size_t len)
{
	size_t need = rpc_text_bytes(text) + len;
	size_t size = text->size != 0 ? text->size : TEXT_SIZE_MIN;
	char *grown;

	if (text->len + len <= text->size) {
		return true;
	}
	if (text->offset > 0) {
		memmove(text->data, text->data + text->offset, rpc_text_bytes(text));
		text->len -= text->offset;
		text->offset = 0;
	}
	if (need <= text->size) {
		return true;
	}
	while (size < need) {
		size *= 2;
	}
	grown = realloc(text->data, size);
	if (grown == NULL) {
		return false;
	}
	text->data = grown;
	text->size = size;
	return true;
}

bool rpc_text_add(struct rpc_text *text, const char *data, size_t len)
{
	if (!text_reserve(text, len)) {
		return false;
	}
	memcpy(text->data + text->len, data, len);
	text->len += len;
	return true;
}

bool rpc_text_move(struct rpc_text *text, struct rpc_text *from)
{
	if (rpc_text_bytes(text) == 0 && from->size >= text->size) {
		free(text->data);
		*text = *from;
		*from = (struct rpc_text){.data = NULL};
		return true;
	}
	if (rpc_text_bytes(from) > 0 &&
	    !rpc_text_add(text, rpc_text_begin(from), rpc_text_bytes(from))) {
		return false;
	}
	rpc_text_fini(from);
	return true;
}

void rpc_text_take(struct rpc_text *text, size_t len)
{
	text->offset += len;
	if (text->offset < text->len) {
		return;
	}
	text->offset = 0;
	text->len = 0;
	if (text->size > TEXT_SIZE_IDLE) {
		rpc_text_fini(text);
	}
}

void rpc_text_fini(struct rpc_text *text)
{
	free(text->data);
	*text = (struct rpc_text){.data = NULL};
}
