/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/price.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <liburing.h>

#include <ebb/clock.h>

#include "core/event/price_run.h"

#define BLOCK_BYTES 4096u

struct reader {
	int fd;
	uint64_t num_blocks;
	uint64_t random;
	void *block;
	struct io_uring ring;
	uint64_t limit_ns;
	bool in_flight; /* a read was not answered: the block is the kernel's */
};

static uint64_t next_offset(struct reader *reader)
{
	/* xorshift64 */
	reader->random ^= reader->random << 13;
	reader->random ^= reader->random >> 7;
	reader->random ^= reader->random << 17;
	return reader->random % reader->num_blocks * BLOCK_BYTES;
}

static int answer_take(struct reader *reader, struct io_uring_cqe *cqe)
{
	int res = cqe->res;

	io_uring_cqe_seen(&reader->ring, cqe);
	reader->in_flight = false;
	if (res < 0) {
		return res;
	}
	return res == BLOCK_BYTES ? 0 : -EIO;
}

/* The interrupt handler, or what it leaves to this thread, puts the answer in the ring. */
static int answer_look(struct reader *reader, uint64_t begin_ns)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&reader->ring, &cqe) != 0) {
		if (ebb_clock_now_ns() - begin_ns > reader->limit_ns + EBB_NS_PER_S) {
			return -ETIME;
		}
	}
	return answer_take(reader, cqe);
}

static int answer_sleep(struct reader *reader)
{
	struct io_uring_cqe *cqe;
	uint64_t limit_ns = reader->limit_ns + EBB_NS_PER_S;
	struct __kernel_timespec limit = {
		.tv_sec = (long long)(limit_ns / EBB_NS_PER_S),
		.tv_nsec = (long long)(limit_ns % EBB_NS_PER_S),
	};
	int rc;

	do {
		rc = io_uring_wait_cqes(&reader->ring, &cqe, 1, &limit, NULL);
	} while (rc == -EINTR);
	return rc < 0 ? rc : answer_take(reader, cqe);
}

/* One read after a sleep. @look: until it is there; otherwise sleep for it */
static int block_read(struct reader *reader, bool look, struct event_price_run *run, double *ret_ns)
{
	struct io_uring_sqe *sqe;
	uint64_t begin_ns;
	int rc;

	event_price_run_pause(run->opts->idle_ns);
	if (!event_price_run_next(run)) {
		return -ECANCELED;
	}
	begin_ns = ebb_clock_now_ns();
	sqe = io_uring_get_sqe(&reader->ring);
	io_uring_prep_read(sqe, reader->fd, reader->block, BLOCK_BYTES, next_offset(reader));
	reader->in_flight = true;
	rc = io_uring_submit(&reader->ring);
	if (rc != 1) {
		return rc < 0 ? rc : -EIO;
	}
	rc = look ? answer_look(reader, begin_ns) : answer_sleep(reader);
	if (rc == 0) {
		*ret_ns = (double)(ebb_clock_now_ns() - begin_ns);
		event_price_run_add(run, *ret_ns);
	}
	return rc;
}

/* Both ways by turns, in changing order, so that what drifts hits both alike. */
static int pairs_measure(struct reader *reader, struct event_price_run runs[2],
			 double *ret_differences, unsigned *ret_pairs)
{
	const struct event_price_opts *opts = runs[0].opts;
	double ns[2];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < opts->samples; i++) {
		bool first = i % 2 != 0;

		rc = block_read(reader, first, &runs[first], &ns[first]);
		if (rc == 0) {
			rc = block_read(reader, !first, &runs[!first], &ns[!first]);
		}
		if (rc == 0) {
			ret_differences[(*ret_pairs)++] = ns[0] - ns[1];
		}
	}
	return rc == -ECANCELED ? 0 : rc;
}

static int price_measure(struct reader *reader, const struct event_price_opts *opts,
			 struct event_price_read *ret_price)
{
	double *differences = calloc(opts->samples, sizeof(double));
	struct event_price_read price;
	struct event_price_run runs[2]; /* slept, looked */
	unsigned pairs = 0;
	int rc = differences == NULL ? -ENOMEM : event_price_run_begin(&runs[0], opts);

	if (rc == 0) {
		rc = event_price_run_begin(&runs[1], opts);
		if (rc == 0) {
			/* Between two samples of a run are the idle time and the other run's. */
			runs[0].batch = 1;
			runs[1].batch = 1;
			rc = pairs_measure(reader, runs, differences, &pairs);
			rc = event_price_run_end(&runs[1], rc, &price.looked);
		}
		rc = event_price_run_end(&runs[0], rc, &price.slept);
	}
	if (rc == 0 && pairs == 0) {
		rc = -ETIME;
	}
	if (rc == 0) {
		event_price_run_spread(differences, pairs, &price.interrupt);
		*ret_price = price;
	}
	free(differences);
	return rc;
}

int event_price_read(int fd, uint64_t size_bytes, const struct event_price_opts *opts,
		     struct event_price_read *ret_price)
{
	struct reader reader = {
		.fd = fd,
		.num_blocks = size_bytes / BLOCK_BYTES,
		.random = 88172645463325252,
		.limit_ns = opts->limit_ns,
	};
	int rc;

	if (reader.num_blocks == 0) {
		return -EINVAL;
	}
	if (posix_memalign(&reader.block, BLOCK_BYTES, BLOCK_BYTES) != 0) {
		return -ENOMEM;
	}
	rc = io_uring_queue_init(4, &reader.ring, 0);
	if (rc == 0) {
		rc = price_measure(&reader, opts, ret_price);
		io_uring_queue_exit(&reader.ring);
	}
	if (!reader.in_flight) { /* else it is left, as the device may still write to it */
		free(reader.block);
	}
	return rc;
}
