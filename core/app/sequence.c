/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/sequence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/list.h>
#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/thread.h>

#include "core/app/step_ticket.h"
#include "core/event/doing.h"

/*
 * A sequence walks an array of steps, forwards to start them and backwards to undo them, and holds
 * at most one ticket: the generation of the start() or undo() under way. ebb_step_next() spends the
 * ticket and notes the result; only the loop in sequence_advance() acts on it. So it makes no
 * difference whether a step ends inside its start() or an hour later, and the stack stays flat.
 *
 * A ticket is honoured only if its sequence is on the list of living ones, which is searched before
 * the pointer is followed, and only if its generation is the one under way. Generations are never
 * reused, so a ticket that is late, spent, invented or older than the sequence that now lives at
 * that address cannot end anything.
 *
 * A step that is the work of another sequence (subsystem init, a file's entries) is that one's
 * parent. It is not timed meanwhile: the innermost step is, so that a start-up that hangs is named
 * by its cause. There is one timer, one-shot, for the next moment at which the step under way is to
 * be named, timed out or passed over.
 *
 * The last thing the loop does is to call done(), which may free the sequence.
 */

enum sequence_phase { SEQUENCE_IDLE, SEQUENCE_STARTING, SEQUENCE_UNDOING };

static const char *const phase_names[] = {
	[SEQUENCE_IDLE] = "idle",
	[SEQUENCE_STARTING] = "starting",
	[SEQUENCE_UNDOING] = "undoing",
};

static const uint32_t phase_next[] = {
	[SEQUENCE_IDLE] = EBB_BIT(SEQUENCE_STARTING) | EBB_BIT(SEQUENCE_UNDOING),
	[SEQUENCE_STARTING] = EBB_BIT(SEQUENCE_UNDOING) | EBB_BIT(SEQUENCE_IDLE),
	[SEQUENCE_UNDOING] = EBB_BIT(SEQUENCE_IDLE),
};

struct sequence_entry {
	char *name;
	char *undo_name;
	void (*start)(struct ebb_step step, void *arg);
	void (*undo)(struct ebb_step step, void *arg);
	void *arg;
	bool patient;
	bool started;
};

struct ebb_sequence {
	struct ebb_list link; /* on `living` */
	struct app_sequence_opts opts;
	struct sequence_entry *entries;
	size_t num_entries;
	size_t max_entries;

	enum sequence_phase phase;
	size_t position;              /* STARTING: the entry to start next; UNDOING: one past it */
	struct sequence_entry *entry; /* under way, or ended and not yet dealt with; else NULL */
	uint64_t generation;          /* of the ticket that is out; 0: none */
	int entry_rc;
	uint64_t since_ns;
	uint64_t named_ns; /* when the entry under way was last to be named */
	uint64_t stop_ns;  /* 0: not asked to stop */
	int rc;            /* what done() will be told */
	bool advancing;

	struct ebb_sequence *parent;
	struct ebb_sequence *child;
	app_sequence_done done;
	void *done_arg;
	struct ebb_poller *timer;
	struct ebb_msg go_on;
};

static struct ebb_list living = EBB_LIST_INIT(living);

static void sequence_advance(struct ebb_sequence *sequence);
static void sequence_set_timer(struct ebb_sequence *sequence);

static void sequence_set_phase(struct ebb_sequence *sequence, enum sequence_phase phase)
{
	ebb_assert((phase_next[sequence->phase] & EBB_BIT(phase)) != 0);
	ebb_debug("app", "%s: %s to %s", sequence->opts.name, phase_names[sequence->phase],
		  phase_names[phase]);
	sequence->phase = phase;
}

static bool sequence_lives(const struct ebb_sequence *sequence)
{
	const struct ebb_list *node;

	ebb_list_for_each(node, &living) {
		if (ebb_list_entry(node, struct ebb_sequence, link) == sequence) {
			return true;
		}
	}
	return false;
}

