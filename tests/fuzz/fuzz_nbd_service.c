/* SPDX-License-Identifier: Apache-2.0 */
/* sources: core/app/ core/base/ core/bdev/ core/event/ core/event/ring/ core/exporter/ core/memory/ */
/* sources: core/method/ core/os/ drivers/bdev/ drivers/nbd/ */
/* libs: json-c liburing */
/* part: 10 */
/*
 * A whole conversation with the NBD server: the service runs beside in this process, with a bdev of
 * memory that is exported, and the input is what a client sends: raw bytes, options, requests. All
 * that comes back must be what a server may say, and the connection must end when the client has
 * ended its side.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/method.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DISK_BLOCKS     2048u
#define BLOCK_BYTES     512u
#define HANG_MS         20000
#define REQUESTS_MAX    64u
#define OPTION_MAGIC    UINT64_C(0x49484156454f5054)
#define REPLY_MAGIC     UINT64_C(0x0003e889045565a9)
#define SERVER_MAGIC    UINT64_C(0x4e42444d41474943)
#define REQUEST_MAGIC   0x25609513u
#define SIMPLE_MAGIC    0x67446698u
#define CHUNK_MAGIC     0x668e33efu
#define OPT_EXPORT_NAME 1u
#define OPT_GO          7u
#define OPT_STRUCTURED  8u
#define REP_ACK         1u
#define CMD_READ        0u
#define CMD_WRITE       1u

static sem_t service_up;
static pthread_t service;
static struct sockaddr_un address = {.sun_family = AF_UNIX};

/* ---- the service ---- */

static void drop_line(enum ebb_log_level level, const char *component, const char *text)
{
	(void)level;
	(void)component;
	(void)text;
}

static void export_started(void *arg, struct json_object *result,
			   const struct ebb_method_error *error)
{
	(void)arg;
	if (error != NULL) {
		fprintf(stderr, "nbd_start_export: %s\n", error->text);
		abort();
	}
	json_object_put(result);
	sem_post(&service_up);
}

static void call(const char *method, const char *params, ebb_method_done done)
{
	struct json_object *json = json_tokener_parse(params);

	ebb_method_dispatch(ebb_method_find(method), json, done, NULL);
	json_object_put(json);
}

static void disk_made(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	char params[256];

	(void)arg;
	ebb_assert(error == NULL);
	json_object_put(result);
	snprintf(params, sizeof(params),
		 "{\"bdev_name\":\"disk\",\"export_name\":\"disk\",\"path\":\"%s\"}",
		 address.sun_path);
	call("nbd_start_export", params, export_started);
}

static void started(void *arg)
{
	(void)arg;
	call("bdev_malloc_create", "{\"name\":\"disk\",\"num_blocks\":2048,\"block_size\":512}",
	     disk_made);
}

static void *service_main(void *arg)
{
	struct ebb_app_opts opts;

	(void)arg;
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "fuzz";
	opts.mode = EBB_REACTOR_INTERRUPT;
	opts.handle_signals = false;
	ebb_assert(ebb_app_start(&opts, started, NULL) == 0);
	return NULL;
}

static void service_end(void)
{
	ebb_app_stop(0);
	pthread_join(service, NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/ebb-fuzz-nbd-%d.sock",
		 (int)getpid());
	ebb_log_set_sink(drop_line);
	sem_init(&service_up, 0, 0);
	ebb_assert(pthread_create(&service, NULL, service_main, NULL) == 0);
	sem_wait(&service_up);
	atexit(service_end);
	return 0;
}

/* ---- the client: what it has asked ---- */

struct asked {
	uint64_t cookie;
	uint32_t len;
	bool is_read;
	bool under_way;
};

struct client {
	int fd;
	bool structured;
	bool transmission;
	bool full; /* or the server has hung up: nothing more is sent */
	bool raw;  /* bytes of any kind were sent: answers are not understood any more */
	struct asked asked[REQUESTS_MAX];
	unsigned num_asked;
	uint64_t num_come;
};

/* It reads when it has said all: a server that waits for that takes no more at some time. */
static void client_send(struct client *client, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0 && !client->full) {
		ssize_t sent = send(client->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent <= 0) {
			client->full = true;
			return;
		}
		at += sent;
		len -= (size_t)sent;
	}
}

