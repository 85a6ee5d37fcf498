/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_SEQUENCE_H
#define EBB_SEQUENCE_H

/*
 * The one asynchronous protocol of ebb: named steps, one at a time, on the app thread. A step
 * starts, returns, and later says ebb_step_next(step, rc). Start-up, subsystem init and fini, a
 * configuration file's entries and the changes of RPC state are all sequences.
 */

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_sequence;

/* A ticket for one run of one step: a copy is as good as the original, and spent after one use. */
struct ebb_step {
	struct ebb_sequence *sequence;
	uint64_t generation;
};

struct ebb_step_ops {
	const char *name;
	void (*start)(struct ebb_step step, void *arg);
	/* Optional: undoes a start() that succeeded; ends by ebb_step_next() too. */
	void (*undo)(struct ebb_step step, void *arg);
};

/**
 * ebb_step_next() - the step has ended
 * A late, double or foreign call is reported with the step's name and has no other effect.
 * @rc: 0, or negative errno: the sequence ends with it; what is positive is logged, and is -EINVAL
 * Thread: app. May be called inside start(): the runner is a loop and never recurses.
 */
void ebb_step_next(struct ebb_step step, int rc);

#ifdef __cplusplus
}
#endif

#endif
