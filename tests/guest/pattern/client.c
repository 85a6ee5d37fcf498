/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NBD protocol as far as it is needed: fixed newstyle, GO, simple replies; see
 * https://github.com/NetworkBlockDevice/nbd, doc/proto.md.
 *
 * A socket that does not block, read and written in turn: the server may wait for us to take what
 * it has to send before it takes more from us. Requests in flight never overlap where one of them
 * is a write, so that it is known what each must find.
 */
#include "tests/guest/pattern/client.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAGIC_OPTION       0x49484156454f5054u
#define MAGIC_OPTION_REPLY 0x0003e889045565a9u
#define MAGIC_REQUEST      0x25609513u
#define MAGIC_REPLY        0x67446698u
#define OPTION_GO          7u
#define REPLY_ACK          1u
#define REPLY_ERROR        0x80000000u
#define FLAG_FUA           1u

#define VERIFY_BYTES (128u << 10)
#define VERIFY_DEPTH 4u
#define TRIES        64u
#define MARK_WRITE   255u
#define WRONG_MAX    16u

enum command { COMMAND_READ, COMMAND_WRITE, COMMAND_LEAVE, COMMAND_FLUSH };

struct __attribute__((packed)) wire_request {
	uint32_t magic;
	uint16_t flags, command;
	uint64_t cookie, offset;
	uint32_t length;
};

struct __attribute__((packed)) wire_reply {
	uint32_t magic, error;
	uint64_t cookie;
};

struct slot {
	struct wire_request wire;
	enum command command;
	uint64_t cookie; /* 0: free */
	uint64_t first;  /* unit */
	uint32_t count;
	uint32_t generation;
	uint64_t since_ns;
	char *data;
};

struct client {
	const struct load *load;
	struct ledger *ledger;
	struct client_result *result;
	int fd;
	uint64_t random;
	uint64_t first, units; /* its slice */
	uint8_t *marks;        /* of each unit: readers in flight, or MARK_WRITE */
	uint64_t begun, cookies;
	bool verifying;
	uint64_t cursor;
	uint32_t in_flight;
	struct slot slots[CLIENT_DEPTH_MAX];
	struct slot *sending, *receiving;
	size_t sent, received;
	struct wire_reply reply;
};

volatile sig_atomic_t client_stop;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Marsaglia's xorshift64*. */
static uint64_t client_random(struct client *client)
{
	client->random ^= client->random >> 12;
	client->random ^= client->random << 25;
	client->random ^= client->random >> 27;
	return client->random * 0x2545f4914f6cdd1du;
}

static uint64_t client_below(struct client *client, uint64_t limit)
{
	return (client_random(client) >> 16) % limit;
}

static bool io_all(int fd, void *data, size_t len_bytes, bool out)
{
	size_t done = 0;

	while (done < len_bytes) {
		ssize_t rc = out ? send(fd, (char *)data + done, len_bytes - done, MSG_NOSIGNAL)
				 : recv(fd, (char *)data + done, len_bytes - done, 0);
		if (rc <= 0) {
			return false;
		}
		done += (size_t)rc;
	}
	return true;
}

