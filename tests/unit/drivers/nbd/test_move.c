/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connections whose thread moves between two reactors while they are served, and while they idle.
 */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/reactor.h>

#include "drivers/nbd/wire.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define MOVES       100
#define CLIENTS     4
#define CLIENT_SIZE (8u << 20)
#define DEPTH       16

static atomic_bool stop;
static atomic_uint rounds;

/* Keeps DEPTH requests in flight in its own part of the disk, and checks every byte it reads. */
static void *client_work(void *arg)
{
	unsigned number = *(unsigned *)arg;
	uint64_t base = (uint64_t)number * CLIENT_SIZE;
	uint8_t *block = malloc(65536);
	int fd = served_connect();
	unsigned round, i;
	uint32_t error;

	for (round = 1; !atomic_load(&stop); round++) {
		uint32_t size = round % 8 == 0 ? 65536 : 4096;

		for (i = 0; i < DEPTH; i++) {
			memset(block, (int)(round + i * 13), size);
			client_request(fd, 0, NBD_CMD_WRITE, i, base + i * 65536ull, size);
			client_send(fd, block, size);
		}
		for (i = 0; i < DEPTH; i++) {
			(void)client_reply(fd, &error);
			ck_assert_uint_eq(error, 0);
		}
		for (i = 0; i < DEPTH; i++) {
			client_request(fd, 0, NBD_CMD_READ, i, base + i * 65536ull, size);
		}
		for (i = 0; i < DEPTH; i++) {
			uint64_t cookie = client_reply(fd, &error);

			ck_assert_uint_eq(error, 0);
			ck_assert(client_receive(fd, block, size));
			/* The first byte is right, and each is like the one before it. */
			ck_assert_uint_eq(block[0], (uint8_t)(round + cookie * 13));
			ck_assert_int_eq(memcmp(block, block + 1, size - 1), 0);
		}
		atomic_fetch_add(&rounds, 1);
	}
	free(block);
	close(fd);
	return NULL;
}

/* Connections that are asking the app thread, or about to. */
static void *client_haggle(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		close(served_connect());
	}
	return NULL;
}

static atomic_int move_rc;

static void moved(void *arg, int rc)
{
	(void)arg;
	atomic_store(&move_rc, rc);
}

static bool move_ended(void)
{
	return atomic_load(&move_rc) != 1;
}

struct move {
	struct ebb_thread *thread;
	int core;
};

static void move_on_app(void *arg)
{
	const struct move *move = arg;

	ebb_thread_move(move->thread, move->core, moved, NULL);
}

static void move_to(struct ebb_thread *thread, unsigned reactor)
{
	struct move move = {.thread = thread, .core = ebb_reactor_core(reactor)};

	atomic_store(&move_rc, 1);
	served_on(ebb_thread_app(), move_on_app, &move);
	client_wait(move_ended, "the thread has moved");
	ck_assert_int_eq(atomic_load(&move_rc), 0);
}

static void idle_connections_move(void)
{
	int first = served_connect();
	uint8_t block[512];
	struct ebb_thread *thread;
	unsigned i;
	uint32_t error;

	client_request(first, 0, NBD_CMD_READ, 1, 0, 512);
	(void)client_reply(first, &error);
	ck_assert(client_receive(first, block, sizeof(block)));
	thread = disk_thread();
	for (i = 0; i < 10; i++) {
		move_to(thread, (i + 1) % 2);
		memset(block, (int)i, sizeof(block));
		client_request(first, 0, NBD_CMD_WRITE, i, 0, 512);
		client_send(first, block, sizeof(block));
		ck_assert_uint_eq(client_reply(first, &error), i);
		client_request(first, 0, NBD_CMD_READ, i, 0, 512);
		ck_assert_uint_eq(client_reply(first, &error), i);
		ck_assert(client_receive(first, block, sizeof(block)));
		ck_assert_uint_eq(block[0], i);
	}
	close(first);
}

START_TEST(test_idle_connections_move)
{
	served_run(need_two_cpus(), idle_connections_move);
}
END_TEST

/* The listener's thread is the app thread. */
static void the_listener_moves(void)
{
	unsigned i;

	for (i = 0; i < 10; i++) {
		move_to(ebb_thread_app(), (i + 1) % 2);
		close(served_connect());
	}
}

START_TEST(test_the_listener_moves)
{
	served_run(need_two_cpus(), the_listener_moves);
}
END_TEST

static unsigned rounds_wanted;

static bool rounds_done(void)
{
	return atomic_load(&rounds) >= rounds_wanted;
}

static void busy_connections_move(void)
{
	pthread_t threads[CLIENTS];
	unsigned numbers[CLIENTS], i;
	struct ebb_thread *thread;
	pthread_t haggler;

	for (i = 0; i < CLIENTS; i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, client_work, &numbers[i]), 0);
	}
	ck_assert_int_eq(pthread_create(&haggler, NULL, client_haggle, NULL), 0);
	rounds_wanted = CLIENTS;
	client_wait(rounds_done, "clients are at work");
	for (i = 0; i < MOVES; i++) {
		thread = disk_thread();
		move_to(thread, i % 2);
		rounds_wanted = atomic_load(&rounds) + 1;
		client_wait(rounds_done, "clients go on after the move");
	}
	atomic_store(&stop, true);
	for (i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
	}
	pthread_join(haggler, NULL);
}

START_TEST(test_busy_connections_move)
{
	served_run(need_two_cpus(), busy_connections_move);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_idle_connections_move),
		UNIT_TEST(test_the_listener_moves),
		UNIT_TEST(test_busy_connections_move),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
