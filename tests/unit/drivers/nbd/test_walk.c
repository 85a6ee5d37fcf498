/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clients that do what clients may not, in orders that nobody has thought of, while their threads
 * move, the bdev keeps what it has, fails, or goes. Whatever the order, no assert of the server's
 * fails, and when the last client has hung up nothing is left of any.
 */

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/reactor.h>

#include "core/memory/pool.h"
#include "drivers/nbd/wire.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define STEPS     300
#define CLIENTS   8u
#define OUT_BYTES (8u << 20) /* that a client has still to say */
#define WALKS     32

struct walker {
	int fd; /* -1: none */
	bool agreed;
	uint8_t *out;
	size_t len;
	size_t sent;
};

static struct walker walkers[CLIENTS];
static bool gone; /* the bdev */
static atomic_int moving;
static unsigned seed;
static bool hurries; /* time goes by in leaps */
static bool moves;   /* and the bdev answers at once: what it keeps is one thread's */

static bool one_in(unsigned count)
{
	return rand() % (int)count == 0;
}

static struct walker *any_walker(void)
{
	return &walkers[(unsigned)rand() % CLIENTS];
}

static void walker_end(struct walker *walker)
{
	close(walker->fd);
	walker->fd = -1;
	walker->len = 0;
	walker->sent = 0;
}

static void walk_come(void)
{
	struct walker *walker = any_walker();

	static int (*const connects[])(void) = {served_connect, served_connect_structured,
						served_connect_allocation};

	if (walker->fd < 0 && !gone) {
		walker->agreed = one_in(4) ? false : true;
		walker->fd = walker->agreed ? connects[rand() % 3]() : served_knock();
	}
}

static void walker_say(struct walker *walker, const void *bytes, size_t len)
{
	if (walker->fd >= 0 && walker->len + len <= OUT_BYTES) {
		if (bytes != NULL) {
			memcpy(walker->out + walker->len, bytes, len);
		}
		walker->len += len;
	}
}

static void walk_haggle(void)
{
	static const uint32_t options[] = {
		NBD_OPT_LIST,
		NBD_OPT_GO,
		NBD_OPT_INFO,
		NBD_OPT_EXPORT_NAME,
		NBD_OPT_ABORT,
		NBD_OPT_STRUCTURED_REPLY,
		NBD_OPT_LIST_META_CONTEXT,
		NBD_OPT_SET_META_CONTEXT,
		77,
	};
	uint32_t flags = htobe32(NBD_FLAG_C_FIXED_NEWSTYLE | NBD_FLAG_C_NO_ZEROES);
	struct nbd_wire_option option = {.magic = htobe64(NBD_OPTION_MAGIC)};
	struct walker *walker = any_walker();

	if (walker->agreed) {
		return;
	}
	if (walker->len == 0) {
		walker_say(walker, &flags, sizeof(flags));
	}
	option.option = htobe32(options[(unsigned)rand() % EBB_ARRAY_SIZE(options)]);
	option.len_bytes = htobe32(one_in(3) ? (uint32_t)rand() % 20000 : 0);
	walker_say(walker, &option, sizeof(option));
	walker_say(walker, NULL, be32toh(option.len_bytes));
}

static void walk_ask(void)
{
	struct walker *walker = any_walker();
	uint32_t len =
		(one_in(4) ? (1u + (uint32_t)rand() % 6u) << 20 : 512u << ((unsigned)rand() % 9)) -
		(one_in(4) ? 1 : 0);
	struct nbd_wire_request wire = {
		.magic = htobe32(one_in(60) ? 7u : NBD_REQUEST_MAGIC),
		.flags = htobe16(one_in(4) ? (uint16_t)(1u << rand() % 5) : 0),
		.type = htobe16((uint16_t)((unsigned)rand() % (NBD_CMD_BLOCK_STATUS + 1))),
		.offset_bytes = htobe64(((uint64_t)(rand() % 130) << 19) + (one_in(4) ? 1 : 0)),
		.len_bytes = htobe32(len),
	};

	if (be16toh(wire.type) == NBD_CMD_READ && one_in(4)) {
		len = (1u + (uint32_t)rand() % 32u) << 20;
		wire.len_bytes = htobe32(len);
	} else if (walker->len + len + sizeof(wire) > OUT_BYTES) {
		return;
	}
	if (!walker->agreed) {
		return;
	}
	if (be16toh(wire.type) == NBD_CMD_DISC && !one_in(4)) {
		return;
	}
	walker_say(walker, &wire, sizeof(wire));
	if (be16toh(wire.type) == NBD_CMD_WRITE) {
		walker_say(walker, NULL, len);
	}
}

