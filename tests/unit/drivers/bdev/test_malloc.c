/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>
#include <ebb/wanted.h>

#include "core/method/wanted.h"
#include "core/os/memory_available.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define MIB (1024u * 1024u)

static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;

static void setup(void)
{
	stage_begin();
	memset(&result, 0, sizeof(result));
}

static void teardown(void)
{
	method_wanted_clear();
	stage_end();
}

/* A disk of 16 MiB. */
static void disk_open(const char *more)
{
	char params[256];

	snprintf(params, sizeof(params), "{'name': 'm', 'num_blocks': 32768, 'block_size': 512%s}",
		 more);
	call_is("bdev_malloc_create", params, "\"m\"");
	ck_assert_int_eq(ebb_bdev_open("m", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(ch);
}

static void disk_close(void)
{
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	call_is("bdev_malloc_delete", "{'name': 'm'}", "true");
}

/* Waits for the one request under way. */
static int status_of(int rc)
{
	bool done = false;

	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(result.calls, 0);
	while (!done) {
		stage_turn();
		done = result.calls > 0;
	}
	ck_assert_uint_eq(result.calls, 1);
	result.calls = 0;
	return result.status;
}

static void fill(char *buf, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++) {
		buf[i] = (char)(seed + i * 7 + i / 512);
	}
}

static bool all_zero(const char *buf, size_t len)
{
	return buf[0] == 0 && memcmp(buf, buf + 1, len - 1) == 0;
}

START_TEST(it_comes_and_goes)
{
	call_is("bdev_malloc_create", "{'name': 'm', 'num_blocks': 100, 'block_size': 4096}",
		"\"m\"");
	call_has("bdev_get_bdevs", "{'name': 'm'}",
		 "\"product_name\":\"Malloc disk\",\"block_size\":4096,\"num_blocks\":100");
	call_has("bdev_malloc_create", "{'name': 'm', 'num_blocks': 1, 'block_size': 512}",
		 "error -17: bdev 'm' exists already");
	call_is("bdev_malloc_delete", "{'name': 'm'}", "true");
	call_has("bdev_malloc_delete", "{'name': 'm'}", "error -19: bdev 'm' not found");
}
END_TEST

START_TEST(names_are_made_up_like_spdk_s)
{
	const char *unnamed = "{'num_blocks': 1, 'block_size': 512}";

	call_is("bdev_malloc_create", "{'name': 'Malloc1', 'num_blocks': 1, 'block_size': 512}",
		"\"Malloc1\"");
	call_is("bdev_malloc_create", unnamed, "\"Malloc0\"");
	call_is("bdev_malloc_create", unnamed, "\"Malloc2\"");
	call_is("bdev_malloc_delete", "{'name': 'Malloc0'}", "true");
	/* A name is not used again by accident. */
	call_is("bdev_malloc_create", unnamed, "\"Malloc3\"");
	call_is("bdev_malloc_delete", "{'name': 'Malloc1'}", "true");
	call_is("bdev_malloc_delete", "{'name': 'Malloc2'}", "true");
	call_is("bdev_malloc_delete", "{'name': 'Malloc3'}", "true");
}
END_TEST

START_TEST(what_is_wanted_has_its_name_and_uuid)
{
	const struct ebb_wanted *wanted;

	call_is("bdev_malloc_create",
		"{'num_blocks': 8, 'block_size': 512, 'optimal_io_boundary': 4, "
		"'uuid': '01234567-89ab-cdef-0123-456789abcdef'}",
		"\"Malloc0\"");
	wanted = ebb_wanted_next(NULL);
	ck_assert_ptr_nonnull(wanted);
	ck_assert_str_eq(wanted->object, "Malloc0");
	ck_assert_str_eq(json_object_to_json_string_ext(wanted->params, JSON_C_TO_STRING_PLAIN),
			 "{\"name\":\"Malloc0\",\"num_blocks\":8,\"block_size\":512,"
			 "\"uuid\":\"01234567-89ab-cdef-0123-456789abcdef\","
			 "\"optimal_io_boundary\":4}");
	call_is("bdev_malloc_delete", "{'name': 'Malloc0'}", "true");
	ck_assert_ptr_null(ebb_wanted_next(NULL));
}
END_TEST

START_TEST(what_an_spdk_client_says_is_taken_if_harmless)
{
	call_is("bdev_malloc_create",
		"{'name': 'm', 'num_blocks': 64, 'block_size': 512, 'physical_block_size': 512, "
		"'optimal_io_boundary': 0, 'md_size': 0, 'md_interleave': false, 'dif_type': 0, "
		"'dif_is_head_of_md': false, 'dif_pi_format': 0, 'numa_id': -1}",
		"\"m\"");
	call_is("bdev_malloc_delete", "{'name': 'm'}", "true");
	call_has("bdev_malloc_create",
		 "{'name': 'm', 'num_blocks': 1, 'block_size': 512, 'md_size': 8}",
		 "error -32602: parameter \"md_size\" of method \"bdev_malloc_create\" is 8");
	call_has("bdev_malloc_create",
		 "{'name': 'm', 'num_blocks': 1, 'block_size': 512, 'md_interleave': true}",
		 "error -32602: parameter \"md_interleave\"");
	call_has("bdev_malloc_create",
		 "{'name': 'm', 'num_blocks': 1, 'block_size': 512, 'dif_type': 1}",
		 "error -32602: parameter \"dif_type\"");
}
END_TEST

START_TEST(impossible_ones_are_refused)
{
	call_has("bdev_malloc_create", "{'name': 'm', 'num_blocks': 0, 'block_size': 512}",
		 "error -32602: ");
	call_has("bdev_malloc_create", "{'name': 'm', 'num_blocks': 1, 'block_size': 513}",
		 "error -32602: block_size: 513 is no power of two");
	call_has("bdev_malloc_create", "{'name': '', 'num_blocks': 1, 'block_size': 512}",
		 "error -32602: name");
	call_has("bdev_malloc_create",
		 "{'num_blocks': 8, 'block_size': 512, 'optimal_io_boundary': 3}",
		 "error -32602: optimal_io_boundary: 3 is no power of two");
	call_has("bdev_malloc_create",
		 "{'name': 'm', 'num_blocks': 18446744073709551615, 'block_size': 65536}",
		 "error -12: bdev 'm' does not fit into memory");
	call_is("bdev_get_bdevs", "{}", "[]");
}
END_TEST

START_TEST(what_does_not_fit_into_memory_is_refused)
{
	uint64_t available = os_memory_available("");
	char params[128];

	if (available < 1024ull * MIB) {
		unit_skip("less than 1 GiB of memory available");
	}
	/* Each would fit, but not all of them. */
	snprintf(params, sizeof(params), "{'num_blocks': %llu, 'block_size': 65536}",
		 (unsigned long long)(available * 4 / 10 / 65536));
	call_is("bdev_malloc_create", params, "\"Malloc0\"");
	call_is("bdev_malloc_create", params, "\"Malloc1\"");
	call_has("bdev_malloc_create", params, "error -12: bdev 'Malloc2' does not fit");
	/* What is refused takes no name. */
	call_has("bdev_malloc_create", params, "error -12: bdev 'Malloc2' does not fit");
	call_has("bdev_malloc_create", params, "make it smaller, delete others");
	call_is("bdev_malloc_delete", "{'name': 'Malloc0'}", "true");
	call_is("bdev_malloc_create", params, "\"Malloc2\"");
	call_is("bdev_malloc_delete", "{'name': 'Malloc1'}", "true");
	call_is("bdev_malloc_delete", "{'name': 'Malloc2'}", "true");
}
END_TEST

START_TEST(what_was_written_is_read)
{
	char out[8 * 512], in[8 * 512], rest[8 * 512];
	struct iovec iov[2] = {{in, 512}, {rest, 7 * 512}};

	disk_open("");
	fill(out, sizeof(out), 1);
	memset(in, 1, sizeof(in));
	ck_assert_int_eq(status_of(ebb_bdev_read(desc, ch, in, 32760, 8, fake_done, &result)), 0);
	ck_assert(all_zero(in, sizeof(in)));
	ck_assert_int_eq(status_of(ebb_bdev_write(desc, ch, out, 32760, 8, EBB_BDEV_FUA, fake_done,
						  &result)),
			 0);
	ck_assert_int_eq(status_of(ebb_bdev_readv(desc, ch, iov, 2, 32760, 8, fake_done, &result)),
			 0);
	ck_assert_mem_eq(in, out, 512);
	ck_assert_mem_eq(rest, out + 512, 7 * 512);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, in, 32761, 8, fake_done, &result), -EINVAL);
	ck_assert_int_eq(status_of(ebb_bdev_flush(desc, ch, fake_done, &result)), 0);
	/* In pieces, too. */
	fill(out, sizeof(out), 5);
	iov[0].iov_base = out;
	iov[1].iov_base = out + 512;
	ck_assert_int_eq(status_of(ebb_bdev_writev(desc, ch, iov, 2, 1, 8, 0, fake_done, &result)),
			 0);
	ck_assert_int_eq(status_of(ebb_bdev_read(desc, ch, in, 1, 8, fake_done, &result)), 0);
	ck_assert_mem_eq(in, out, sizeof(in));
	disk_close();
}
END_TEST

