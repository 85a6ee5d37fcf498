/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/protocol.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include <ebb/base.h>

void nbd_parser_init(struct nbd_parser *parser)
{
	*parser = (struct nbd_parser){.state = NBD_PARSE_FLAGS};
}

void nbd_parser_begin_transmission(struct nbd_parser *parser)
{
	parser->state = NBD_PARSE_REQUEST;
	parser->left_bytes = 0;
}

void nbd_parser_take_payload(struct nbd_parser *parser, size_t len)
{
	parser->left_bytes -= (uint32_t)len;
	if (parser->left_bytes == 0) {
		parser->state = NBD_PARSE_REQUEST;
	}
}

static size_t parse_bad(struct nbd_parser *parser, struct nbd_parsed *parsed, const char *error)
{
	parser->state = NBD_PARSE_BAD;
	parsed->type = NBD_PARSED_BAD;
	parsed->error = error;
	return 0;
}

static size_t parse_flags(struct nbd_parser *parser, const uint8_t *bytes, size_t len,
			  struct nbd_parsed *parsed)
{
	uint32_t flags;

	if (len < sizeof(flags)) {
		return 0;
	}
	memcpy(&flags, bytes, sizeof(flags));
	flags = be32toh(flags);
	if ((flags & ~(NBD_FLAG_C_FIXED_NEWSTYLE | NBD_FLAG_C_NO_ZEROES)) != 0) {
		return parse_bad(parser, parsed, "handshake flags that were not offered");
	}
	parser->fixed = (flags & NBD_FLAG_C_FIXED_NEWSTYLE) != 0;
	parser->no_zeroes = (flags & NBD_FLAG_C_NO_ZEROES) != 0;
	parser->state = NBD_PARSE_OPTION;
	parsed->type = NBD_PARSED_FLAGS;
	return sizeof(flags);
}

static size_t parse_option(struct nbd_parser *parser, const uint8_t *bytes, size_t len,
			   struct nbd_parsed *parsed)
{
	struct nbd_wire_option wire;
	uint32_t data_len;

	if (len < sizeof(wire)) {
		return 0;
	}
	memcpy(&wire, bytes, sizeof(wire));
	if (be64toh(wire.magic) != NBD_OPTION_MAGIC) {
		return parse_bad(parser, parsed, "an option without its magic number");
	}
	data_len = be32toh(wire.len_bytes);
	if (data_len > NBD_OPTION_SKIP_MAX) {
		return parse_bad(parser, parsed, "an option of more than 1 MiB");
	}
	parsed->option = be32toh(wire.option);
	if (!parser->fixed && parsed->option != NBD_OPT_EXPORT_NAME) {
		return parse_bad(parser, parsed,
				 "an option that only clients of fixed newstyle may use");
	}
	if (data_len > NBD_OPTION_MAX) {
		parser->state = NBD_PARSE_SKIP_OPTION;
		parser->left_bytes = data_len;
		parsed->type = NBD_PARSED_OPTION_TOO_LONG;
		return sizeof(wire);
	}
	if (len - sizeof(wire) < data_len) {
		return 0;
	}
	parsed->type = NBD_PARSED_OPTION;
	parsed->data = bytes + sizeof(wire);
	parsed->len_bytes = data_len;
	return sizeof(wire) + data_len;
}

static size_t parse_request(struct nbd_parser *parser, const uint8_t *bytes, size_t len,
			    struct nbd_parsed *parsed)
{
	struct nbd_wire_request wire;

	if (len < sizeof(wire)) {
		return 0;
	}
	memcpy(&wire, bytes, sizeof(wire));
	if (be32toh(wire.magic) != NBD_REQUEST_MAGIC) {
		return parse_bad(parser, parsed, "a request without its magic number");
	}
	parsed->type = NBD_PARSED_REQUEST;
	parsed->request = (struct nbd_request){
		.flags = be16toh(wire.flags),
		.type = be16toh(wire.type),
		.cookie = wire.cookie,
		.offset_bytes = be64toh(wire.offset_bytes),
		.len_bytes = be32toh(wire.len_bytes),
	};
	if (parsed->request.type == NBD_CMD_WRITE && parsed->request.len_bytes > 0) {
		parser->state = NBD_PARSE_PAYLOAD;
		parser->left_bytes = parsed->request.len_bytes;
	}
	return sizeof(wire);
}

/* Skipping an option's data gives nothing of its own: the caller sees what follows it. */
static size_t parse_skip(struct nbd_parser *parser, size_t len)
{
	size_t take = len < parser->left_bytes ? len : parser->left_bytes;

	parser->left_bytes -= (uint32_t)take;
	if (parser->left_bytes == 0) {
		parser->state = NBD_PARSE_OPTION;
	}
	return take;
}

