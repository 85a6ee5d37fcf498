/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/bdev/range_stage.h"

#include <errno.h>
#include <string.h>

#include <check.h>

#include "core/method/wanted.h"

struct fake *range_fake;
struct ebb_bdev_desc *range_desc;
struct range_actor range_actors[RANGE_ACTORS];
struct range_test_lock range_locks[RANGE_LOCKS];
struct fake_result range_results[RANGE_RESULTS];
char range_buf[64 * FAKE_BLOCK] __attribute__((aligned(4096)));

void range_actor_get(unsigned index)
{
	stage_enter(range_actors[index].thread);
	range_actors[index].ch = ebb_bdev_channel_get(range_desc);
	ck_assert_ptr_nonnull(range_actors[index].ch);
	range_actors[index].bdev_ch = ebb_io_channel_ctx(range_actors[index].ch);
}

void range_actor_put(unsigned index)
{
	stage_enter(range_actors[index].thread);
	ebb_io_channel_put(range_actors[index].ch);
	range_actors[index].ch = NULL;
	stage_turns(2);
}

void range_open_all(void)
{
	unsigned i;

	ck_assert_int_eq(ebb_bdev_register(&range_fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &range_desc), 0);
	for (i = 0; i < RANGE_ACTORS; i++) {
		range_actor_get(i);
	}
}

void range_setup_closed(void)
{
	stage_begin();
	range_fake = fake_create("disk");
	range_fake->mode = FAKE_HOLD;
	memset(range_locks, 0, sizeof(range_locks));
	memset(range_results, 0, sizeof(range_results));
	range_actors[0].thread = ebb_thread_current();
	range_actors[1].thread = stage_thread("one");
	range_actors[2].thread = stage_thread("two");
}

void range_setup(void)
{
	range_setup_closed();
	range_open_all();
}

void range_teardown(void)
{
	unsigned i;

	for (i = 0; i < RANGE_ACTORS; i++) {
		if (range_actors[i].ch != NULL) {
			range_actor_put(i);
		}
	}
	stage_enter(range_actors[0].thread);
	fake_close(range_fake, range_desc, NULL);
	stage_thread_exit(range_actors[1].thread);
	stage_thread_exit(range_actors[2].thread);
	method_wanted_clear();
	stage_end();
}

static void granted(struct bdev_range_lock *lock)
{
	struct range_test_lock *test = ebb_container_of(lock, struct range_test_lock, lock);

	ck_assert_ptr_eq(ebb_thread_current(), lock->ch->thread);
	ck_assert_uint_eq(test->granted, 0);
	test->granted = 1;
}

void range_lock(unsigned index, unsigned by, uint64_t first, uint64_t last)
{
	struct range_test_lock *test = &range_locks[index];

	test->lock = (struct bdev_range_lock){.first = first,
					      .last = last,
					      .ch = range_actors[by].bdev_ch,
					      .granted = granted};
	test->granted = 0;
	stage_enter(range_actors[by].thread);
	test->granted = bdev_range_lock(&test->lock);
}

bool range_held(unsigned index)
{
	stage_turns(3);
	return range_locks[index].granted != 0;
}

void range_unlock(unsigned index)
{
	ck_assert(range_locks[index].granted);
	stage_enter(range_locks[index].lock.ch->thread);
	bdev_range_unlock(&range_locks[index].lock);
}

void range_request(unsigned index, unsigned by, enum ebb_bdev_io_type type, uint64_t first,
		   uint64_t count)
{
	struct ebb_io_channel *ch = range_actors[by].ch;
	struct fake_result *result = &range_results[index];
	int rc = -ENOTSUP;

	memset(result, 0, sizeof(*result));
	stage_enter(range_actors[by].thread);
	switch (type) {
	case EBB_BDEV_READ:
		rc = ebb_bdev_read(range_desc, ch, range_buf, first, count, fake_done, result);
		break;
	case EBB_BDEV_WRITE:
		rc = ebb_bdev_write(range_desc, ch, range_buf, first, count, 0, fake_done, result);
		break;
	case EBB_BDEV_FLUSH:
		rc = ebb_bdev_flush(range_desc, ch, fake_done, result);
		break;
	case EBB_BDEV_UNMAP:
		rc = ebb_bdev_unmap(range_desc, ch, first, count, fake_done, result);
		break;
	case EBB_BDEV_WRITE_ZEROES:
		rc = ebb_bdev_write_zeroes(range_desc, ch, first, count, 0, fake_done, result);
		break;
	case EBB_BDEV_COMPARE:
		rc = ebb_bdev_compare(range_desc, ch, range_buf, first, count, fake_done, result);
		break;
	default:
		break;
	}
	ck_assert_int_eq(rc, 0);
}

void range_complete_one(void)
{
	ck_assert_uint_gt(range_fake->num_held, 0);
	stage_enter(bdev_req_from_io(range_fake->held[0].io)->ch->thread);
	fake_complete_one(range_fake, 0);
}

void range_complete_all(void)
{
	while (range_fake->num_held > 0) {
		range_complete_one();
	}
	stage_turns(3);
}
