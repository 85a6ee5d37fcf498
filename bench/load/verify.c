/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#include "bench/load/random.h"

/* What is known of a slot: how often it was written, and whether a request is on it. */
#define SLOT_BUSY       EBB_BIT(31)
#define SLOT_UNKNOWN    EBB_BIT(30) /* the last write has failed, or is under way */
#define GENERATION_MASK (EBB_BIT(30) - 1)

#define PATTERN_MAGIC 0x6562622d76657279ull
#define UNREAD_BYTE   0x5a /* what a buffer holds before something is read into it */
#define UNREAD_WORD   0x5a5a5a5a5a5a5a5aull

/* The beginning of each block. Random words, with the seal as their seed, fill the rest. */
struct pattern {
	uint64_t magic;
	uint64_t block;
	uint64_t generation;
	uint64_t seed;
	uint64_t run;
	uint64_t seal; /* a checksum of all of the above */
};

static uint64_t pattern_seal(const struct pattern *pattern)
{
	const uint64_t fields[] = {pattern->magic, pattern->block, pattern->generation,
				   pattern->seed, pattern->run};
	struct bench_random mix = {0};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(fields); i++) {
		mix.state ^= fields[i];
		mix.state = bench_random_next(&mix);
	}
	return mix.state;
}

static struct pattern pattern_make(const struct bench_verify *verify, uint64_t block,
				   uint32_t generation)
{
	struct pattern pattern = {
		.magic = PATTERN_MAGIC,
		.block = block,
		.generation = generation,
		.seed = verify->seed,
		.run = verify->run,
	};

	pattern.seal = pattern_seal(&pattern);
	return pattern;
}

static void block_fill(const struct bench_verify *verify, uint64_t block, uint32_t generation,
		       char *buf)
{
	struct pattern pattern = pattern_make(verify, block, generation);
	struct bench_random fill = {pattern.seal};

	memcpy(buf, &pattern, sizeof(pattern));
	for (size_t at = sizeof(pattern); at < verify->block_size; at += sizeof(uint64_t)) {
		uint64_t word = bench_random_next(&fill);

		memcpy(buf + at, &word, sizeof(word));
	}
}

/* Return: the first byte of the block that is not what it should be; block_size: none. */
static size_t block_difference(const struct bench_verify *verify, const struct pattern *expected,
			       const char *buf)
{
	struct bench_random fill = {expected->seal};
	size_t at = sizeof(*expected);
	uint64_t word = 0;

	if (memcmp(buf, expected, sizeof(*expected)) != 0) {
		return 0;
	}
	for (; at < verify->block_size; at += sizeof(word)) {
		word = bench_random_next(&fill);
		if (memcmp(buf + at, &word, sizeof(word)) != 0) {
			break;
		}
	}
	for (size_t i = 0; at < verify->block_size && i < sizeof(word); i++, at++) {
		if (buf[at] != ((const char *)&word)[i]) {
			break;
		}
	}
	return at;
}

static void found_describe(const struct bench_verify *verify, size_t difference, const char *buf,
			   char *text, size_t size)
{
	struct pattern found;

	memcpy(&found, buf, sizeof(found));
	if (difference > 0) {
		snprintf(text, size, "this with another byte %zu, 0x%02x", difference,
			 (unsigned char)buf[difference]);
	} else if (found.magic == UNREAD_WORD && found.seal == UNREAD_WORD) {
		snprintf(text, size, "that nothing was read into its buffer");
	} else if (found.magic != PATTERN_MAGIC || found.seal != pattern_seal(&found)) {
		snprintf(text, size, "no block that ebb-bench writes: it begins with 0x%016llx",
			 (unsigned long long)found.magic);
	} else if (found.seed != verify->seed || found.run != verify->run) {
		snprintf(text, size, "block %llu, generation %llu, seed %llu, of another run",
			 (unsigned long long)found.block, (unsigned long long)found.generation,
			 (unsigned long long)found.seed);
	} else {
		snprintf(text, size, "block %llu, generation %llu", (unsigned long long)found.block,
			 (unsigned long long)found.generation);
	}
}