START_TEST(comparing_finds_a_difference_anywhere)
{
	char out[4 * 512];
	struct iovec iov[2] = {{out, 3 * 512}, {out + 3 * 512, 512}};

	disk_open("");
	fill(out, sizeof(out), 9);
	status_of(ebb_bdev_write(desc, ch, out, 4, 4, 0, fake_done, &result));
	ck_assert_int_eq(status_of(ebb_bdev_comparev(desc, ch, iov, 2, 4, 4, fake_done, &result)),
			 0);
	out[sizeof(out) - 1] ^= 1;
	ck_assert_int_eq(status_of(ebb_bdev_comparev(desc, ch, iov, 2, 4, 4, fake_done, &result)),
			 -EILSEQ);
	out[sizeof(out) - 1] ^= 1;
	out[0] ^= 1;
	ck_assert_int_eq(status_of(ebb_bdev_comparev(desc, ch, iov, 2, 4, 4, fake_done, &result)),
			 -EILSEQ);
	disk_close();
}
END_TEST

/* Clears @blocks from @first in 64 blocks of other contents, and looks at all of them. */
static void clear_exactly(bool unmap, uint64_t first, uint64_t blocks)
{
	static char out[64 * 512], in[64 * 512];

	fill(out, sizeof(out), 3);
	status_of(ebb_bdev_write(desc, ch, out, 100, 64, 0, fake_done, &result));
	ck_assert_int_eq(status_of(unmap ? ebb_bdev_unmap(desc, ch, 100 + first, blocks, fake_done,
							  &result)
					 : ebb_bdev_write_zeroes(desc, ch, 100 + first, blocks, 0,
								 fake_done, &result)),
			 0);
	status_of(ebb_bdev_read(desc, ch, in, 100, 64, fake_done, &result));
	memset(out + first * 512, 0, blocks * 512);
	ck_assert_mem_eq(in, out, sizeof(in));
}