static const char *client_connect(struct client *client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", client->load->socket);
	if (client->fd < 0 ||
	    connect(client->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		return "cannot connect";
	}
	return NULL;
}

/* Greeting, GO, and its answers up to the acknowledgement. */
static const char *client_haggle(struct client *client)
{
	uint32_t name_len = (uint32_t)strlen(client->load->export);
	struct __attribute__((packed)) {
		uint32_t flags;
		uint64_t magic;
		uint32_t option, length, name_len;
	} go = {
		.flags = htobe32(1),
		.magic = htobe64(MAGIC_OPTION),
		.option = htobe32(OPTION_GO),
		.length = htobe32(name_len + 6),
		.name_len = htobe32(name_len),
	};
	struct __attribute__((packed)) {
		uint64_t magic;
		uint32_t option, reply, length;
	} answer;
	char rest[1024], greeting[18];
	uint16_t infos = 0;

	if (!io_all(client->fd, greeting, sizeof(greeting), false) ||
	    !io_all(client->fd, &go, sizeof(go), true) ||
	    !io_all(client->fd, (void *)(uintptr_t)client->load->export, name_len, true) ||
	    !io_all(client->fd, &infos, sizeof(infos), true)) {
		return "the server left while being greeted";
	}
	do {
		if (!io_all(client->fd, &answer, sizeof(answer), false) ||
		    be64toh(answer.magic) != MAGIC_OPTION_REPLY ||
		    be32toh(answer.length) > sizeof(rest) ||
		    !io_all(client->fd, rest, be32toh(answer.length), false)) {
			return "the server answers GO with something else";
		}
		if ((be32toh(answer.reply) & REPLY_ERROR) != 0) {
			return "the export is refused";
		}
	} while (be32toh(answer.reply) != REPLY_ACK);
	return NULL;
}

static bool range_free(const struct client *client, uint64_t first, uint32_t count, bool write)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t mark = client->marks[first - client->first + i];

		if (write ? mark != 0 : mark >= MARK_WRITE - 1) {
			return false;
		}
	}
	return true;
}

static void range_mark(struct client *client, const struct slot *slot, bool begin)
{
	uint8_t *marks = &client->marks[slot->first - client->first];

	for (uint32_t i = 0; i < slot->count; i++) {
		if (slot->command == COMMAND_WRITE) {
			marks[i] = begin ? MARK_WRITE : 0;
		} else {
			marks[i] = (uint8_t)(begin ? marks[i] + 1 : marks[i] - 1);
		}
	}
}

/* As many short requests as long ones, in powers of two, and any number of units between them. */
static uint32_t client_pick_count(struct client *client)
{
	const struct load *load = client->load;
	uint32_t bytes = load->min_bytes;
	uint32_t unit_bytes = client->ledger->head->unit_bytes;
	uint32_t doublings = 0;

	while (load->min_bytes << doublings < load->max_bytes) {
		doublings++;
	}
	bytes <<= client_below(client, doublings + 1u);
	if (client_below(client, 2) == 0) {
		bytes += (uint32_t)client_below(client, bytes / unit_bytes) * unit_bytes;
	}
	bytes = bytes > load->max_bytes ? load->max_bytes : bytes;
	bytes /= unit_bytes;
	return bytes > client->units ? (uint32_t)client->units : bytes;
}

/* What the next request is; false: nothing now. */
static bool client_pick(struct client *client, struct slot *slot)
{
	if (client->verifying) {
		uint64_t left = client->first + client->units - client->cursor;
		uint32_t count = VERIFY_BYTES / client->ledger->head->unit_bytes;

		if (left == 0 || client->in_flight >= VERIFY_DEPTH) {
			return false;
		}
		slot->command = COMMAND_READ;
		slot->first = client->cursor;
		slot->count = count > left ? (uint32_t)left : count;
		client->cursor += slot->count;
		return true;
	}
	slot->count = 0;
	slot->first = client->first;
	slot->command = COMMAND_FLUSH;
	if (client_below(client, 64) == 0) {
		return true;
	}
	for (unsigned i = 0; i < TRIES; i++) {
		bool write = client_below(client, 100) < client->load->write_percent;
		uint32_t count = client_pick_count(client);
		uint64_t first = client->first + client_below(client, client->units - count + 1);

		if (range_free(client, first, count, write)) {
			slot->command = write ? COMMAND_WRITE : COMMAND_READ;
			slot->first = first;
			slot->count = count;
			return true;
		}
	}
	return false;
}

static bool client_ended(const struct client *client)
{
	const struct load *load = client->load;

	if (client->verifying) {
		return client->cursor == client->first + client->units;
	}
	return client_stop != 0 || (load->ios != 0 && client->begun >= load->ios);
}

