/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_SEQUENCE_H
#define CORE_APP_SEQUENCE_H

/* The runner of sequences, for those who make one; the steps themselves need <ebb/sequence.h>. */

#include <stdbool.h>

#include <ebb/sequence.h>

/* How long a running step may still take once the sequence is stopped, and an undo at all. */
#define APP_SEQUENCE_GRACE_S 10
/* A step that has not ended is named in the log this often. */
#define APP_SEQUENCE_NAME_S 5
/* Steps that end at once run on in one turn while they are at most this many and take this long. */
#define APP_SEQUENCE_BATCH    32
#define APP_SEQUENCE_SLICE_NS EBB_NS_PER_MS

/* For a sequence that is nobody's part. */
#define APP_STEP_NONE ((struct ebb_step){NULL, 0})

struct app_sequence_step {
	const char *name;      /* copied */
	const char *undo_name; /* copied; NULL: @name */
	void (*start)(struct ebb_step step, void *arg);
	void (*undo)(struct ebb_step step, void *arg); /* NULL: nothing to undo */
	void *arg;
	/* Waits for a person or a program outside: neither named in the log nor timed out. */
	bool patient;
};

struct app_sequence_opts {
	const char *name;   /* for the log: a static string */
	uint32_t timeout_s; /* a start() that has not ended by then fails with -ETIMEDOUT; 0: never
	                     */
	/* Optional: a step has failed with @rc; called before anything is undone. */
	void (*failed)(void *arg, const char *step, int rc);
	/* Optional: what is waited for has changed, in this sequence or in one that is part of it.
	 */
	void (*changed)(void *arg);
	/*
	 * Optional: a step of this sequence, or of one that is part of it, has been named because
	 * it has not ended yet.
	 */
	void (*named)(void *arg);
	void *arg;
};

/* @rc: 0, or the first error; everything that had been started is undone by then. */
typedef void (*app_sequence_done)(void *arg, int rc);

/* Thread: app, for all of these. Return: 0; -ENOMEM. */
int app_sequence_create(const struct app_sequence_opts *opts, struct ebb_sequence **ret_sequence);

/* Not while steps run: from done() on, or before the first run. NULL is ignored. */
void app_sequence_destroy(struct ebb_sequence *sequence);

/* Appends a step. Return: 0; -ENOMEM. */
int app_sequence_add(struct ebb_sequence *sequence, const struct app_sequence_step *step);

/**
 * app_sequence_run() - start all steps, in order
 * @parent: the step whose work this is: while a sequence runs for it, that step is not timed and
 *	not named, but the innermost step is; stopping the outer one stops the inner one.
 * @done: called once, perhaps inside this call; may destroy the sequence
 */
void app_sequence_run(struct ebb_sequence *sequence, struct ebb_step parent, app_sequence_done done,
		      void *arg);

/**
 * app_sequence_undo() - undo all steps that have been started, backwards
 * An undo that fails is logged, one that does not end within APP_SEQUENCE_GRACE_S is named and
 * passed over.
 * @done: as above; its rc is always 0
 */
void app_sequence_undo(struct ebb_sequence *sequence, struct ebb_step parent,
		       app_sequence_done done, void *arg);

/**
 * app_sequence_stop() - begin no further step
 * Waits for the step under way (at most APP_SEQUENCE_GRACE_S), undoes what was started, and calls
 * done() with -ECANCELED. Does nothing unless app_sequence_run() is under way.
 */
void app_sequence_stop(struct ebb_sequence *sequence);

/**
 * app_sequence_waiting() - what is waited for?
 * @ret_name: the innermost step under way; valid until the app thread's callback returns
 * @ret_since_ns: when it was begun, by ebb_clock_now_ns()
 * Return: false if no step is under way.
 */
bool app_sequence_waiting(const struct ebb_sequence *sequence, const char **ret_name,
			  uint64_t *ret_since_ns);

#endif
