/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/mock.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <ebb/memory.h>
#include <ebb/thread.h>

#include "drivers/nvme/transport.h"
#include "tests/unit/drivers/nvme/mock_admin.h"

struct mock mock;

/* All queues, so that the test can release what they hold. */
static struct mock_queue *queues[64];

static void note(const struct nvme_request *request, struct nvme_queue *queue)
{
	ck_assert_uint_lt(mock.num_records, MOCK_RECORDS);
	mock.records[mock.num_records++] = (struct mock_record){
		.admin = queue == NULL,
		.opcode = request->opcode,
		.tries = request->tries,
		.nsid = request->nsid,
		.cdw10 = request->cdw10,
		.cdw11 = request->cdw11,
		.cdw12 = request->cdw12,
		.len_bytes = request->len_bytes,
		.iovcnt = request->iovcnt,
		.queue = queue,
	};
}

unsigned mock_count(bool admin, uint8_t opcode)
{
	unsigned i, count = 0;

	for (i = 0; i < mock.num_records; i++) {
		count += mock.records[i].admin == admin && mock.records[i].opcode == opcode;
	}
	return count;
}

const struct mock_record *mock_last(bool admin, uint8_t opcode)
{
	unsigned i = mock.num_records;

	while (i-- > 0) {
		if (mock.records[i].admin == admin && mock.records[i].opcode == opcode) {
			return &mock.records[i];
		}
	}
	ck_abort_msg("no such command has come");
	return NULL;
}

void mock_fail(bool admin, uint8_t opcode, unsigned times, int rc, uint16_t status)
{
	ck_assert_uint_lt(mock.num_faults, MOCK_FAULTS);
	mock.faults[mock.num_faults++] = (struct mock_fault){
		.admin = admin,
		.opcode = opcode,
		.times = times,
		.rc = rc,
		.status = status,
	};
}

/* Return: true: the answer is in the request already. */
static bool faulted(bool admin, struct nvme_request *request)
{
	unsigned i;

	if (mock.gone) {
		request->rc = -ENODEV;
		return true;
	}
	for (i = 0; i < mock.num_faults; i++) {
		struct mock_fault *fault = &mock.faults[i];

		if (fault->times > 0 && fault->admin == admin && fault->opcode == request->opcode) {
			fault->times--;
			request->rc = fault->rc;
			request->status = fault->status;
			return true;
		}
	}
	return false;
}

/* The memory of a command: in the pool, whole, and within the transport's limits. */
static void check_data(const struct nvme_request *request, uint64_t len_bytes)
{
	uint64_t sum = 0;
	int i;

	ck_assert_uint_eq(request->len_bytes, len_bytes);
	if (len_bytes == 0) {
		ck_assert_int_eq(request->iovcnt, 0);
		return;
	}
	ck_assert_int_gt(request->iovcnt, 0);
	ck_assert_uint_le((unsigned)request->iovcnt, mock.limits.max_segments);
	for (i = 0; i < request->iovcnt; i++) {
		uintptr_t base = (uintptr_t)request->iov[i].iov_base;
		size_t len = request->iov[i].iov_len;
		uintptr_t page = mock.limits.page_bytes == 0 ? 1 : mock.limits.page_bytes;

		ck_assert_uint_gt(len, 0);
		ck_assert(ebb_mem_contains(request->iov[i].iov_base, len));
		ck_assert_uint_eq((base | len) & (mock.limits.buf_align - 1), 0);
		ck_assert(i == 0 || base % page == 0);
		ck_assert(i == request->iovcnt - 1 || (base + len) % page == 0);
		sum += len;
	}
	ck_assert_uint_eq(sum, len_bytes);
}

static unsigned block_shift(const struct mock_ns *ns)
{
	return ns->id.lbaf[ns->id.flbas & 0xf].ds;
}

static void copy(const struct nvme_request *request, uint8_t *memory, bool to_device)
{
	int i;

	for (i = 0; i < request->iovcnt; i++) {
		const struct iovec *iov = &request->iov[i];

		if (to_device) {
			memcpy(memory, iov->iov_base, iov->iov_len);
		} else {
			memcpy(iov->iov_base, memory, iov->iov_len);
		}
		memory += iov->iov_len;
	}
}

static uint16_t compare(const struct nvme_request *request, const uint8_t *memory)
{
	int i;

	for (i = 0; i < request->iovcnt; i++) {
		const struct iovec *iov = &request->iov[i];

		if (memcmp(memory, iov->iov_base, iov->iov_len) != 0) {
			return NVME_SCT_MEDIA << NVME_SCT_SHIFT | NVME_SC_COMPARE_FAILED | 0x4000;
		}
		memory += iov->iov_len;
	}
	return 0;
}

