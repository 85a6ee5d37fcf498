/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of bytes: what is refused, what is short, and who waits for whom. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/memory.h>

#include "core/bdev/bytes.h"
#include "core/bdev/pool.h"
#include "core/event/channel.h"
#include "core/method/wanted.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define SIZE ((uint64_t)FAKE_BLOCK * FAKE_BLOCKS)

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static char buf[64 * FAKE_BLOCK];

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
	memset(&result, 0, sizeof(result));
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	method_wanted_clear();
	stage_end();
}

static void ends_with(int status)
{
	stage_turns(12);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, status);
	ck_assert_uint_eq(fake->num_held, 0);
	result.calls = 0;
}

static int zeroes(uint64_t offset, uint64_t len, uint32_t flags)
{
	return ebb_bdev_write_zeroes_bytes(desc, ch, offset, len, flags, fake_done, &result);
}

START_TEST(what_cannot_be_is_refused)
{
	struct iovec iov[2] = {{.iov_base = buf, .iov_len = 10}, {.iov_base = buf, .iov_len = 0}};
	struct ebb_bdev_desc *reader;
	struct iovec *many;
	int i;

	ck_assert_int_eq(zeroes(5, 0, 0), -EINVAL);
	ck_assert_int_eq(zeroes(SIZE - 5, 6, 0), -EINVAL);
	ck_assert_int_eq(zeroes(SIZE, 1, 0), -EINVAL);
	ck_assert_int_eq(zeroes(SIZE + 1, 1, 0), -EINVAL);
	ck_assert_int_eq(zeroes(UINT64_MAX, 3, 0), -EINVAL);
	ck_assert_int_eq(zeroes(3, UINT64_MAX, 0), -EINVAL);
	ck_assert_int_eq(zeroes(5, 10, EBB_BIT(9)), -EINVAL);
	ck_assert_int_eq(ebb_bdev_unmap_bytes(desc, ch, SIZE - 5, 6, fake_done, &result), -EINVAL);
	ck_assert_int_eq(ebb_bdev_unmap_bytes(desc, ch, 5, 0, fake_done, &result), -EINVAL);
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, iov, 1, SIZE - 9, 10, fake_done, &result),
			 -EINVAL);
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, iov, 1, 5, 11, fake_done, &result),
			 -EINVAL);
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, iov, 2, 5, 10, fake_done, &result),
			 -EINVAL);
	ck_assert_int_eq(ebb_bdev_writev_bytes(desc, ch, iov, 1, 5, 10, EBB_BDEV_NO_HOLE, fake_done,
					       &result),
			 -EINVAL);
	many = calloc(BDEV_BYTES_IOV_MAX + 1, sizeof(*many));
	ck_assert_ptr_nonnull(many);
	for (i = 0; i <= BDEV_BYTES_IOV_MAX; i++) {
		many[i] = (struct iovec){.iov_base = buf, .iov_len = 1};
	}
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, many, BDEV_BYTES_IOV_MAX + 1, 5,
					      BDEV_BYTES_IOV_MAX + 1, fake_done, &result),
			 -EINVAL);
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, many, BDEV_BYTES_IOV_MAX, 5,
					      BDEV_BYTES_IOV_MAX, fake_done, &result),
			 0);
	ends_with(0);
	free(many);
	ck_assert_int_eq(ebb_bdev_open("disk", false, NULL, NULL, &reader), 0);
	ck_assert_int_eq(ebb_bdev_writev_bytes(reader, ch, iov, 1, 5, 10, 0, fake_done, &result),
			 -EBADF);
	ck_assert_int_eq(ebb_bdev_unmap_bytes(reader, ch, 5, 10, fake_done, &result), -EBADF);
	ebb_bdev_close(reader);
	fake->bdev.io_types &= ~EBB_BIT(EBB_BDEV_READ);
	ck_assert_int_eq(ebb_bdev_writev_bytes(desc, ch, iov, 1, 5, 10, 0, fake_done, &result),
			 -ENOTSUP);
	fake->bdev.io_types &= ~EBB_BIT(EBB_BDEV_UNMAP);
	ck_assert_int_eq(ebb_bdev_unmap_bytes(desc, ch, 5, 10, fake_done, &result), -ENOTSUP);
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 0);
	ck_assert_uint_eq(fake->num_records, 1);
}
END_TEST