START_TEST(clearing_clears_these_blocks_and_no_others)
{
	uint64_t first, blocks;

	disk_open("");
	/* Pages are 8 blocks: every way to begin and to end in them. */
	for (first = 0; first < 9; first++) {
		for (blocks = 1; blocks < 34; blocks++) {
			clear_exactly(false, first, blocks);
			clear_exactly(true, first, blocks);
		}
	}
	disk_close();
}
END_TEST

/* By parts; from memory that the heap would not keep. */
static void disk_fill(void)
{
	char *buf =
		mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(buf, MAP_FAILED);
	fill(buf, 16 * MIB, 2);
	ck_assert_int_eq(status_of(ebb_bdev_write(desc, ch, buf, 0, 32768, 0, fake_done, &result)),
			 0);
	memset(buf, 0, MIB);
	ck_assert_int_eq(status_of(ebb_bdev_read(desc, ch, buf, 30720, 2048, fake_done, &result)),
			 0);
	ck_assert_int_eq(buf[1], (char)(2 + (15 * MIB + 1) * 7 + (15 * MIB + 1) / 512));
	ck_assert_int_eq(buf[MIB - 1], (char)(2 + (16 * MIB - 1) * 7 + (16 * MIB - 1) / 512));
	munmap(buf, 16 * MIB);
}

START_TEST(memory_is_taken_when_written_and_given_back)
{
	uint64_t before = os_memory_resident("");

	disk_open("");
	ck_assert_uint_lt(os_memory_resident(""), before + 2 * MIB);
	disk_fill();
	ck_assert_uint_ge(os_memory_resident(""), before + 14 * MIB);
	ck_assert_int_eq(status_of(ebb_bdev_unmap(desc, ch, 0, 16384, fake_done, &result)), 0);
	ck_assert_uint_lt(os_memory_resident(""), before + 10 * MIB);
	ck_assert_int_eq(status_of(ebb_bdev_write_zeroes(desc, ch, 16384, 16384, 0, fake_done,
							 &result)),
			 0);
	ck_assert_uint_lt(os_memory_resident(""), before + 2 * MIB);
	disk_fill();
	disk_close();
	ck_assert_uint_lt(os_memory_resident(""), before + 2 * MIB);
}
END_TEST

