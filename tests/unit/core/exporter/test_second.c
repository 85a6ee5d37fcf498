/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A second exporter, beside the one there is: what is in core/exporter serves whatever is spoken.
 * This one says back what it is told: a length of 4 bytes and so many bytes. It has an address, a
 * registry, places, threads, operations and memory as any other has.
 */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/memory.h>
#include <ebb/method.h>

#include "core/exporter/buffers.h"
#include "core/exporter/client.h"
#include "core/exporter/export.h"
#include "core/exporter/poll_group.h"
#include "core/exporter/threads.h"
#include "tests/unit/unit.h"

#define STALLED 20u

struct echo {
	int fd;
	bool gone;
	struct exporter_client client;
	struct exporter_poll_group *group;
	struct exporter_member member;
	struct exporter_share share;
	struct exporter_op rx, tx;
	uint32_t len, done; /* of what is said; and so much has come, or gone */
	struct exporter_buffers buffers;
	struct iovec iov;
	struct ebb_msg life;
};

static char path[64];
static char error[EXPORTER_ERROR_TEXT];
static pthread_t client_thread;
static sem_t ended;

static void echo_run(struct echo *echo);

static void echo_free(void *arg)
{
	free(arg);
}

static void echo_gone(void *arg)
{
	struct echo *echo = arg;
	struct exporter_listener *listener = echo->client.listener;
	struct exporter_export *export = echo->client.export;

	exporter_client_unregister(&echo->client);
	ebb_msg_init(&echo->life, echo_free, echo);
	(void)ebb_thread_send(echo->client.thread, &echo->life);
	exporter_export_client_gone(listener, export);
}

static void echo_end(struct echo *echo)
{
	if (exporter_op_busy(&echo->rx) || exporter_op_busy(&echo->tx)) {
		return;
	}
	exporter_buffers_free(&echo->buffers, &echo->share);
	exporter_share_close(&echo->share);
	ebb_list_remove(&echo->member.link);
	exporter_poll_group_put(echo->group);
	close(echo->fd);
	ebb_msg_init(&echo->life, echo_gone, echo);
	(void)ebb_thread_send(ebb_thread_app(), &echo->life);
}

/* What is said comes, then goes; the length is received by itself. */
static void echo_run(struct echo *echo)
{
	if (echo->gone) {
		echo_end(echo);
		return;
	}
	if (echo->len == 0) {
		echo->iov = (struct iovec){.iov_base = &echo->len, .iov_len = sizeof(echo->len)};
	} else if (echo->buffers.used_bytes == 0 &&
		   exporter_buffers_alloc(&echo->buffers, &echo->share, echo->len) != 0) {
		exporter_poll_group_wait_mem(echo->group);
		return;
	} else {
		(void)exporter_buffers_iov(&echo->buffers, echo->done % echo->len, &echo->iov);
	}
	if (echo->len > 0 && echo->done >= echo->len) {
		exporter_op_send(&echo->group->ops, &echo->tx, echo->fd, &echo->iov, 1);
	} else {
		exporter_op_recv(&echo->group->ops, &echo->rx, echo->fd, &echo->iov, 1);
	}
}

static void echo_received(struct exporter_op *op, int32_t res)
{
	struct echo *echo = ebb_container_of(op, struct echo, rx);
	struct exporter_poll_group *group = echo->group;

	if (res <= 0 || (echo->buffers.used_bytes == 0 && res != sizeof(echo->len))) {
		echo->gone = true;
	} else if (echo->buffers.used_bytes > 0) {
		echo->done += (uint32_t)res;
	}
	echo_run(echo);
	exporter_poll_group_end_callback(group);
}

static void echo_sent(struct exporter_op *op, int32_t res)
{
	struct echo *echo = ebb_container_of(op, struct echo, tx);
	struct exporter_poll_group *group = echo->group;

	if (res <= 0) {
		echo->gone = true;
	} else {
		echo->done += (uint32_t)res;
	}
	if (echo->done == 2 * echo->len) {
		exporter_buffers_free(&echo->buffers, &echo->share);
		echo->len = 0;
		echo->done = 0;
	}
	echo_run(echo);
	exporter_poll_group_end_callback(group);
}

static void echo_retry(struct exporter_share *share)
{
	echo_run(ebb_container_of(share, struct echo, share));
}

static uint64_t echo_moved(struct exporter_share *share)
{
	return ebb_container_of(share, struct echo, share)->done;
}

static void echo_drop(struct exporter_share *share)
{
	(void)shutdown(ebb_container_of(share, struct echo, share)->fd, SHUT_RDWR);
}

static const struct exporter_share_ops share_ops = {
	.retry = echo_retry,
	.moved = echo_moved,
	.drop = echo_drop,
};

static void echo_resume(struct exporter_member *member)
{
	(void)member;
}

static void echo_stop(void *arg)
{
	(void)shutdown(((struct echo *)arg)->fd, SHUT_RDWR);
}

static void echo_begin(void *arg)
{
	struct echo *echo = arg;

	echo->group = exporter_poll_group_get();
	ebb_list_push_back(&echo->group->members, &echo->member.link);
	exporter_share_open(&echo->share, &echo->group->pot, &share_ops);
	echo_run(echo);
}

static bool echo_admit(struct exporter_listener *listener, int fd, const char *peer,
		       struct ebb_thread *thread)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	ck_assert_ptr_nonnull(echo);
	echo->fd = fd;
	echo->member.resume = echo_resume;
	echo->rx.complete = echo_received;
	echo->tx.complete = echo_sent;
	exporter_client_register(&echo->client, listener, &listener->clients, &listener->places,
				 peer, thread, echo_stop, echo);
	exporter_export_bind(exporter_export_find(listener, "", 0), &echo->client);
	ebb_msg_init(&echo->life, echo_begin, echo);
	(void)ebb_thread_send(thread, &echo->life);
	return true;
}