static const char *entry_name(const struct ebb_sequence *sequence,
			      const struct sequence_entry *entry)
{
	return sequence->phase == SEQUENCE_UNDOING ? entry->undo_name : entry->name;
}

static void sequence_changed(const struct ebb_sequence *sequence)
{
	for (; sequence != NULL; sequence = sequence->parent) {
		if (sequence->opts.changed != NULL) {
			sequence->opts.changed(sequence->opts.arg);
		}
	}
}

static void sequence_named(const struct ebb_sequence *sequence)
{
	for (; sequence != NULL; sequence = sequence->parent) {
		if (sequence->opts.named != NULL) {
			sequence->opts.named(sequence->opts.arg);
		}
	}
}

static void sequence_go_on(void *arg)
{
	sequence_advance(arg);
}

int app_sequence_create(const struct app_sequence_opts *opts, struct ebb_sequence **ret_sequence)
{
	struct ebb_sequence *sequence;

	ebb_assert(ebb_thread_is_app());
	sequence = calloc(1, sizeof(*sequence));
	if (sequence == NULL) {
		return -ENOMEM;
	}
	sequence->opts = *opts;
	ebb_msg_init(&sequence->go_on, sequence_go_on, sequence);
	ebb_list_push_back(&living, &sequence->link);
	*ret_sequence = sequence;
	return 0;
}

void app_sequence_destroy(struct ebb_sequence *sequence)
{
	size_t index;

	if (sequence == NULL) {
		return;
	}
	ebb_assert(ebb_thread_is_app() && sequence->phase == SEQUENCE_IDLE);
	ebb_assert(!sequence->advancing);
	ebb_list_remove(&sequence->link);
	for (index = 0; index < sequence->num_entries; index++) {
		free(sequence->entries[index].name);
		free(sequence->entries[index].undo_name);
	}
	free(sequence->entries);
	free(sequence);
}

static int sequence_grow(struct ebb_sequence *sequence)
{
	size_t max_entries = sequence->max_entries == 0 ? 16 : sequence->max_entries * 2;
	struct sequence_entry *entries;

	if (sequence->num_entries < sequence->max_entries) {
		return 0;
	}
	entries = reallocarray(sequence->entries, max_entries, sizeof(*entries));
	if (entries == NULL) {
		return -ENOMEM;
	}
	sequence->entries = entries;
	sequence->max_entries = max_entries;
	return 0;
}

int app_sequence_add(struct ebb_sequence *sequence, const struct app_sequence_step *step)
{
	struct sequence_entry entry = {
		.start = step->start,
		.undo = step->undo,
		.arg = step->arg,
		.patient = step->patient,
	};

	ebb_assert(ebb_thread_is_app() && sequence->phase == SEQUENCE_IDLE);
	ebb_assert(step->name != NULL && step->start != NULL);
	if (sequence_grow(sequence) < 0) {
		return -ENOMEM;
	}
	entry.name = strdup(step->name);
	entry.undo_name = strdup(step->undo_name != NULL ? step->undo_name : step->name);
	if (entry.name == NULL || entry.undo_name == NULL) {
		free(entry.name);
		free(entry.undo_name);
		return -ENOMEM;
	}
	sequence->entries[sequence->num_entries++] = entry;
	return 0;
}

/* Puts @entry under way: from here on its ticket is out. */
static struct ebb_step entry_begin(struct ebb_sequence *sequence, struct sequence_entry *entry)
{
	sequence->entry = entry;
	sequence->entry_rc = 0;
	sequence->generation = app_step_ticket_issue(entry_name(sequence, entry));
	sequence->since_ns = ebb_clock_now_ns();
	sequence->named_ns = sequence->since_ns;
	sequence_changed(sequence);
	return (struct ebb_step){sequence, sequence->generation};
}

