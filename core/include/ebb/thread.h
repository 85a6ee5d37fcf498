/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_THREAD_H
#define EBB_THREAD_H

/*
 * An ebb thread is a light-weight unit of ownership: pollers, channels and messages belong to one.
 * Many run on one reactor (an OS thread); a reactor runs one callback at a time. Whatever belongs
 * to a thread is touched on that thread only; everybody else sends it a message.
 */

#include <stdbool.h>

#include <ebb/base.h>
#include <ebb/msg.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_thread;

/* For ebb_thread_create(): let the framework choose the reactor. */
#define EBB_CORE_ANY (-1)

/**
 * ebb_thread_create() - create a thread and place it on a reactor
 * @name: copied, at most 63 bytes; NULL: one is made up of its id
 * @core: CPU number of the reactor that shall run it, or EBB_CORE_ANY
 * @ret_thread: may be sent messages at once
 * Thread: any, inside ebb_app_start() (rule 4).
 * Owns: the framework; it is gone some time after ebb_thread_exit().
 * Return: 0; -EPERM outside ebb_app_start(); -ESHUTDOWN it is ending; -EINVAL no reactor on @core;
 *	-ENOMEM.
 */
int ebb_thread_create(const char *name, int core, struct ebb_thread **ret_thread);

/**
 * ebb_thread_exit() - begin to end the calling thread
 * The thread goes on running until its messages, for_each calls, pollers, channels and pending
 * io_device unregistrations are gone; after 5 s the end is forced and what it waited for is named.
 * It does not spin meanwhile. A second call is ignored. The app thread's exit is the framework's.
 * Thread: an ebb thread.
 */
void ebb_thread_exit(void);

/* The ebb thread that runs now, or NULL on an OS thread (or a moment) that runs none. */
struct ebb_thread *ebb_thread_current(void);

/* The thread that start-up, subsystems and RPC methods run on; NULL outside ebb_app_start(). */
struct ebb_thread *ebb_thread_app(void);

static inline bool ebb_thread_is_app(void)
{
	return ebb_thread_current() != NULL && ebb_thread_current() == ebb_thread_app();
}

const char *ebb_thread_name(const struct ebb_thread *thread);
uint64_t ebb_thread_id(const struct ebb_thread *thread); /* from 1, never used twice in a run */

/*
 * Return: NULL: no thread has @id, or it has exited. What is found stays valid until the framework ends,
 * also if it exits meanwhile: then what is asked of it is refused. Thread: any.
 */
struct ebb_thread *ebb_thread_find(uint64_t id);

/**
 * ebb_thread_send() - run @msg on @thread, without allocation
 * Messages of one sender, of both forms, run in the order sent; never inside the sender, also to
 * the own thread.
 * Thread: any OS thread.
 * Owns: @msg is the framework's until its function is entered.
 * Return: 0; -ESRCH: @thread has exited, @msg will not run.
 */
int ebb_thread_send(struct ebb_thread *thread, struct ebb_msg *msg);

/**
 * ebb_thread_send_msg() - run @fn(@arg) on @thread
 * Goes through the thread's ring of 4,096; while that is full, through a list whose nodes are
 * allocated. Neither loses a message, nor reorders those of one sender. Out of memory for a node, a
 * reserve is used; when that is gone too the process aborts, naming the thread and what it is in.
 * Thread: any OS thread; not a signal handler.
 * Return: 0; -ESRCH: @thread has exited, @fn will not run.
 */
#define ebb_thread_send_msg(thread, fn, arg) ebb_thread_send_named((thread), (fn), (arg), #fn)
int ebb_thread_send_named(struct ebb_thread *thread, ebb_msg_fn fn, void *arg, const char *name);

/* As ebb_thread_send_msg(), but runs @fn inside the call if @thread is the calling thread. */
#define ebb_thread_exec_msg(thread, fn, arg) ebb_thread_exec_named((thread), (fn), (arg), #fn)
int ebb_thread_exec_named(struct ebb_thread *thread, ebb_msg_fn fn, void *arg, const char *name);

/**
 * ebb_thread_send_critical() - run @fn(@arg) on @thread before any ordinary message
 * Async-signal-safe: no allocation, no lock.
 * Thread: any, signal handlers included.
 * Return: 0; -EAGAIN: 64 are waiting already; -ESRCH: @thread has exited.
 */
#define ebb_thread_send_critical(thread, fn, arg) \
	ebb_thread_send_critical_named((thread), (fn), (arg), #fn)
int ebb_thread_send_critical_named(struct ebb_thread *thread, ebb_msg_fn fn, void *arg,
				   const char *name);

/**
 * ebb_for_each_thread() - run @fn(@arg) on every thread, one after the other, then @done(@arg)
 * In order of creation; a thread that exits meanwhile is passed over, one that is created meanwhile
 * is visited. @done runs exactly once, on the calling thread, never inside this call.
 * Thread: an ebb thread.
 * Return: 0; -ENOMEM: nothing will run. -EPERM: the caller is no ebb thread.
 */
#define ebb_for_each_thread(fn, arg, done) ebb_for_each_thread_named((fn), (arg), (done), #fn)
int ebb_for_each_thread_named(ebb_msg_fn fn, void *arg, ebb_msg_fn done, const char *name);

/**
 * ebb_thread_move() - move @thread to the reactor on @core
 * The thread's channels are quiesced first (I/O that arrives meanwhile waits in them), then its
 * wake sources change over, then everything goes on there. No handler runs on the old reactor
 * after the new one has the thread.
 * @done: called once on the calling thread: 0, or -EINVAL no such reactor, -EPERM the thread's CPU mask
 *	excludes it, -EBUSY a move is under way, -ESRCH the thread exits.
 * Thread: an ebb thread.
 */
typedef void (*ebb_thread_move_cb)(void *arg, int rc);
void ebb_thread_move(struct ebb_thread *thread, int core, ebb_thread_move_cb done, void *arg);

/**
 * ebb_thread_set_cpumask() - say on which reactors @thread may run
 * If its reactor is none of them it is moved to one, as by ebb_thread_move(); later moves stay within
 * the mask. CPUs without a reactor do not count. Any thread has such a mask, the app thread too; at
 * first it is of all reactors.
 * @cpumask: "0x3", "[0,2-3]"
 * @done: called once on the calling thread: 0, or -EINVAL it is no mask, or no reactor is in it,
 *	-EBUSY a move is under way, -ESRCH the thread exits; then all is as before.
 * Thread: an ebb thread.
 */
void ebb_thread_set_cpumask(struct ebb_thread *thread, const char *cpumask, ebb_thread_move_cb done,
			    void *arg);

struct ebb_thread_stats {
	const char *name;
	uint64_t id;
	int core;
	bool exiting;
	uint64_t busy_ns;
	uint64_t idle_ns;
	unsigned active_pollers; /* period 0, not paused */
	unsigned timed_pollers;
	unsigned paused_pollers;
};

/*
 * Thread: @thread itself (reach each by ebb_for_each_thread()); on any other one it is reported, and
 * only the name and the number are told.
 */
void ebb_thread_get_stats(const struct ebb_thread *thread, struct ebb_thread_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
