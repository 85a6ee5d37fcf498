/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VFIO device layer against a real kernel and a real controller: registers, memory the device
 * reads and writes, interrupts by vector, reset, and being asked to let go. The controller is
 * driven with as little as that takes: one command at a time, and no other error than "it did not
 * work".
 *
 * vfio_probe ADDRESS           all of it
 * vfio_probe ADDRESS hold      keep it until asked to let go, and let go
 * vfio_probe ADDRESS open      only try to open it
 * vfio_probe ADDRESS take      all of it, and it is the kernel's before and after
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/clock.h>
#include <ebb/memory.h>

#include "drivers/nvme/vfio/device.h"
#include "drivers/nvme/vfio/ownership.h"

#define PAGE       4096u
#define ENTRIES    16u
#define TIMEOUT_MS 10000
#define QUIET_MS   300 /* in which nothing may come */

/* NVMe Base 2.0, 3.1.3 "Controller Properties". */
enum { REG_CAP = 0x00, REG_VS = 0x08, REG_CC = 0x14, REG_CSTS = 0x1c, REG_AQA = 0x24 };
enum { REG_ASQ = 0x28, REG_ACQ = 0x30, REG_DOORBELL = 0x1000 };

struct queue {
	uint32_t (*sq)[16];
	volatile uint32_t (*cq)[4];
	unsigned id, tail, head, phase;
};

static struct vfio_device *device;
static unsigned failures;

static void check(bool good, const char *what)
{
	printf("%s - %s\n", good ? "ok" : "not ok", what);
	fflush(stdout);
	failures += !good;
}

static volatile uint32_t *reg(unsigned offset)
{
	return (volatile uint32_t *)((volatile char *)device->bar0 + offset);
}

static void reg_write64(unsigned offset, uint64_t value)
{
	*reg(offset) = (uint32_t)value;
	*reg(offset + 4) = (uint32_t)(value >> 32);
}

static volatile uint32_t *doorbell(unsigned index)
{
	return reg(REG_DOORBELL + index * (4u << (*reg(REG_CAP + 4) & 0xfu)));
}

static bool ready_is(bool on)
{
	uint64_t end_ns = ebb_clock_now_ns() + TIMEOUT_MS * EBB_NS_PER_MS;

	while ((*reg(REG_CSTS) & 1u) != on) {
		if (ebb_clock_now_ns() > end_ns) {
			return false;
		}
	}
	return true;
}

static void *page(void)
{
	void *buf = ebb_mem_alloc(PAGE);

	if (buf == NULL) {
		puts("Bail out! no memory");
		exit(EXIT_FAILURE);
	}
	memset(buf, 0, PAGE);
	return buf;
}

static void queue_init(struct queue *queue, unsigned id)
{
	*queue = (struct queue){.id = id, .sq = page(), .cq = page(), .phase = 1};
}

static bool controller_start(struct queue *admin)
{
	*reg(REG_CC) = 0;
	if (!ready_is(false)) {
		return false;
	}
	*reg(REG_AQA) = (ENTRIES - 1) << 16 | (ENTRIES - 1);
	reg_write64(REG_ASQ, vfio_device_iova(device, admin->sq));
	reg_write64(REG_ACQ, vfio_device_iova(device, (void *)(uintptr_t)admin->cq));
	*reg(REG_CC) = 4u << 20 | 6u << 16 | 1u;
	return ready_is(true);
}

/* One command, and its answer by looking. Return: its status; -1: none came. */
static int command(struct queue *queue, const uint32_t entry[16])
{
	uint64_t end_ns = ebb_clock_now_ns() + TIMEOUT_MS * EBB_NS_PER_MS;
	int status;

	memcpy(queue->sq[queue->tail], entry, 64);
	queue->tail = (queue->tail + 1) % ENTRIES;
	atomic_thread_fence(memory_order_seq_cst);
	*doorbell(2 * queue->id) = queue->tail;
	while ((queue->cq[queue->head][3] >> 16 & 1u) != queue->phase) {
		if (ebb_clock_now_ns() > end_ns) {
			return -1;
		}
	}
	atomic_thread_fence(memory_order_acquire);
	status = (int)(queue->cq[queue->head][3] >> 17);
	queue->head = (queue->head + 1) % ENTRIES;
	queue->phase ^= queue->head == 0;
	*doorbell(2 * queue->id + 1) = queue->head;
	return status;
}

static int admin_command(struct queue *admin, uint8_t opcode, const void *buf, uint32_t cdw10,
			 uint32_t cdw11)
{
	uint64_t iova = vfio_device_iova(device, buf);
	uint32_t entry[16] = {[0] = opcode, [10] = cdw10, [11] = cdw11};

	entry[6] = (uint32_t)iova;
	entry[7] = (uint32_t)(iova >> 32);
	return command(admin, entry);
}

static bool fires(int fd, int timeout_ms)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	uint64_t value;

	return poll(&pollfd, 1, timeout_ms) == 1 && read(fd, &value, sizeof(value)) > 0;
}