/* Spends the ticket. What the entry's end means is for entry_settle(). */
static void entry_end(struct ebb_sequence *sequence, int rc)
{
	sequence->generation = 0;
	sequence->entry_rc = rc;
	if (sequence->child != NULL) {
		ebb_error("app", "%s: step \"%s\" has ended before its own part \"%s\"",
			  sequence->opts.name, entry_name(sequence, sequence->entry),
			  sequence->child->opts.name);
		sequence->child->parent = NULL;
		sequence->child = NULL;
	}
}

/* Takes note of how the entry under way has ended. */
static void entry_settle(struct ebb_sequence *sequence)
{
	struct sequence_entry *entry = sequence->entry;
	int rc = sequence->entry_rc;

	sequence->entry = NULL;
	if (sequence->phase == SEQUENCE_UNDOING) {
		entry->started = false;
		if (rc < 0) {
			ebb_warn("app", "%s: undoing \"%s\" failed: %s", sequence->opts.name,
				 entry->undo_name, strerror(-rc));
		}
		return;
	}
	if (rc == 0) {
		entry->started = true;
		sequence->position++;
		return;
	}
	if (sequence->stop_ns != 0) {
		if (rc != -ECANCELED) {
			ebb_warn("app", "%s: step \"%s\" failed while being stopped: %s",
				 sequence->opts.name, entry->name, strerror(-rc));
		}
		rc = -ECANCELED;
	} else if (sequence->opts.failed != NULL) {
		sequence->opts.failed(sequence->opts.arg, entry->name, rc);
	}
	sequence->rc = rc;
	sequence_set_phase(sequence, SEQUENCE_UNDOING);
}

/* Runs @fn, the start() or undo() of @entry, under the name that people know it by. */
static void entry_run(struct ebb_sequence *sequence, struct sequence_entry *entry,
		      void (*fn)(struct ebb_step step, void *arg))
{
	struct event_doing doing;

	event_doing_begin(&doing, "step", entry_name(sequence, entry));
	fn(entry_begin(sequence, entry), entry->arg);
	event_doing_end(&doing);
}

/* Begins the next start() or undo(). Return: false if there is none left. */
static bool sequence_begin_next(struct ebb_sequence *sequence)
{
	struct sequence_entry *entry;

	if (sequence->phase == SEQUENCE_STARTING) {
		if (sequence->stop_ns != 0) {
			sequence->rc = -ECANCELED;
			sequence_set_phase(sequence, SEQUENCE_UNDOING);
		} else if (sequence->position < sequence->num_entries) {
			entry = &sequence->entries[sequence->position];
			entry_run(sequence, entry, entry->start);
			return true;
		} else {
			return false;
		}
	}
	while (sequence->position > 0) {
		entry = &sequence->entries[--sequence->position];
		if (entry->started && entry->undo != NULL) {
			entry_run(sequence, entry, entry->undo);
			return true;
		}
		entry->started = false;
	}
	return false;
}

static void sequence_finish(struct ebb_sequence *sequence)
{
	struct ebb_sequence *parent = sequence->parent;
	uint64_t generation = 0;

	sequence_set_phase(sequence, SEQUENCE_IDLE);
	sequence->stop_ns = 0;
	if (parent != NULL) {
		/* The time of a step is what it takes beyond its parts. */
		parent->child = NULL;
		parent->since_ns = ebb_clock_now_ns();
		parent->named_ns = parent->since_ns;
		generation = parent->generation;
	}
	sequence_changed(sequence);
	sequence->parent = NULL;
	sequence->done(sequence->done_arg, sequence->rc);
	/* Both sequences may be gone now; most often the parent's step has ended too. */
	if (generation != 0 && sequence_lives(parent) && parent->generation == generation &&
	    !parent->advancing) {
		sequence_set_timer(parent);
	}
}

