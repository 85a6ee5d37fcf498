/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_SUBSYSTEM_H
#define EBB_SUBSYSTEM_H

/*
 * A part of the service with a beginning and an end of its own. It registers itself; init() runs in
 * order of dependency, fini() in reverse, all on the app thread, each ended by its next().
 */

#include <ebb/base.h>
#include <ebb/list.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_subsystem {
	const char *name;
	/* NULL: nothing to do. Ends, now or later, by ebb_subsystem_init_next(rc). */
	void (*init)(void);
	/* NULL: nothing to do. Ends, now or later, by ebb_subsystem_fini_done() or _next(). */
	void (*fini)(void);
	/* How long fini() may take, less than 10 s; 0: those, as any step of shutdown. */
	uint32_t fini_timeout_ms;
	/*
	 * With fini_timeout_ms: that time is over. It says in the log what fini() waits for, and
	 * the end is taken as said: shutdown goes on without it, and its end is not said any more.
	 */
	void (*fini_expired)(void);
	/*
	 * Methods that tell, without parameters, what it has and what that has done, for a screen
	 * such as `ebbctl status`; a NULL ends them. NULL: there are none.
	 */
	const char *const *stats;
	struct ebb_list link; /* the registry's */
};

struct ebb_subsystem_depend {
	const char *name;
	const char *depends_on;
	struct ebb_list link; /* the registry's */
};

/* The one registered after @previous; NULL: the first. Return: NULL: no more. Thread: any. */
const struct ebb_subsystem *ebb_subsystem_next(const struct ebb_subsystem *previous);

/*
 * One that cannot be (its name is taken, say) makes start-up fail, by name.
 * Thread: a constructor's. Owns: @subsystem stays the caller's and must live until the end.
 */
void ebb_subsystem_add(struct ebb_subsystem *subsystem);
void ebb_subsystem_depend_add(struct ebb_subsystem_depend *depend);

/**
 * ebb_subsystem_init_next() - the init() under way has ended
 * @rc: 0; or negative errno: start-up stops, what was started is undone in reverse, and the
 *	process exits nonzero with a message that names the subsystem.
 * Thread: app.
 * A call that nobody waits for is refused, and named: a second one in the same callback, one before
 * any init() or after the last, one on another thread. But the call does not say whose it is: one
 * that comes late, while another subsystem's init() is awaited, is taken for that one's. Who cannot
 * rule that out makes steps of its own (ebb/sequence.h), whose tickets can be told apart.
 */
void ebb_subsystem_init_next(int rc);

/**
 * ebb_subsystem_fini_next() - the fini() under way has ended
 * Thread: app.
 * Refused and named as above. One that was passed over because it took too long may still call, and
 * is told from the one under way by number: as long as such a call is owed, one that comes counts
 * as that, unless it is made within fini(). So no fini() is ended by another's call; but while one
 * is owed that never comes, the others that do not end within fini() take their full time.
 */
void ebb_subsystem_fini_next(void);

/**
 * ebb_subsystem_fini_done() - the fini() of @subsystem has ended
 * Thread: app.
 * In place of ebb_subsystem_fini_next(), with which nobody can be taken for another. A call that
 * comes late is refused, and named. Who may hang and uses this has a fini_timeout_ms as well: else
 * its call is owed until it comes, for those that use the other one.
 */
void ebb_subsystem_fini_done(const struct ebb_subsystem *subsystem);

#define EBB_SUBSYSTEM_REGISTER(subsystem)        \
	EBB_CONSTRUCTOR(subsystem##_register)    \
	{                                        \
		ebb_subsystem_add(&(subsystem)); \
	}

/* Both are bare words: EBB_SUBSYSTEM_DEPEND(nbd, bdev). */
#define EBB_SUBSYSTEM_DEPEND(subsystem, on)                             \
	static struct ebb_subsystem_depend subsystem##_depends_on_##on; \
	EBB_CONSTRUCTOR(subsystem##_depends_on_##on##_register)         \
	{                                                               \
		subsystem##_depends_on_##on.name = #subsystem;          \
		subsystem##_depends_on_##on.depends_on = #on;           \
		ebb_subsystem_depend_add(&subsystem##_depends_on_##on); \
	}

#ifdef __cplusplus
}
#endif

#endif
