/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/step_ticket.h"

#include <pthread.h>
#include <stdio.h>

#include <ebb/log.h>

/*
 * A ticket may come back long after its step, its sequence or even the run of the app is gone, and
 * from any OS thread; so the names are kept apart from the sequences, the latest ones only.
 */
#define TICKETS_KEPT 256

struct ticket {
	uint64_t generation;
	char name[APP_STEP_TICKET_NAME_MAX];
};

static pthread_mutex_t tickets_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ticket tickets[TICKETS_KEPT];
static uint64_t tickets_issued;

uint64_t app_step_ticket_issue(const char *name)
{
	struct ticket *ticket;
	uint64_t generation;

	pthread_mutex_lock(&tickets_lock);
	generation = ++tickets_issued;
	ticket = &tickets[generation % TICKETS_KEPT];
	ticket->generation = generation;
	snprintf(ticket->name, sizeof(ticket->name), "%s", name);
	pthread_mutex_unlock(&tickets_lock);
	return generation;
}

void app_step_ticket_refuse(uint64_t generation, const char *why)
{
	char name[APP_STEP_TICKET_NAME_MAX] = "";

	pthread_mutex_lock(&tickets_lock);
	if (generation != 0 && tickets[generation % TICKETS_KEPT].generation == generation) {
		snprintf(name, sizeof(name), "%s", tickets[generation % TICKETS_KEPT].name);
	}
	pthread_mutex_unlock(&tickets_lock);

	if (generation == 0) {
		ebb_error("app", "ebb_step_next() refused: the ticket belongs to no step: %s", why);
	} else if (name[0] == '\0') {
		ebb_error("app",
			  "ebb_step_next() refused: step number %llu, which is not among the last "
			  "%d: "
			  "%s",
			  (unsigned long long)generation, TICKETS_KEPT, why);
	} else {
		ebb_error("app", "ebb_step_next() refused for step \"%s\": %s", name, why);
	}
}
