/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stress test of the pool's regions with real threads: they come and leave all the time, while
 *
 *   - ebb threads on two reactors take, fill, check and free buffers, trim, and read into them by
 *     the io_uring's registered buffers: a registration that is older than the memory behind it
 *     would leave the buffer as it was;
 *   - two subscribers on OS threads of their own let go of regions, inside removed() or later, and
 *     go and come back amid all that: a region that comes again before it was released, or that is
 *     not mapped any more before it was, is seen at once (the latter by a crash).
 *
 * At the end everything is given back, and one region is left.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ebb/memory.h>
#include <ebb/poller.h>
#include <ebb/thread.h>
#include <ebb/uring.h>

#include "core/event/framework.h"

#define WORKERS  3
#define MAPPERS  2
#define SLOTS    8
#define READ_LEN 4096u
#define MARK     0x55

struct worker {
	struct ebb_thread *thread;
	struct ebb_poller *poller;
	struct ebb_uring_op op;
	char *read_buf; /* of the read under way; NULL: none */
	size_t read_size;
	unsigned char *bufs[SLOTS];
	size_t sizes[SLOTS];
	unsigned seed;
	unsigned long reads, fixed_reads, rounds;
};

struct mapper {
	struct ebb_mem_subscriber subscriber;
	pthread_t pthread;
	unsigned seed;
	_Atomic unsigned told;
	_Atomic bool has[EBB_MEM_REGIONS_MAX];
	_Atomic bool late[EBB_MEM_REGIONS_MAX]; /* to be released by the mapper itself */
	void *bases[EBB_MEM_REGIONS_MAX];
	unsigned long releases;
};

static struct worker workers[WORKERS];
static struct mapper mappers[MAPPERS];
static _Atomic bool stop;
static _Atomic unsigned num_working;
static int zero_fd;
static unsigned seconds = 3;

_Noreturn static void fail(const char *what)
{
	printf("not ok 1 - regions come and leave\n# %s\n", what);
	fflush(stdout);
	_exit(EXIT_FAILURE);
}

/* ---- subscribers ---- */

static int mapper_added(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region)
{
	struct mapper *mapper = ebb_container_of(subscriber, struct mapper, subscriber);

	if (atomic_exchange(&mapper->has[region->index], true)) {
		fail("a region comes that its subscriber still has");
	}
	mapper->bases[region->index] = region->base;
	return 0;
}

static void mapper_release(struct mapper *mapper, const struct ebb_mem_region *region)
{
	(void)*(volatile char *)region->base; /* still mapped */
	if (!atomic_exchange(&mapper->has[region->index], false)) {
		fail("a region leaves that its subscriber does not have");
	}
	ebb_mem_region_released(&mapper->subscriber, region);
}

static void mapper_removed(struct ebb_mem_subscriber *subscriber,
			   const struct ebb_mem_region *region)
{
	struct mapper *mapper = ebb_container_of(subscriber, struct mapper, subscriber);

	if (atomic_fetch_add(&mapper->told, 1) % 3 == 0) {
		mapper_release(mapper, region);
	} else {
		atomic_store(&mapper->late[region->index], true);
	}
}

static void mapper_release_late(struct mapper *mapper)
{
	for (unsigned i = 0; i < EBB_MEM_REGIONS_MAX; i++) {
		struct ebb_mem_region region = {.index = i};

		if (atomic_exchange(&mapper->late[i], false)) {
			region.base = mapper->bases[i];
			mapper_release(mapper, &region);
			mapper->releases++;
		}
	}
}

/* With some regions still to be released: that is its release. */
static void mapper_go(struct mapper *mapper)
{
	ebb_mem_unsubscribe(&mapper->subscriber);
	for (unsigned i = 0; i < EBB_MEM_REGIONS_MAX; i++) {
		atomic_store(&mapper->has[i], false);
		atomic_store(&mapper->late[i], false);
	}
}

static void *mapper_main(void *arg)
{
	struct mapper *mapper = arg;

	mapper->subscriber.added = mapper_added;
	mapper->subscriber.removed = mapper_removed;
	(void)ebb_mem_subscribe(&mapper->subscriber);
	while (!atomic_load(&stop)) {
		struct timespec nap = {.tv_nsec = rand_r(&mapper->seed) % 500000};

		nanosleep(&nap, NULL);
		if (rand_r(&mapper->seed) % 16 == 0) {
			mapper_go(mapper);
			(void)ebb_mem_subscribe(&mapper->subscriber);
		} else {
			mapper_release_late(mapper);
		}
		ebb_mem_trim();
	}
	mapper_go(mapper);
	return NULL;
}

/* ---- users ---- */

static void worker_check(const struct worker *worker, unsigned slot)
{
	const unsigned char *buf = worker->bufs[slot];
	unsigned char mark = (unsigned char)(1 + slot + SLOTS * (unsigned)(worker - workers));

	if (buf[0] != mark || buf[worker->sizes[slot] - 1] != mark) {
		fail("a buffer has changed while it was held");
	}
}

static void worker_churn(struct worker *worker)
{
	unsigned slot = (unsigned)rand_r(&worker->seed) % SLOTS;
	unsigned char mark = (unsigned char)(1 + slot + SLOTS * (unsigned)(worker - workers));

	if (worker->bufs[slot] != NULL) {
		worker_check(worker, slot);
		ebb_mem_free(worker->bufs[slot], worker->sizes[slot]);
		worker->bufs[slot] = NULL;
		return;
	}
	worker->sizes[slot] = EBB_MEM_ALLOC_MAX >> (unsigned)rand_r(&worker->seed) % 4;
	worker->bufs[slot] = ebb_mem_alloc(worker->sizes[slot]);
	if (worker->bufs[slot] == NULL) {
		fail("the pool is empty");
	}
	worker->bufs[slot][0] = mark;
	worker->bufs[slot][worker->sizes[slot] - 1] = mark;
}

