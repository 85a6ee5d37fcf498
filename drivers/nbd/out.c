/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Block sizes. Any byte may be read or written, whatever the blocks of the bdev: these sizes are
 * those that the protocol lets a client assume who has not asked (old ones cannot), so none is
 * refused with NBD_REP_ERR_BLOCK_SIZE_REQD. Only the preferred size may be a larger one: what is not
 * whole blocks of the bdev is read, changed and written back, which takes time. NBD_OPT_GO and
 * NBD_OPT_INFO tell the sizes unasked.
 */

#include "drivers/nbd/out.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/base.h>

#define PREFERRED_BLOCK_SIZE 4096u
#define OUT_CAPACITY         512u

void nbd_out_append(struct nbd_out *out, const void *bytes, size_t len)
{
	size_t capacity = out->capacity == 0 ? OUT_CAPACITY : out->capacity;
	uint8_t *grown;

	if (out->failed || len == 0) {
		return;
	}
	while (capacity - out->len < len) {
		capacity *= 2;
	}
	if (capacity != out->capacity) {
		grown = realloc(out->bytes, capacity);
		if (grown == NULL) {
			out->failed = true;
			return;
		}
		out->bytes = grown;
		out->capacity = capacity;
	}
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

void nbd_out_reset(struct nbd_out *out)
{
	free(out->bytes);
	*out = (struct nbd_out){0};
}

void nbd_out_greeting(struct nbd_out *out)
{
	struct nbd_wire_greeting greeting = {
		.magic = htobe64(NBD_MAGIC),
		.option_magic = htobe64(NBD_OPTION_MAGIC),
		.flags = htobe16(NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES),
	};

	nbd_out_append(out, &greeting, sizeof(greeting));
}

static void out_reply_header(struct nbd_out *out, uint32_t option, uint32_t reply, size_t len)
{
	struct nbd_wire_option_reply header = {
		.magic = htobe64(NBD_OPTION_REPLY_MAGIC),
		.option = htobe32(option),
		.reply = htobe32(reply),
		.len_bytes = htobe32((uint32_t)len),
	};

	nbd_out_append(out, &header, sizeof(header));
}

void nbd_out_option_reply(struct nbd_out *out, uint32_t option, uint32_t reply, const void *data,
			  size_t len)
{
	out_reply_header(out, option, reply, len);
	nbd_out_append(out, data, len);
}

void nbd_out_option_error(struct nbd_out *out, uint32_t option, uint32_t error, const char *text)
{
	nbd_out_option_reply(out, option, error, text, strlen(text));
}

void nbd_out_server(struct nbd_out *out, const char *name, const char *description)
{
	uint32_t name_len = (uint32_t)strlen(name);
	uint32_t wire_len = htobe32(name_len);

	out_reply_header(out, NBD_OPT_LIST, NBD_REP_SERVER,
			 sizeof(wire_len) + name_len + strlen(description));
	nbd_out_append(out, &wire_len, sizeof(wire_len));
	nbd_out_append(out, name, name_len);
	nbd_out_append(out, description, strlen(description));
}

void nbd_out_meta_context(struct nbd_out *out, uint32_t option, uint32_t id, const char *name)
{
	uint32_t wire_id = htobe32(id);

	out_reply_header(out, option, NBD_REP_META_CONTEXT, sizeof(wire_id) + strlen(name));
	nbd_out_append(out, &wire_id, sizeof(wire_id));
	nbd_out_append(out, name, strlen(name));
}

static void out_info_text(struct nbd_out *out, uint32_t option, uint16_t info, const char *text)
{
	uint16_t wire_info = htobe16(info);

	out_reply_header(out, option, NBD_REP_INFO, sizeof(wire_info) + strlen(text));
	nbd_out_append(out, &wire_info, sizeof(wire_info));
	nbd_out_append(out, text, strlen(text));
}

void nbd_out_info(struct nbd_out *out, uint32_t option, const struct nbd_geometry *geometry,
		  const char *name, const char *description)
{
	uint32_t preferred = geometry->block_size > PREFERRED_BLOCK_SIZE ? geometry->block_size
									 : PREFERRED_BLOCK_SIZE;
	struct nbd_wire_info_export info = {
		.info = htobe16(NBD_INFO_EXPORT),
		.size_bytes = htobe64(geometry->size_bytes),
		.flags = htobe16(geometry->flags),
	};
	struct nbd_wire_info_block_size sizes = {
		.info = htobe16(NBD_INFO_BLOCK_SIZE),
		.min_bytes = htobe32(1),
		.preferred_bytes = htobe32(preferred),
		.max_bytes = htobe32(NBD_REQUEST_MAX),
	};

	nbd_out_option_reply(out, option, NBD_REP_INFO, &info, sizeof(info));
	nbd_out_option_reply(out, option, NBD_REP_INFO, &sizes, sizeof(sizes));
	if (name != NULL) {
		out_info_text(out, option, NBD_INFO_NAME, name);
	}
	if (description != NULL) {
		out_info_text(out, option, NBD_INFO_DESCRIPTION, description);
	}
	nbd_out_option_reply(out, option, NBD_REP_ACK, NULL, 0);
}

void nbd_out_export_name(struct nbd_out *out, const struct nbd_geometry *geometry, bool no_zeroes)
{
	struct nbd_wire_export_name reply = {
		.size_bytes = htobe64(geometry->size_bytes),
		.flags = htobe16(geometry->flags),
	};

	nbd_out_append(out, &reply,
		       no_zeroes ? offsetof(struct nbd_wire_export_name, zeroes) : sizeof(reply));
}
