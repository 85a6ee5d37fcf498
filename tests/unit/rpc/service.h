/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_RPC_SERVICE_H
#define TESTS_UNIT_RPC_SERVICE_H

/*
 * The whole server with real threads: the framework runs on the main thread, and a script on another
 * is its client. A method of the test's, test_hold, holds its calls.
 */

#include <semaphore.h>

#include "rpc/client.h"
#include "rpc/control.h"
#include "tests/unit/fixtures/log.h"

#define TIMEOUT_MS 10000

extern struct rpc_client client;
extern char path[96]; /* of its socket */
extern sem_t started; /* when the service is up */
/* The calls of test_hold, on the app thread; and when there is one more. */
extern unsigned num_held;
extern sem_t hold_reached;
/* What has come and has not been looked at. */
extern char pending[65536];
extern size_t pending_len;

/* Fixtures of every test. What is logged is kept. */
void service_setup(void);
void service_teardown(void);

/* Runs the service until the end of @script, which another thread runs. Return: its exit code. */
int service_run(void (*script)(void));

/* Ends the calls that are held, with "held". Thread: app. */
void release_calls(void *arg);

void connect_client(void);
void send_text(const char *text);

/* Asks for @method under @id; its answer comes when it comes. */
void ask(int id, const char *method);

/* The next answer. */
struct json_object *receive(void);
int id_of(struct json_object *answer);

/* The next answer is to @id; its result or error message as text must have @piece. */
void expect(int id, const char *piece);

#endif