/* Commands with a place and a length: read, write, compare, write zeroes. */
static uint16_t do_blocks(struct nvme_request *request, struct mock_ns *ns)
{
	uint64_t offset = (uint64_t)request->cdw11 << 32 | request->cdw10;
	uint64_t blocks = (request->cdw12 & 0xffff) + 1;
	unsigned shift = block_shift(ns);
	uint8_t *memory = ns->memory + (offset << shift);
	bool fua = (request->cdw12 & 1u << 30) != 0;
	bool deac = (request->cdw12 & 1u << 25) != 0;

	if (ns->shrinks && offset + blocks > le64toh(ns->id.nsze)) {
		return NVME_SC_LBA_RANGE | 0x4000;
	}
	ck_assert_uint_le(offset + blocks, le64toh(ns->id.nsze));
	ck_assert_uint_le((offset + blocks) << shift, MOCK_BYTES);
	/* FUA, and DEAC for zeroes, are the only flags that are ever set: no PRINFO, no LR. */
	ck_assert_uint_eq(request->cdw12 & 0xbdff0000, 0);
	ck_assert(!deac || request->opcode == nvme_cmd_write_zeroes);
	ck_assert(!deac || ns->id.dlfeat == 9);
	ck_assert(!fua || (mock.id.vwc & 1) != 0);
	switch (request->opcode) {
	case nvme_cmd_write_zeroes:
		check_data(request, 0);
		memset(memory, 0, blocks << shift);
		return 0;
	case nvme_cmd_compare:
		check_data(request, blocks << shift);
		ck_assert_uint_le(request->len_bytes, mock.limits.max_io_bytes);
		return compare(request, memory);
	default:
		check_data(request, blocks << shift);
		ck_assert_uint_le(request->len_bytes, mock.limits.max_io_bytes);
		copy(request, memory, request->opcode == nvme_cmd_write);
		return 0;
	}
}

static uint16_t do_dsm(struct nvme_request *request, struct mock_ns *ns)
{
	uint32_t count = request->cdw10 + 1, i;
	const struct nvme_dsm_range *ranges = request->iov[0].iov_base;
	unsigned shift = block_shift(ns);
	uint64_t total = 0;

	ck_assert_uint_le(count, 256);
	ck_assert_uint_eq(request->cdw11, 4);
	ck_assert_uint_eq(request->cdw12, 0);
	check_data(request, count * sizeof(*ranges));
	ck_assert_int_eq(request->iovcnt, 1);
	if (mock.id_nvm.dmrl != 0) {
		ck_assert_uint_le(count, mock.id_nvm.dmrl);
	}
	for (i = 0; i < count; i++) {
		uint64_t offset = le64toh(ranges[i].slba);
		uint64_t blocks = le32toh(ranges[i].nlb);

		ck_assert_uint_eq(ranges[i].cattr, 0);
		ck_assert_uint_gt(blocks, 0);
		ck_assert_uint_le(offset + blocks, le64toh(ns->id.nsze));
		if (mock.id_nvm.dmrsl != 0) {
			ck_assert_uint_le(blocks, le32toh(mock.id_nvm.dmrsl));
		}
		total += blocks;
		memset(ns->memory + (offset << shift), 0xdd, blocks << shift);
	}
	if (mock.id_nvm.dmsl != 0) {
		ck_assert_uint_le(total, le64toh(mock.id_nvm.dmsl));
	}
	return 0;
}

static void io_do(struct nvme_request *request)
{
	struct mock_ns *ns = &mock.ns[request->nsid - 1];

	if (faulted(false, request)) {
		return;
	}
	request->rc = 0;
	switch (request->opcode) {
	case nvme_cmd_read:
	case nvme_cmd_write:
	case nvme_cmd_compare:
	case nvme_cmd_write_zeroes:
		request->status = do_blocks(request, ns);
		break;
	case nvme_cmd_dsm:
		request->status = do_dsm(request, ns);
		break;
	case nvme_cmd_flush:
		ck_assert_uint_eq(request->cdw10 | request->cdw11 | request->cdw12, 0);
		ck_assert(mock.id.vwc & 1);
		check_data(request, 0);
		request->status = 0;
		break;
	default:
		ck_abort_msg("an opcode that nobody sends");
	}
}

static void io_answer(struct mock_queue *queue, struct nvme_request *request)
{
	io_do(request);
	queue->outstanding--;
	request->done(request, request->use);
}