static void client_begin(struct client *client)
{
	struct ledger *ledger = client->ledger;
	uint32_t unit_bytes = ledger->head->unit_bytes;
	struct slot *slot = client->slots;
	bool fua;

	while (slot->cookie != 0) {
		slot++;
	}
	if (!client_pick(client, slot)) {
		return;
	}
	range_mark(client, slot, true);
	if (slot->command == COMMAND_WRITE) {
		slot->generation = ledger_write_begin(ledger, slot->first, slot->count, slot->data);
	}
	fua = slot->command == COMMAND_WRITE && client_below(client, 16) == 0;
	slot->cookie = ++client->cookies << 8 | (uint64_t)(slot - client->slots);
	slot->since_ns = now_ns();
	slot->wire = (struct wire_request){
		.magic = htobe32(MAGIC_REQUEST),
		.flags = htobe16(fua ? FLAG_FUA : 0),
		.command = htobe16((uint16_t)slot->command),
		.cookie = htobe64(slot->cookie),
		.offset = slot->count == 0
				  ? 0
				  : htobe64(ledger->head->offset_bytes + slot->first * unit_bytes),
		.length = htobe32(slot->count * unit_bytes),
	};
	client->begun++;
	client->in_flight++;
	client->sending = slot;
	client->sent = 0;
}

static size_t slot_bytes(const struct client *client, const struct slot *slot)
{
	return (size_t)slot->count * client->ledger->head->unit_bytes;
}

/* Sends what it can; false when the connection is of no more use. */
static bool client_send(struct client *client)
{
	struct slot *slot = client->sending;
	size_t head = sizeof(slot->wire);
	size_t total = head;

	total += slot->command == COMMAND_WRITE ? slot_bytes(client, slot) : 0;
	while (client->sent < total) {
		bool in_head = client->sent < head;
		const char *from = in_head ? (const char *)&slot->wire + client->sent
					   : slot->data + (client->sent - head);
		ssize_t rc = send(client->fd, from, (in_head ? head : total) - client->sent,
				  MSG_NOSIGNAL | MSG_DONTWAIT);

		if (rc < 0) {
			return errno == EAGAIN;
		}
		client->sent += (size_t)rc;
	}
	client->sending = NULL;
	return true;
}

static void slot_fails(struct client *client, struct slot *slot, uint32_t error)
{
	struct client_result *result = client->result;

	atomic_fetch_add(&client->ledger->head->errors, 1);
	result->errors++;
	result->error = error;
	result->others += error != EIO;
	if (!client->load->errors) {
		fprintf(stderr, "pattern: a request of type %u at unit %llu, %u units: %s\n",
			slot->command, (unsigned long long)slot->first, slot->count,
			strerror((int)error));
		result->fault = "a request has failed";
	}
}

static void slot_ends(struct client *client, struct slot *slot, uint32_t error)
{
	struct client_result *result = client->result;
	uint64_t took_ns = now_ns() - slot->since_ns;

	result->slowest_ns = took_ns > result->slowest_ns ? took_ns : result->slowest_ns;
	if (error != 0) {
		slot_fails(client, slot, error);
	} else {
		result->ios++;
		result->bytes += slot_bytes(client, slot);
		atomic_fetch_add(&client->ledger->head->ios, 1);
		if (slot->command == COMMAND_WRITE) {
			ledger_write_done(client->ledger, slot->first, slot->count,
					  slot->generation);
		} else if (slot->command == COMMAND_READ) {
			result->wrong +=
				ledger_check(client->ledger, slot->first, slot->count, slot->data);
		}
		if (result->wrong > WRONG_MAX) {
			result->fault = "too much of the data is wrong";
		}
	}
	range_mark(client, slot, false);
	slot->cookie = 0;
	client->in_flight--;
	client->receiving = NULL;
	client->received = 0;
}

