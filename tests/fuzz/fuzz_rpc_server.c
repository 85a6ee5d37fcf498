/* SPDX-License-Identifier: Apache-2.0 */
/* sources: rpc/acceptor.c rpc/calls.c rpc/connection.c rpc/control.c rpc/dispatch.c rpc/envelope.c */
/* sources: rpc/framing.c rpc/load.c rpc/mailbox.c rpc/outbox.c rpc/request.c rpc/shares.c rpc/text.c */
/* sources: core/method/build.c core/method/call.c core/method/compat.c core/method/compat_table.c */
/* sources: core/method/param.c core/method/param_encode.c core/method/registry.c */
/* sources: core/method/wanted.c core/os/fd_reserve.c core/os/remedy.c */
/* sources: core/os/shortage.c core/base/handle.c */
/* sources: core/base/json_scan.c core/base/json_build.c core/base/json_number.c */
/* sources: core/base/assert.c core/base/log.c core/base/log_flag.c core/base/clock.c */
/* sources: core/base/mpsc.c */
/* libs: json-c libevent_core */
/* part: 10 */
/*
 * The server with several clients, in one OS thread: the input says who connects, sends, reads,
 * half-closes or goes, and when the app thread, which is a list of messages here, has a turn. What
 * is counted must be what there is, at any time, and nothing must be left at the end.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/poller.h>

#include "core/event/app_only.h"
#include "core/event/doing.h"
#include "core/method/build.h"
#include "core/method/call.h"
#include "rpc/calls.h"
#include "rpc/control.h"
#include "rpc/dispatch.h"
#include "rpc/renewal.h"
#include "rpc/shares.h"

#define CLIENTS   4
#define HELD_MAX  64
#define STEPS_MAX 64

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the app thread: messages, run one at a time ---- */

static struct base_mpsc app_queue;
static struct ebb_msg *app_taken;

int ebb_thread_send(struct ebb_thread *thread, struct ebb_msg *msg)
{
	(void)thread;
	return base_mpsc_push(&app_queue, msg);
}

struct ebb_thread *ebb_thread_app(void)
{
	return (struct ebb_thread *)&app_queue;
}

struct ebb_thread *ebb_thread_current(void)
{
	return ebb_thread_app();
}

/* No method here asks to be called again. */
struct ebb_poller *ebb_poller_register_named(ebb_poller_fn fn, void *arg, uint64_t period_us,
					     const struct ebb_poller_wake *wake, const char *name)
{
	(void)fn;
	(void)arg;
	(void)period_us;
	(void)wake;
	(void)name;
	return NULL;
}

void ebb_poller_unregister(struct ebb_poller **poller)
{
	(void)poller;
}

bool event_app_only_if_any(const char *function, const char *object, const void *site)
{
	(void)function;
	(void)object;
	(void)site;
	return true;
}

void event_doing_begin(struct event_doing *doing, const char *kind, const char *name)
{
	(void)doing;
	(void)kind;
	(void)name;
}

void event_doing_end(struct event_doing *doing)
{
	(void)doing;
}

void os_unix_socket_stop(struct os_unix_socket *unix_socket)
{
	(void)unix_socket;
}

/* The socket has no file. */
int rpc_renewal_init(struct rpc_server *renewed)
{
	(void)renewed;
	return 0;
}

void rpc_renewal_stop(struct rpc_server *renewed)
{
	(void)renewed;
}

void rpc_renewal_fini(struct rpc_server *renewed)
{
	(void)renewed;
}

/* Return: false: there is no message. */
static bool app_run_one(void)
{
	struct ebb_msg *msg;

	if (app_taken == NULL) {
		app_taken = base_mpsc_take(&app_queue);
	}
	msg = app_taken;
	if (msg == NULL) {
		return false;
	}
	app_taken = msg->next;
	msg->fn(msg->arg);
	return true;
}

/* ---- methods ---- */

struct any_params {
	struct json_object *any;
};

static const struct ebb_param any_table[] = {
	EBB_PARAM(struct any_params, any, EBB_PARAM_ANY, .optional = true),
};

static struct ebb_call *held[HELD_MAX];
static unsigned num_held;

static void echo(struct ebb_call *call, void *arg)
{
	const struct any_params *params = arg;

	ebb_call_result(call, json_object_new_string(json_object_to_json_string(params->any)));
}

/* Nobody waits for one that is held: it ends. */
static void held_left(void *arg)
{
	struct ebb_call *call = arg;

	for (unsigned i = 0; i < num_held; i++) {
		if (held[i] == call) {
			held[i] = held[--num_held];
			ebb_call_error(call, -ECANCELED, "left");
			return;
		}
	}
	ebb_assert(false); /* it has ended, and was told so all the same */
}

static void hold(struct ebb_call *call, void *arg)
{
	(void)arg;
	if (num_held < HELD_MAX) {
		held[num_held++] = call;
		method_call_on_leave(call, held_left, call);
	} else {
		ebb_call_error(call, -EBUSY, "held");
	}
}

