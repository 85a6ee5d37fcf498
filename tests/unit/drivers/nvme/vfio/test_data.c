/* SPDX-License-Identifier: Apache-2.0 */
/* How a command says where its data lies: each entry of PRPs and SGLs, at the edges of pages. */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <errno.h>

#include "drivers/nvme/vfio/data.h"
#include "tests/unit/drivers/nvme/vfio/fake_internal.h"
#include "tests/unit/unit.h"

#define MAX_BYTES (128u << 10) /* of a command */
#define OFFSET    512u

static struct vfio_data_lists lists;
static struct vfio_sqe sqe;
static struct iovec iov[2];
static uint16_t list;
static char *buf;

static uint64_t iova(const void *addr)
{
	return vfio_device_iova(&layer.fake->device, addr);
}

static void begin(void)
{
	ck_assert_int_eq(vfio_data_lists_init(&lists, &layer.fake->device, 2, MAX_BYTES), 0);
	buf = ebb_mem_alloc(2 * MAX_BYTES);
	ck_assert_ptr_nonnull(buf);
	ck_assert_uint_eq((uintptr_t)buf % VFIO_PAGE, 0);
	list = VFIO_LIST_NONE;
}

static void end(void)
{
	if (list != VFIO_LIST_NONE) {
		vfio_data_list_put(&lists, list);
	}
	ck_assert_uint_eq(lists.num_free, 2);
	vfio_data_lists_fini(&lists);
	ebb_mem_free(buf, 2 * MAX_BYTES);
}

static int set(bool sgl, int iovcnt)
{
	struct nvme_request request = {.iov = iov, .iovcnt = iovcnt};

	for (int i = 0; i < iovcnt; i++) {
		request.len_bytes += (uint32_t)iov[i].iov_len;
	}
	return vfio_data_set(&layer.fake->device, &lists, sgl, &request, &sqe, &list);
}

static int set_one(size_t offset, size_t len_bytes)
{
	iov[0] = (struct iovec){.iov_base = buf + offset, .iov_len = len_bytes};
	return set(false, 1);
}

static const uint64_t *entries(void)
{
	ck_assert_uint_ne(list, VFIO_LIST_NONE);
	return (const uint64_t *)(lists.memory + list * lists.list_bytes);
}

START_TEST(one_page_has_no_second)
{
	begin();
	ck_assert_int_eq(set_one(OFFSET, VFIO_PAGE - OFFSET), 0);
	ck_assert_uint_eq(sqe.prp1, iova(buf) + OFFSET);
	ck_assert_uint_eq(sqe.prp2, 0);
	ck_assert_int_eq(set_one(OFFSET, VFIO_PAGE - OFFSET + 1), 0);
	ck_assert_uint_eq(sqe.prp2, iova(buf) + VFIO_PAGE);
	end();
}
END_TEST

START_TEST(two_pages_have_no_list)
{
	begin();
	ck_assert_int_eq(set_one(OFFSET, 2 * VFIO_PAGE - OFFSET), 0);
	ck_assert_uint_eq(sqe.prp1, iova(buf) + OFFSET);
	ck_assert_uint_eq(sqe.prp2, iova(buf) + VFIO_PAGE);
	ck_assert_uint_eq(list, VFIO_LIST_NONE);
	end();
}
END_TEST

/* Nor where they are two elements, with SGLs or without. */
START_TEST(two_elements_of_a_page_have_no_list)
{
	for (unsigned sgl = 0; sgl < 2; sgl++) {
		begin();
		iov[0] = (struct iovec){.iov_base = buf + 4 * VFIO_PAGE, .iov_len = VFIO_PAGE};
		iov[1] = (struct iovec){.iov_base = buf, .iov_len = VFIO_PAGE};
		ck_assert_int_eq(set(sgl != 0, 2), 0);
		ck_assert_uint_eq(sqe.flags, VFIO_PSDT_PRP);
		ck_assert_uint_eq(sqe.prp1, iova(buf) + 4 * VFIO_PAGE);
		ck_assert_uint_eq(sqe.prp2, iova(buf));
		ck_assert_uint_eq(list, VFIO_LIST_NONE);
		end();
	}
}
END_TEST

/* The first entry keeps its offset in the page; all others begin a page. */
START_TEST(a_list_that_starts_inside_a_page)
{
	begin();
	ck_assert_int_eq(set_one(OFFSET, 2 * VFIO_PAGE - OFFSET + 1), 0);
	ck_assert_uint_eq(sqe.prp1, iova(buf) + OFFSET);
	ck_assert_uint_eq(sqe.prp2, lists.iova + list * lists.list_bytes);
	ck_assert_uint_eq(entries()[0], iova(buf) + VFIO_PAGE);
	ck_assert_uint_eq(entries()[1], iova(buf) + 2 * VFIO_PAGE);
	end();
}
END_TEST

/* Where it is not aligned it has a page more, which the list has room for, and no page more. */
START_TEST(the_longest_command_need_not_be_aligned)
{
	unsigned pages = MAX_BYTES / VFIO_PAGE;

	begin();
	ck_assert_int_eq(set_one(OFFSET, lists.list_bytes / 8 * VFIO_PAGE), 0);
	pages = lists.list_bytes / 8;
	ck_assert_uint_ge(pages, MAX_BYTES / VFIO_PAGE);
	ck_assert_uint_eq(sqe.prp1, iova(buf) + OFFSET);
	for (unsigned i = 0; i < pages; i++) {
		ck_assert_uint_eq(entries()[i], iova(buf) + (i + 1) * VFIO_PAGE);
	}
	end();
}
END_TEST

START_TEST(a_longer_one_is_refused)
{
	begin();
	ck_assert_int_eq(set_one(OFFSET, lists.list_bytes / 8 * VFIO_PAGE + VFIO_PAGE), -EINVAL);
	ck_assert_uint_eq(list, VFIO_LIST_NONE);
	end();
}
END_TEST

/* A list never crosses a page, and each has its own. */
START_TEST(lists_are_apart)
{
	uint16_t first;

	begin();
	ck_assert_int_eq(set_one(0, 3 * VFIO_PAGE), 0);
	first = list;
	ck_assert_int_eq(set_one(0, 3 * VFIO_PAGE), 0);
	ck_assert_uint_ne(list, first);
	ck_assert_uint_eq(sqe.prp2, lists.iova + list * lists.list_bytes);
	ck_assert_int_eq(set_one(0, 3 * VFIO_PAGE), -EAGAIN);
	vfio_data_list_put(&lists, first);
	end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(layer_begin, layer_end),
		UNIT_TEST(one_page_has_no_second),
		UNIT_TEST(two_pages_have_no_list),
		UNIT_TEST(two_elements_of_a_page_have_no_list),
		UNIT_TEST(a_list_that_starts_inside_a_page),
		UNIT_TEST(the_longest_command_need_not_be_aligned),
		UNIT_TEST(a_longer_one_is_refused),
		UNIT_TEST(lists_are_apart),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