/* A whole reply's head has come. */
static const char *client_replied(struct client *client)
{
	uint64_t cookie = be64toh(client->reply.cookie);
	struct slot *slot = &client->slots[cookie & 0xff];

	if (be32toh(client->reply.magic) != MAGIC_REPLY) {
		return "a reply with a wrong magic number";
	}
	if (cookie == 0 || slot->cookie != cookie || slot == client->sending) {
		return "a reply to something that was not asked, or not yet, or twice";
	}
	if (client->reply.error != 0 || slot->command != COMMAND_READ) {
		slot_ends(client, slot, be32toh(client->reply.error));
	} else {
		client->receiving = slot;
		client->received = 0;
	}
	return NULL;
}

/* Takes what has come; why nothing more can be expected, or NULL. */
static const char *client_receive(struct client *client)
{
	while (client->result->fault == NULL) {
		struct slot *slot = client->receiving;
		char *to = slot == NULL ? (char *)&client->reply : slot->data;
		size_t total = slot == NULL ? sizeof(client->reply) : slot_bytes(client, slot);
		ssize_t rc = recv(client->fd, to + client->received, total - client->received,
				  MSG_DONTWAIT);
		const char *fault;

		if (rc < 0 && errno == EAGAIN) {
			return NULL;
		}
		if (rc <= 0) {
			return "the server closed the connection";
		}
		client->received += (size_t)rc;
		if (client->received < total) {
			continue;
		}
		if (slot != NULL) {
			slot_ends(client, slot, 0);
			continue;
		}
		client->received = 0;
		fault = client_replied(client);
		if (fault != NULL) {
			return fault;
		}
	}
	return client->result->fault;
}

static const char *client_turn(struct client *client)
{
	struct pollfd wait = {.fd = client->fd, .events = POLLIN};
	const char *fault;

	while (client->sending == NULL && client->in_flight < client->load->depth &&
	       !client_ended(client)) {
		client_begin(client);
		if (client->sending == NULL) {
			break;
		}
		if (!client_send(client)) {
			return "the server closed the connection";
		}
	}
	fault = client_receive(client);
	if (fault != NULL || client->in_flight == 0) {
		return fault;
	}
	wait.events |= client->sending != NULL ? POLLOUT : 0;
	if (poll(&wait, 1, (int)client->load->stall_s * 1000) == 0) {
		return "no request was answered for too long";
	}
	if (client->sending != NULL && !client_send(client)) {
		return "the server closed the connection";
	}
	return NULL;
}

static const char *client_work(struct client *client)
{
	const char *fault = client_connect(client);

	if (fault == NULL) {
		fault = client_haggle(client);
	}
	while (fault == NULL && (client->in_flight > 0 || !client_ended(client))) {
		fault = client_turn(client);
	}
	if (fault == NULL && client->load->verify) {
		client->verifying = true;
		while (fault == NULL && (client->in_flight > 0 || !client_ended(client))) {
			fault = client_turn(client);
		}
	}
	return fault;
}

void client_run(const struct load *load, uint32_t number, struct client_result *ret_result)
{
	struct client *client = calloc(1, sizeof(*client));
	uint64_t share = load->ledger->head->units / load->clients;
	size_t data_bytes = load->max_bytes > VERIFY_BYTES ? load->max_bytes : VERIFY_BYTES;
	const char *fault;

	client->load = load;
	client->ledger = load->ledger;
	client->result = ret_result;
	client->fd = -1;
	client->random = (load->seed + number + 1) * 0x9e3779b97f4a7c15u;
	client->first = share * number;
	client->units = share;
	client->cursor = client->first;
	client->marks = calloc(share, 1);
	for (uint32_t i = 0; i < load->depth || i < VERIFY_DEPTH; i++) {
		client->slots[i].data = malloc(data_bytes);
	}
	fault = client_work(client);
	if (ret_result->fault == NULL) {
		ret_result->fault = fault;
	}
	ret_result->lost = client->in_flight;
	close(client->fd);
	for (uint32_t i = 0; i < CLIENT_DEPTH_MAX; i++) {
		free(client->slots[i].data);
	}
	free(client->marks);
	free(client);
}