static void release(unsigned count)
{
	while (count > 0 && num_held > 0) {
		ebb_call_result(held[--num_held], NULL);
		count--;
	}
}

/* An answer in parts, of 180 KB. */
struct long_answer {
	struct method_build build;
	struct ebb_call *call;
	struct json_object *array;
};

static enum method_build_step long_step(struct method_build *build)
{
	struct long_answer *answer = ebb_container_of(build, struct long_answer, build);
	static const char text[3000]; /* of NUL characters: six bytes each in an answer */

	if (json_object_array_length(answer->array) == 10) {
		return METHOD_BUILD_DONE;
	}
	json_object_array_add(answer->array, json_object_new_string_len(text, sizeof(text)));
	return METHOD_BUILD_MORE;
}

static void long_done(struct method_build *build)
{
	struct long_answer *answer = ebb_container_of(build, struct long_answer, build);

	ebb_call_result(answer->call, answer->array);
	free(answer);
}

static void answer_long(struct ebb_call *call, void *arg)
{
	struct long_answer *answer = calloc(1, sizeof(*answer));

	(void)arg;
	answer->call = call;
	answer->build.step = long_step;
	answer->build.done = long_done;
	answer->array = json_object_new_array();
	method_build_start(&answer->build);
}

static struct json_object *state(void)
{
	return json_object_new_int(7);
}

#define BOTH (EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME)

static struct ebb_method methods[] = {
	{.name = "echo",
	 .states = BOTH,
	 .params = any_table,
	 .num_params = 1,
	 .params_size = sizeof(struct any_params),
	 .fn = echo},
	{.name = "hold", .states = BOTH, .while_paused = true, .fn = hold},
	{.name = "long", .states = BOTH, .fn = answer_long},
	{.name = "state", .states = BOTH, .snapshot = state},
};

/* The bodies that the input names by one byte: most bytes are no JSON. */
static const char *const requests[] = {
	"{\"id\":1,\"method\":\"echo\",\"params\":{\"any\":[1,2,{\"a\":\"b\"}]}}",
	"{\"id\":\"x\",\"method\":\"hold\"}",
	"{\"method\":\"echo\"}",
	"{\"id\":3,\"method\":\"long\"}{\"id\":4,\"method\":\"long\"}",
	"{\"id\":5,\"method\":\"state\"}",
	"[{\"id\":6,\"method\":\"hold\"},{\"id\":7,\"method\":\"long\"},{\"method\":\"hold\"}]",
	"[{\"id\":8,\"method\":\"state\"},7,{\"id\":9,\"method\":\"none\"}]",
	"[]",
	"{\"id\":null,\"method\":\"echo\",\"params\":{\"any\":1,\"any\":2}}",
	"{\"id\":1,\"method\":\"ec",
	"\\u0000]",
};

/* ---- the server ---- */

static struct rpc_server server;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_len = sizeof(sa_family_t);
static int listen_fd;
static int clients[CLIENTS];

/* Nobody is left with something to do that nothing will wake him for. */
static void check_moves(const struct rpc_connection *connection)
{
	ebb_assert(ebb_list_empty(&connection->ready) || !rpc_shares_may_call(connection));
	ebb_assert(connection->in_len == 0 || !rpc_shares_may_ask(connection));
	ebb_assert(connection->ended || connection->in_len > 0 || connection->reading ||
		   !rpc_shares_may_ask(connection));
	ebb_assert(connection->writing || rpc_text_bytes(&connection->out) == 0);
}

static void check_counts(void)
{
	size_t answer_bytes = 0;
	size_t memory = 0;
	unsigned connections = 0;
	struct ebb_list *node;

	ebb_list_for_each(node, &server.connections) {
		struct rpc_connection *connection =
			ebb_list_entry(node, struct rpc_connection, link);
		struct ebb_list *link;
		unsigned num = 0;
		size_t bytes = 0;

		ebb_list_for_each(link, &connection->requests) {
			struct rpc_request *request =
				ebb_list_entry(link, struct rpc_request, link);

			ebb_assert(request->connection == connection);
			answer_bytes += rpc_text_bytes(&request->answer);
			memory += request->memory;
			bytes += request->bytes;
			num++;
		}
		check_moves(connection);
		ebb_assert(num == connection->num_requests && bytes == connection->request_bytes);
		ebb_assert(rpc_text_bytes(&connection->out) <= RPC_CLIENT_OUT_MAX);
		answer_bytes += rpc_text_bytes(&connection->out);
		connections++;
	}
	ebb_assert(connections == server.num_connections);
	/* Those whose clients have gone have no list of theirs. */
	ebb_assert(answer_bytes <= server.answer_bytes && memory <= server.request_memory);
	ebb_assert(atomic_load(&server.num_results) <= RPC_RESULTS_MAX + 1);
}

static void control_turn(void)
{
	event_base_loop(server.base, EVLOOP_NONBLOCK);
	event_base_loop(server.base, EVLOOP_NONBLOCK); /* what that has made active */
	check_counts();
}

/* Until nothing moves by itself. */
static void settle(void)
{
	bool moved = true;

	while (moved) {
		control_turn();
		moved = app_run_one();
	}
	control_turn();
}

