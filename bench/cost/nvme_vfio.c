/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a read through a bdev of an NVMe controller over VFIO costs, to be counted under callgrind
 * (bench/cost/run): the whole turn of a reactor, with the bdev layer and its statistics, the
 * command layer and the transport. The controller is the tests' fake, whose own work is outside of
 * what is counted: --toggle-collect=cost_step --toggle-collect=syscall.
 *
 *	nvme_vfio DEPTH ROUNDS     a round answers DEPTH reads and submits as many again
 *	nvme_vfio 0 ROUNDS         turns that find nothing, the queue being empty
 *	nvme_vfio -DEPTH ROUNDS    turns that find nothing, with DEPTH reads under way
 *	nvme_vfio 0 ROUNDS MORE    and so many more threads on the reactor, each with a queue
 *	nvme_vfio DEPTH ROUNDS woken    the reactor sleeps after each turn, until the answers come
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/bdev.h>
#include <ebb/io_channel.h>
#include <ebb/thread.h>

#include "core/event/framework.h"
#include "core/event/helper.h"
#include "core/event/reactor.h"
#include "drivers/nvme/attach.h"
#include "drivers/nvme/transport.h"
#include "tests/unit/drivers/nvme/vfio/fake_ctrlr.h"

#define BLOCKS 8u /* of 512 bytes */

static_assert((FAKE_BLOCKS & (FAKE_BLOCKS - 1)) == 0, "blocks are counted on by a mask");

void cost_step(void);

static struct fake_ctrlr *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static uint64_t reads;
static bool attached, opened;
static unsigned joined;
static bool polling = true;
static bool counting;

struct cost_io {
	char *buf;
	uint64_t lba;
};

static void read_done(void *arg, int status);

static void read_begin(struct cost_io *io)
{
	io->lba = (io->lba + 61 * BLOCKS) & (FAKE_BLOCKS - 1);
	ebb_assert(ebb_bdev_read(desc, ch, io->buf, io->lba, BLOCKS, read_done, io) == 0);
}

static void read_done(void *arg, int status)
{
	ebb_assert(status == 0);
	reads++;
	read_begin(arg);
}

/* The unit that is counted. */
void __attribute__((noinline)) cost_step(void)
{
	polling = event_reactor_step(&event_reactors[0], polling);
}

/*
 * And within it, what is not. In place of the C library's, by which the reactor sleeps: the
 * controller works meanwhile. epoll_wait() makes a call that is as good.
 */
long syscall(long number, ...)
{
	struct epoll_event *events;
	int epoll_fd, max_events, timeout_ms;
	va_list args;

	ebb_assert(number == SYS_epoll_pwait);
	va_start(args, number);
	epoll_fd = va_arg(args, int);
	events = va_arg(args, struct epoll_event *);
	max_events = va_arg(args, int);
	timeout_ms = va_arg(args, int);
	va_end(args);
	if (counting) {
		fake_ctrlr_step(fake);
	} else {
		timeout_ms = 0;
	}
	return epoll_wait(epoll_fd, events, max_events, timeout_ms);
}

static void step(void)
{
	fake_ctrlr_step(fake);
	polling = event_reactor_step(&event_reactors[0], polling);
	sched_yield();
}

static void until(const bool *flag)
{
	while (!*flag) {
		step();
	}
}

static void attach_done(void *arg, struct nvme_drive *drive, int rc)
{
	(void)arg;
	(void)drive;
	ebb_assert(rc == 0);
	attached = true;
}

static void attach(void *arg)
{
	static const struct nvme_attach_opts opts = {.io_queue_depth = 256, .timeout_us = 30000000};

	(void)arg;
	ebb_assert(nvme_attach_drive(nvme_transport_find("PCIe"), "N", "0000:01:00.0", &opts,
				     attach_done, NULL) == 0);
}

static void open_bdev(void *arg)
{
	(void)arg;
	ebb_assert(ebb_bdev_open("Nn1", false, NULL, NULL, &desc) == 0);
	ch = ebb_bdev_channel_get(desc);
	ebb_assert(ch != NULL);
	opened = true;
}

static void join(void *arg)
{
	(void)arg;
	ebb_assert(ebb_bdev_channel_get(desc) != NULL);
	joined++;
}

/* More threads, each with a queue of its own. */
static void join_more(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct ebb_thread *thread;

		ebb_assert(ebb_thread_create("more", EBB_CORE_ANY, &thread) == 0);
		ebb_assert(ebb_thread_send_msg(thread, join, NULL) == 0);
	}
	while (joined < count) {
		step();
	}
}

static void run(int depth, unsigned rounds, bool sleeps)
{
	struct cost_io ios[256] = {0};
	unsigned count = (unsigned)abs(depth);

	ebb_assert(count <= EBB_ARRAY_SIZE(ios));
	event_turn.thread = ebb_thread_app();
	for (unsigned i = 0; i < count; i++) {
		ios[i].buf = ebb_mem_alloc(BLOCKS * FAKE_BLOCK);
		ios[i].lba = i * BLOCKS;
		read_begin(&ios[i]);
	}
	event_turn.thread = NULL;
	counting = sleeps;
	if (sleeps) {
		cost_step(); /* counted: nothing else would pair the toggles */
	} else {
		step();
	}
	reads = 0;
	for (unsigned i = 0; i < rounds; i++) {
		if (depth > 0 && !sleeps) {
			fake_ctrlr_step(fake);
		}
		cost_step();
	}
	printf("%llu reads in %u turns\n", (unsigned long long)reads, rounds);
	fflush(stdout);
	_exit(0); /* what follows would be counted, too */
}

int main(int argc, char **argv)
{
	bool sleeps = argc == 4 && strcmp(argv[3], "woken") == 0;
	struct event_framework_opts opts = {
		.mode = sleeps ? EBB_REACTOR_INTERRUPT : EBB_REACTOR_POLL,
		.roam = true,
	};
	unsigned settle = 0;

	if ((argc != 3 && argc != 4) || (sleeps && atoi(argv[1]) <= 0)) {
		fprintf(stderr, "usage: nvme_vfio DEPTH ROUNDS [MORE|woken]\n");
		return 2;
	}
	CPU_ZERO(&opts.cpus);
	CPU_SET((unsigned)sched_getcpu(), &opts.cpus);
	ebb_assert(event_framework_init(&opts) == 0);
	event_reactor_begin(&event_reactors[0]);
	fake = fake_ctrlr_create();
	ebb_thread_send_msg(ebb_thread_app(), attach, NULL);
	until(&attached);
	ebb_thread_send_msg(ebb_thread_app(), open_bdev, NULL);
	until(&opened);
	join_more(argc == 4 && !sleeps ? (unsigned)atoi(argv[3]) : 0);
	while (!fake->sq[2].exists || settle++ < 1000) {
		step();
	}
	run(atoi(argv[1]), (unsigned)atoi(argv[2]), sleeps);
	return 0;
}
