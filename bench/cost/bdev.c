/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request costs in the bdev layer alone.
 *
 *	bdev null DEPTH ROUNDS     turns of a reactor, each of which ends DEPTH reads of 4 KiB of a null
 *	                           bdev and begins as many: to be counted under callgrind
 *	                           (bench/cost/run), --toggle-collect=cost_step
 *	bdev malloc MIB ROUNDS     4 KiB of random reads of a malloc bdev of that size, 128 at a time,
 *	                           beside a loop of memcpy() of as many blocks at the same places of
 *	                           other memory into the same buffers; by turns, a median of ROUNDS
 *
 * Time is the CPU time of this OS thread, so that others on the machine count for less.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/bdev.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/method.h>
#include <ebb/thread.h>

#include "bench/cost/timing.h"
#include "core/event/framework.h"
#include "core/event/reactor.h"

#define BLOCK      4096u
#define DEPTH_MAX  128u
#define BATCH      (512u * DEPTH_MAX)
#define ROUNDS_MAX 999u

void cost_step(void);

static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static char *buffers;
static uint64_t num_blocks;
static uint64_t reads;
static uint64_t reads_wanted;
static uint64_t place; /* the state of the random numbers */
static bool created, opened;
static bool polling = true;

static uint64_t place_next(void)
{
	place ^= place << 13;
	place ^= place >> 7;
	place ^= place << 17;
	return place & (num_blocks - 1);
}

static void read_done(void *arg, int status);

static void read_begin(char *buffer)
{
	ebb_assert(ebb_bdev_read(desc, ch, buffer, place_next(), 1, read_done, buffer) == 0);
}

static void read_done(void *arg, int status)
{
	ebb_assert(status == 0);
	reads++;
	if (reads + DEPTH_MAX <= reads_wanted) {
		read_begin(arg);
	}
}

/* The unit that is counted. */
void __attribute__((noinline)) cost_step(void)
{
	polling = event_reactor_step(&event_reactors[0], polling);
}

static void until(const bool *flag)
{
	while (!*flag) {
		cost_step();
		sched_yield();
	}
}

static void create_done(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	(void)arg;
	if (error != NULL) {
		fprintf(stderr, "%s\n", error->text);
		_exit(1);
	}
	json_object_put(result);
	created = true;
}

static void create(void *arg)
{
	struct json_object *params = json_object_new_object();
	const char *method = arg;

	json_object_object_add(params, "name", json_object_new_string("b"));
	json_object_object_add(params, "num_blocks", json_object_new_uint64(num_blocks));
	json_object_object_add(params, "block_size", json_object_new_int(BLOCK));
	if (strcmp(method, "bdev_malloc_create") == 0) {
		json_object_object_add(params, "prefault", json_object_new_boolean(true));
	}
	ebb_method_set_state(EBB_METHOD_RUNTIME);
	ebb_method_dispatch(ebb_method_find(method), params, create_done, NULL);
}

static void open_bdev(void *arg)
{
	(void)arg;
	ebb_assert(ebb_bdev_open("b", false, NULL, NULL, &desc) == 0);
	ch = ebb_bdev_channel_get(desc);
	ebb_assert(ch != NULL);
	opened = true;
}

static void begin(unsigned depth)
{
	event_turn.thread = ebb_thread_app();
	for (unsigned i = 0; i < depth; i++) {
		read_begin(buffers + i * BLOCK);
	}
	event_turn.thread = NULL;
}

static void run_null(unsigned depth, unsigned rounds)
{
	reads_wanted = UINT64_MAX;
	begin(depth);
	polling = event_reactor_step(&event_reactors[0], polling);
	reads = 0;
	for (unsigned i = 0; i < rounds; i++) {
		cost_step();
	}
	printf("%llu reads in %u turns\n", (unsigned long long)reads, rounds);
}

/* Return: ns for each block. */
static double time_reads(uint64_t seed)
{
	double start = timing_cpu_ns();

	place = seed;
	reads = 0;
	reads_wanted = BATCH;
	begin(DEPTH_MAX);
	while (reads < BATCH) {
		cost_step();
	}
	return (timing_cpu_ns() - start) / BATCH;
}

static double time_copies(const char *memory, uint64_t seed)
{
	double start = timing_cpu_ns();

	place = seed;
	for (unsigned i = 0; i < BATCH; i++) {
		char *buffer = buffers + i % DEPTH_MAX * BLOCK;

		memcpy(buffer, memory + place_next() * BLOCK, BLOCK);
		__asm__ volatile("" : : "r"(buffer) : "memory");
	}
	return (timing_cpu_ns() - start) / BATCH;
}

static void run_malloc(unsigned rounds)
{
	static double copies[ROUNDS_MAX], ratios[ROUNDS_MAX], all[ROUNDS_MAX];
	size_t bytes = num_blocks * BLOCK;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	ebb_assert(memory != MAP_FAILED && rounds <= ROUNDS_MAX);
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t seed = 88172645463325252u + i;

		/* Each is first in every other round. */
		if (i % 2 == 0) {
			copies[i] = time_copies(memory, seed);
		}
		all[i] = time_reads(seed);
		if (i % 2 != 0) {
			copies[i] = time_copies(memory, seed);
		}
		ratios[i] = all[i] / copies[i];
	}
	printf("%.0f ns a read, %.0f ns a memcpy, ratio %.3f\n", timing_median(all, rounds),
	       timing_median(copies, rounds), timing_median(ratios, rounds));
}

int main(int argc, char **argv)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_POLL, .roam = true};
	bool is_malloc = argc == 4 && strcmp(argv[1], "malloc") == 0;
	unsigned first = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	unsigned rounds = argc == 4 ? (unsigned)atoi(argv[3]) : 0;

	if (first == 0 || rounds == 0 || (!is_malloc && first > DEPTH_MAX) ||
	    (is_malloc && (rounds > ROUNDS_MAX || (first & (first - 1)) != 0))) {
		fprintf(stderr, "usage: bdev null DEPTH ROUNDS | bdev malloc MIB ROUNDS\n");
		return 2;
	}
	num_blocks = is_malloc ? first * 256ull : 1u << 20;
	place = 88172645463325252u;
	ebb_log_set_print_level(EBB_LOG_ERROR);
	CPU_ZERO(&opts.cpus);
	CPU_SET((unsigned)sched_getcpu(), &opts.cpus);
	ebb_assert(event_framework_init(&opts) == 0);
	event_reactor_begin(&event_reactors[0]);
	buffers = mmap(NULL, DEPTH_MAX * BLOCK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ebb_assert(buffers != MAP_FAILED);
	ebb_thread_send_msg(ebb_thread_app(), create,
			    (void *)(uintptr_t)(is_malloc ? "bdev_malloc_create"
							  : "bdev_null_create"));
	until(&created);
	ebb_thread_send_msg(ebb_thread_app(), open_bdev, NULL);
	until(&opened);
	if (is_malloc) {
		run_malloc(rounds);
	} else {
		run_null(first, rounds);
	}
	fflush(stdout);
	_exit(0); /* what follows would be counted, too */
}
