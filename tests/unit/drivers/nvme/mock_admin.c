/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/mock_admin.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <ebb/memory.h>

#include "tests/unit/drivers/nvme/mock.h"

#define INVALID_FIELD (NVME_SC_INVALID_FIELD | 0x4000)
#define INVALID_NS    (NVME_SC_INVALID_NS | 0x4000)

/* One piece of pool memory of that size. */
static void *data(const struct nvme_request *request, uint32_t len_bytes)
{
	ck_assert_uint_eq(request->len_bytes, len_bytes);
	ck_assert_int_eq(request->iovcnt, 1);
	ck_assert_uint_eq(request->iov[0].iov_len, len_bytes);
	ck_assert(ebb_mem_contains(request->iov[0].iov_base, len_bytes));
	ck_assert_uint_eq((uintptr_t)request->iov[0].iov_base % 4096, 0);
	return request->iov[0].iov_base;
}

static struct mock_ns *find(uint32_t nsid)
{
	ck_assert_uint_ge(nsid, 1);
	if (nsid > MOCK_NAMESPACES || !mock.ns[nsid - 1].active) {
		return NULL;
	}
	return &mock.ns[nsid - 1];
}

static void list_active(uint32_t after, void *to)
{
	struct nvme_ns_list *list = to;
	unsigned i, count = 0;

	memset(list, 0, sizeof(*list));
	for (i = 0; i < MOCK_NAMESPACES; i++) {
		if (mock.ns[i].active && i + 1 > after) {
			list->ns[count++] = htole32(i + 1);
		}
	}
	if (mock.fails_list) {
		memset(list, 0xff, sizeof(*list));
	}
}

static uint16_t identify_ns(uint32_t cns, uint32_t nsid, void *to)
{
	const struct mock_ns *ns = find(nsid);

	if (ns == NULL) {
		return INVALID_NS;
	}
	if (cns == NVME_IDENTIFY_CNS_NS) {
		memcpy(to, &ns->id, sizeof(ns->id));
	} else {
		memcpy(to, ns->descriptors, sizeof(ns->descriptors));
	}
	return 0;
}

static uint16_t do_identify(const struct nvme_request *request)
{
	void *to = data(request, 4096);

	ck_assert_uint_eq(request->cdw10 & ~0xffu, 0);
	ck_assert_uint_eq(request->cdw11 & 0x00ffffff, 0);
	ck_assert_uint_eq(request->cdw12, 0);
	switch (request->cdw10) {
	case NVME_IDENTIFY_CNS_CTRL:
		ck_assert_uint_eq(request->nsid, 0);
		memcpy(to, &mock.id, sizeof(mock.id));
		return 0;
	case NVME_IDENTIFY_CNS_CSI_CTRL:
		ck_assert_uint_eq(request->nsid | request->cdw11, 0);
		memcpy(to, &mock.id_nvm, sizeof(mock.id_nvm));
		return 0;
	case NVME_IDENTIFY_CNS_NS_ACTIVE_LIST:
		list_active(request->nsid, to);
		return 0;
	case NVME_IDENTIFY_CNS_NS:
	case NVME_IDENTIFY_CNS_NS_DESC_LIST:
		return identify_ns(request->cdw10, request->nsid, to);
	default:
		return INVALID_FIELD;
	}
}

static uint16_t do_get_log(const struct nvme_request *request)
{
	uint32_t len_bytes = ((request->cdw10 >> 16) + 1) * 4;
	void *to = data(request, len_bytes);

	ck_assert_uint_eq(request->nsid, NVME_NSID_ALL);
	ck_assert_uint_eq(request->cdw10 & 0xff00, 0); /* RAE clear: the event may come again */
	ck_assert_uint_eq(request->cdw11 | request->cdw12, 0);
	memset(to, 0, len_bytes);
	switch (request->cdw10 & 0xff) {
	case NVME_LOG_LID_SMART:
		ck_assert_uint_eq(len_bytes, sizeof(mock.smart));
		memcpy(to, &mock.smart, sizeof(mock.smart));
		return 0;
	case NVME_LOG_LID_ERROR:
	case NVME_LOG_LID_FW_SLOT:
	case NVME_LOG_LID_CHANGED_NS:
		return 0;
	default:
		return NVME_SCT_CMD_SPECIFIC << NVME_SCT_SHIFT | NVME_SC_INVALID_LOG_PAGE;
	}
}

static uint16_t do_set_features(const struct nvme_request *request)
{
	ck_assert_uint_eq(request->nsid, 0);
	ck_assert_uint_eq(request->cdw12, 0);
	ck_assert(mock.limits.owns_controller);
	switch (request->cdw10) {
	case NVME_FEAT_FID_ASYNC_EVENT:
		ck_assert_uint_eq(request->len_bytes, 0);
		mock.events_wanted = request->cdw11;
		return 0;
	case NVME_FEAT_FID_AUTO_PST:
		memcpy(mock.apst, data(request, sizeof(mock.apst)), sizeof(mock.apst));
		ck_assert_uint_le(request->cdw11, 1);
		mock.apst_set++;
		mock.apst_on = request->cdw11;
		return 0;
	default:
		return INVALID_FIELD;
	}
}

uint16_t mock_admin_do(struct nvme_request *request)
{
	ck_assert_uint_eq(request->cdw13 | request->cdw14 | request->cdw15, 0);
	switch (request->opcode) {
	case nvme_admin_identify:
		return do_identify(request);
	case nvme_admin_get_log_page:
		return do_get_log(request);
	case nvme_admin_set_features:
		return do_set_features(request);
	default:
		ck_abort_msg("an admin opcode that nobody sends");
		return 0;
	}
}

struct mock_ns *mock_ns_add(uint32_t nsid, unsigned shift)
{
	struct mock_ns *ns = &mock.ns[nsid - 1];

	ns->active = true;
	ns->id.nsze = htole64(MOCK_BYTES >> shift);
	ns->id.ncap = ns->id.nsze;
	ns->id.nlbaf = 1;
	ns->id.flbas = shift == 9 ? 0 : 1;
	ns->id.lbaf[0].ds = 9;
	ns->id.lbaf[1].ds = (uint8_t)shift;
	ns->descriptors[0] = NVME_NIDT_UUID;
	ns->descriptors[1] = 16;
	memset(&ns->descriptors[4], (int)(0x40 + nsid), 16);
	if (ns->memory == NULL) {
		ns->memory = calloc(1, MOCK_BYTES);
		ck_assert_ptr_nonnull(ns->memory);
	}
	return ns;
}
