/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guest/pattern/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first words of a unit; the others follow from them. */
enum { WORD_TAG, WORD_UNIT, WORD_GENERATION, WORD_REST };

/* Knuth's MMIX generator. */
#define MULTIPLIER 6364136223846793005u
#define INCREMENT  1442695040888963407u

_Static_assert(sizeof(struct ledger_head) == 56, "as load.py writes it");
_Static_assert(sizeof(struct unit_state) == 8, "as load.py writes it");

static void ledger_fail(const char *path, const char *what)
{
	fprintf(stderr, "pattern: %s: %s\n", path, what);
	exit(2);
}

void ledger_open(struct ledger *ledger, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat stat;
	void *map;

	if (fd < 0 || fstat(fd, &stat) != 0) {
		ledger_fail(path, strerror(errno));
	}
	map = mmap(NULL, (size_t)stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		ledger_fail(path, strerror(errno));
	}
	close(fd);
	ledger->head = map;
	ledger->units = (struct unit_state *)(ledger->head + 1);
	if ((size_t)stat.st_size < sizeof(*ledger->head) || ledger->head->magic != LEDGER_MAGIC ||
	    ledger->head->unit_bytes > LEDGER_UNIT_MAX ||
	    (size_t)stat.st_size !=
		    sizeof(*ledger->head) + ledger->head->units * sizeof(*ledger->units)) {
		ledger_fail(path, "is no ledger");
	}
}

static void unit_fill(const struct ledger *ledger, uint64_t unit, uint32_t generation, char *data)
{
	uint64_t *words = (uint64_t *)data;
	uint32_t count = ledger->head->unit_bytes / (uint32_t)sizeof(*words);
	uint64_t word;

	words[WORD_TAG] = ledger->head->tag;
	words[WORD_UNIT] = unit;
	words[WORD_GENERATION] = generation;
	word = ledger->head->tag ^ (unit * MULTIPLIER) ^ ((uint64_t)generation << 20);
	for (uint32_t i = WORD_REST; i < count; i++) {
		word = word * MULTIPLIER + INCREMENT;
		words[i] = word;
	}
}

uint32_t ledger_write_begin(struct ledger *ledger, uint64_t first, uint32_t count, char *data)
{
	uint32_t generation = atomic_fetch_add(&ledger->head->generation, 1) + 1;

	for (uint32_t i = 0; i < count; i++) {
		unit_fill(ledger, first + i, generation,
			  data + (size_t)i * ledger->head->unit_bytes);
		ledger->units[first + i].tried = generation;
	}
	return generation;
}

void ledger_write_done(struct ledger *ledger, uint64_t first, uint32_t count, uint32_t generation)
{
	for (uint32_t i = 0; i < count; i++) {
		ledger->units[first + i].written = generation;
	}
}

static bool unit_right(const struct ledger *ledger, uint64_t unit, const char *data)
{
	const struct unit_state *state = &ledger->units[unit];
	const uint64_t *words = (const uint64_t *)data;
	_Alignas(8) char wanted[LEDGER_UNIT_MAX];
	uint64_t generation = words[WORD_GENERATION];

	if (words[WORD_TAG] != ledger->head->tag) {
		return state->written == 0;
	}
	if (generation == 0 || generation < state->written || generation > state->tried) {
		return false;
	}
	unit_fill(ledger, unit, (uint32_t)generation, wanted);
	return memcmp(wanted, data, ledger->head->unit_bytes) == 0;
}

static void unit_tell(const struct ledger *ledger, uint64_t unit, const char *data)
{
	const struct unit_state *state = &ledger->units[unit];
	const uint64_t *words = (const uint64_t *)data;
	_Alignas(8) char wanted[LEDGER_UNIT_MAX];
	uint32_t at = 0;

	unit_fill(ledger, unit, (uint32_t)words[WORD_GENERATION], wanted);
	while (at < ledger->head->unit_bytes && wanted[at] == data[at]) {
		at++;
	}
	fprintf(stderr,
		"pattern: unit %llu must hold generation %u to %u; it holds tag %016llx (of "
		"%016llx), "
		"unit %llu, generation %llu, wrong from byte %u on\n",
		(unsigned long long)unit, state->written, state->tried,
		(unsigned long long)words[WORD_TAG], (unsigned long long)ledger->head->tag,
		(unsigned long long)words[WORD_UNIT], (unsigned long long)words[WORD_GENERATION],
		at);
}

unsigned ledger_check(const struct ledger *ledger, uint64_t first, uint32_t count, const char *data)
{
	unsigned wrong = 0;

	for (uint32_t i = 0; i < count; i++) {
		const char *unit = data + (size_t)i * ledger->head->unit_bytes;

		if (!unit_right(ledger, first + i, unit)) {
			unit_tell(ledger, first + i, unit);
			wrong++;
		}
	}
	return wrong;
}
