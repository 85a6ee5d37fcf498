/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_SPINLOCK_H
#define EBB_SPINLOCK_H

/*
 * A lock for the few words that threads share. It belongs to an ebb thread while it is held, and
 * must be let go before the callback ends (rule 5). Reported, by the lock's name: recursion, unlock
 * by another thread, destruction while held, held at the end of a callback.
 */

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_thread;

struct ebb_spinlock {
	struct ebb_thread *owner; /* NULL: free; by __atomic functions only */
	const char *name;
	struct ebb_spinlock *next; /* of those that the owner holds; its own */
};

#define EBB_SPINLOCK_INIT(lock_name)    \
	{                               \
		NULL, (lock_name), NULL \
	}

/* Nobody else knows @lock. @name is borrowed. fini() reports one that is held. Thread: any. */
void ebb_spinlock_init(struct ebb_spinlock *lock, const char *name);
void ebb_spinlock_fini(struct ebb_spinlock *lock);

/* Thread: an ebb thread. Return: 0; -EDEADLK held by the caller already (reported). */
int ebb_spinlock_lock(struct ebb_spinlock *lock);

/* Return: 0; -EPERM held by somebody else or by nobody (reported). */
int ebb_spinlock_unlock(struct ebb_spinlock *lock);

#ifdef __cplusplus
}
#endif

#endif