/* The fuzzer's own alarm interrupts it. */
static void client_wait(const struct client *client)
{
	struct pollfd readable = {.fd = client->fd, .events = POLLIN};
	int rc;

	do {
		rc = poll(&readable, 1, HANG_MS);
	} while (rc < 0 && errno == EINTR);
	ebb_assert(rc > 0); /* it neither answers nor ends */
}

/* Return: false: the connection has ended. */
static bool client_receive(struct client *client, void *data, size_t len)
{
	char *at = data;

	while (len > 0) {
		ssize_t come;

		client_wait(client);
		come = recv(client->fd, at, len, 0);
		if (come <= 0) {
			return false;
		}
		at += come;
		len -= (size_t)come;
		client->num_come += (uint64_t)come;
	}
	return true;
}

static bool client_skip(struct client *client, size_t len)
{
	char scratch[4096];

	while (len > 0) {
		size_t piece = len < sizeof(scratch) ? len : sizeof(scratch);

		if (!client_receive(client, scratch, piece)) {
			return false;
		}
		len -= piece;
	}
	return true;
}

static uint32_t get32(const void *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return be32toh(value);
}

static uint64_t get64(const void *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return be64toh(value);
}

static void put16(uint8_t *to, uint16_t value)
{
	value = htobe16(value);
	memcpy(to, &value, sizeof(value));
}

static void put32(uint8_t *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, sizeof(value));
}

static void put64(uint8_t *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, sizeof(value));
}

/* ---- haggling ---- */

static bool client_greet(struct client *client)
{
	uint8_t greeting[18];
	uint8_t flags[4] = {0, 0, 0, 3};

	ebb_assert(client_receive(client, greeting, sizeof(greeting)));
	ebb_assert(get64(greeting) == SERVER_MAGIC && get64(greeting + 8) == OPTION_MAGIC);
	client_send(client, flags, sizeof(flags));
	return true;
}

static void client_say_option(struct client *client, uint32_t option, const void *data,
			      uint32_t len)
{
	uint8_t header[16];

	put64(header, OPTION_MAGIC);
	put32(header + 8, option);
	put32(header + 12, len);
	client_send(client, header, sizeof(header));
	client_send(client, data, len);
}

/* Reads replies to @option until the last. Return: its type; 0: the connection has ended. */
static uint32_t client_option_replies(struct client *client, uint32_t option)
{
	uint8_t header[20];
	uint32_t type;

	do {
		if (!client_receive(client, header, sizeof(header))) {
			return 0;
		}
		type = get32(header + 12);
		ebb_assert(get64(header) == REPLY_MAGIC && get32(header + 8) == option);
		ebb_assert(get32(header + 16) <= 65536);
		if (!client_skip(client, get32(header + 16))) {
			return 0;
		}
	} while (type != REP_ACK && (type & 0x80000000u) == 0);
	return type;
}

/* Return: false: the connection has ended. */
static bool client_option(struct client *client, uint32_t option, const void *data, uint32_t len)
{
	uint32_t type;

	client_say_option(client, option, data, len);
	if (option == OPT_EXPORT_NAME) {
		client->transmission = client_skip(client, 10); /* else it hangs up */
		return client->transmission;
	}
	type = client_option_replies(client, option);
	client->structured = client->structured || (option == OPT_STRUCTURED && type == REP_ACK);
	client->transmission = option == OPT_GO && type == REP_ACK;
	return type != 0;
}

static bool client_go(struct client *client)
{
	static const uint8_t go[] = {0, 0, 0, 4, 'd', 'i', 's', 'k', 0, 0};

	return client_option(client, OPT_GO, go, sizeof(go));
}

/* ---- transmission ---- */

static struct asked *client_find(struct client *client, uint64_t cookie)
{
	for (unsigned i = 0; i < client->num_asked; i++) {
		if (client->asked[i].under_way && client->asked[i].cookie == cookie) {
			return &client->asked[i];
		}
	}
	ebb_assert(!"an answer to nothing");
	return NULL;
}

static bool client_simple_reply(struct client *client)
{
	uint8_t rest[12];
	struct asked *asked;

	if (!client_receive(client, rest, sizeof(rest))) {
		return false;
	}
	asked = client_find(client, get64(rest + 4));
	asked->under_way = false;
	ebb_assert(!client->structured || !asked->is_read);
	return get32(rest) != 0 || !asked->is_read || client_skip(client, asked->len);
}