static struct exporter echo_exporter = {.name = "echo", .admit = echo_admit};

static int say(uint32_t len, bool all)
{
	const struct timeval timeout = {.tv_sec = 20};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static char said[1u << 20], heard[1u << 20];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	strcpy(address.sun_path, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	memset(said, 'e', sizeof(said));
	ck_assert_int_eq(send(fd, &len, sizeof(len), MSG_NOSIGNAL), sizeof(len));
	ck_assert_int_gt(send(fd, said, all ? len : 100, MSG_NOSIGNAL), 0);
	if (all) {
		ck_assert_int_eq(recv(fd, heard, len, MSG_WAITALL), len);
		ck_assert_int_eq(memcmp(said, heard, len), 0);
	}
	return fd;
}

/* A method's answer, or its error's text, for the client's thread. */
struct call {
	const char *method;
	struct json_object *params;
	char text[512];
	sem_t done;
};

static void call_done(void *arg, struct json_object *result, const struct ebb_method_error *why)
{
	struct call *call = arg;

	snprintf(call->text, sizeof(call->text), "%s",
		 why != NULL ? why->text : json_object_to_json_string(result));
	json_object_put(result);
	sem_post(&call->done);
}

static void call_run(void *arg)
{
	struct call *call = arg;
	struct json_object *params = call->params; /* once it has ended @call is the next one */

	ebb_method_dispatch(ebb_method_find(call->method), params, call_done, call);
	json_object_put(params);
}

static const char *ask(const char *method, const char *params)
{
	static struct call call;

	call.method = method;
	call.params = params != NULL ? json_tokener_parse(params) : NULL;
	sem_init(&call.done, 0, 0);
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), call_run, &call), 0);
	while (sem_wait(&call.done) != 0) {
		ck_assert_int_eq(errno, EINTR);
	}
	return call.text;
}

static void threads_stopped(void)
{
	sem_post(&ended);
}

static void threads_started(int rc);

static struct exporter_threads_user user = {.started = threads_started, .stopped = threads_stopped};

static void exports_stopped(void)
{
	ck_assert_ptr_null(exporter_export_next(&echo_exporter, NULL));
	exporter_threads_stop(&user);
}

static void end_on_app(void *arg)
{
	(void)arg;
	exporter_export_stop_all(&echo_exporter, exports_stopped);
}

static void *client_run(void *arg)
{
	char params[256];
	const char *text;
	int fds[STALLED + 1];
	unsigned i;

	(void)arg;
	for (i = 0; i < STALLED; i++) {
		fds[i] = say(1u << 20, false);
	}
	fds[STALLED] = say(1u << 20, true);
	close(say(4096, true));
	/* The other exporter does not know it, but its address. */
	ck_assert_str_eq(ask("nbd_get_exports", NULL), "[ ]");
	snprintf(params, sizeof(params), "{\"bdev_name\": \"m\", \"path\": \"%s\"}", path);
	text = ask("nbd_start_export", params);
	ck_assert_msg(strstr(text, "served by echo already") != NULL, "%s", text);
	snprintf(params, sizeof(params), "{\"bdev_name\": \"m\", \"path\": \"%s.nbd\"}", path);
	ck_assert_str_eq(ask("nbd_start_export", params), "\"m\"");
	/* It ends by itself, with its clients; the other goes on. */
	sem_init(&ended, 0, 0);
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), end_on_app, NULL), 0);
	while (sem_wait(&ended) != 0) {
	}
	for (i = 0; i <= STALLED; i++) {
		char byte;

		ck_assert_int_le(recv(fds[i], &byte, 1, 0), 0);
		close(fds[i]);
	}
	ck_assert_ptr_nonnull(strstr(ask("nbd_get_exports", NULL), "\"m\""));
	ebb_app_stop(0);
	return NULL;
}

static void threads_started(int rc)
{
	struct exporter_export_opts opts = {
		.bdev_name = "m",
		.name = "echo",
		.at = {.path = path, .gid = OS_UNIX_SOCKET_ANY_GROUP},
		.exporter = &echo_exporter,
		.method = "bdev_malloc_create",
	};
	struct exporter_export *export;

	ck_assert_int_eq(rc, 0);
	rc = exporter_export_start(&opts, &export, error);
	ck_assert_msg(rc == 0, "%s", error);
	ck_assert_int_eq(pthread_create(&client_thread, NULL, client_run, NULL), 0);
}

static void bdev_made(void *arg, struct json_object *result, const struct ebb_method_error *why)
{
	(void)arg;
	ck_assert_msg(why == NULL, "%s", why != NULL ? why->text : "");
	json_object_put(result);
	exporter_threads_start(&user);
}

static void service_started(void *arg)
{
	struct json_object *params =
		json_tokener_parse("{\"name\": \"m\", \"num_blocks\": 64, \"block_size\": 512}");

	(void)arg;
	ebb_method_dispatch(ebb_method_find("bdev_malloc_create"), params, bdev_made, NULL);
	json_object_put(params);
}

START_TEST(it_is_served_by_the_same)
{
	struct ebb_app_opts opts;

	snprintf(path, sizeof(path), "/tmp/ebb-test-echo-%d.sock", (int)getpid());
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test_second";
	opts.mode = EBB_REACTOR_INTERRUPT;
	opts.rpc_socket = NULL;
	opts.handle_signals = false;
	ck_assert_int_eq(ebb_app_start(&opts, service_started, NULL), 0);
	pthread_join(client_thread, NULL);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(it_is_served_by_the_same),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