static int zeroes(uint64_t offset, uint64_t num, uint32_t flags)
{
	return status_of(ebb_bdev_write_zeroes(desc, ch, offset, num, flags, fake_done, &result));
}

START_TEST(zeroes_that_keep_their_room_are_no_holes)
{
	uint64_t before = os_memory_resident("");

	disk_open("");
	ck_assert_int_eq(zeroes(0, 32768, EBB_BDEV_NO_HOLE), 0);
	ck_assert_uint_ge(os_memory_resident(""), before + 14 * MIB);
	disk_fill();
	ck_assert_int_eq(zeroes(0, 32768, EBB_BDEV_NO_HOLE | EBB_BDEV_FUA), 0);
	ck_assert_uint_ge(os_memory_resident(""), before + 14 * MIB);
	disk_close();
}
END_TEST

/* What would have to be written, or cannot be given back, is refused as it was. */
START_TEST(fast_zeroes_are_given_back_or_refused)
{
	uint64_t before = os_memory_resident("");
	char buf[512];

	disk_open("");
	disk_fill();
	ck_assert_int_eq(zeroes(0, 32768, EBB_BDEV_FAST_ZERO | EBB_BDEV_NO_HOLE), -ENOTSUP);
	ck_assert_uint_ge(os_memory_resident(""), before + 14 * MIB);
	ck_assert_int_eq(status_of(ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result)), 0);
	ck_assert(!all_zero(buf, sizeof(buf)));
	ck_assert_int_eq(zeroes(0, 32768, EBB_BDEV_FAST_ZERO), 0);
	ck_assert_uint_lt(os_memory_resident(""), before + 2 * MIB);
	disk_close();
}
END_TEST

START_TEST(locked_memory_is_cleared_but_not_fast)
{
	char buf[512];

	disk_open("");
	disk_fill();
	if (mlockall(MCL_CURRENT) < 0) {
		unit_skip("memory cannot be locked here");
	}
	ck_assert_int_eq(zeroes(1, 100, EBB_BDEV_FAST_ZERO), -ENOTSUP);
	ck_assert_int_eq(status_of(ebb_bdev_read(desc, ch, buf, 1, 1, fake_done, &result)), 0);
	ck_assert(!all_zero(buf, sizeof(buf)));
	ck_assert_int_eq(zeroes(1, 100, 0), 0);
	ck_assert_int_eq(status_of(ebb_bdev_read(desc, ch, buf, 1, 1, fake_done, &result)), 0);
	ck_assert(all_zero(buf, sizeof(buf)));
	munlockall();
	disk_close();
}
END_TEST

static struct ebb_bdev_extent extent[8];
static struct ebb_bdev_extents extents = {.max = 8, .extent = extent};

static void ask(uint64_t offset, uint64_t num)
{
	ck_assert_int_eq(status_of(ebb_bdev_block_status(desc, ch, offset, num, &extents, fake_done,
							 &result)),
			 0);
}

static void extent_is(unsigned i, uint64_t num, bool hole)
{
	ck_assert_uint_lt(i, extents.count);
	ck_assert_uint_eq(extent[i].num_blocks, num);
	ck_assert_uint_eq(extent[i].flags, hole ? EBB_BDEV_EXTENT_HOLE | EBB_BDEV_EXTENT_ZERO : 0);
}

/* Pages are 8 blocks, and one block written is a page of data. */
START_TEST(holes_are_what_has_no_memory)
{
	char *buf = calloc(2, MIB);

	disk_open("");
	ask(0, 32768);
	ck_assert_uint_eq(extents.count, 1);
	extent_is(0, 32768, true);
	ck_assert_int_eq(status_of(ebb_bdev_write(desc, ch, buf, 83, 1, 0, fake_done, &result)), 0);
	ask(0, 32768);
	ck_assert_uint_eq(extents.count, 3);
	extent_is(0, 80, true);
	extent_is(1, 8, false);
	extent_is(2, 32680, true);
	ask(85, 10);
	ck_assert_uint_eq(extents.count, 2);
	extent_is(0, 3, false);
	extent_is(1, 7, true);
	ask(81, 1);
	ck_assert_uint_eq(extents.count, 1);
	extent_is(0, 1, false);
	ck_assert_int_eq(zeroes(80, 8, EBB_BDEV_NO_HOLE), 0);
	ask(80, 8);
	extent_is(0, 8, false);
	ck_assert_int_eq(zeroes(80, 8, 0), 0);
	ask(0, 32768);
	ck_assert_uint_eq(extents.count, 1);
	extent_is(0, 32768, true);
	disk_close();
	free(buf);
}
END_TEST

