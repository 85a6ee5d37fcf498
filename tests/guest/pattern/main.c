/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load whose every byte is verified, against a ledger of what was written (ledger.h):
 *
 * pattern load LEDGER SOCKET EXPORT [KEY=NUMBER]...   by NBD, until done or SIGTERM
 * pattern fill LEDGER DEVICE                          by the kernel, with direct I/O
 * pattern check LEDGER DEVICE                         likewise: the whole region is read
 *
 * The last line of stdout is an object of JSON. The exit code is 0 if nothing was wrong: for a
 * load, also that no request has failed or was lost, unless errors=1.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/guest/pattern/client.h"

#define CLIENTS_MAX  64u
#define DEVICE_BYTES (1u << 20)

struct job {
	const struct load *load;
	uint32_t number;
	pthread_t thread;
	struct client_result result;
};

static int usage(void)
{
	fputs("Usage: pattern load LEDGER SOCKET EXPORT [KEY=NUMBER]... | "
	      "pattern fill|check LEDGER DEVICE\n"
	      "Keys: clients depth min max writes ios seed stall errors verify\n",
	      stderr);
	return 2;
}

static bool load_set(struct load *load, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t length = equals == NULL ? 0 : (size_t)(equals - word);
	uint64_t value = equals == NULL ? 0 : strtoull(equals + 1, NULL, 0);
	struct {
		const char *key;
		uint32_t *into;
	} numbers[] = {
		{"clients", &load->clients}, {"depth", &load->depth},
		{"min", &load->min_bytes},   {"max", &load->max_bytes},
		{"stall", &load->stall_s},   {"writes", &load->write_percent},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strlen(numbers[i].key) == length &&
		    strncmp(word, numbers[i].key, length) == 0) {
			*numbers[i].into = (uint32_t)value;
			return true;
		}
	}
	if (length == 3 && strncmp(word, "ios", length) == 0) {
		load->ios = value;
	} else if (length == 4 && strncmp(word, "seed", length) == 0) {
		load->seed = value;
	} else if (length == 6 && strncmp(word, "errors", length) == 0) {
		load->errors = value != 0;
	} else if (length == 6 && strncmp(word, "verify", length) == 0) {
		load->verify = value != 0;
	} else {
		return false;
	}
	return true;
}

static void *job_run(void *arg)
{
	struct job *job = arg;

	client_run(job->load, job->number, &job->result);
	return NULL;
}

static void result_add(struct client_result *sum, const struct client_result *one)
{
	sum->ios += one->ios;
	sum->bytes += one->bytes;
	sum->errors += one->errors;
	sum->error = one->errors > 0 ? one->error : sum->error;
	sum->others += one->others;
	sum->wrong += one->wrong;
	sum->lost += one->lost;
	sum->slowest_ns = one->slowest_ns > sum->slowest_ns ? one->slowest_ns : sum->slowest_ns;
	sum->fault = one->fault != NULL ? one->fault : sum->fault;
}

static int load_run(const struct load *load)
{
	static struct job jobs[CLIENTS_MAX];
	struct client_result sum = {0};

	for (uint32_t i = 0; i < load->clients; i++) {
		jobs[i] = (struct job){.load = load, .number = i};
		pthread_create(&jobs[i].thread, NULL, job_run, &jobs[i]);
	}
	for (uint32_t i = 0; i < load->clients; i++) {
		pthread_join(jobs[i].thread, NULL);
		result_add(&sum, &jobs[i].result);
	}
	printf("{\"ios\": %llu, \"bytes\": %llu, \"errors\": %llu, \"error\": %u, "
	       "\"others\": %llu, \"wrong\": %llu, \"lost\": %llu, \"slowest_ms\": %llu, "
	       "\"fault\": \"%s\"}\n",
	       (unsigned long long)sum.ios, (unsigned long long)sum.bytes,
	       (unsigned long long)sum.errors, sum.error, (unsigned long long)sum.others,
	       (unsigned long long)sum.wrong, (unsigned long long)sum.lost,
	       (unsigned long long)(sum.slowest_ns / 1000000), sum.fault == NULL ? "" : sum.fault);
	return sum.wrong > 0 || (!load->errors && (sum.errors > 0 || sum.fault != NULL));
}

static void stop(int number)
{
	(void)number;
	client_stop = 1;
}

static int load_main(int argc, char **argv)
{
	struct ledger ledger;
	struct load load = {
		.ledger = &ledger,
		.socket = argv[3],
		.export = argv[4],
		.clients = 1,
		.depth = 16,
		.max_bytes = 65536,
		.write_percent = 50,
		.stall_s = 60,
		.seed = 1,
	};
	struct sigaction action = {.sa_handler = stop};

	ledger_open(&ledger, argv[2]);
	load.min_bytes = ledger.head->unit_bytes;
	for (int i = 5; i < argc; i++) {
		if (!load_set(&load, argv[i])) {
			return usage();
		}
	}
	if (load.clients == 0 || load.clients > CLIENTS_MAX || load.depth == 0 ||
	    load.depth > CLIENT_DEPTH_MAX || load.min_bytes < ledger.head->unit_bytes ||
	    load.max_bytes < load.min_bytes || load.max_bytes > 1u << 25 ||
	    ledger.head->units / load.clients == 0) {
		return usage();
	}
	sigaction(SIGTERM, &action, NULL);
	return load_run(&load);
}

/* All units in turn, written anew or checked. */
static int device_main(char **argv, bool fill)
{
	struct ledger ledger;
	uint64_t wrong = 0;
	int fd = open(argv[3], (fill ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	char *data = aligned_alloc(4096, DEVICE_BYTES);
	uint32_t most;

	ledger_open(&ledger, argv[2]);
	most = DEVICE_BYTES / ledger.head->unit_bytes;
	for (uint64_t first = 0; fd >= 0 && first < ledger.head->units; first += most) {
		uint64_t left = ledger.head->units - first;
		uint32_t count = left < most ? (uint32_t)left : most;
		size_t bytes = (size_t)count * ledger.head->unit_bytes;
		off_t offset = (off_t)(ledger.head->offset_bytes + first * ledger.head->unit_bytes);
		uint32_t generation = fill ? ledger_write_begin(&ledger, first, count, data) : 0;
		ssize_t rc =
			fill ? pwrite(fd, data, bytes, offset) : pread(fd, data, bytes, offset);

		if (rc != (ssize_t)bytes) {
			fprintf(stderr, "pattern: %s, unit %llu: %s\n", argv[3],
				(unsigned long long)first, rc < 0 ? strerror(errno) : "short");
			return 1;
		}
		if (fill) {
			ledger_write_done(&ledger, first, count, generation);
		} else {
			wrong += ledger_check(&ledger, first, count, data);
		}
	}
	if (fd < 0 || (fill && fsync(fd) != 0)) {
		fprintf(stderr, "pattern: %s: %s\n", argv[3], strerror(errno));
		return 1;
	}
	printf("{\"wrong\": %llu}\n", (unsigned long long)wrong);
	return wrong > 0;
}

int main(int argc, char **argv)
{
	if (argc >= 5 && strcmp(argv[1], "load") == 0) {
		return load_main(argc, argv);
	}
	if (argc == 4 && (strcmp(argv[1], "fill") == 0 || strcmp(argv[1], "check") == 0)) {
		return device_main(argv, argv[1][0] == 'f');
	}
	return usage();
}