static void mock_submit(struct nvme_queue *base, struct nvme_request *request)
{
	struct mock_queue *queue = ebb_container_of(base, struct mock_queue, base);

	ck_assert_ptr_nonnull(request->ns);
	ck_assert_ptr_eq(request->ns->on_path->path, base->path);
	ck_assert_uint_eq(request->ns->nsid, request->nsid);
	ck_assert_uint_ge(request->nsid, 1);
	ck_assert_uint_le(request->nsid, MOCK_NAMESPACES);
	ck_assert(mock.ns[request->nsid - 1].open);
	ck_assert_ptr_nonnull(request->done);
	ck_assert_uint_eq(request->cdw13 | request->cdw14 | request->cdw15, 0);
	note(request, base);
	mock.last = request;
	mock.last_use = request->use;
	queue->outstanding++;
	request->rc = -12345; /* what is not answered is not 0 */
	request->status = 0xffff;
	if (mock.inside) {
		io_answer(queue, request);
	} else {
		ebb_list_push_back(&queue->held, &request->link);
	}
}

static int queue_release(struct mock_queue *queue)
{
	struct ebb_list *node;
	int count = 0;

	while ((node = ebb_list_pop_front(&queue->held)) != NULL) {
		io_answer(queue, ebb_list_entry(node, struct nvme_request, link));
		count++;
	}
	return count;
}

void mock_release(void)
{
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(queues); i++) {
		if (queues[i] != NULL) {
			queue_release(queues[i]);
		}
	}
}

static int mock_poll(void *base)
{
	struct mock_queue *queue = ebb_container_of(base, struct mock_queue, base);

	return mock.hold ? 0 : queue_release(queue);
}

static int mock_queue_create(struct nvme_path *path, struct nvme_queue **ret_queue)
{
	struct mock_queue *queue;
	size_t i;

	if (mock.queue_rc < 0) {
		return mock.queue_rc;
	}
	ck_assert_ptr_eq(path, mock.path);
	queue = calloc(1, sizeof(*queue));
	ck_assert_ptr_nonnull(queue);
	queue->base = (struct nvme_queue){
		.transport = path->transport,
		.path = path,
		.wake_fd = mock.wake_fd > 0 ? mock.wake_fd : -1,
	};
	ebb_list_init(&queue->held);
	for (i = 0; queues[i] != NULL; i++) {
		ck_assert_uint_lt(i + 1, EBB_ARRAY_SIZE(queues));
	}
	queues[i] = queue;
	mock.num_queues++;
	*ret_queue = &queue->base;
	return 0;
}

static void mock_queue_destroy(struct nvme_queue *base)
{
	struct mock_queue *queue = ebb_container_of(base, struct mock_queue, base);
	size_t i;

	ck_assert_uint_eq(queue->outstanding, 0);
	for (i = 0; i < EBB_ARRAY_SIZE(queues); i++) {
		if (queues[i] == queue) {
			queues[i] = NULL;
		}
	}
	mock.num_queues--;
	free(queue);
}

void mock_attached(void)
{
	mock.path->limits = mock.limits;
	if (mock.attach_rc < 0) {
		nvme_path_fault(mock.path, mock.attach_rc, "the mock will not have it");
	}
	nvme_path_attached(mock.path, mock.attach_rc);
}

static void mock_attach(struct nvme_path *path)
{
	ck_assert_ptr_null(mock.path);
	mock.path = path;
	mock.attaches++;
	path->transport_ctrlr = &mock;
	if (mock.attach_later) {
		return;
	}
	mock_attached();
	if (mock.attach_rc < 0) {
		mock.path = NULL;
	}
}

static void event_answer(int rc, uint32_t dword)
{
	struct nvme_request *request = mock.event_request;

	mock.event_request = NULL;
	if (request != NULL) {
		request->rc = rc;
		request->status = 0;
		request->result = dword;
		request->done(request, request->use);
	}
}

void mock_tell(uint32_t dword)
{
	ck_assert_ptr_nonnull(mock.event_request);
	event_answer(0, dword);
}

void mock_forget_events(void)
{
	event_answer(-ECANCELED, 0);
}

static void mock_detach(struct nvme_path *path)
{
	unsigned i;

	ck_assert_ptr_eq(mock.path, path);
	ck_assert_uint_eq(mock.num_queues, 0);
	for (i = 0; i < MOCK_NAMESPACES; i++) {
		ck_assert(!mock.ns[i].open);
	}
	ck_assert(ebb_list_empty(&mock.held_admin));
	event_answer(-ENODEV, 0);
	mock.path = NULL;
	mock.detaches++;
	nvme_path_detached(path);
}

static void admin_answer(struct nvme_request *request)
{
	if (!faulted(true, request)) {
		request->rc = 0;
		request->status = mock_admin_do(request);
	}
	request->done(request, request->use);
}

