/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_LOG_H
#define EBB_LOG_H

/*
 * The log. A line has a level and a component, the part that speaks. Lines go to stderr up to the
 * print level, and to the system's log, where the program has opened one (ebbd: syslog), up to the
 * level. Where stderr is the system's log itself (a service of systemd's), a line that either level
 * lets through is written there, once.
 *
 * Lines of level debug have a flag as well, that of their component: they are written only while
 * it is set. One that is not written costs a load and a branch.
 */

#include <stdbool.h>

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebb_log_level {
	EBB_LOG_ERROR,
	EBB_LOG_WARN,
	EBB_LOG_NOTICE,
	EBB_LOG_INFO,
	EBB_LOG_DEBUG,
};

/**
 * ebb_log() - one line: time, level, component, text
 * @component: the part that speaks, a short static word ("bdev", "nbd")
 * Thread: any. Where stderr or syslog has no room, the line is dropped and counted; but a system
 * call or two it is: not on an I/O path except for what is rate-limited or fatal.
 * Whoever handles an error logs it, once, with the object's name and the remedy. Debug lines are
 * written by ebb_debug(), which looks at their flag.
 */
void ebb_log(enum ebb_log_level level, const char *component, const char *format, ...)
	EBB_PRINTF(3, 4);

#define ebb_error(component, ...)  ebb_log(EBB_LOG_ERROR, component, __VA_ARGS__)
#define ebb_warn(component, ...)   ebb_log(EBB_LOG_WARN, component, __VA_ARGS__)
#define ebb_notice(component, ...) ebb_log(EBB_LOG_NOTICE, component, __VA_ARGS__)
#define ebb_info(component, ...)   ebb_log(EBB_LOG_INFO, component, __VA_ARGS__)

/* What ebb_log_site.state is. */
enum ebb_log_site_state {
	EBB_LOG_SITE_NEW, /* it has not run, and no flag has been set since */
	EBB_LOG_SITE_OFF,
	EBB_LOG_SITE_ON,
};

/* A line of level debug in the source. The log's, apart from @component. */
struct ebb_log_site {
	const char *component;
	struct ebb_log_site *next; /* of those that are found only when they run */
	unsigned char state;       /* enum ebb_log_site_state; read and written atomically */
	unsigned char flag;
} __attribute__((aligned(32)));

/* In C the sites stand in one section, so that all of a program's are known from its start. */
#ifdef __cplusplus
#define EBB_LOG_SITE_SECTION
#else
#define EBB_LOG_SITE_SECTION __attribute__((section("ebb_log_sites"), used))
#endif

/* Is @site's line written now? Thread: any. */
bool ebb_log_site_on(struct ebb_log_site *site);

/* @component: a string literal. */
#define ebb_debug(component, ...)                                                                  \
	do {                                                                                       \
		static struct ebb_log_site ebb_debug_site EBB_LOG_SITE_SECTION = {component, NULL, \
										  0, 0};           \
		if (ebb_unlikely(__atomic_load_n(&ebb_debug_site.state, __ATOMIC_RELAXED) !=       \
				 EBB_LOG_SITE_OFF) &&                                              \
		    ebb_log_site_on(&ebb_debug_site)) {                                            \
			ebb_log(EBB_LOG_DEBUG, component, __VA_ARGS__);                            \
		}                                                                                  \
	} while (0)

/*
 * Lines above @level do not go to the system's log; above the print level, not to stderr. Default
 * of both: EBB_LOG_NOTICE. What is no level is logged and refused. Thread: any, but one at a time.
 */
void ebb_log_set_level(enum ebb_log_level level);
enum ebb_log_level ebb_log_get_level(void);
void ebb_log_set_print_level(enum ebb_log_level level);
enum ebb_log_level ebb_log_get_print_level(void);

/**
 * ebb_log_set_flag() - have the debug lines of components written
 * At the levels' leave: EBB_LOG_DEBUG has to be one of them.
 * @name: a component, "all", or a shell's pattern ("b*"); upper and lower case are the same
 * Thread: any.
 * Return: 0; -ENOENT: no component that has debug lines is called so, nothing has changed.
 */
int ebb_log_set_flag(const char *name);
int ebb_log_clear_flag(const char *name);

/* Is the flag of component @name set? False also if there is none. Thread: any. */
bool ebb_log_get_flag(const char *name);

/* Calls @fn for each component that has debug lines, in the order of their names. Thread: any. */
void ebb_log_for_each_flag(void (*fn)(const char *name, bool set, void *arg), void *arg);

/* The level's name ("error" ... "debug"; "none": it is no level), and back: false if @name is none. */
const char *ebb_log_level_name(enum ebb_log_level level);
bool ebb_log_level_parse(const char *name, enum ebb_log_level *ret_level);

/**
 * ebb_log_set_sink() - let a test read the log
 * @sink: called for every line up to the print level in place of stderr, on the thread that logs;
 *	NULL: stderr
 */
void ebb_log_set_sink(void (*sink)(enum ebb_log_level level, const char *component,
				   const char *text));

/**
 * struct ebb_ratelimit - at most one line per second and call site
 * A zeroed static one is ready.
 */
struct ebb_ratelimit {
	uint64_t next_ns;
};

/* True if a line may be written now. Thread: any (a lost race only drops or adds one line). */
bool ebb_ratelimit_ok(struct ebb_ratelimit *limit);

#ifdef __cplusplus
}
#endif

#endif