static void worker_read_done(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct worker *worker = ebb_container_of(op, struct worker, op);

	(void)flags;
	if (res != (int32_t)READ_LEN) {
		fail("a read fails");
	}
	if (worker->read_buf[0] != 0 || worker->read_buf[READ_LEN - 1] != 0) {
		fail("a read has gone elsewhere than into its buffer");
	}
	ebb_mem_free(worker->read_buf, worker->read_size);
	worker->read_buf = NULL;
	worker->reads++;
}

static void worker_read(struct worker *worker)
{
	struct io_uring_sqe *sqe;
	int index;

	if (worker->read_buf != NULL) {
		return;
	}
	worker->read_size = READ_LEN << (unsigned)rand_r(&worker->seed) % 9;
	worker->read_buf = ebb_mem_alloc(worker->read_size);
	if (worker->read_buf == NULL) {
		fail("the pool is empty");
	}
	memset(worker->read_buf, MARK, READ_LEN);
	index = ebb_uring_buf_index(worker->read_buf, READ_LEN);
	sqe = ebb_uring_sqe(&worker->op, EBB_URING_OTHER);
	if (index >= 0) {
		io_uring_prep_read_fixed(sqe, zero_fd, worker->read_buf, READ_LEN, 0, index);
		worker->fixed_reads++;
	} else {
		io_uring_prep_read(sqe, zero_fd, worker->read_buf, READ_LEN, 0);
	}
}

/* It ends when it holds nothing more. */
static int worker_poll(void *arg)
{
	struct worker *worker = arg;
	unsigned slot;

	worker->rounds++;
	if (!atomic_load(&stop)) {
		for (unsigned i = 0; i < 4; i++) {
			worker_churn(worker);
		}
		worker_read(worker);
		if (rand_r(&worker->seed) % 8 == 0) {
			ebb_mem_trim();
		}
		return 1;
	}
	if (worker->read_buf != NULL) {
		return 1;
	}
	for (slot = 0; slot < SLOTS; slot++) {
		if (worker->bufs[slot] != NULL) {
			worker_check(worker, slot);
			ebb_mem_free(worker->bufs[slot], worker->sizes[slot]);
		}
	}
	ebb_poller_unregister(&worker->poller);
	ebb_thread_exit();
	if (atomic_fetch_sub(&num_working, 1) == 1) {
		event_framework_stop();
	}
	return 1;
}

static void worker_begin(void *arg)
{
	struct worker *worker = arg;

	worker->op.complete = worker_read_done;
	if (ebb_uring_open(EBB_URING_PLAIN) != 0) {
		fail("there is no io_uring");
	}
	worker->poller = ebb_poller_register(worker_poll, worker, 200);
	if (worker->poller == NULL) {
		fail("a worker gets no poller");
	}
}

static void begin(void *arg)
{
	(void)arg;
	atomic_store(&num_working, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].seed = i + 1;
		if (ebb_thread_create("worker", EBB_CORE_ANY, &workers[i].thread) != 0) {
			fail("a worker cannot be made");
		}
		ebb_thread_send_msg(workers[i].thread, worker_begin, &workers[i]);
	}
}

static void *clock_main(void *arg)
{
	struct timespec length = {.tv_sec = (time_t)seconds};

	(void)arg;
	nanosleep(&length, NULL);
	atomic_store(&stop, true);
	return NULL;
}

static void report(void)
{
	unsigned long reads = 0, fixed_reads = 0, told = 0, late = 0;
	struct ebb_mem_stats stats;

	for (unsigned i = 0; i < WORKERS; i++) {
		reads += workers[i].reads;
		fixed_reads += workers[i].fixed_reads;
	}
	for (unsigned i = 0; i < MAPPERS; i++) {
		told += atomic_load(&mappers[i].told);
		late += mappers[i].releases;
	}
	printf("# %lu reads, %lu of them registered; %lu regions left, %lu released late\n", reads,
	       fixed_reads, told, late);
	if (fixed_reads == 0 || told == 0 || late == 0) {
		fail("it has not tested what it should");
	}
	ebb_mem_trim();
	ebb_mem_get_stats(&stats);
	if (stats.used_bytes != 0 || stats.mapped_bytes != EBB_MEM_REGION_SIZE) {
		fail("something is left behind");
	}
	printf("ok 1 - regions come and leave\n");
}

int main(int argc, char **argv)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_INTERRUPT, .roam = true};
	pthread_t clock;

	if (argc == 3 && strcmp(argv[1], "--seconds") == 0) {
		seconds = (unsigned)strtoul(argv[2], NULL, 10);
	}
	printf("1..1\n");
	CPU_SET(0, &opts.cpus);
	CPU_SET(1, &opts.cpus);
	zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (zero_fd < 0 || event_framework_init(&opts) != 0) {
		fail("the reactors cannot be made");
	}
	ebb_thread_send_msg(ebb_thread_app(), begin, NULL);
	for (unsigned i = 0; i < MAPPERS; i++) {
		mappers[i].seed = 100 + i;
		if (pthread_create(&mappers[i].pthread, NULL, mapper_main, &mappers[i]) != 0) {
			fail("a subscriber cannot be started");
		}
	}
	if (pthread_create(&clock, NULL, clock_main, NULL) != 0 || event_framework_run() != 0) {
		fail("the reactors do not run");
	}
	pthread_join(clock, NULL);
	for (unsigned i = 0; i < MAPPERS; i++) {
		pthread_join(mappers[i].pthread, NULL);
	}
	report();
	event_framework_fini();
	close(zero_fd);
	return EXIT_SUCCESS;
}