static int block_check(const struct bench_verify *verify, uint64_t block, uint32_t generation,
		       const char *buf, char error[BENCH_LOAD_ERROR_MAX])
{
	struct pattern expected = pattern_make(verify, block, generation);
	size_t difference = block_difference(verify, &expected, buf);
	char found[128];

	if (difference == verify->block_size) {
		return 0;
	}
	found_describe(verify, difference, buf, found, sizeof(found));
	snprintf(error, BENCH_LOAD_ERROR_MAX,
		 "block %llu: expected its generation %u of seed "
		 "%llu; found %s",
		 (unsigned long long)block, generation, (unsigned long long)verify->seed, found);
	return -EILSEQ;
}

int bench_verify_init(struct bench_verify *verify, uint64_t first_slot, uint64_t num_slots,
		      uint64_t io_blocks, uint32_t block_size, uint64_t seed, uint64_t run)
{
	ebb_assert(block_size >= sizeof(struct pattern) && block_size % sizeof(uint64_t) == 0);
	*verify = (struct bench_verify){
		.first_slot = first_slot,
		.num_slots = num_slots,
		.io_blocks = io_blocks,
		.block_size = block_size,
		.seed = seed,
		.run = run,
		.slots = calloc(num_slots, sizeof(*verify->slots)),
	};
	return verify->slots != NULL ? 0 : -ENOMEM;
}

void bench_verify_fini(struct bench_verify *verify)
{
	free(verify->slots);
	verify->slots = NULL;
}

static uint64_t slot_find_free(const struct bench_verify *verify, uint64_t index)
{
	for (uint64_t i = 0; i < verify->num_slots; i++) {
		if ((verify->slots[index] & SLOT_BUSY) == 0) {
			return index;
		}
		index = index + 1 == verify->num_slots ? 0 : index + 1;
	}
	ebb_assert(false); /* there are fewer requests than slots */
	return 0;
}

static uint32_t generation_after(uint32_t known)
{
	uint32_t generation = known & GENERATION_MASK;

	return generation == GENERATION_MASK ? 1 : generation + 1;
}

uint64_t bench_verify_begin(struct bench_verify *verify, uint64_t slot, bool *write, void *buf)
{
	uint64_t index = slot_find_free(verify, slot - verify->first_slot);
	uint32_t *known = &verify->slots[index];

	slot = verify->first_slot + index;
	if (*known == 0 || (*known & SLOT_UNKNOWN) != 0) {
		*write = true;
	}
	if (!*write) {
		/* It may hold what is expected, from a request before: a read of nothing would do. */
		memset(buf, UNREAD_BYTE, verify->io_blocks * verify->block_size);
		*known |= SLOT_BUSY;
		return slot;
	}
	*known = generation_after(*known) | SLOT_UNKNOWN | SLOT_BUSY;
	for (uint64_t i = 0; i < verify->io_blocks; i++) {
		block_fill(verify, slot * verify->io_blocks + i, *known & GENERATION_MASK,
			   (char *)buf + i * verify->block_size);
	}
	return slot;
}

int bench_verify_end(struct bench_verify *verify, uint64_t slot, bool write, const void *buf,
		     int status, char error[BENCH_LOAD_ERROR_MAX])
{
	uint32_t *known = &verify->slots[slot - verify->first_slot];
	int rc = 0;

	*known &= ~(uint32_t)SLOT_BUSY;
	if (status < 0) {
		return 0;
	}
	if (write) {
		*known &= ~(uint32_t)SLOT_UNKNOWN;
		return 0;
	}
	for (uint64_t i = 0; rc == 0 && i < verify->io_blocks; i++) {
		rc = block_check(verify, slot * verify->io_blocks + i, *known & GENERATION_MASK,
				 (const char *)buf + i * verify->block_size, error);
	}
	return rc;
}
