/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identify data (NVMe Base 2.0, 5.17 "Identify command"; NVM Command Set 1.0, 4.1.5). Every number
 * that is used as a shift, an index or a factor is bounded here; texts are cut to what can be
 * shown.
 */
#include "drivers/nvme/identify.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/base.h>

#include <nvme/types.h>

static_assert(sizeof(struct nvme_id_ctrl) == NVME_IDENTIFY_BYTES, "identify controller");
static_assert(sizeof(struct nvme_id_ns) == NVME_IDENTIFY_BYTES, "identify namespace");
static_assert(sizeof(struct nvme_id_ctrl_nvm) == NVME_IDENTIFY_BYTES, "its command set's");
static_assert(sizeof(struct nvme_ns_list) == NVME_IDENTIFY_BYTES, "namespace list");
static_assert(offsetof(struct nvme_id_ctrl, psd) == 2048, "power states");
static_assert(offsetof(struct nvme_id_ns, lbaf) == 128, "LBA formats");
static_assert(sizeof(struct nvme_id_psd) == 32, "power state descriptor");

/* A boundary below this would cost more than it gains. */
#define BOUNDARY_MIN_BYTES 4096u
/* 2^63 - 1 bytes: what the layer above can count. */
#define BYTES_MAX ((uint64_t)INT64_MAX)

