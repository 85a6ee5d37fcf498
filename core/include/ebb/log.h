/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_LOG_H
#define EBB_LOG_H

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
 * ebb_log() - one line to stderr: time, level, component, text
 * @component: the part that speaks, a short static word ("bdev", "nbd")
 * Thread: any. May block on stderr: not on an I/O path except for what is rate-limited or fatal.
 * Whoever handles an error logs it, once, with the object's name and the remedy.
 */
void ebb_log(enum ebb_log_level level, const char *component, const char *format, ...)
	EBB_PRINTF(3, 4);

#define ebb_error(component, ...)  ebb_log(EBB_LOG_ERROR, component, __VA_ARGS__)
#define ebb_warn(component, ...)   ebb_log(EBB_LOG_WARN, component, __VA_ARGS__)
#define ebb_notice(component, ...) ebb_log(EBB_LOG_NOTICE, component, __VA_ARGS__)
#define ebb_info(component, ...)   ebb_log(EBB_LOG_INFO, component, __VA_ARGS__)
#define ebb_debug(component, ...)  ebb_log(EBB_LOG_DEBUG, component, __VA_ARGS__)

/* Lines above @level are dropped. Default: EBB_LOG_NOTICE. Thread: any. */
void ebb_log_set_level(enum ebb_log_level level);
enum ebb_log_level ebb_log_get_level(void);

/* The level's name ("error" … "debug"), and back: false if @name is none. */
const char *ebb_log_level_name(enum ebb_log_level level);
bool ebb_log_level_parse(const char *name, enum ebb_log_level *ret_level);

/**
 * ebb_log_set_sink() - let a test read the log
 * @sink: called for every line in place of stderr, on the thread that logs; NULL: stderr
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