static size_t parse_payload(struct nbd_parser *parser, const uint8_t *bytes, size_t len,
			    struct nbd_parsed *parsed)
{
	size_t take = len < parser->left_bytes ? len : parser->left_bytes;

	if (take == 0) {
		return 0;
	}
	parsed->type = NBD_PARSED_PAYLOAD;
	parsed->data = bytes;
	parsed->len_bytes = take;
	nbd_parser_take_payload(parser, take);
	return take;
}

size_t nbd_parse(struct nbd_parser *parser, const uint8_t *bytes, size_t len,
		 struct nbd_parsed *ret_parsed)
{
	size_t skipped = 0;

	*ret_parsed = (struct nbd_parsed){.type = NBD_PARSED_NONE};
	if (parser->state == NBD_PARSE_SKIP_OPTION) {
		skipped = parse_skip(parser, len);
		bytes += skipped;
		len -= skipped;
	}
	switch (parser->state) {
	case NBD_PARSE_FLAGS:
		return parse_flags(parser, bytes, len, ret_parsed);
	case NBD_PARSE_OPTION:
		return skipped + parse_option(parser, bytes, len, ret_parsed);
	case NBD_PARSE_SKIP_OPTION:
		return skipped;
	case NBD_PARSE_REQUEST:
		return parse_request(parser, bytes, len, ret_parsed);
	case NBD_PARSE_PAYLOAD:
		return parse_payload(parser, bytes, len, ret_parsed);
	case NBD_PARSE_BAD:
		break;
	}
	return parse_bad(parser, ret_parsed, "more, after what was not NBD");
}

/* Foreign bytes that are taken from the front. */
struct bytes {
	const uint8_t *at;
	size_t left;
};

static bool bytes_take_u16(struct bytes *bytes, uint16_t *ret_value)
{
	if (bytes->left < sizeof(*ret_value)) {
		return false;
	}
	memcpy(ret_value, bytes->at, sizeof(*ret_value));
	*ret_value = be16toh(*ret_value);
	bytes->at += sizeof(*ret_value);
	bytes->left -= sizeof(*ret_value);
	return true;
}

static bool bytes_take_u32(struct bytes *bytes, uint32_t *ret_value)
{
	if (bytes->left < sizeof(*ret_value)) {
		return false;
	}
	memcpy(ret_value, bytes->at, sizeof(*ret_value));
	*ret_value = be32toh(*ret_value);
	bytes->at += sizeof(*ret_value);
	bytes->left -= sizeof(*ret_value);
	return true;
}

/* A string behind its length. */
static bool bytes_take_string(struct bytes *bytes, const char **ret_string, size_t *ret_len)
{
	uint32_t len;

	if (!bytes_take_u32(bytes, &len) || len > NBD_NAME_MAX || len > bytes->left) {
		return false;
	}
	*ret_string = (const char *)bytes->at;
	*ret_len = len;
	bytes->at += len;
	bytes->left -= len;
	return true;
}

int nbd_go_decode(const uint8_t *data, size_t len, struct nbd_go *ret_go)
{
	struct bytes bytes = {.at = data, .left = len};
	struct nbd_go go = {0};
	uint16_t infos, info;

	if (!bytes_take_string(&bytes, &go.name, &go.name_len) || !bytes_take_u16(&bytes, &infos) ||
	    bytes.left != infos * sizeof(info)) {
		return -EINVAL;
	}
	while (bytes_take_u16(&bytes, &info)) {
		go.wants_name = go.wants_name || info == NBD_INFO_NAME;
		go.wants_description = go.wants_description || info == NBD_INFO_DESCRIPTION;
	}
	*ret_go = go;
	return 0;
}

/* The query for all of a namespace is one of a list only. */
static bool meta_query_matches(uint32_t option, const char *query, size_t len)
{
	static const char all[] = "base:", allocation[] = NBD_META_ALLOCATION;

	if (option == NBD_OPT_LIST_META_CONTEXT && len == sizeof(all) - 1 &&
	    memcmp(query, all, len) == 0) {
		return true;
	}
	return len == sizeof(allocation) - 1 && memcmp(query, allocation, len) == 0;
}

int nbd_meta_decode(uint32_t option, const uint8_t *data, size_t len, struct nbd_meta *ret_meta)
{
	struct bytes bytes = {.at = data, .left = len};
	struct nbd_meta meta = {0};
	uint32_t queries, i;

	if (!bytes_take_string(&bytes, &meta.name, &meta.name_len) ||
	    !bytes_take_u32(&bytes, &queries)) {
		return -EINVAL;
	}
	meta.allocation = queries == 0 && option == NBD_OPT_LIST_META_CONTEXT;
	for (i = 0; i < queries; i++) {
		const char *query;
		size_t query_len;

		if (!bytes_take_string(&bytes, &query, &query_len)) {
			return -EINVAL;
		}
		meta.allocation = meta.allocation || meta_query_matches(option, query, query_len);
	}
	if (bytes.left != 0) {
		return -EINVAL;
	}
	*ret_meta = meta;
	return 0;
}