static void mock_admin(struct nvme_path *path, struct nvme_request *request)
{
	ck_assert_ptr_eq(path, mock.path);
	ck_assert(ebb_thread_is_app());
	ck_assert_ptr_null(request->ns);
	note(request, NULL);
	request->rc = -12345;
	if (request->opcode == nvme_admin_async_event) {
		ck_assert_ptr_null(mock.event_request);
		ck_assert(mock.limits.owns_controller);
		ck_assert_uint_eq(request->nsid | request->cdw10 | request->cdw11, 0);
		check_data(request, 0);
		mock.event_request = request;
		if (mock.gone) {
			event_answer(-ENODEV, 0);
		}
	} else if (mock.hold_admin) {
		ebb_list_push_back(&mock.held_admin, &request->link);
	} else {
		admin_answer(request);
	}
}

void mock_release_admin(void)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&mock.held_admin)) != NULL) {
		admin_answer(ebb_list_entry(node, struct nvme_request, link));
	}
}

void mock_reset_done(void)
{
	nvme_path_was_reset(mock.path, mock.reset_rc);
}

static void mock_reset(struct nvme_path *path)
{
	ck_assert_ptr_eq(path, mock.path);
	mock.resets++;
	if (!mock.reset_later) {
		mock_reset_done();
	}
}

void mock_release_open(void)
{
	struct nvme_path_ns *ns = mock.opening;

	mock.opening = NULL;
	nvme_path_ns_opened(ns, mock.ns[ns->nsid - 1].open_rc);
}

static void mock_ns_open(struct nvme_path_ns *ns)
{
	struct mock_ns *mine = &mock.ns[ns->nsid - 1];

	ck_assert(!mine->open && mine->active);
	ck_assert_ptr_eq(ns->path, mock.path);
	mine->opens++;
	mine->open = mine->open_rc == 0;
	if (mine->open_rc < 0) {
		snprintf(ns->fault, sizeof(ns->fault), "it is mounted at /mnt; unmount it");
	}
	ck_assert_ptr_null(mock.opening);
	mock.opening = ns;
	if (!mock.hold_open) {
		mock_release_open();
	}
}

void mock_release_closes(void)
{
	while (mock.num_closing > 0) {
		nvme_path_ns_closed(mock.closing[--mock.num_closing]);
	}
}

static void mock_ns_close(struct nvme_path_ns *ns)
{
	ck_assert(mock.ns[ns->nsid - 1].open);
	mock.ns[ns->nsid - 1].open = false;
	if (mock.hold_close) {
		mock.closing[mock.num_closing++] = ns;
	} else {
		nvme_path_ns_closed(ns);
	}
}

void mock_leave(void)
{
	mock.gone = true;
	event_answer(-ENODEV, 0);
	mock_release();
	mock_release_admin();
}

struct nvme_transport mock_transport = {
	.trtype = "mock",
	.rebinds = true,
	.attach = mock_attach,
	.detach = mock_detach,
	.admin = mock_admin,
	.reset = mock_reset,
	.ns_open = mock_ns_open,
	.ns_close = mock_ns_close,
	.queue_create = mock_queue_create,
	.queue_destroy = mock_queue_destroy,
	.submit = mock_submit,
	.poll = mock_poll,
};

static void text(char *to, size_t width, const char *from)
{
	memset(to, ' ', width);
	memcpy(to, from, strlen(from));
}

void mock_begin(void)
{
	memset(&mock, 0, sizeof(mock));
	ebb_list_init(&mock.held_admin);
	text(mock.id.mn, sizeof(mock.id.mn), "Mock Drive");
	text(mock.id.sn, sizeof(mock.id.sn), "SN-1");
	text(mock.id.fr, sizeof(mock.id.fr), "1.0");
	mock.id.vid = htole16(0x1b36);
	mock.id.ver = htole32(0x10400);
	mock.id.mdts = 7;
	mock.id.cntrltype = 1;
	mock.id.sqes = 0x66;
	mock.id.cqes = 0x44;
	mock.id.nn = htole32(MOCK_NAMESPACES);
	mock.id.oncs =
		htole16(NVME_CTRL_ONCS_COMPARE | NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES);
	mock.id.oaes = htole32(NVME_CTRL_OAES_NA | NVME_CTRL_OAES_FA);
	mock.id.vwc = 1;
	mock.id.crdt1 = htole16(1);
	mock.id.crdt2 = htole16(20);
	mock.limits = (struct nvme_limits){
		.max_io_bytes = 1u << 20,
		.max_segments = 16,
		.buf_align = 4,
		.page_bytes = 4096,
		.owns_controller = true,
		.polled = true,
		.min_page_bytes = 4096,
	};
	mock_ns_add(1, 9);
	nvme_transport_add(&mock_transport);
}

void mock_end(void)
{
	unsigned i;

	ck_assert_ptr_null(mock.path);
	nvme_transport_remove(&mock_transport);
	for (i = 0; i < MOCK_NAMESPACES; i++) {
		free(mock.ns[i].memory);
	}
}