static void walker_speak(struct walker *walker)
{
	size_t left = walker->len - walker->sent;
	size_t len = one_in(3) ? left : left > 0 ? (size_t)rand() % left + 1 : 0;
	ssize_t sent;

	if (walker->fd < 0 || len == 0) {
		return;
	}
	sent = send(walker->fd, walker->out + walker->sent, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent > 0) {
		walker->sent += (size_t)sent;
	} else if (errno != EAGAIN) {
		walker_end(walker);
	}
}

static void walk_speak(void)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		walker_speak(&walkers[i]);
	}
}

static void walk_listen(void)
{
	static uint8_t heard[1u << 20];
	struct walker *walker = any_walker();
	size_t len = one_in(2) ? sizeof(heard) : 100;

	if (walker->fd >= 0 && recv(walker->fd, heard, len, MSG_DONTWAIT) == 0) {
		walker_end(walker);
	}
}

static void walk_leave(void)
{
	struct walker *walker = any_walker();

	if (walker->fd >= 0 && one_in(2)) {
		walker_end(walker);
	} else if (walker->fd >= 0 && one_in(2)) {
		shutdown(walker->fd, SHUT_WR);
	}
}

static void walk_disk(void)
{
	disk_fail(one_in(4) ? -EIO : 0);
	disk_hold(!moves && one_in(2));
}

static void release(int status, bool backwards)
{
	disk_hold(false);
	if (!moves && disk_thread() != NULL) {
		disk_release(status, backwards);
	}
}

static void walk_release(void)
{
	release(one_in(4) ? -ENOSPC : 0, one_in(2));
}

static void moved(void *arg, int rc)
{
	(void)arg;
	(void)rc;
	atomic_store(&moving, 0);
}

static void move_on_app(void *arg)
{
	ebb_thread_move(arg, ebb_reactor_core((unsigned)rand() % 2), moved, NULL);
}

static void walk_move(void)
{
	struct ebb_thread *thread = one_in(4) ? ebb_thread_app() : disk_thread();

	if (moves && thread != NULL && atomic_load(&moving) == 0) {
		atomic_store(&moving, 1);
		served_on(ebb_thread_app(), move_on_app, thread);
	}
}

static void walk_remove(void)
{
	if (one_in(40) && !gone) {
		gone = true;
		disk_remove();
	}
}

static void walk_time(void)
{
	if (hurries) {
		served_add_time((uint64_t)(rand() % 20000));
	}
}

/* There may be none for a while. */
static void walk_memory(void)
{
	mem_fail_from(one_in(3) ? 1u + (unsigned)rand() % 30u : 0);
}

static void (*const steps[])(void) = {
	walk_come,  walk_come,  walk_haggle, walk_ask,    walk_ask,     walk_ask,
	walk_speak, walk_speak, walk_speak,  walk_listen, walk_listen,  walk_leave,
	walk_disk,  walk_move,  walk_remove, walk_time,   walk_release, walk_memory,
};

static bool is_still(void)
{
	return atomic_load(&moving) == 0;
}

static bool nothing_is_left(void)
{
	return served_nobody() && served_buffers() == 0;
}

static void walk(void)
{
	srand(seed);
	for (unsigned i = 0; i < CLIENTS; i++) {
		walkers[i].fd = -1;
	}
	for (unsigned i = 0; i < STEPS; i++) {
		steps[(unsigned)rand() % EBB_ARRAY_SIZE(steps)]();
		if (one_in(4)) {
			usleep((useconds_t)(rand() % 300));
		}
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		if (walkers[i].fd >= 0) {
			walker_end(&walkers[i]);
		}
	}
	mem_fail_from(0);
	disk_fail(0);
	release(0, false);
	client_wait(is_still, "the last move has ended");
	client_wait(nothing_is_left, "nothing is left");
}

START_TEST(any_order_ends)
{
	seed = (unsigned)_i;
	moves = _i % 2 != 0;
	hurries = _i % 4 == 0;
	if (hurries) {
		served_move_clock();
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		walkers[i].out = calloc(1, OUT_BYTES);
		ck_assert_ptr_nonnull(walkers[i].out);
	}
	served_run(moves ? need_two_cpus() : NULL, walk);
	for (unsigned i = 0; i < CLIENTS; i++) {
		free(walkers[i].out);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(any_order_ends, 0, WALKS),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