/* What each command may carry, and which of the export's flags it needs. */
static const struct nbd_request_rule {
	bool known;
	bool writes;
	bool has_range;
	bool has_data;
	uint16_t flags;
	uint16_t needs;
	bool needs_allocation;
} rules[] = {
	[NBD_CMD_READ] = {.known = true,
			  .has_range = true,
			  .has_data = true,
			  .flags = NBD_CMD_FLAG_DF},
	[NBD_CMD_WRITE] = {.known = true, .writes = true, .has_range = true, .has_data = true},
	[NBD_CMD_DISC] = {.known = true},
	[NBD_CMD_FLUSH] = {.known = true, .needs = NBD_FLAG_SEND_FLUSH},
	[NBD_CMD_TRIM] = {.known = true,
			  .writes = true,
			  .has_range = true,
			  .needs = NBD_FLAG_SEND_TRIM},
	[NBD_CMD_CACHE] = {.known = true, .has_range = true, .needs = NBD_FLAG_SEND_CACHE},
	[NBD_CMD_WRITE_ZEROES] = {.known = true,
				  .writes = true,
				  .has_range = true,
				  .flags = NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FAST_ZERO,
				  .needs = NBD_FLAG_SEND_WRITE_ZEROES},
	[NBD_CMD_BLOCK_STATUS] = {.known = true,
				  .has_range = true,
				  .flags = NBD_CMD_FLAG_REQ_ONE,
				  .needs_allocation = true},
};

/* What of the rule's flags was offered. */
static uint32_t request_flags(const struct nbd_geometry *geometry,
			      const struct nbd_request_rule *rule)
{
	uint32_t flags = rule->flags;

	if ((geometry->flags & NBD_FLAG_SEND_DF) == 0) {
		flags &= ~NBD_CMD_FLAG_DF;
	}
	if ((geometry->flags & NBD_FLAG_SEND_FAST_ZERO) == 0) {
		flags &= ~NBD_CMD_FLAG_FAST_ZERO;
	}
	/* FUA is legal with every command once it was offered, and means something with some. */
	if ((geometry->flags & NBD_FLAG_SEND_FUA) != 0) {
		flags |= NBD_CMD_FLAG_FUA;
	}
	return flags;
}

static uint32_t validate_range(const struct nbd_geometry *geometry,
			       const struct nbd_request *request,
			       const struct nbd_request_rule *rule)
{
	uint64_t offset = request->offset_bytes;
	uint64_t len = request->len_bytes;

	if (len == 0 || (rule->has_data && len > NBD_REQUEST_MAX)) {
		return NBD_EINVAL;
	}
	if (offset > geometry->size_bytes || len > geometry->size_bytes - offset) {
		return rule->writes && request->type != NBD_CMD_TRIM ? NBD_ENOSPC : NBD_EINVAL;
	}
	if ((request->flags & NBD_CMD_FLAG_DF) != 0 && len > NBD_DF_MAX) {
		return NBD_EOVERFLOW;
	}
	return 0;
}

uint32_t nbd_validate_request(const struct nbd_geometry *geometry,
			      const struct nbd_request *request)
{
	const struct nbd_request_rule *rule;

	if (request->type >= EBB_ARRAY_SIZE(rules) || !rules[request->type].known) {
		return NBD_EINVAL;
	}
	rule = &rules[request->type];
	if ((request->flags & ~request_flags(geometry, rule)) != 0) {
		return NBD_EINVAL;
	}
	if (rule->writes && (geometry->flags & NBD_FLAG_READ_ONLY) != 0) {
		return NBD_EPERM;
	}
	if ((geometry->flags & rule->needs) != rule->needs ||
	    (rule->needs_allocation && !geometry->allocation)) {
		return NBD_EINVAL;
	}
	if (rule->has_range) {
		return validate_range(geometry, request, rule);
	}
	if (request->offset_bytes != 0 || request->len_bytes != 0) {
		return NBD_EINVAL;
	}
	return 0;
}

uint32_t nbd_error_from_status(int status)
{
	switch (-status) {
	case 0:
		return 0;
	case EPERM:
	case EACCES:
	case EROFS:
	case EBADF:
		return NBD_EPERM;
	case ENOMEM:
	case ENOBUFS:
		return NBD_ENOMEM;
	case EINVAL:
		return NBD_EINVAL;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return NBD_ENOSPC;
	case EOVERFLOW:
		return NBD_EOVERFLOW;
	case EOPNOTSUPP:
		return NBD_ENOTSUP;
	case ESHUTDOWN:
	case ENODEV:
		return NBD_ESHUTDOWN;
	default:
		return NBD_EIO;
	}
}
