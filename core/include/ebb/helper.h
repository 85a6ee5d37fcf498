/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_HELPER_H
#define EBB_HELPER_H

/*
 * The helper is one OS thread for what may block: open, sysfs, ioctl, fsync, fallocate. It is
 * started with the reactors and parked without a timeout.
 */

#include <ebb/thread.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_work {
	void (*run)(struct ebb_work *work);  /* on the helper; may block */
	void (*done)(struct ebb_work *work); /* then, on the thread that submitted */
	const char *name;                    /* of done, for people: what blocks is called so */
	/* The helper's own from here on. */
	struct ebb_work *next;
	struct ebb_thread *thread;
	struct ebb_msg msg;
};

/* Fills in what is the caller's; @run may be set later, too. */
#define ebb_work_init(work, work_run, work_done)        \
	do {                                            \
		struct ebb_work *work_to_init = (work); \
		work_to_init->run = (work_run);         \
		work_to_init->done = (work_done);       \
		work_to_init->name = #work_done;        \
	} while (0)

/**
 * ebb_helper_submit() - run @work->run on the helper, then @work->done here
 * Work runs one at a time, in the order submitted. (done() does not run if @work hangs for so long
 * that the thread's end has been forced.)
 * Thread: an ebb thread; it does not exit before @work->done has run.
 * Owns: @work is the helper's until done() is entered.
 * Return: 0; -EPERM: the caller is no ebb thread (reported): nothing will run.
 */
int ebb_helper_submit(struct ebb_work *work);

#ifdef __cplusplus
}
#endif

#endif
