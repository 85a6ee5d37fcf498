/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_IDENTIFY_H
#define DRIVERS_NVME_IDENTIFY_H

/*
 * What a controller says of itself and of its namespaces: foreign bytes, of which only what is
 * checked goes further. Pure functions over the 4 KiB that Identify returns.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVME_IDENTIFY_BYTES 4096u
#define NVME_PS_MAX         32u

struct nvme_power_state {
	uint32_t entry_us;
	uint32_t exit_us;
	uint32_t max_power_uw;
	bool non_operational;
};

struct nvme_ctrlr_info {
	char model[41]; /* printable, without what it was padded with */
	char serial[21];
	char firmware[9];
	char subnqn[224];
	uint16_t vendor_id;
	uint16_t cntlid;
	uint32_t version;    /* as in VS: major, minor, tertiary */
	uint32_t mdts_pages; /* of the least page size; 0: no limit */
	uint16_t oacs;
	uint16_t oncs;
	uint32_t oaes;
	uint32_t num_namespaces; /* NN: the greatest identifier */
	uint8_t cmic;
	bool volatile_cache;
	bool flush_broadcast; /* a flush may have the broadcast identifier */
	bool is_io;           /* neither a discovery nor an administrative controller */
	bool apst;
	uint16_t retry_delay_100ms[4]; /* by CRD; [0]: none */
	unsigned num_power_states;     /* 1 … NVME_PS_MAX */
	struct nvme_power_state power_states[NVME_PS_MAX];
	/* I/O command set specific, 0: not told. */
	uint32_t wzsl_pages; /* write zeroes, in the least page size */
	uint32_t dsm_ranges; /* of one command */
	uint32_t dsm_blocks; /* of one range */
	uint64_t dsm_total;  /* blocks of one command */
};

struct nvme_ns_info {
	uint64_t num_blocks;
	uint32_t block_size;
	uint32_t boundary_blocks;          /* optimal I/O boundary, a power of two; 0: none */
	uint32_t write_granularity_blocks; /* preferred; 0: not told */
	bool write_protected;
	bool shared; /* other controllers may have it too */
	bool thin;
	/* Deallocated blocks read as zeroes, so that write zeroes may deallocate; and does if told. */
	bool reads_zero;
	bool zeroes_deallocate;
	uint8_t csi; /* command set, from the descriptors; 0: NVM */
	bool has_uuid, has_nguid, has_eui64;
	uint8_t uuid[16];
	uint8_t nguid[16];
	uint8_t eui64[8];
};

/**
 * nvme_identify_parse_ctrlr() - parse CNS 01h
 * @ret_info: wholly set
 * Return: 0; -EPROTO the bytes cannot be (@ret_fault says what, for people)
 */
int nvme_identify_parse_ctrlr(const void *data, struct nvme_ctrlr_info *ret_info,
			      const char **ret_fault);

/* Adds what CNS 06h says of the NVM command set. */
void nvme_identify_parse_ctrlr_nvm(const void *data, struct nvme_ctrlr_info *info);

/**
 * nvme_identify_parse_ns() - parse CNS 00h
 * @ret_info: wholly set
 * Return: 0; -ENODEV it is inactive; -ENOTSUP ebb cannot use it. @ret_fault says why not.
 */
int nvme_identify_parse_ns(const void *data, struct nvme_ns_info *ret_info, char *ret_fault,
			   size_t fault_size);

/* Adds what CNS 03h, the list of descriptors, says. Return: false: the list is malformed. */
bool nvme_identify_parse_descriptors(const void *data, struct nvme_ns_info *info);

/* Why a namespace of that command set is not supported; NULL: it is. */
const char *nvme_identify_csi_fault(uint8_t csi);

/**
 * nvme_identify_parse_ns_list() - parse CNS 02h: active identifiers greater than @after
 * Takes what ascends, and ends at the first 0 or at what does not.
 * @ret_nsids: room for 1,024
 * Return: how many; 1,024 means that there may be more.
 */
unsigned nvme_identify_parse_ns_list(const void *data, uint32_t after, uint32_t *ret_nsids);

#endif
