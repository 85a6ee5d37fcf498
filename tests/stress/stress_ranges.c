/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stress test of requests of bytes with real threads: workers on two reactors, each with a channel
 * of one bdev, write parts of the same blocks, and whole ones, and look at what is theirs:
 *
 *   mixed   one worker writes the block whole, the others a slice of it each: what lies outside all
 *           slices is the whole writer's, and has to be what he has written last
 *   slices  each worker has a slice of the block, which has to be what it has written last
 *   runs    each worker has runs of bytes that go on over several blocks
 *
 * So a byte of a write that had ended and is lost, because a neighbour wrote back what he had read
 * before, is seen by its owner. The driver ends requests at once or later, in any order. Meanwhile
 * the workers' threads move between the reactors, and their channels go and come back.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>
#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/thread.h>

#include "core/event/framework.h"
#include "core/event/reactor.h"

#define WORKERS    3
#define DEPTH      8
#define BLOCK      512u
#define MIXED      16u /* blocks of each kind */
#define SLICES     16u
#define RUNS       32u
#define BLOCKS     (MIXED + SLICES + RUNS)
#define SLICE      90u
#define RUN        1300u
#define RUNS_BEGIN ((MIXED + SLICES) * BLOCK)
#define NUM_RUNS   (RUNS * BLOCK / RUN)
#define PLACES     (MIXED + SLICES + NUM_RUNS)
#define HELD       64
#define HANG_S     30

/* What a worker writes: one piece of the disk, over and over. */
struct place {
	uint64_t offset;
	size_t len;
	bool busy;
	uint8_t value; /* what has been written last */
};

struct op {
	struct worker *worker;
	struct place *place;
	bool reads;
	struct iovec iov;
	char buf[RUN];
};

struct worker {
	unsigned index;
	struct ebb_thread *thread;
	struct ebb_io_channel *ch;
	struct ebb_poller *poller;
	unsigned outstanding;
	unsigned seed;
	struct place places[PLACES];
	struct op ops[DEPTH];
	struct op *free_ops[DEPTH];
	_Atomic unsigned long writes, reads;
};

/* The driver's channel: requests that end later. */
struct disk_channel {
	struct ebb_poller *poller;
	struct ebb_bdev_io_handle held[HELD];
	unsigned num_held;
	unsigned seed;
};

static struct worker workers[WORKERS];
static uint8_t disk_memory[BLOCKS * BLOCK];
static struct ebb_bdev_desc *desc;
static struct ebb_poller *mover;
static bool moving;
static _Atomic bool stop;
static unsigned num_working;
static unsigned long moves;
static unsigned seconds = 4;
static int cores[2];

_Noreturn static void fail(const char *what)
{
	printf("not ok 1 - neighbours in a block lose nothing\n# %s\n", what);
	fflush(stdout);
	_exit(EXIT_FAILURE);
}

/* ---- the driver ---- */

/* Threads meet here without a lock, as in a device; only the layer keeps them apart. */
static void disk_copy(uint8_t *disk, uint8_t *memory, size_t len, bool to_disk)
{
	for (size_t i = 0; i < len; i++) {
		if (to_disk) {
			__atomic_store_n(&disk[i], memory != NULL ? memory[i] : 0,
					 __ATOMIC_RELAXED);
		} else {
			memory[i] = __atomic_load_n(&disk[i], __ATOMIC_RELAXED);
		}
	}
}

static void disk_end(struct ebb_bdev_io_handle handle)
{
	const struct ebb_bdev_io *io = handle.io;
	uint8_t *disk = &disk_memory[io->offset_blocks * BLOCK];

	for (int i = 0; i < io->iovcnt && io->type <= EBB_BDEV_WRITE; i++) {
		disk_copy(disk, io->iov[i].iov_base, io->iov[i].iov_len,
			  io->type == EBB_BDEV_WRITE);
		disk += io->iov[i].iov_len;
	}
	if (io->type == EBB_BDEV_WRITE_ZEROES) {
		disk_copy(disk, NULL, io->num_blocks * BLOCK, true);
	}
	ebb_bdev_io_complete(handle, 0);
}

static void disk_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	struct disk_channel *ch = ctx;

	if (ch->num_held == HELD || rand_r(&ch->seed) % 2 == 0) {
		disk_end(handle);
	} else {
		ch->held[ch->num_held++] = handle;
	}
}

static int disk_poll(void *arg)
{
	struct disk_channel *ch = arg;
	unsigned count = ch->num_held;

	while (count-- > 0 && ch->num_held > 0) {
		unsigned at = (unsigned)rand_r(&ch->seed) % ch->num_held;
		struct ebb_bdev_io_handle handle = ch->held[at];

		ch->held[at] = ch->held[--ch->num_held];
		disk_end(handle);
	}
	return 1;
}

static int disk_channel_create(void *device, void *ctx)
{
	struct disk_channel *ch = ctx;

	(void)device;
	ch->seed = (unsigned)(uintptr_t)ctx;
	ch->poller = ebb_poller_register(disk_poll, ch, 20);
	return ch->poller == NULL ? -1 : 0;
}