static void foreign(void *arg)
{
	struct iovec iov = {.iov_base = buf, .iov_len = 10};

	(void)arg;
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, &iov, 1, 5, 10, fake_done, &result),
			 -EPERM);
	ck_assert_int_eq(ebb_bdev_writev_bytes(desc, ch, &iov, 1, 5, 10, 0, fake_done, &result),
			 -EPERM);
	ck_assert_int_eq(zeroes(5, 10, 0), -EPERM);
	ck_assert_int_eq(ebb_bdev_unmap_bytes(desc, ch, 5, 10, fake_done, &result), -EPERM);
}

START_TEST(a_channel_is_its_threads)
{
	stage_foreign(foreign, NULL);
	ck_assert_uint_eq(stage_violations(2), 4);
}
END_TEST

#define MANY 300

/* Each has 4 KiB of the channel's 1 MiB: the others wait there, in their order. */
START_TEST(memory_for_edges_is_bounded)
{
	static struct fake_result results[MANY];
	const struct bdev_channel *bdev_ch = ebb_io_channel_ctx(ch);
	struct iovec iov = {.iov_base = buf, .iov_len = 10};
	unsigned i;

	memset(results, 0, sizeof(results));
	fake->mode = FAKE_HOLD;
	for (i = 0; i < MANY; i++) {
		ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, &iov, 1, 1000ull * i + 5, 10,
						      fake_done, &results[i]),
				 0);
	}
	ck_assert_uint_eq(fake->num_held, BDEV_BYTES_MEMORY_MAX / 4096);
	ck_assert_uint_eq(bdev_ch->bytes_memory, BDEV_BYTES_MEMORY_MAX);
	fake_complete_all(fake, 0);
	for (i = 0; i < MANY; i++) {
		ck_assert_uint_eq(results[i].calls, 1);
		ck_assert_int_eq(results[i].status, 0);
		ck_assert(i == 0 || results[i].order > results[i - 1].order);
	}
	ck_assert_uint_eq(bdev_ch->bytes_memory, 0);
}
END_TEST

static void mem_removed(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region)
{
	ebb_mem_region_released(subscriber, region);
}

static bool mem_refused;

static int mem_added(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region)
{
	(void)subscriber;
	(void)region;
	return mem_refused ? -ENOMEM : 0;
}

/* Takes all that is left of the pool, which does not grow; gives it back. */
static struct ebb_mem_subscriber mem_subscriber = {.added = mem_added, .removed = mem_removed};
static void *taken[1024];
static unsigned num_taken;

static void mem_take_all(void)
{
	mem_refused = false;
	ck_assert_int_eq(ebb_mem_subscribe(&mem_subscriber), 0);
	mem_refused = true;
	while ((taken[num_taken] = ebb_mem_alloc(4096)) != NULL) {
		ck_assert_uint_lt(++num_taken, 1024);
	}
}

static void mem_give_all(void)
{
	while (num_taken > 0) {
		ebb_mem_free(taken[--num_taken], 4096);
	}
	ebb_mem_unsubscribe(&mem_subscriber);
}

/* While others have some, it waits for that; otherwise there is nothing to wait for. */
START_TEST(without_memory_it_fails)
{
	struct fake_result second = {0};
	struct iovec iov = {.iov_base = buf, .iov_len = 10};

	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, &iov, 1, 5, 10, fake_done, &result), 0);
	mem_take_all();
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, &iov, 1, 1005, 10, fake_done, &second), 0);
	ck_assert_uint_eq(fake->num_held, 1);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(fake->num_held, 1);
	fake_complete_one(fake, 0);
	ck_assert_int_eq(second.calls, 1);
	ck_assert_int_eq(second.status, 0);
	ends_with(0);
	ck_assert_ptr_nonnull(taken[num_taken] = ebb_mem_alloc(4096));
	num_taken++;
	ck_assert_int_eq(zeroes(5, 10, 0), 0);
	ends_with(-ENOMEM);
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, &iov, 1, 5, 10, fake_done, &result), 0);
	ends_with(-ENOMEM);
	mem_give_all();
	fake->mode = FAKE_AT_ONCE;
	ck_assert_int_eq(zeroes(5, 10, 0), 0);
	ends_with(0);
}
END_TEST