static void sequence_advance(struct ebb_sequence *sequence)
{
	uint64_t begun_ns = ebb_clock_now_ns();
	unsigned count = 0;
	bool more = true;

	if (sequence->advancing) {
		return;
	}
	sequence->advancing = true;
	ebb_poller_unregister(&sequence->timer);
	while (more && sequence->generation == 0) {
		/* The rest in another turn, unless the app thread is ending and has no more. */
		if ((++count > APP_SEQUENCE_BATCH ||
		     sequence->since_ns >= begun_ns + APP_SEQUENCE_SLICE_NS) &&
		    ebb_thread_send(ebb_thread_app(), &sequence->go_on) == 0) {
			sequence->advancing = false;
			return;
		}
		if (sequence->entry != NULL) {
			entry_settle(sequence);
		}
		more = sequence_begin_next(sequence);
	}
	sequence->advancing = false;
	if (more) {
		sequence_set_timer(sequence);
	} else {
		sequence_finish(sequence);
	}
}

static void sequence_begin(struct ebb_sequence *sequence, struct ebb_step parent,
			   app_sequence_done done, void *arg)
{
	ebb_assert(ebb_thread_is_app());
	ebb_assert(sequence->phase == SEQUENCE_IDLE && !sequence->advancing);
	sequence->done = done;
	sequence->done_arg = arg;
	sequence->rc = 0;
	if (parent.sequence != NULL) {
		ebb_assert(parent.sequence->generation == parent.generation);
		ebb_assert(parent.sequence->child == NULL);
		sequence->parent = parent.sequence;
		sequence->parent->child = sequence;
		ebb_poller_unregister(&sequence->parent->timer);
	}
}

void app_sequence_run(struct ebb_sequence *sequence, struct ebb_step parent, app_sequence_done done,
		      void *arg)
{
	sequence_begin(sequence, parent, done, arg);
	sequence_set_phase(sequence, SEQUENCE_STARTING);
	sequence->position = 0;
	sequence_advance(sequence);
}

void app_sequence_undo(struct ebb_sequence *sequence, struct ebb_step parent,
		       app_sequence_done done, void *arg)
{
	sequence_begin(sequence, parent, done, arg);
	sequence_set_phase(sequence, SEQUENCE_UNDOING);
	sequence->position = sequence->num_entries;
	sequence_advance(sequence);
}

void app_sequence_stop(struct ebb_sequence *sequence)
{
	ebb_assert(ebb_thread_is_app());
	for (; sequence != NULL; sequence = sequence->child) {
		if (sequence->phase != SEQUENCE_STARTING || sequence->stop_ns != 0) {
			continue;
		}
		sequence->stop_ns = ebb_clock_now_ns();
		if (sequence->generation != 0 && !sequence->advancing) {
			sequence_set_timer(sequence);
		}
	}
}

bool app_sequence_waiting(const struct ebb_sequence *sequence, const char **ret_name,
			  uint64_t *ret_since_ns)
{
	const struct ebb_sequence *inner = NULL;

	for (; sequence != NULL; sequence = sequence->child) {
		if (sequence->generation != 0) {
			inner = sequence;
		}
	}
	if (inner == NULL) {
		return false;
	}
	*ret_name = entry_name(inner, inner->entry);
	*ret_since_ns = inner->since_ns;
	return true;
}

void ebb_step_next(struct ebb_step step, int rc)
{
	if (!ebb_thread_is_app()) {
		app_step_ticket_refuse(step.generation, "called off the app thread");
	} else if (!sequence_lives(step.sequence)) {
		app_step_ticket_refuse(step.generation, "its sequence is gone");
	} else if (step.generation == 0 || step.generation != step.sequence->generation) {
		app_step_ticket_refuse(step.generation, "the step has ended already");
	} else {
		if (rc > 0) {
			ebb_error("app",
				  "step \"%s\" ends with %d, which is no negative errno: it has "
				  "failed",
				  entry_name(step.sequence, step.sequence->entry), rc);
			rc = -EINVAL;
		}
		entry_end(step.sequence, rc);
		sequence_advance(step.sequence);
	}
}

/*
 * How long after its beginning the step under way times out; 0: never. Its result is then the error
 * in @ret_rc.
 */