static void disk_channel_destroy(void *device, void *ctx)
{
	struct disk_channel *ch = ctx;

	(void)device;
	ebb_poller_unregister(&ch->poller);
}

static void disk_destruct(struct ebb_bdev *bdev)
{
	ebb_io_device_unregister(bdev->io_device, NULL);
	event_framework_stop();
}

static const struct ebb_bdev_ops disk_ops = {.submit = disk_submit, .destruct = disk_destruct};

static struct ebb_bdev disk = {
	.name = "disk",
	.product_name = "Disk of a stress test",
	.block_size = BLOCK,
	.num_blocks = BLOCKS,
	.io_types = EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_WRITE) |
		    EBB_BIT(EBB_BDEV_WRITE_ZEROES) | EBB_BIT(EBB_BDEV_FLUSH),
	.ops = &disk_ops,
	.io_device = disk_memory,
};

/* ---- the workers ---- */

/* Worker @index's piece of each block and its runs; of the other's runs: none. */
static void places_make(struct worker *worker)
{
	unsigned index = worker->index, i;

	for (i = 0; i < MIXED + SLICES; i++) {
		bool whole = i < MIXED && i % WORKERS == index;

		worker->places[i].offset = i * BLOCK + (whole ? 0 : 7 + index * 150);
		worker->places[i].len = whole ? BLOCK : SLICE;
	}
	for (i = 0; i < NUM_RUNS; i++) {
		if (i % WORKERS == index) {
			worker->places[MIXED + SLICES + i].offset = RUNS_BEGIN + i * RUN;
			worker->places[MIXED + SLICES + i].len = RUN;
		}
	}
}

/* In a mixed block slices may hold the whole writer's bytes, and the other way round. */
static bool byte_is_mine(const struct place *place, uint64_t at)
{
	bool mixed = at < MIXED * BLOCK;
	uint64_t in_block = at % BLOCK;

	if (!mixed) {
		return true;
	}
	return place->len == BLOCK && (in_block < 7 || (in_block - 7) % 150 >= SLICE);
}

static void op_check(const struct op *op)
{
	const struct place *place = op->place;

	for (size_t i = 0; i < place->len; i++) {
		if (byte_is_mine(place, place->offset + i) && (uint8_t)op->buf[i] != place->value) {
			printf("# byte %zu of the piece at %llu is %02x, %02x was written\n", i,
			       (unsigned long long)place->offset, (uint8_t)op->buf[i],
			       place->value);
			fail("a byte of a write that had ended is lost");
		}
	}
}

static void op_done(void *arg, int status)
{
	struct op *op = arg;
	struct worker *worker = op->worker;

	if (status != 0 || ebb_thread_current() != worker->thread) {
		fail("a request fails, or ends elsewhere");
	}
	if (op->reads) {
		op_check(op);
		atomic_fetch_add(&worker->reads, 1);
	} else {
		atomic_fetch_add(&worker->writes, 1);
	}
	op->place->busy = false;
	worker->free_ops[DEPTH - worker->outstanding--] = op;
}

static int op_submit(struct op *op)
{
	struct worker *worker = op->worker;
	struct place *place = op->place;
	uint32_t flags = rand_r(&worker->seed) % 8 == 0 ? EBB_BDEV_FUA : 0;

	op->iov = (struct iovec){.iov_base = op->buf, .iov_len = place->len};
	if (op->reads) {
		return ebb_bdev_readv_bytes(desc, worker->ch, &op->iov, 1, place->offset,
					    place->len, op_done, op);
	}
	if (place->value == 0) {
		return ebb_bdev_write_zeroes_bytes(desc, worker->ch, place->offset, place->len,
						   flags, op_done, op);
	}
	memset(op->buf, place->value, place->len);
	return ebb_bdev_writev_bytes(desc, worker->ch, &op->iov, 1, place->offset, place->len,
				     flags, op_done, op);
}

static void op_begin(struct worker *worker)
{
	struct place *place = &worker->places[(unsigned)rand_r(&worker->seed) % PLACES];
	struct op *op;

	if (place->len == 0 || place->busy) {
		return;
	}
	op = worker->free_ops[DEPTH - ++worker->outstanding];
	op->place = place;
	place->busy = true;
	op->reads = rand_r(&worker->seed) % 2 == 0;
	if (!op->reads) {
		place->value = (uint8_t)(rand_r(&worker->seed) % 16 == 0
						 ? 0
						 : rand_r(&worker->seed) % 255 + 1);
	}
	if (op_submit(op) != 0) {
		fail("a request is refused");
	}
}

static void worker_open(struct worker *worker)
{
	worker->ch = ebb_bdev_channel_get(desc);
	if (worker->ch == NULL) {
		fail("a worker gets no channel");
	}
}

static void worker_gone(void *arg)
{
	(void)arg;
	if (--num_working == 0) {
		ebb_poller_unregister(&mover);
		ebb_bdev_close(desc);
		ebb_bdev_unregister(&disk, NULL, NULL);
	}
}

