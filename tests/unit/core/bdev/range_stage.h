/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_BDEV_RANGE_STAGE_H
#define TESTS_UNIT_CORE_BDEV_RANGE_STAGE_H

/* A bdev whose driver ends requests when the test says, three threads with channels of it, and locks. */

#include "core/bdev/channel.h"
#include "core/bdev/range_lock.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"

#define RANGE_ACTORS  3
#define RANGE_LOCKS   (BDEV_RANGE_SLOTS + 8)
#define RANGE_RESULTS 16

/* A thread with a channel. The first is the app thread. */
struct range_actor {
	struct ebb_thread *thread;
	struct ebb_io_channel *ch; /* NULL: it has none */
	struct bdev_channel *bdev_ch;
};

struct range_test_lock {
	struct bdev_range_lock lock;
	unsigned granted;
};

extern struct fake *range_fake;
extern struct ebb_bdev_desc *range_desc;
extern struct range_actor range_actors[RANGE_ACTORS];
extern struct range_test_lock range_locks[RANGE_LOCKS];
extern struct fake_result range_results[RANGE_RESULTS];
extern char range_buf[64 * FAKE_BLOCK];

/* Fixtures. Without channels: the bdev is not registered yet, and its driver may be changed. */
void range_setup(void);
void range_setup_closed(void);
void range_teardown(void);
void range_open_all(void);

void range_actor_get(unsigned index);
void range_actor_put(unsigned index);

/* Actor @by asks for blocks @first to @last; @index: of the lock. */
void range_lock(unsigned index, unsigned by, uint64_t first, uint64_t last);
/* Is it held, after some turns? */
bool range_held(unsigned index);
void range_unlock(unsigned index);

/* A request of actor @by; @index: of its result. */
void range_request(unsigned index, unsigned by, enum ebb_bdev_io_type type, uint64_t first,
		   uint64_t count);

/* The driver ends the request that it has had for the longest, on its thread; or all. */
void range_complete_one(void);
void range_complete_all(void);

#endif