static void client_close(unsigned index)
{
	if (clients[index] >= 0) {
		close(clients[index]);
		clients[index] = -1;
	}
}

static void client_connect(unsigned index)
{
	if (clients[index] >= 0) {
		return;
	}
	clients[index] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connect(clients[index], (struct sockaddr *)&address, address_len) != 0) {
		client_close(index);
	}
}

static void client_send(unsigned index, const void *data, size_t len)
{
	(void)!send(clients[index], data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void client_read(unsigned index, size_t max)
{
	static char buffer[65536];

	while (max > 0 && recv(clients[index], buffer, sizeof(buffer), MSG_DONTWAIT) > 0) {
		max--;
	}
}

/* One step of the input. Return: how many bytes of it are used. */
static size_t step(const uint8_t *data, size_t size)
{
	unsigned index = data[0] % CLIENTS;
	size_t len = size > 1 ? data[1] : 0;

	len = len < size - 2 ? len : size - 2;
	client_connect(index);
	switch (data[0] / CLIENTS % 8) {
	case 0:
		client_send(index, data + 2, len);
		return 2 + len;
	case 1:
	case 2: {
		const char *text = requests[data[1] % EBB_ARRAY_SIZE(requests)];

		for (unsigned i = 0; i <= data[1] / EBB_ARRAY_SIZE(requests) % 8; i++) {
			client_send(index, text, strlen(text));
		}
		return 2;
	}
	case 3:
		client_read(index, data[1]);
		return 2;
	case 4:
		shutdown(clients[index], data[1] % 2 == 0 ? SHUT_WR : SHUT_RD);
		return 2;
	case 5:
		client_close(index);
		return 1;
	case 6:
		release(1 + data[1] % 4);
		return 2;
	default:
		control_turn();
		for (unsigned i = data[1] % 8; i > 0; i--) {
			app_run_one();
		}
		return 2;
	}
}

/* As at the end of the service: everybody who waits is answered, or has gone. */
static void stop(void)
{
	server.refusing = true;
	rpc_dispatch_refuse(&server);
	rpc_control_stop(&server);
	for (int i = 0; i < 3 && !ebb_list_empty(&server.connections); i++) {
		event_active(server.deadline_event, EV_TIMEOUT, 0);
		event_base_loop(server.base, EVLOOP_NONBLOCK);
	}
	while (!ebb_list_empty(&server.connections)) {
		rpc_connection_destroy(
			ebb_list_first(&server.connections, struct rpc_connection, link));
	}
}

static void begin(void)
{
	memset(&server, 0, sizeof(server));
	ebb_msg_init(&server.go_msg, rpc_dispatch_go, &server);
	ebb_msg_init(&server.left_msg, rpc_dispatch_left, &server);
	ebb_list_init(&server.ready);
	ebb_list_init(&server.waiting);
	ebb_list_init(&server.running);
	server.to_control.fd = -1;
	server.app_thread = ebb_thread_app();
	server.socket.fd = listen_fd;
	server.socket.path = (char *)"fuzz";
	ebb_assert(rpc_control_init(&server) == 0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i] = -1;
	}
}

static void end(bool stopped)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		client_close(i);
	}
	do {
		release(num_held);
		settle();
	} while (num_held > 0);
	if (!stopped) {
		ebb_assert(ebb_list_empty(&server.connections));
		stop();
	}
	ebb_assert(server.num_requests == 0 && server.answer_bytes == 0);
	ebb_assert(server.request_memory == 0 && method_build_count() == 0);
	ebb_assert(atomic_load(&server.num_results) == 0 && !server.held && !server.turn_sent);
	ebb_assert(ebb_list_empty(&server.ready) && ebb_list_empty(&server.running));
	rpc_control_fini(&server);
}

static void drop_line(enum ebb_log_level level, const char *component, const char *text)
{
	(void)level;
	(void)component;
	(void)text;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < EBB_ARRAY_SIZE(methods); i++) {
		ebb_method_add(&methods[i]);
	}
	ebb_log_set_sink(drop_line);
	/* The kernel gives a name that no file system has. */
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ebb_assert(bind(listen_fd, (struct sockaddr *)&address, address_len) == 0);
	ebb_assert(listen(listen_fd, CLIENTS) == 0);
	ebb_assert(getsockname(listen_fd, (struct sockaddr *)&name, &len) == 0);
	address = name;
	address_len = len;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool stops;

	if (size < 2) {
		return 0;
	}
	stops = data[0] % 2 == 0;
	server.paused = false;
	begin();
	server.paused = data[0] % 4 == 1;
	data++;
	size--;
	for (unsigned steps = 0; steps < STEPS_MAX && size > 1; steps++) {
		size_t used = step(data, size);

		control_turn();
		data += used;
		size -= used < size ? used : size;
	}
	if (server.paused) {
		server.paused = false;
		rpc_dispatch_waiting(&server);
	}
	if (stops) {
		stop();
	}
	end(stops);
	return 0;
}