static bool client_chunk(struct client *client)
{
	uint8_t rest[16];
	struct asked *asked;
	uint32_t len;

	if (!client_receive(client, rest, sizeof(rest))) {
		return false;
	}
	ebb_assert(client->structured);
	asked = client_find(client, get64(rest + 4));
	len = get32(rest + 12);
	ebb_assert(len <= asked->len + 65536u);
	if ((rest[1] & 1) != 0) {
		asked->under_way = false;
	}
	return client_skip(client, len);
}

/* Reads on until the connection ends. */
static void client_read_replies(struct client *client)
{
	uint8_t magic[4];

	while (!client->raw && client_receive(client, magic, sizeof(magic))) {
		bool goes_on = get32(magic) == SIMPLE_MAGIC ? client_simple_reply(client)
							    : client_chunk(client);

		ebb_assert(get32(magic) == SIMPLE_MAGIC || get32(magic) == CHUNK_MAGIC);
		if (!goes_on) {
			return;
		}
	}
	while (client_skip(client, 1)) {
	}
}

/* Most offsets are blocks of the disk's; of a write some data may be missing. */
static void client_request(struct client *client, const uint8_t *data)
{
	static const uint8_t payload[64 * BLOCK_BYTES];
	uint8_t header[28];
	uint16_t type = data[0] % 10;
	uint64_t offset = (uint64_t)(data[2] | (uint64_t)data[3] << 8) * BLOCK_BYTES;
	uint32_t len = (uint32_t)(data[4] % 65) * BLOCK_BYTES;
	struct asked *asked = &client->asked[client->num_asked];

	if (client->num_asked == REQUESTS_MAX) {
		return;
	}
	offset += data[5] < 8 ? data[5] : 0;
	len += data[5] >= 8 && data[5] < 16 ? data[5] - 8u : 0;
	len = data[5] == 16 ? UINT32_MAX : data[5] == 17 ? 64u << 20 : len;
	len = type == CMD_WRITE && len > sizeof(payload) ? sizeof(payload) : len;
	*asked = (struct asked){
		.cookie = client->num_asked,
		.len = len,
		.is_read = type == CMD_READ,
		.under_way = true,
	};
	client->num_asked++;
	put32(header, REQUEST_MAGIC);
	put16(header + 4, data[1] & 0x1f);
	put16(header + 6, type);
	put64(header + 8, asked->cookie);
	put64(header + 16, offset);
	put32(header + 24, len);
	client_send(client, header, sizeof(header));
	if (type == CMD_WRITE) {
		client_send(client, payload, len);
	}
}

static const uint8_t *haggle(struct client *client, const uint8_t *data, const uint8_t *end)
{
	while (end - data >= 2 && !client->transmission) {
		uint32_t option = data[0] % 16;
		uint32_t len = data[1];

		data += 2;
		len = len < (size_t)(end - data) ? len : (uint32_t)(end - data);
		if (option == 15 ? !client_go(client) : !client_option(client, option, data, len)) {
			return NULL;
		}
		data += len;
	}
	return data;
}

static void converse(struct client *client, const uint8_t *data, const uint8_t *end)
{
	bool raw_begin = data[0] % 4 == 0;
	bool raw_end = data[0] % 4 == 1;
	bool goes_at_once = data[0] % 8 >= 6;

	data++;
	client_greet(client);
	if (raw_begin) {
		client->raw = true;
		client_send(client, data, (size_t)(end - data));
		return;
	}
	if (goes_at_once && !client_go(client)) {
		return;
	}
	data = haggle(client, data, end);
	for (; data != NULL && end - data >= 6 && client->transmission; data += 6) {
		client_request(client, data);
	}
	if (data != NULL && raw_end) {
		client->raw = true;
		client_send(client, data, (size_t)(end - data));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client client = {.structured = false};

	if (size < 2) {
		return 0;
	}
	client.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	while (connect(client.fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		ebb_assert(errno == EAGAIN || errno == EINTR);
	}
	converse(&client, data, data + size);
	shutdown(client.fd, SHUT_WR);
	client_read_replies(&client);
	close(client.fd);
	return 0;
}
