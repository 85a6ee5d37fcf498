/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nbd/served.h"

#include <check.h>

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/clock.h>
#include <ebb/memory.h>
#include <ebb/method.h>

#include "drivers/nbd/wire.h"
#include "tests/unit/drivers/nbd/disk.h"

#define CLIENT_TIMEOUT_S 20

static char socket_path[64];
static enum ebb_reactor_mode mode = EBB_REACTOR_INTERRUPT;
static _Atomic uint64_t added_ns;
static pthread_t client_thread;
static void (*client_main)(void);

struct call {
	void (*fn)(void *arg);
	void *arg;
	sem_t done;
};

static void call_run(void *arg)
{
	struct call *call = arg;

	call->fn(call->arg);
	sem_post(&call->done);
}

void served_on(struct ebb_thread *thread, void (*fn)(void *arg), void *arg)
{
	struct call call = {.fn = fn, .arg = arg};

	sem_init(&call.done, 0, 0);
	ck_assert_int_eq(ebb_thread_send_msg(thread, call_run, &call), 0);
	while (sem_wait(&call.done) != 0) {
		ck_assert_int_eq(errno, EINTR);
	}
	sem_destroy(&call.done);
}

static void *client_run(void *arg)
{
	(void)arg;
	client_main();
	ebb_app_stop(0);
	return NULL;
}

static void export_started(void *arg, struct json_object *result,
			   const struct ebb_method_error *error)
{
	(void)arg;
	ck_assert_msg(error == NULL, "%s", error != NULL ? error->text : "");
	json_object_put(result);
	ck_assert_int_eq(pthread_create(&client_thread, NULL, client_run, NULL), 0);
}

static void service_started(void *arg)
{
	struct json_object *params = json_object_new_object();

	(void)arg;
	disk_register();
	json_object_object_add(params, "bdev_name", json_object_new_string("disk"));
	json_object_object_add(params, "path", json_object_new_string(socket_path));
	ebb_method_dispatch(ebb_method_find("nbd_start_export"), params, export_started, NULL);
	json_object_put(params);
}

void served_run(const char *cpumask, void (*client)(void))
{
	struct ebb_app_opts opts;

	snprintf(socket_path, sizeof(socket_path), "/tmp/ebb-test-nbd-%d.sock", (int)getpid());
	client_main = client;
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test_nbd";
	opts.cpumask = cpumask;
	opts.mode = mode;
	opts.rpc_socket = NULL;
	opts.handle_signals = false;
	ck_assert_int_eq(ebb_app_start(&opts, service_started, NULL), 0);
	pthread_join(client_thread, NULL);
	ck_assert_int_ne(access(socket_path, F_OK), 0);
}

static void count_clients_done(void *arg, struct json_object *result,
			       const struct ebb_method_error *error)
{
	int *ret_clients = arg;
	struct json_object *clients;

	ck_assert_ptr_null(error);
	*ret_clients = -1;
	if (json_object_array_length(result) > 0) {
		ck_assert(json_object_object_get_ex(json_object_array_get_idx(result, 0), "clients",
						    &clients));
		*ret_clients = json_object_get_int(clients);
	}
	json_object_put(result);
}

static void count_clients(void *arg)
{
	ebb_method_dispatch(ebb_method_find("nbd_get_exports"), NULL, count_clients_done, arg);
}

int served_clients(void)
{
	int clients = -1;

	served_on(ebb_thread_app(), count_clients, &clients);
	return clients;
}

void client_send(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);

		ck_assert_int_gt(sent, 0);
		at += sent;
		len -= (size_t)sent;
	}
}

bool client_receive(int fd, void *bytes, size_t len)
{
	char *at = bytes;

	while (len > 0) {
		ssize_t come = recv(fd, at, len, 0);

		ck_assert_msg(come >= 0 || errno == ECONNRESET, "recv: %s", strerror(errno));
		if (come <= 0) {
			return false;
		}
		at += come;
		len -= (size_t)come;
	}
	return true;
}

void client_request(int fd, uint16_t flags, uint16_t type, uint64_t cookie, uint64_t offset,
		    uint32_t len)
{
	struct nbd_wire_request wire = {
		.magic = htobe32(NBD_REQUEST_MAGIC),
		.flags = htobe16(flags),
		.type = htobe16(type),
		.cookie = htobe64(cookie),
		.offset_bytes = htobe64(offset),
		.len_bytes = htobe32(len),
	};

	client_send(fd, &wire, sizeof(wire));
}

uint64_t client_reply(int fd, uint32_t *ret_error)
{
	struct nbd_wire_reply wire;

	ck_assert(client_receive(fd, &wire, sizeof(wire)));
	ck_assert_uint_eq(be32toh(wire.magic), NBD_SIMPLE_REPLY_MAGIC);
	*ret_error = be32toh(wire.error);
	return be64toh(wire.cookie);
}

static void client_chunk_error(int fd, uint32_t len, struct client_chunk *chunk)
{
	bool has_offset = chunk->type == NBD_REPLY_TYPE_ERROR_OFFSET;
	uint32_t error;
	uint16_t text_len;

	ck_assert(client_receive(fd, &error, sizeof(error)));
	ck_assert(client_receive(fd, &text_len, sizeof(text_len)));
	ck_assert_uint_eq(text_len, 0);
	ck_assert_uint_eq(len, has_offset ? 14 : 6);
	chunk->error = be32toh(error);
	ck_assert_uint_ne(chunk->error, 0);
	if (has_offset) {
		ck_assert(client_receive(fd, &chunk->offset, sizeof(chunk->offset)));
		chunk->offset = be64toh(chunk->offset);
	}
}

