/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/spinlock.h>

#include <errno.h>
#include <stdbool.h>

#include <ebb/violation.h>

#include "core/event/callback.h"
#include "core/event/thread.h"
#include "core/event/turn.h"
#include "core/event/violation.h"

void ebb_spinlock_init(struct ebb_spinlock *lock, const char *name)
{
	__atomic_store_n(&lock->owner, NULL, __ATOMIC_RELAXED);
	lock->name = name;
	lock->next = NULL;
}

EBB_REPORTS void ebb_spinlock_fini(struct ebb_spinlock *lock)
{
	struct ebb_thread *owner = __atomic_load_n(&lock->owner, __ATOMIC_RELAXED);

	if (owner != NULL) {
		ebb_violation(5, "ebb_spinlock_fini (while held)", lock->name, owner,
			      event_turn.thread);
	}
}

EBB_REPORTS int ebb_spinlock_lock(struct ebb_spinlock *lock)
{
	struct ebb_thread *thread = event_turn.thread;
	struct ebb_thread *owner = NULL;

	if (thread == NULL) {
		ebb_violation(4, __func__, lock->name, NULL, NULL);
		return -EPERM;
	}
	if (__atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == thread) {
		ebb_violation(5, "ebb_spinlock_lock (recursion)", lock->name, thread, thread);
		return -EDEADLK;
	}
	/* Pairs with the release in ebb_spinlock_unlock(). */
	while (!__atomic_compare_exchange_n(&lock->owner, &owner, thread, true, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		owner = NULL;
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
	}
	lock->next = thread->held_spinlocks;
	thread->held_spinlocks = lock;
	return 0;
}

static void spinlock_forget(struct ebb_thread *thread, struct ebb_spinlock *lock)
{
	struct ebb_spinlock **place = &thread->held_spinlocks;

	while (*place != lock) {
		place = &(*place)->next;
	}
	*place = lock->next;
	lock->next = NULL;
}

EBB_REPORTS int ebb_spinlock_unlock(struct ebb_spinlock *lock)
{
	struct ebb_thread *thread = event_turn.thread;
	struct ebb_thread *owner = __atomic_load_n(&lock->owner, __ATOMIC_RELAXED);

	if (owner == NULL || owner != thread) {
		ebb_violation(5, "ebb_spinlock_unlock (not the holder)", lock->name, owner, thread);
		return -EPERM;
	}
	spinlock_forget(thread, lock);
	__atomic_store_n(&lock->owner, NULL, __ATOMIC_RELEASE);
	return 0;
}

void event_spinlock_held(struct ebb_thread *thread, const char *name)
{
	const struct ebb_spinlock *lock;

	for (lock = thread->held_spinlocks; lock != NULL; lock = lock->next) {
		event_violation_in(5, "ebb_spinlock_lock (held at the end of a callback)",
				   lock->name, thread, thread, name);
	}
}