/* A text of fixed width, padded with blanks or zeroes. @size: of @to. */
static void text_copy(char *to, size_t size, const char *from, size_t width)
{
	size_t i, end = 0;

	for (i = 0; i < width && i < size - 1; i++) {
		unsigned char c = (unsigned char)from[i];

		to[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
		if (c == '\0') {
			break;
		}
		if (c != ' ') {
			end = i + 1;
		}
	}
	to[end] = '\0';
}

/* 2^@exponent, at most UINT32_MAX; 0 for exponent 0, which means "no limit" or "not told". */
static uint32_t power_of_two(uint8_t exponent)
{
	if (exponent == 0) {
		return 0;
	}
	return exponent >= 32 ? UINT32_MAX : EBB_BIT(exponent);
}

static void power_states_parse(const struct nvme_id_ctrl *id, struct nvme_ctrlr_info *info)
{
	unsigned i;

	/* NPSS is zero's based. */
	info->num_power_states = (unsigned)id->npss + 1;
	if (info->num_power_states > NVME_PS_MAX) {
		info->num_power_states = NVME_PS_MAX;
	}
	for (i = 0; i < info->num_power_states; i++) {
		const struct nvme_id_psd *psd = &id->psd[i];
		uint32_t power = le16toh(psd->mp);

		info->power_states[i] = (struct nvme_power_state){
			.entry_us = le32toh(psd->enlat),
			.exit_us = le32toh(psd->exlat),
			.max_power_uw = (psd->flags & NVME_PSD_FLAGS_MXPS) != 0 ? power * 100
										: power * 10000,
			.non_operational = (psd->flags & NVME_PSD_FLAGS_NOPS) != 0,
		};
	}
}

int nvme_identify_parse_ctrlr(const void *data, struct nvme_ctrlr_info *ret_info,
			      const char **ret_fault)
{
	const struct nvme_id_ctrl *id = data;
	struct nvme_ctrlr_info *info = ret_info;

	memset(info, 0, sizeof(*info));
	text_copy(info->model, sizeof(info->model), id->mn, sizeof(id->mn));
	text_copy(info->serial, sizeof(info->serial), id->sn, sizeof(id->sn));
	text_copy(info->firmware, sizeof(info->firmware), id->fr, sizeof(id->fr));
	text_copy(info->subnqn, sizeof(info->subnqn), id->subnqn, sizeof(info->subnqn) - 1);
	info->vendor_id = le16toh(id->vid);
	info->cntlid = le16toh(id->cntlid);
	info->version = le32toh(id->ver);
	info->mdts_pages = power_of_two(id->mdts);
	info->oacs = le16toh(id->oacs);
	info->oncs = le16toh(id->oncs);
	info->oaes = le32toh(id->oaes);
	info->num_namespaces = le32toh(id->nn);
	info->cmic = id->cmic;
	info->volatile_cache = (id->vwc & NVME_CTRL_VWC_PRESENT) != 0;
	info->flush_broadcast = (id->vwc & NVME_CTRL_VWC_FLUSH) == NVME_CTRL_VWC_FLUSH;
	/* 0: from before there were types. */
	info->is_io = id->cntrltype == 0 || id->cntrltype == NVME_CTRL_CNTRLTYPE_IO;
	info->apst = (id->apsta & NVME_CTRL_APSTA_APST) != 0;
	info->retry_delay_100ms[1] = le16toh(id->crdt1);
	info->retry_delay_100ms[2] = le16toh(id->crdt2);
	info->retry_delay_100ms[3] = le16toh(id->crdt3);
	power_states_parse(id, info);
	if (!info->is_io) {
		*ret_fault = "it is a discovery or an administrative controller, which has no "
			     "namespaces for I/O";
		return -EPROTO;
	}
	/* Queue entries of 64 and 16 bytes are what there is (Base 2.0, 5.17.2.1, SQES, CQES). */
	if ((id->sqes & 0xf) > 6 || (id->sqes >> 4) < 6 || (id->cqes & 0xf) > 4 ||
	    (id->cqes >> 4) < 4) {
		*ret_fault =
			"its identify data allow no queue entries of 64 and 16 bytes; they are "
			"damaged, or it serves no I/O";
		return -EPROTO;
	}
	return 0;
}

void nvme_identify_parse_ctrlr_nvm(const void *data, struct nvme_ctrlr_info *info)
{
	const struct nvme_id_ctrl_nvm *id = data;

	info->wzsl_pages = power_of_two(id->wzsl);
	info->dsm_ranges = id->dmrl;
	info->dsm_blocks = le32toh(id->dmrsl);
	info->dsm_total = le64toh(id->dmsl);
}

/* The format in use. More than 16 formats: two more bits of the index (NVM 1.0, 4.1.5.1). */
static const struct nvme_lbaf *ns_format(const struct nvme_id_ns *id)
{
	unsigned index = id->flbas & NVME_NS_FLBAS_LOWER_MASK;

	if (id->nlbaf > 15) {
		index |= (unsigned)(id->flbas & NVME_NS_FLBAS_HIGHER_MASK) >> 1;
	}
	return &id->lbaf[index]; /* at most 63 */
}

/* Why this format cannot be used; an empty text: it can. */
static int format_check(const struct nvme_id_ns *id, const struct nvme_lbaf *format,
			char *ret_fault, size_t fault_size)
{
	unsigned metadata = le16toh(format->ms);
	unsigned protection = id->dps & NVME_NS_DPS_PI_MASK;

	if (format->ds < 9 || format->ds > 16) {
		snprintf(
			ret_fault, fault_size,
			"its blocks are of 2^%u bytes; ebb takes 512 to 65536: format it otherwise",
			format->ds);
		return -ENOTSUP;
	}
	if (metadata != 0) {
		snprintf(ret_fault, fault_size,
			 "it is formatted with %u bytes of metadata per block (%s%s), which ebb "
			 "does "
			 "not keep: format it without",
			 metadata,
			 (id->flbas & NVME_NS_FLBAS_META_EXT) != 0 ? "interleaved" : "separate",
			 protection != 0 ? ", with protection information" : "");
		return -ENOTSUP;
	}
	return 0;
}

static uint32_t ns_boundary(const struct nvme_id_ns *id, uint32_t block_size)
{
	uint32_t blocks = le16toh(id->noiob);

	if ((blocks & (blocks - 1)) != 0 || blocks * block_size < BOUNDARY_MIN_BYTES) {
		return 0; /* a hint, which may be passed over */
	}
	return blocks;
}

static bool all_zero(const uint8_t *bytes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (bytes[i] != 0) {
			return false;
		}
	}
	return true;
}