void client_chunk(int fd, struct client_chunk *ret_chunk)
{
	struct nbd_wire_chunk wire;
	uint32_t len;

	ck_assert(client_receive(fd, &wire, sizeof(wire)));
	ck_assert_uint_eq(be32toh(wire.magic), NBD_CHUNK_MAGIC);
	len = be32toh(wire.len_bytes);
	*ret_chunk = (struct client_chunk){
		.flags = be16toh(wire.flags),
		.type = be16toh(wire.type),
		.cookie = be64toh(wire.cookie),
	};
	if ((ret_chunk->type & 0x8000u) != 0) {
		client_chunk_error(fd, len, ret_chunk);
	} else if (ret_chunk->type == NBD_REPLY_TYPE_OFFSET_DATA) {
		ck_assert_uint_ge(len, 9);
		ck_assert(client_receive(fd, &ret_chunk->offset, sizeof(ret_chunk->offset)));
		ret_chunk->offset = be64toh(ret_chunk->offset);
		ret_chunk->data_len = len - 8;
	} else if (ret_chunk->type == NBD_REPLY_TYPE_BLOCK_STATUS) {
		uint32_t context_id;

		ck_assert_uint_ge(len, 12);
		ck_assert(client_receive(fd, &context_id, sizeof(context_id)));
		ck_assert_uint_eq(be32toh(context_id), 1);
		ret_chunk->data_len = len - 4;
	} else {
		ck_assert_uint_eq(ret_chunk->type, NBD_REPLY_TYPE_NONE);
		ck_assert_uint_eq(len, 0);
	}
}

bool client_hears_nothing(int fd, int ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, ms) == 0;
}

void client_wait(bool (*condition)(void), const char *what)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int i;

	for (i = 0; i < 10000; i++) {
		if (condition()) {
			return;
		}
		nanosleep(&pause, NULL);
	}
	ck_abort_msg("not within 10 s: %s", what);
}

static uint64_t clock_moved(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec + added_ns;
}

void served_move_clock(void)
{
	mode = EBB_REACTOR_POLL;
	ebb_clock_set_source(clock_moved);
}

void served_add_time(uint64_t ms)
{
	added_ns += ms * EBB_NS_PER_MS;
}

int served_dial(void)
{
	const struct timeval timeout = {.tv_sec = CLIENT_TIMEOUT_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

int served_knock(void)
{
	uint8_t greeting[sizeof(struct nbd_wire_greeting)];
	int fd = served_dial();

	ck_assert(client_receive(fd, greeting, sizeof(greeting)));
	return fd;
}

uint32_t client_option(int fd, uint32_t option, const void *data, uint32_t len,
		       unsigned *ret_others)
{
	const struct nbd_wire_option wire = {
		.magic = htobe64(NBD_OPTION_MAGIC),
		.option = htobe32(option),
		.len_bytes = htobe32(len),
	};
	struct nbd_wire_option_reply reply;
	uint8_t skipped[512];

	client_send(fd, &wire, sizeof(wire));
	client_send(fd, data, len);
	*ret_others = 0;
	for (;;) {
		ck_assert(client_receive(fd, &reply, sizeof(reply)));
		ck_assert_uint_eq(be64toh(reply.magic), NBD_OPTION_REPLY_MAGIC);
		ck_assert_uint_eq(be32toh(reply.option), option);
		ck_assert_uint_le(be32toh(reply.len_bytes), sizeof(skipped));
		ck_assert(client_receive(fd, skipped, be32toh(reply.len_bytes)));
		reply.reply = be32toh(reply.reply);
		if (reply.reply == NBD_REP_ACK || (reply.reply & 1u << 31) != 0) {
			return reply.reply;
		}
		(*ret_others)++;
	}
}

int served_haggle(void)
{
	const uint32_t flags = htobe32(NBD_FLAG_C_FIXED_NEWSTYLE | NBD_FLAG_C_NO_ZEROES);
	int fd = served_knock();

	client_send(fd, &flags, sizeof(flags));
	return fd;
}

void served_go(int fd)
{
	unsigned infos;

	ck_assert_uint_eq(client_option(fd, NBD_OPT_GO, "\0\0\0\4disk\0\0", 10, &infos),
			  NBD_REP_ACK);
	ck_assert_uint_eq(infos, 2);
}

int served_connect(void)
{
	int fd = served_haggle();

	served_go(fd);
	return fd;
}

int served_connect_structured(void)
{
	int fd = served_haggle();
	unsigned others;

	ck_assert_uint_eq(client_option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0, &others),
			  NBD_REP_ACK);
	served_go(fd);
	return fd;
}

int served_connect_allocation(void)
{
	static const char set[] = "\0\0\0\4disk\0\0\0\1\0\0\0\17base:allocation";
	int fd = served_haggle();
	unsigned others;

	ck_assert_uint_eq(client_option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0, &others),
			  NBD_REP_ACK);
	ck_assert_uint_eq(client_option(fd, NBD_OPT_SET_META_CONTEXT, set, sizeof(set) - 1,
					&others),
			  NBD_REP_ACK);
	ck_assert_uint_eq(others, 1);
	served_go(fd);
	return fd;
}

bool served_nobody(void)
{
	return served_clients() <= 0;
}

/* Bytes of the pool that are in use by requests. */
size_t served_buffers(void)
{
	struct ebb_mem_stats stats;

	ebb_mem_get_stats(&stats);
	return stats.used_bytes - stats.cached_bytes;
}

void client_expect_reply(int fd, uint64_t cookie, uint32_t error)
{
	uint32_t found;

	ck_assert_uint_eq(client_reply(fd, &found), cookie);
	ck_assert_uint_eq(found, error);
}

void client_expect_end(int fd)
{
	char byte;

	ck_assert(!client_receive(fd, &byte, 1));
	close(fd);
}
