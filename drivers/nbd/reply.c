/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/reply.h"

#include <stddef.h>

static struct nbd_wire_chunk reply_chunk(uint64_t cookie, uint16_t type, bool done, size_t len)
{
	return (struct nbd_wire_chunk){
		.magic = htobe32(NBD_CHUNK_MAGIC),
		.flags = htobe16(done ? NBD_REPLY_FLAG_DONE : 0),
		.type = htobe16(type),
		.cookie = cookie,
		.len_bytes = htobe32((uint32_t)(len - sizeof(struct nbd_wire_chunk))),
	};
}

void nbd_reply_none(struct nbd_reply *reply, uint64_t cookie)
{
	reply->head_len = sizeof(reply->head.chunk);
	reply->data_len = 0;
	reply->head.chunk = reply_chunk(cookie, NBD_REPLY_TYPE_NONE, true, reply->head_len);
}

void nbd_reply_data(struct nbd_reply *reply, uint64_t cookie, uint64_t offset_bytes,
		    uint32_t data_len, bool done)
{
	reply->head_len = sizeof(reply->head.data);
	reply->data_len = data_len;
	reply->head.data = (struct nbd_wire_chunk_data){
		.chunk = reply_chunk(cookie, NBD_REPLY_TYPE_OFFSET_DATA, done,
				     reply->head_len + data_len),
		.offset_bytes = htobe64(offset_bytes),
	};
}

void nbd_reply_status(struct nbd_reply *reply, uint64_t cookie, uint32_t data_len)
{
	reply->head_len = sizeof(reply->head.status);
	reply->data_len = data_len;
	reply->head.status = (struct nbd_wire_chunk_status){
		.chunk = reply_chunk(cookie, NBD_REPLY_TYPE_BLOCK_STATUS, true,
				     reply->head_len + data_len),
		.context_id = htobe32(NBD_META_ALLOCATION_ID),
	};
}

void nbd_reply_error(struct nbd_reply *reply, uint64_t cookie, uint32_t error)
{
	reply->head_len = offsetof(struct nbd_wire_chunk_error, offset_bytes);
	reply->data_len = 0;
	reply->head.error = (struct nbd_wire_chunk_error){
		.chunk = reply_chunk(cookie, NBD_REPLY_TYPE_ERROR, true, reply->head_len),
		.error = htobe32(error),
	};
}

void nbd_reply_error_at(struct nbd_reply *reply, uint64_t cookie, uint32_t error,
			uint64_t offset_bytes)
{
	reply->head_len = sizeof(reply->head.error);
	reply->data_len = 0;
	reply->head.error = (struct nbd_wire_chunk_error){
		.chunk = reply_chunk(cookie, NBD_REPLY_TYPE_ERROR_OFFSET, false, reply->head_len),
		.error = htobe32(error),
		.offset_bytes = htobe64(offset_bytes),
	};
}
