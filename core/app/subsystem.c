/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subsystems' order, and their init() and fini() as steps of a sequence.
 *
 * ebb_subsystem_init_next() says neither whose end it is nor carries a ticket. So it counts only
 * while an init() is awaited, and nothing that it sets off happens inside it: called from within
 * init(), the next one begins when that has returned; called later, a message later. In between
 * nothing is awaited, and a second call is refused by the name of the first.
 *
 * A fini() that was passed over still owes its ebb_subsystem_fini_next(), which may come while
 * another one is awaited. Which of two calls is which cannot be told, but they can be counted: as
 * long as one is owed, a call pays for that, unless it is made within the fini() under way. So no
 * step of shutdown ends before its own call has been made; if those that are owed never come, it is
 * passed over as well. Who says which it is, by ebb_subsystem_fini_done(), is not concerned.
 */
#include "core/app/subsystem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/thread.h>

#include "core/app/sequence.h"
#include "core/app/step_ticket.h"
#include "core/event/doing.h"

static struct ebb_list registered = EBB_LIST_INIT(registered);
static struct ebb_list registered_depends = EBB_LIST_INIT(registered_depends);

#define FINI_IS_LATE "it was passed over, and ends late"

struct subsystem_node {
	struct ebb_subsystem *subsystem;
	const char **depends; /* sorted by name, each once */
	size_t num_depends;
	bool placed;
	size_t visited;       /* while looking for a cycle: position in the walk, from 1 */
	struct ebb_step owed; /* fini() was passed over, and its end may still be said; or none */
};

/* The init() or fini() that runs, or the last one that did. */
struct subsystem_call {
	const struct ebb_subsystem *subsystem;
	struct ebb_step step;
	struct ebb_poller *timer; /* until it times out; NULL: none runs */
	bool awaited;             /* its end */
	bool entered;             /* on the call stack */
	struct ebb_msg msg;
	bool msg_sent; /* under way */
	struct ebb_step ended_step;
	int ended_rc;
};

static struct {
	struct subsystem_node *nodes; /* by name */
	size_t num_nodes;
	struct subsystem_node **sorted; /* in order of initialisation; NULL: not sorted */
	struct ebb_sequence *sequence;
	struct ebb_step step; /* of start-up, whose work the sequence is */
	struct subsystem_call init;
	struct subsystem_call fini;
	void (*failed)(const char *subsystem, int rc);
} order;

void ebb_subsystem_add(struct ebb_subsystem *subsystem)
{
	ebb_list_push_back(&registered, &subsystem->link);
}

const struct ebb_subsystem *ebb_subsystem_next(const struct ebb_subsystem *previous)
{
	const struct ebb_list *link = previous == NULL ? registered.next : previous->link.next;

	return link == &registered ? NULL : ebb_list_entry(link, struct ebb_subsystem, link);
}

void ebb_subsystem_depend_add(struct ebb_subsystem_depend *depend)
{
	ebb_list_push_back(&registered_depends, &depend->link);
}