static uint64_t timer_deadline(const struct ebb_sequence *sequence, int *ret_rc)
{
	uint64_t grace_ns = APP_SEQUENCE_GRACE_S * EBB_NS_PER_S;

	*ret_rc = -ETIMEDOUT;
	if (sequence->phase == SEQUENCE_UNDOING) {
		return sequence->since_ns + grace_ns;
	}
	if (sequence->stop_ns != 0) {
		*ret_rc = -ECANCELED;
		return sequence->stop_ns + grace_ns;
	}
	if (sequence->opts.timeout_s != 0 && !sequence->entry->patient) {
		return sequence->since_ns + sequence->opts.timeout_s * EBB_NS_PER_S;
	}
	return 0;
}

static void timer_give_up(struct ebb_sequence *sequence, uint64_t age_ns, int rc)
{
	ebb_error("app", "%s: \"%s\" has not ended after %llu s: %s", sequence->opts.name,
		  entry_name(sequence, sequence->entry),
		  (unsigned long long)(age_ns / EBB_NS_PER_S),
		  rc == -ETIMEDOUT && sequence->phase == SEQUENCE_STARTING
			  ? "the limit for a step of start-up"
			  : "passed over");
	/* An undo has no more to say than that. */
	entry_end(sequence, sequence->phase == SEQUENCE_UNDOING ? 0 : rc);
	sequence_advance(sequence);
}

static int timer_expired(void *arg)
{
	struct ebb_sequence *sequence = arg;
	uint64_t now_ns = ebb_clock_now_ns();
	uint64_t deadline_ns;
	int rc;

	ebb_poller_unregister(&sequence->timer);
	deadline_ns = timer_deadline(sequence, &rc);
	if (deadline_ns != 0 && now_ns >= deadline_ns) {
		timer_give_up(sequence, now_ns - sequence->since_ns, rc);
		return 1;
	}
	if (!sequence->entry->patient &&
	    now_ns - sequence->named_ns >= APP_SEQUENCE_NAME_S * EBB_NS_PER_S) {
		/* A multiple of the period, so that late timers do not add up. */
		sequence->named_ns = now_ns - (now_ns - sequence->since_ns) %
						      (APP_SEQUENCE_NAME_S * EBB_NS_PER_S);
		ebb_warn("app", "%s: \"%s\" has not ended after %llu s: still waiting",
			 sequence->opts.name, entry_name(sequence, sequence->entry),
			 (unsigned long long)((now_ns - sequence->since_ns) / EBB_NS_PER_S));
		sequence_named(sequence);
	}
	sequence_set_timer(sequence);
	return 1;
}

/* Sets the timer for whatever is next to be done about the step under way. */
static void sequence_set_timer(struct ebb_sequence *sequence)
{
	uint64_t now_ns = ebb_clock_now_ns();
	uint64_t next_ns = 0;
	uint64_t deadline_ns;
	int rc;

	ebb_poller_unregister(&sequence->timer);
	if (sequence->child != NULL) {
		return;
	}
	deadline_ns = timer_deadline(sequence, &rc);
	if (!sequence->entry->patient || sequence->phase == SEQUENCE_UNDOING) {
		next_ns = sequence->named_ns + APP_SEQUENCE_NAME_S * EBB_NS_PER_S;
	}
	if (deadline_ns != 0 && (next_ns == 0 || deadline_ns < next_ns)) {
		next_ns = deadline_ns;
	}
	if (next_ns == 0) {
		return;
	}
	next_ns = next_ns > now_ns ? next_ns - now_ns : 0;
	sequence->timer = ebb_poller_register(timer_expired, sequence, next_ns / EBB_NS_PER_US + 1);
	if (sequence->timer == NULL) {
		ebb_warn("app", "%s: no timer: if \"%s\" hangs, nothing will say so",
			 sequence->opts.name, entry_name(sequence, sequence->entry));
	}
}