START_TEST(an_answer_ends_where_there_is_no_room)
{
	char buf[512] = {0};

	disk_open("");
	for (uint64_t i = 0; i < 8; i++) {
		ck_assert_int_eq(status_of(ebb_bdev_write(desc, ch, buf, i * 1024, 1, 0, fake_done,
							  &result)),
				 0);
	}
	ask(0, 32768);
	ck_assert_uint_eq(extents.count, 8);
	extent_is(0, 8, false);
	extent_is(7, 1016, true);
	disk_close();
}
END_TEST

/* Blocks of 16 pages; and no more than 16 MiB are looked at. */
START_TEST(large_blocks_are_holes_as_a_whole)
{
	char *buf = calloc(1, 65536);

	call_is("bdev_malloc_create", "{'name': 'm', 'num_blocks': 1024, 'block_size': 65536}",
		"\"m\"");
	ck_assert_int_eq(ebb_bdev_open("m", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_int_eq(status_of(ebb_bdev_write(desc, ch, buf, 100, 1, 0, fake_done, &result)),
			 0);
	ask(1, 1023);
	ck_assert_uint_eq(extents.count, 3);
	extent_is(0, 99, true);
	extent_is(1, 1, false);
	extent_is(2, 156, true);
	disk_close();
	free(buf);
}
END_TEST

START_TEST(prefault_takes_it_at_once)
{
	uint64_t before = os_memory_resident("");
	struct call call;

	disk_open(", 'prefault': true");
	ck_assert_uint_ge(os_memory_resident(""), before + 14 * MIB);
	disk_close();
	/* It is not there before it has its memory, and a second of its name comes too late. */
	call_begin(&call, "bdev_malloc_create",
		   "{'name': 'm', 'num_blocks': 8, 'block_size': 512, 'prefault': true}");
	ck_assert_ptr_null(ebb_bdev_find("m"));
	call_is("bdev_malloc_create", "{'name': 'm', 'num_blocks': 8, 'block_size': 512}", "\"m\"");
	stage_until(&call.done);
	ck_assert(call.failed);
	ck_assert_int_eq(call.error.code, -EEXIST);
	call_end(&call);
	call_is("bdev_malloc_delete", "{'name': 'm'}", "true");
}
END_TEST

START_TEST(a_long_request_does_not_keep_others_waiting)
{
	char *buf = calloc(16, MIB);
	struct fake_result other = {0};

	ck_assert_ptr_nonnull(buf);
	disk_open("");
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 32768, 0, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &other), 0);
	stage_turn();
	ck_assert_uint_eq(other.calls, 1);
	ck_assert_uint_eq(result.calls, 0);
	ck_assert_int_eq(status_of(0), 0);
	disk_close();
	free(buf);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(it_comes_and_goes),
		UNIT_TEST(names_are_made_up_like_spdk_s),
		UNIT_TEST(what_is_wanted_has_its_name_and_uuid),
		UNIT_TEST(what_an_spdk_client_says_is_taken_if_harmless),
		UNIT_TEST(impossible_ones_are_refused),
		UNIT_TEST(what_does_not_fit_into_memory_is_refused),
		UNIT_TEST(what_was_written_is_read),
		UNIT_TEST(comparing_finds_a_difference_anywhere),
		UNIT_TEST(clearing_clears_these_blocks_and_no_others),
		UNIT_TEST(memory_is_taken_when_written_and_given_back),
		UNIT_TEST(zeroes_that_keep_their_room_are_no_holes),
		UNIT_TEST(fast_zeroes_are_given_back_or_refused),
		UNIT_TEST(locked_memory_is_cleared_but_not_fast),
		UNIT_TEST(holes_are_what_has_no_memory),
		UNIT_TEST(an_answer_ends_where_there_is_no_room),
		UNIT_TEST(large_blocks_are_holes_as_a_whole),
		UNIT_TEST(prefault_takes_it_at_once),
		UNIT_TEST(a_long_request_does_not_keep_others_waiting),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
