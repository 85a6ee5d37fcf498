/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/prices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/machine/pin.h"

/* A price takes no more than some times what its sleeps do, whatever else the machine does. */
#define LIMIT_SLEEPS  4
#define LIMIT_EVEN_NS (2 * EBB_NS_PER_S)
#define SLACK_LEAST   1
#define SLACK_AS_IS   0
#define BLOCK_BYTES   4096u

static const struct depth {
	uint64_t idle_ns;
	unsigned divisor; /* of the samples that are asked for */
} depths[BENCH_PRICE_DEPTHS] = {
	{10 * EBB_NS_PER_US, 1},
	{EBB_NS_PER_MS, 1},
	{100 * EBB_NS_PER_MS, 20},
	{EBB_NS_PER_S, 60},
};

uint64_t bench_prices_depth_ns(unsigned depth)
{
	return depths[depth].idle_ns;
}

/* The opts of one price; false: nobody wants that depth. */
static bool depth_opts(const struct bench_prices_opts *opts, unsigned depth,
		       struct event_price_opts *ret_opts)
{
	unsigned samples = opts->samples / depths[depth].divisor;

	if (depths[depth].idle_ns > opts->idle_ns || opts->samples == 0) {
		return false;
	}
	samples = samples == 0 ? 1 : samples;
	*ret_opts = (struct event_price_opts){
		.idle_ns = depths[depth].idle_ns,
		.samples = samples,
		.limit_ns = LIMIT_EVEN_NS + LIMIT_SLEEPS * samples * depths[depth].idle_ns,
		.stopped = opts->stopped,
	};
	return true;
}

static void unavailable(struct bench_price_result *result, int rc)
{
	if (rc == -ETIME) {
		return; /* a signal, or no time: it was not measured, and that is all */
	}
	snprintf(result->why, sizeof(result->why), "%s", strerror(-rc));
}

static void keep(struct bench_price_result *result, int rc, const struct event_price *price)
{
	if (rc < 0) {
		unavailable(result, rc);
		return;
	}
	result->has_late = true;
	result->has_cpu = true;
	result->samples = price->samples;
	result->late = price->late;
	result->cpu = price->cpu;
}

static void timers_measure(const struct event_price_opts *opts, struct bench_prices *prices,
			   unsigned depth)
{
	static const struct {
		enum bench_price_kind kind;
		enum event_price_timer timer;
		unsigned long slack_ns;
	} timers[] = {
		{BENCH_PRICE_TIMERFD, EVENT_PRICE_TIMERFD, SLACK_AS_IS},
		{BENCH_PRICE_EPOLL, EVENT_PRICE_EPOLL, SLACK_AS_IS},
		{BENCH_PRICE_EPOLL_FINE, EVENT_PRICE_EPOLL, SLACK_LEAST},
		{BENCH_PRICE_NANOSLEEP, EVENT_PRICE_NANOSLEEP, SLACK_AS_IS},
		{BENCH_PRICE_NANOSLEEP_FINE, EVENT_PRICE_NANOSLEEP, SLACK_LEAST},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(timers); i++) {
		struct event_price price;
		int rc = event_price_timer(timers[i].timer, timers[i].slack_ns, opts, &price);

		keep(&prices->results[timers[i].kind][depth], rc, &price);
	}
}

static void reads_measure(const struct bench_prices_opts *opts, const struct event_price_opts *of,
			  struct bench_prices *prices, unsigned depth)
{
	struct bench_price_result *interrupt = &prices->results[BENCH_PRICE_INTERRUPT][depth];
	struct event_price_read read;
	int rc;

	if (opts->device_fd < 0) {
		snprintf(interrupt->why, sizeof(interrupt->why),
			 "no device was given: --device FILE|DEVICE");
		return;
	}
	rc = event_price_read(opts->device_fd, opts->device_bytes, of, &read);
	keep(&prices->results[BENCH_PRICE_READ_SLEPT][depth], rc, &read.slept);
	keep(&prices->results[BENCH_PRICE_READ_LOOKED][depth], rc, &read.looked);
	if (rc < 0) {
		unavailable(interrupt, rc);
		return;
	}
	interrupt->has_late = true;
	interrupt->samples = read.looked.samples;
	interrupt->late = read.interrupt;
}

void bench_prices_measure(const struct bench_prices_opts *opts, struct bench_prices *ret_prices)
{
	struct event_price_opts of;
	struct event_price price;
	cpu_set_t before;
	bool pinned;

	memset(ret_prices, 0, sizeof(*ret_prices));
	ret_prices->cpu = opts->cpu;
	ret_prices->waker_cpu = opts->waker_cpu;
	pinned = sched_getaffinity(0, sizeof(before), &before) == 0 && bench_pin(0, opts->cpu) == 0;
	for (unsigned depth = 0; depth < BENCH_PRICE_DEPTHS; depth++) {
		if (depth_opts(opts, depth, &of)) {
			int rc = event_price_wake(&of, opts->waker_cpu, &price);

			keep(&ret_prices->results[BENCH_PRICE_WAKE_EVENTFD][depth], rc, &price);
			timers_measure(&of, ret_prices, depth);
			reads_measure(opts, &of, ret_prices, depth);
		}
	}
	if (pinned) {
		sched_setaffinity(0, sizeof(before), &before);
	}
}

static int size_get(int fd, mode_t mode, uint64_t *ret_bytes)
{
	struct stat st;

	if (S_ISBLK(mode)) {
		return ioctl(fd, BLKGETSIZE64, ret_bytes) < 0 ? -errno : 0;
	}
	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

/* Why it cannot be read from, with what to give in its place. */
static const char *device_explain(int rc)
{
	switch (rc) {
	case -ENOTBLK:
		return "give a file or a block device";
	case -EINVAL:
		return "its file system has no direct I/O; give one on a disk";
	case -EMSGSIZE:
		return "it has not one block of 4096 bytes";
	default:
		return strerror(-rc);
	}
}

static int device_open(const char *path, int *ret_fd, uint64_t *ret_bytes)
{
	struct stat st;
	int fd, rc;

	if (stat(path, &st) < 0) {
		return -errno;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		return -ENOTBLK;
	}
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	rc = size_get(fd, st.st_mode, ret_bytes);
	if (rc == 0 && *ret_bytes < BLOCK_BYTES) {
		rc = -EMSGSIZE;
	}
	if (rc < 0) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

int bench_prices_device_open(const char *path, int *ret_fd, uint64_t *ret_bytes, char *error,
			     size_t error_size)
{
	int rc = device_open(path, ret_fd, ret_bytes);

	if (rc < 0) {
		snprintf(error, error_size, "wake: --device %.120s: %s", path, device_explain(rc));
	}
	return rc;
}