/* It has begun, so the channel is quiet when it has ended; a new one waits. */
START_TEST(a_move_waits_for_all_steps)
{
	struct fake_result second = {0};
	struct ebb_thread *thread = ebb_thread_current();

	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(zeroes(5, 3 * FAKE_BLOCK, 0), 0);
	event_channels_quiesce(thread);
	ck_assert_int_eq(ebb_bdev_write_zeroes_bytes(desc, ch, 10000, 7, 0, fake_done, &second), 0);
	while (result.calls == 0) {
		ck_assert(!event_channels_quiet(thread));
		ck_assert_uint_eq(fake->num_held, 1);
		fake_complete_one(fake, 0);
	}
	ck_assert_uint_eq(fake->num_records, 5);
	ck_assert(event_channels_quiet(thread));
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 0);
	event_channels_resume(thread);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(second.calls, 1);
	ends_with(0);
}
END_TEST

/* A write of bytes counts as one, and waits as one; its steps do not. */
START_TEST(a_rate_limit_counts_it_once)
{
	struct fake_result second = {0};
	struct iovec iov = {.iov_base = buf, .iov_len = 10};

	call_is("bdev_set_qos_limit", "{'name': 'disk', 'rw_ios_per_sec': 1000}", "true");
	ck_assert_int_eq(ebb_bdev_writev_bytes(desc, ch, &iov, 1, 5, 10, 0, fake_done, &result), 0);
	ends_with(0);
	ck_assert_int_eq(ebb_bdev_writev_bytes(desc, ch, &iov, 1, 1005, 10, 0, fake_done, &second),
			 0);
	stage_turns(3);
	ck_assert_uint_eq(second.calls, 0);
	stage_advance_ms(100);
	ck_assert_uint_eq(second.calls, 1);
	call_is("bdev_set_qos_limit", "{'name': 'disk', 'rw_ios_per_sec': 0}", "true");
}
END_TEST

/* As the client asked: one write, of the blocks that it touched; its steps are not counted. */
/* A client that takes whatever request becomes free, for a write of blocks that are locked. */
struct greedy {
	struct ebb_bdev_io_wait wait;
	struct fake_result result;
};

static void greedy_take(void *arg)
{
	struct greedy *greedy = arg;

	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &greedy->result), 0);
}

/*
 * No request is free, nor one of those kept for parts, when the write's turn comes; then clients that
 * have waited for longer would have the first, for writes that wait for this one to unlock.
 */
START_TEST(clients_do_not_take_what_it_needs)
{
	struct fake_result before = {0}, parts = {0};
	struct greedy greedy[2];
	unsigned i;

	fake->mode = FAKE_HOLD;
	memset(greedy, 0, sizeof(greedy));
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &before), 0);
	ck_assert_int_eq(zeroes(5, 600, 0), 0);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 8, 20, fake_done, &parts), 0);
	ck_assert_uint_eq(fake->num_held, 1 + BDEV_POOL_RESERVE);
	for (i = 0; i < 2; i++) {
		greedy[i].wait.fn = greedy_take;
		greedy[i].wait.arg = &greedy[i];
		ebb_bdev_queue_io_wait(ch, &greedy[i].wait);
	}
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(before.calls, 1);
	/* The lock is granted, and there is nothing to go on with. */
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, BDEV_POOL_RESERVE);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(parts.calls, 1);
	ck_assert_uint_eq(result.calls, 1);
	for (i = 0; i < 2; i++) {
		stage_turns(3);
		fake_complete_all(fake, 0);
	}
	ck_assert_uint_eq(greedy[0].result.calls, 1);
	ck_assert_uint_eq(greedy[1].result.calls, 1);
}
END_TEST

static void setup_small(void)
{
	stage_begin();
	bdev_pool_set_size(3);
	fake = fake_create("disk");
	fake->bdev.max_io_blocks = 1;
	fake_open(fake, &desc, &ch);
	memset(&result, 0, sizeof(result));
}

static void teardown_small(void)
{
	bdev_pool_set_size(0);
	teardown();
}

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(what_cannot_be_is_refused),
		UNIT_TEST(a_channel_is_its_threads),
		UNIT_TEST(memory_for_edges_is_bounded),
		UNIT_TEST(without_memory_it_fails),
		UNIT_TEST(a_move_waits_for_all_steps),
		UNIT_TEST(a_rate_limit_counts_it_once),
		UNIT_FIXTURE(setup_small, teardown_small),
		UNIT_TEST(clients_do_not_take_what_it_needs),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
