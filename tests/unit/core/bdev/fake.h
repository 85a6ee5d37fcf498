/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_BDEV_FAKE_H
#define TESTS_UNIT_CORE_BDEV_FAKE_H

/* A bdev of memory that notes what it is given, and completes it when and how the test says. */

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>

#define FAKE_BLOCK  512u
#define FAKE_BLOCKS 8192u
#define FAKE_MAX    8192u

enum fake_mode {
	FAKE_AT_ONCE, /* inside submit */
	FAKE_HOLD,    /* when the test says */
};

struct fake_record {
	enum ebb_bdev_io_type type;
	uint32_t flags;
	uint64_t offset_blocks;
	uint64_t num_blocks;
	int iovcnt;
	bool aligned; /* each element, to the bdev's buf_align */
	bool pool;    /* each element lies in the pool */
};

struct fake {
	struct ebb_bdev bdev;
	enum fake_mode mode;
	int status; /* of what completes inside submit */
	unsigned num_held;
	unsigned most_held;
	unsigned num_records;
	unsigned misaligned; /* elements whose address is not aligned to the bdev's buf_align */
	unsigned destructed;
	struct ebb_bdev_io_handle held[FAKE_MAX];
	struct fake_record records[FAKE_MAX];
	uint8_t memory[FAKE_BLOCKS * FAKE_BLOCK];
};

/* All defaults: every request type, no limits. Not registered yet. */
struct fake *fake_create(const char *name);

/* Registers, opens for writing and gets a channel. */
void fake_open(struct fake *fake, struct ebb_bdev_desc **ret_desc, struct ebb_io_channel **ret_ch);

/* The reverse, up to destruct(); frees @fake. */
void fake_close(struct fake *fake, struct ebb_bdev_desc *desc, struct ebb_io_channel *ch);

/* Completes the oldest that is held; one of them; or all, those that come meanwhile included. */
void fake_complete_one(struct fake *fake, int status);
void fake_complete_at(struct fake *fake, unsigned index, int status);
void fake_complete_all(struct fake *fake, int status);

/* What a request's callback leaves. */
struct fake_result {
	unsigned calls;
	int status;
	unsigned order; /* of all callbacks in the program */
};

void fake_done(void *arg, int status);

#endif