static int worker_poll(void *arg)
{
	struct worker *worker = arg;

	if (atomic_load(&stop)) {
		if (worker->outstanding > 0) {
			return 1;
		}
		if (worker->ch != NULL) {
			ebb_io_channel_put(worker->ch);
		}
		ebb_poller_unregister(&worker->poller);
		ebb_thread_send_msg(ebb_thread_app(), worker_gone, NULL);
		ebb_thread_exit();
		return 1;
	}
	if (worker->ch == NULL) {
		worker_open(worker);
	} else if (worker->outstanding == 0 && rand_r(&worker->seed) % 4 == 0) {
		ebb_io_channel_put(worker->ch);
		worker->ch = NULL; /* it goes before this runs again */
		return 1;
	}
	for (unsigned i = 0; i < DEPTH && worker->outstanding < DEPTH; i++) {
		op_begin(worker);
	}
	return 1;
}

static void worker_begin(void *arg)
{
	struct worker *worker = arg;

	for (unsigned i = 0; i < DEPTH; i++) {
		worker->ops[i].worker = worker;
		worker->free_ops[i] = &worker->ops[i];
	}
	worker_open(worker);
	worker->poller = ebb_poller_register(worker_poll, worker, 10);
	if (worker->poller == NULL) {
		fail("a worker gets no poller");
	}
}

/* ---- the test ---- */

static void moved(void *arg, int rc)
{
	(void)arg;
	(void)rc; /* it may have exited */
	moving = false;
	moves++;
}

static int mover_poll(void *arg)
{
	static unsigned seed = 5;

	(void)arg;
	if (!moving && !atomic_load(&stop)) {
		moving = true;
		ebb_thread_move(workers[(unsigned)rand_r(&seed) % WORKERS].thread,
				cores[rand_r(&seed) % 2], moved, NULL);
	}
	return 1;
}

static void begin(void *arg)
{
	static const struct ebb_io_device_ops device_ops = {
		.name = "disk",
		.ctx_size = sizeof(struct disk_channel),
		.create = disk_channel_create,
		.destroy = disk_channel_destroy,
	};

	(void)arg;
	if (ebb_io_device_register(disk_memory, &device_ops) != 0 ||
	    ebb_bdev_register(&disk) != 0 || ebb_bdev_open("disk", true, NULL, NULL, &desc) != 0) {
		fail("there is no bdev");
	}
	num_working = WORKERS;
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].index = i;
		workers[i].seed = i + 1;
		places_make(&workers[i]);
		if (ebb_thread_create("worker", EBB_CORE_ANY, &workers[i].thread) != 0) {
			fail("a worker cannot be made");
		}
		ebb_thread_send_msg(workers[i].thread, worker_begin, &workers[i]);
	}
	mover = ebb_poller_register(mover_poll, NULL, 2000);
	if (mover == NULL) {
		fail("there is no poller");
	}
}

static unsigned long all_done(void)
{
	unsigned long sum = 0;

	for (unsigned i = 0; i < WORKERS; i++) {
		sum += atomic_load(&workers[i].writes) + atomic_load(&workers[i].reads);
	}
	return sum;
}

/* Ends the test after its time; or at once, if nothing goes on. */
static void *clock_main(void *arg)
{
	unsigned long before = 0;
	unsigned still = 0, passed = 0;

	(void)arg;
	for (;;) {
		unsigned long now;

		sleep(1);
		now = all_done();
		still = now == before ? still + 1 : 0;
		before = now;
		if (++passed == seconds) {
			atomic_store(&stop, true);
		}
		if (still >= HANG_S) {
			fail("no request has ended for a long time");
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_INTERRUPT, .roam = true};
	cpu_set_t allowed;
	pthread_t clock;
	int count = 0;

	if (argc == 3 && strcmp(argv[1], "--seconds") == 0) {
		seconds = (unsigned)strtoul(argv[2], NULL, 10);
	}
	printf("1..1\n");
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
		fail("which CPUs there are is not known");
	}
	for (int cpu = 0; cpu < CPU_SETSIZE && count < 2; cpu++) {
		if (CPU_ISSET((size_t)cpu, &allowed)) {
			CPU_SET((size_t)cpu, &opts.cpus);
			cores[count++] = cpu;
		}
	}
	if (count < 2) {
		printf("ok 1 - neighbours in a block lose nothing # SKIP this needs two CPUs\n");
		return 0;
	}
	ebb_log_set_print_level(EBB_LOG_ERROR);
	if (event_framework_init(&opts) != 0) {
		fail("the framework does not start");
	}
	ebb_thread_send_msg(ebb_thread_app(), begin, NULL);
	pthread_create(&clock, NULL, clock_main, NULL);
	event_framework_run();
	event_framework_fini();
	printf("# %lu requests, %lu moves of threads\n", all_done(), moves);
	if (all_done() < 1000 || moves < 10) {
		fail("it has not tested what it should");
	}
	printf("ok 1 - neighbours in a block lose nothing\n");
	return 0;
}