static int node_compare(const void *a, const void *b)
{
	const struct subsystem_node *node_a = a;
	const struct subsystem_node *node_b = b;

	return strcmp(node_a->subsystem->name, node_b->subsystem->name);
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct subsystem_node *node_find(const char *name)
{
	size_t index;

	for (index = 0; index < order.num_nodes; index++) {
		if (strcmp(order.nodes[index].subsystem->name, name) == 0) {
			return &order.nodes[index];
		}
	}
	return NULL;
}

/* Of a time limit and what is called at its end there are both or none; and it ends in time. */
static int limit_check(const struct ebb_subsystem *subsystem, char *ret_error, size_t size)
{
	const char *fault = NULL;

	if ((subsystem->fini_timeout_ms != 0) != (subsystem->fini_expired != NULL)) {
		fault = "has one of fini_timeout_ms and fini_expired without the other";
	} else if (subsystem->fini_timeout_ms >= APP_SEQUENCE_GRACE_S * 1000) {
		fault = "has a fini_timeout_ms of 10 s or more, before which it is passed over";
	}
	if (fault == NULL) {
		return 0;
	}
	snprintf(ret_error, size, "subsystem \"%s\" %s", subsystem->name, fault);
	return -EINVAL;
}

static int nodes_collect(char *ret_error, size_t size)
{
	struct ebb_list *link;
	size_t index = 0;

	ebb_list_for_each(link, &registered) {
		order.num_nodes++;
	}
	order.nodes = calloc(order.num_nodes + 1, sizeof(*order.nodes));
	order.sorted = calloc(order.num_nodes + 1, sizeof(struct subsystem_node *));
	if (order.nodes == NULL || order.sorted == NULL) {
		return -ENOMEM;
	}
	ebb_list_for_each(link, &registered) {
		order.nodes[index++].subsystem = ebb_list_entry(link, struct ebb_subsystem, link);
	}
	qsort(order.nodes, order.num_nodes, sizeof(*order.nodes), node_compare);
	for (index = 1; index < order.num_nodes; index++) {
		if (node_compare(&order.nodes[index - 1], &order.nodes[index]) == 0) {
			snprintf(ret_error, size,
				 "subsystem \"%s\" is registered twice: two parts of the program "
				 "use "
				 "the same name",
				 order.nodes[index].subsystem->name);
			return -EEXIST;
		}
	}
	for (index = 0; index < order.num_nodes; index++) {
		int rc = limit_check(order.nodes[index].subsystem, ret_error, size);

		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

static int node_add_depend(struct subsystem_node *node, const char *name)
{
	const char **depends;
	size_t index;

	for (index = 0; index < node->num_depends; index++) {
		if (strcmp(node->depends[index], name) == 0) {
			return 0;
		}
	}
	depends = reallocarray(node->depends, node->num_depends + 1, sizeof(*depends));
	if (depends == NULL) {
		return -ENOMEM;
	}
	node->depends = depends;
	depends[node->num_depends++] = name;
	qsort(depends, node->num_depends, sizeof(*depends), name_compare);
	return 0;
}

static int depends_collect(char *ret_error, size_t size)
{
	struct ebb_subsystem_depend *depend;
	struct ebb_list *link;
	struct subsystem_node *node;

	ebb_list_for_each(link, &registered_depends) {
		depend = ebb_list_entry(link, struct ebb_subsystem_depend, link);
		node = node_find(depend->name);
		if (node == NULL || node_find(depend->depends_on) == NULL) {
			snprintf(ret_error, size,
				 "subsystem \"%s\" depends on subsystem \"%s\", but \"%s\" is not "
				 "part "
				 "of this program: link it in",
				 depend->name, depend->depends_on,
				 node == NULL ? depend->name : depend->depends_on);
			return -ENOENT;
		}
		if (node_add_depend(node, depend->depends_on) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

/* The first dependency of @node that has no place yet, or NULL. */
static struct subsystem_node *node_waits_for(const struct subsystem_node *node)
{
	struct subsystem_node *depend;
	size_t index;

	for (index = 0; index < node->num_depends; index++) {
		depend = node_find(node->depends[index]);
		if (!depend->placed) {
			return depend;
		}
	}
	return NULL;
}

/* The first by name that could be next, or NULL: all that are left wait for each other. */
static struct subsystem_node *node_next(void)
{
	size_t index;

	for (index = 0; index < order.num_nodes; index++) {
		if (!order.nodes[index].placed && node_waits_for(&order.nodes[index]) == NULL) {
			return &order.nodes[index];
		}
	}
	return NULL;
}

/* Walks from one that waits to what it waits for, until the walk meets itself. */
static void cycle_describe(char *ret_error, size_t size)
{
	struct subsystem_node *node = order.nodes;
	struct subsystem_node *first;
	size_t step = 0;
	size_t len;

	while (node->placed) {
		node++;
	}
	for (; node->visited == 0; node = node_waits_for(node)) {
		node->visited = ++step;
	}
	first = node;
	len = (size_t)snprintf(ret_error, size, "subsystems depend on each other in a circle: %s",
			       first->subsystem->name);
	do {
		node = node_waits_for(node);
		if (len < size) {
			len += (size_t)snprintf(ret_error + len, size - len, " -> %s",
						node->subsystem->name);
		}
	} while (node != first);
}

int app_subsystem_sort(char *ret_error, size_t size)
{
	struct subsystem_node *node;
	size_t index;
	int rc;

	app_subsystem_unsort();
	snprintf(ret_error, size, "out of memory");
	rc = nodes_collect(ret_error, size);
	if (rc == 0) {
		rc = depends_collect(ret_error, size);
	}
	for (index = 0; rc == 0 && index < order.num_nodes; index++) {
		node = node_next();
		if (node == NULL) {
			cycle_describe(ret_error, size);
			rc = -ELOOP;
			break;
		}
		node->placed = true;
		order.sorted[index] = node;
	}
	if (rc < 0) {
		app_subsystem_unsort();
	}
	return rc;
}

void app_subsystem_unsort(void)
{
	size_t index;

	ebb_assert(order.sequence == NULL);
	for (index = 0; index < order.num_nodes; index++) {
		free(order.nodes[index].depends);
	}
	free(order.nodes);
	free(order.sorted);
	order.nodes = NULL;
	order.sorted = NULL;
	order.num_nodes = 0;
}

int app_subsystem_for_each(void (*fn)(const char *name, const char *const *depends_on,
				      size_t num_depends, void *arg),
			   void *arg)
{
	size_t index;

	if (order.sorted == NULL) {
		return -EAGAIN;
	}
	for (index = 0; index < order.num_nodes; index++) {
		fn(order.sorted[index]->subsystem->name, order.sorted[index]->depends,
		   order.sorted[index]->num_depends, arg);
	}
	return 0;
}

static void subsystem_call_enter(struct subsystem_call *call, struct ebb_step step,
				 const struct ebb_subsystem *subsystem, const char *kind,
				 void (*fn)(void))
{
	struct event_doing doing;

	ebb_poller_unregister(&call->timer);
	call->subsystem = subsystem;
	call->step = step;
	call->awaited = true;
	call->entered = true;
	event_doing_begin(&doing, kind, subsystem->name);
	fn();
	event_doing_end(&doing);
	call->entered = false;
}

static void subsystem_call_ended(void *arg)
{
	struct subsystem_call *call = arg;

	call->msg_sent = false;
	ebb_step_next(call->ended_step, call->ended_rc);
}

static void subsystem_call_next(struct subsystem_call *call, int rc)
{
	if (!ebb_thread_is_app()) {
		app_step_ticket_refuse(call->step.generation, "called off the app thread");
		return;
	}
	if (!call->awaited) {
		app_step_ticket_refuse(call->step.generation, "the step has ended already");
		return;
	}
	call->awaited = false;
	ebb_poller_unregister(&call->timer);
	if (!call->entered && !call->msg_sent) {
		call->ended_step = call->step;
		call->ended_rc = rc;
		ebb_msg_init(&call->msg, subsystem_call_ended, call);
		call->msg_sent = ebb_thread_send(ebb_thread_app(), &call->msg) == 0;
		if (call->msg_sent) {
			return;
		}
	}
	ebb_step_next(call->step, rc);
}

static void subsystem_init(struct ebb_step step, void *arg)
{
	struct ebb_subsystem *subsystem = arg;

	if (subsystem->init == NULL) {
		ebb_step_next(step, 0);
	} else {
		subsystem_call_enter(&order.init, step, subsystem, "init of subsystem",
				     subsystem->init);
	}
}

static int fini_expired(void *arg)
{
	struct subsystem_call *call = arg;
	struct event_doing doing;

	ebb_poller_unregister(&call->timer);
	event_doing_begin(&doing, "fini of subsystem", call->subsystem->name);
	call->subsystem->fini_expired();
	event_doing_end(&doing);
	subsystem_call_next(call, 0);
	return 1;
}

/* The one before, whose end has not come, has been passed over. */
static void fini_passed_over(struct subsystem_call *call)
{
	node_find(call->subsystem->name)->owed = call->step;
	call->awaited = false;
}

/* A fini() has ended. Return: true: one that was passed over; false: there is none such. */
static bool fini_owed_said(void)
{
	for (size_t index = 0; index < order.num_nodes; index++) {
		struct ebb_step *owed = &order.nodes[index].owed;

		if (owed->generation != 0) {
			app_step_ticket_refuse(owed->generation, FINI_IS_LATE);
			*owed = APP_STEP_NONE;
			return true;
		}
	}
	return false;
}

static void subsystem_fini(struct ebb_step step, void *arg)
{
	const struct ebb_subsystem *subsystem = arg;
	struct subsystem_call *call = &order.fini;

	if (call->awaited) {
		fini_passed_over(call);
	}
	subsystem_call_enter(call, step, subsystem, "fini of subsystem", subsystem->fini);
	if (!call->awaited || subsystem->fini_timeout_ms == 0) {
		return;
	}
	call->timer = ebb_poller_register(fini_expired, call,
					  subsystem->fini_timeout_ms * (uint64_t)1000);
	if (call->timer == NULL) {
		ebb_error("app", "no timer for the end of subsystem \"%s\"; not waiting for it",
			  subsystem->name);
		fini_expired(call);
	}
}

void ebb_subsystem_init_next(int rc)
{
	subsystem_call_next(&order.init, rc);
}

void ebb_subsystem_fini_done(const struct ebb_subsystem *subsystem)
{
	struct subsystem_node *node;

	if (!ebb_thread_is_app() || order.fini.subsystem == subsystem) {
		subsystem_call_next(&order.fini, 0);
		return;
	}
	node = node_find(subsystem->name);
	if (node != NULL) {
		app_step_ticket_refuse(node->owed.generation, FINI_IS_LATE);
		node->owed = APP_STEP_NONE;
	}
}

void ebb_subsystem_fini_next(void)
{
	if (ebb_thread_is_app() && !order.fini.entered && fini_owed_said()) {
		return;
	}
	subsystem_call_next(&order.fini, 0);
}

static int sequence_add_subsystem(struct ebb_sequence *sequence, struct ebb_subsystem *subsystem)
{
	char init_name[64];
	char fini_name[64];
	struct app_sequence_step step = {
		.name = init_name,
		.undo_name = fini_name,
		.start = subsystem_init,
		.undo = subsystem->fini != NULL ? subsystem_fini : NULL,
		.arg = subsystem,
	};

	snprintf(init_name, sizeof(init_name), "%s/init", subsystem->name);
	snprintf(fini_name, sizeof(fini_name), "%s/fini", subsystem->name);
	return app_sequence_add(sequence, &step);
}

static int sequence_build(const struct app_sequence_opts *opts)
{
	size_t index;
	int rc;

	rc = app_sequence_create(opts, &order.sequence);
	for (index = 0; rc == 0 && index < order.num_nodes; index++) {
		rc = sequence_add_subsystem(order.sequence, order.sorted[index]->subsystem);
	}
	if (rc < 0) {
		app_sequence_destroy(order.sequence);
		order.sequence = NULL;
	}
	return rc;
}

static void init_failed(void *arg, const char *step, int rc)
{
	/* "NAME/init" */
	char name[64];

	(void)arg;
	snprintf(name, sizeof(name), "%.*s", (int)(strlen(step) - strlen("/init")), step);
	order.failed(name, rc);
}

static void init_done(void *arg, int rc)
{
	(void)arg;
	if (rc < 0) {
		app_sequence_destroy(order.sequence);
		order.sequence = NULL;
	}
	ebb_step_next(order.step, rc);
}

void app_subsystem_init(struct ebb_step step, uint32_t timeout_s,
			void (*failed)(const char *subsystem, int rc))
{
	struct app_sequence_opts opts = {
		.name = "subsystem init",
		.timeout_s = timeout_s,
		.failed = init_failed,
	};
	int rc;

	ebb_assert(ebb_thread_is_app() && order.sorted != NULL && order.sequence == NULL);
	rc = sequence_build(&opts);
	if (rc < 0) {
		ebb_step_next(step, rc);
		return;
	}
	order.step = step;
	order.failed = failed;
	order.fini.awaited = false; /* passed over in the run before */
	app_sequence_run(order.sequence, step, init_done, NULL);
}

static void fini_done(void *arg, int rc)
{
	(void)arg;
	(void)rc;
	app_sequence_destroy(order.sequence);
	order.sequence = NULL;
	ebb_step_next(order.step, 0);
}

void app_subsystem_fini(struct ebb_step step)
{
	ebb_assert(ebb_thread_is_app() && order.sequence != NULL);
	order.step = step;
	app_sequence_undo(order.sequence, step, fini_done, NULL);
}