int nvme_identify_parse_ns(const void *data, struct nvme_ns_info *ret_info, char *ret_fault,
			   size_t fault_size)
{
	const struct nvme_id_ns *id = data;
	const struct nvme_lbaf *format = ns_format(id);
	struct nvme_ns_info *info = ret_info;
	int rc;

	memset(info, 0, sizeof(*info));
	info->num_blocks = le64toh(id->nsze);
	info->write_protected = (id->nsattr & NVME_NS_NSATTR_WRITE_PROTECTED) != 0;
	info->shared = (id->nmic & 1) != 0;
	info->thin = (id->nsfeat & NVME_NS_FEAT_THIN) != 0;
	info->reads_zero = (id->dlfeat & NVME_NS_DLFEAT_RB) == NVME_NS_DLFEAT_RB_ALL_0S;
	info->zeroes_deallocate =
		info->reads_zero && (id->dlfeat & NVME_NS_DLFEAT_WRITE_ZEROES) != 0;
	memcpy(info->nguid, id->nguid, sizeof(info->nguid));
	memcpy(info->eui64, id->eui64, sizeof(info->eui64));
	info->has_nguid = !all_zero(info->nguid, sizeof(info->nguid));
	info->has_eui64 = !all_zero(info->eui64, sizeof(info->eui64));
	if (info->num_blocks == 0) {
		snprintf(ret_fault, fault_size, "it is inactive, or of size 0");
		return -ENODEV;
	}
	rc = format_check(id, format, ret_fault, fault_size);
	if (rc < 0) {
		return rc;
	}
	info->block_size = EBB_BIT(format->ds);
	if (info->num_blocks > BYTES_MAX >> format->ds) {
		snprintf(ret_fault, fault_size, "it claims 2^63 bytes or more");
		return -ENOTSUP;
	}
	info->boundary_blocks = ns_boundary(id, info->block_size);
	if ((id->nsfeat & NVME_NS_FEAT_IO_OPT) != 0) {
		info->write_granularity_blocks = (uint32_t)le16toh(id->npwg) + 1;
	}
	return 0;
}

/* One descriptor's identifier; of the wrong length it is passed over. */
static void descriptor_take(unsigned type, const uint8_t *id, unsigned len,
			    struct nvme_ns_info *info)
{
	if (type == NVME_NIDT_UUID && len == sizeof(info->uuid)) {
		memcpy(info->uuid, id, len);
		info->has_uuid = !all_zero(id, len);
	} else if (type == NVME_NIDT_NGUID && len == sizeof(info->nguid)) {
		memcpy(info->nguid, id, len);
		info->has_nguid = !all_zero(id, len);
	} else if (type == NVME_NIDT_EUI64 && len == sizeof(info->eui64)) {
		memcpy(info->eui64, id, len);
		info->has_eui64 = !all_zero(id, len);
	} else if (type == NVME_NIDT_CSI && len == sizeof(info->csi)) {
		info->csi = id[0];
	}
}

bool nvme_identify_parse_descriptors(const void *data, struct nvme_ns_info *info)
{
	const uint8_t *bytes = data;
	size_t at = 0;

	while (at + sizeof(struct nvme_ns_id_desc) <= NVME_IDENTIFY_BYTES) {
		unsigned type = bytes[at];
		unsigned len = bytes[at + 1];

		at += sizeof(struct nvme_ns_id_desc);
		if (len == 0) {
			return true; /* the end (Base 2.0, 5.17.2.3) */
		}
		if (len > NVME_IDENTIFY_BYTES - at) {
			return false;
		}
		descriptor_take(type, &bytes[at], len, info);
		at += len;
	}
	return true;
}

const char *nvme_identify_csi_fault(uint8_t csi)
{
	switch (csi) {
	case NVME_CSI_NVM:
		return NULL;
	case NVME_CSI_KV:
		return "it is of the key value command set, which ebb does not speak";
	case NVME_CSI_ZNS:
		return "it is zoned, which ebb does not support";
	default:
		return "it is of a command set that ebb does not know";
	}
}

unsigned nvme_identify_parse_ns_list(const void *data, uint32_t after, uint32_t *ret_nsids)
{
	const struct nvme_ns_list *list = data;
	unsigned count;

	for (count = 0; count < NVME_ID_NS_LIST_MAX; count++) {
		uint32_t nsid = le32toh(list->ns[count]);

		/* The greatest valid one is FFFFFFFEh; FFFFFFFFh is "all". */
		if (nsid <= after || nsid == NVME_NSID_ALL) {
			break;
		}
		ret_nsids[count] = nsid;
		after = nsid;
	}
	return count;
}