/* A pair with interrupts by @vector. */
static bool pair_create(struct queue *admin, struct queue *pair, unsigned id, unsigned vector)
{
	queue_init(pair, id);
	return admin_command(admin, 0x05, (void *)(uintptr_t)pair->cq, (ENTRIES - 1) << 16 | id,
			     vector << 16 | 3u) == 0 &&
	       admin_command(admin, 0x01, pair->sq, (ENTRIES - 1) << 16 | id, id << 16 | 1u) == 0;
}

static int flush(struct queue *pair)
{
	static const uint32_t entry[16] = {[0] = 0x00, [1] = 1};

	return command(pair, entry);
}

static void try_vectors(struct queue *admin)
{
	unsigned vector = device->num_vectors > 3 ? 3 : device->num_vectors - 1;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct queue pair;

	check(pair_create(admin, &pair, 1, vector), "an I/O queue pair with a vector of its own");
	check(flush(&pair) == 0 && !fires(fd, QUIET_MS),
	      "without an eventfd its interrupts go nowhere");
	check(device->ops->set_vector(device, vector, fd) == 0, "a late vector gets an eventfd");
	check(flush(&pair) == 0 && fires(fd, TIMEOUT_MS), "its interrupt arrives");
	check(device->ops->set_vector(device, vector, -1) == 0, "and is given up");
	/* The first flush's may have been pending, and come beside the second's. */
	(void)fires(fd, QUIET_MS);
	check(flush(&pair) == 0 && !fires(fd, QUIET_MS), "no interrupt then");
	check(device->ops->set_vector(device, vector, fd) == 0 && flush(&pair) == 0 &&
		      fires(fd, TIMEOUT_MS),
	      "it comes back");
	check(device->ops->set_vector(device, device->num_vectors, fd) == -EINVAL,
	      "a vector past the last is refused");
}

static void try_memory(struct queue *admin)
{
	struct ebb_mem_stats before, after;
	char *identify = page();
	void *fill[8];
	unsigned count = 0;

	check(admin_command(admin, 0x06, identify, 1, 0) == 0 && identify[24] != '\0',
	      "identify: the device writes to pool memory");
	printf("# model %.40s\n", identify + 24);
	ebb_mem_get_stats(&before);
	do {
		fill[count++] = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
		ebb_mem_get_stats(&after);
	} while (count < EBB_ARRAY_SIZE(fill) && after.mapped_bytes == before.mapped_bytes);
	identify = fill[count - 1];
	check(after.mapped_bytes > before.mapped_bytes && vfio_device_iova(device, identify) != 0 &&
		      admin_command(admin, 0x06, identify, 1, 0) == 0 && identify[24] != '\0',
	      "a region that comes later is mapped too");
	while (count > 0) {
		ebb_mem_free(fill[--count], EBB_MEM_ALLOC_MAX);
	}
	ebb_mem_trim();
	check(vfio_device_iova(device, identify) == 0, "and unmapped when it goes");
	check(admin_command(admin, 0x06, page(), 1, 0) == 0, "the others stay");
}

static void try_all(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct queue admin;

	check(*reg(REG_VS) >= 0x00010000 && *reg(REG_VS) != UINT32_MAX, "VS can be read");
	check((*reg(REG_CAP) & 0xffffu) != 0, "CAP can be read");
	printf("# VS %#x, CAP %#x %#x, %u vectors\n", *reg(REG_VS), *reg(REG_CAP),
	       *reg(REG_CAP + 4), device->num_vectors);
	check(device->num_vectors >= 2, "there are vectors");
	check(device->request_fd >= 0, "being asked to let go can be heard");
	check(device->ops->set_vector(device, 0, fd) == 0, "vector 0 gets an eventfd");
	queue_init(&admin, 0);
	check(controller_start(&admin), "the controller becomes ready");
	try_memory(&admin);
	check(fires(fd, TIMEOUT_MS), "the admin queue's interrupts arrive");
	try_vectors(&admin);
	check(device->ops->reset(device) == 0, "function level reset");
	check((*reg(REG_CSTS) & 1u) == 0 && *reg(REG_VS) != UINT32_MAX, "it is off after that");
	queue_init(&admin, 0);
	check(controller_start(&admin) && admin_command(&admin, 0x06, page(), 1, 0) == 0 &&
		      fires(fd, TIMEOUT_MS),
	      "and starts again, with its vectors");
}

static void hold(void)
{
	puts("# holding");
	fflush(stdout);
	check(fires(device->request_fd, 6 * TIMEOUT_MS), "asked to let go");
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	bool take = strcmp(what, "take") == 0;
	struct vfio_ownership ownership;
	char error[1024];

	if (argc < 2) {
		fputs("Usage: vfio_probe ADDRESS [hold | open | take]\n", stderr);
		return 2;
	}
	page();
	if (vfio_ownership_begin(&ownership, argv[1], take, error, sizeof(error)) < 0) {
		printf("# %s\nnot ok - open\n", error);
		return EXIT_FAILURE;
	}
	device = ownership.device;
	check(true, "open");
	if (strcmp(what, "hold") == 0) {
		hold();
	} else if (strcmp(what, "open") != 0) {
		try_all();
	}
	vfio_ownership_end(&ownership);
	check(true, "close");
	return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
