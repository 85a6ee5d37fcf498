/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/log.h"

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "core/base/log_flag.h"

#define LOG_LINE_MAX 1024
static_assert(LOG_LINE_MAX + 128 <= PIPE_BUF, "a line could wait in a pipe that is ready");

static _Atomic(enum ebb_log_level) log_level = EBB_LOG_NOTICE;
static _Atomic(enum ebb_log_level) log_print_level = EBB_LOG_NOTICE;
static _Atomic(base_log_write_fn) log_system;
static atomic_bool log_joined;
static base_log_write_fn log_sink;

static const char *const log_level_names[] = {
	[EBB_LOG_ERROR] = "error", [EBB_LOG_WARN] = "warning", [EBB_LOG_NOTICE] = "notice",
	[EBB_LOG_INFO] = "info",   [EBB_LOG_DEBUG] = "debug",
};

enum ebb_log_level ebb_log_get_level(void)
{
	return atomic_load_explicit(&log_level, memory_order_relaxed);
}

enum ebb_log_level ebb_log_get_print_level(void)
{
	return atomic_load_explicit(&log_print_level, memory_order_relaxed);
}

/* Does a line of @level go to stderr? */
static bool log_prints(enum ebb_log_level level)
{
	return level <= ebb_log_get_print_level() ||
	       (level <= ebb_log_get_level() &&
		atomic_load_explicit(&log_joined, memory_order_relaxed));
}

/* Where a line of @level goes besides; NULL: nowhere. */
static base_log_write_fn log_system_of(enum ebb_log_level level)
{
	return level <= ebb_log_get_level()
		       ? atomic_load_explicit(&log_system, memory_order_relaxed)
		       : NULL;
}

/* Where lines go has changed. */
static void log_changed(void)
{
	base_log_flag_debugging(log_prints(EBB_LOG_DEBUG) || log_system_of(EBB_LOG_DEBUG) != NULL);
}

void base_log_set_system(base_log_write_fn write)
{
	atomic_store_explicit(&log_system, write, memory_order_relaxed);
	log_changed();
}

void base_log_set_joined(bool joined)
{
	atomic_store_explicit(&log_joined, joined, memory_order_relaxed);
	log_changed();
}

static bool log_level_exists(enum ebb_log_level level)
{
	return (unsigned)level <= EBB_LOG_DEBUG;
}

/* @level is wanted in place of @now, which it is if it exists. */
static enum ebb_log_level log_level_check(enum ebb_log_level level, enum ebb_log_level now)
{
	if (log_level_exists(level)) {
		return level;
	}
	ebb_error("log", "%d is no level: it stays \"%s\"", (int)level, log_level_names[now]);
	return now;
}

void ebb_log_set_level(enum ebb_log_level level)
{
	level = log_level_check(level, ebb_log_get_level());
	atomic_store_explicit(&log_level, level, memory_order_relaxed);
	log_changed();
}

void ebb_log_set_print_level(enum ebb_log_level level)
{
	level = log_level_check(level, ebb_log_get_print_level());
	atomic_store_explicit(&log_print_level, level, memory_order_relaxed);
	log_changed();
}

const char *ebb_log_level_name(enum ebb_log_level level)
{
	return log_level_exists(level) ? log_level_names[level] : "none";
}

bool ebb_log_level_parse(const char *name, enum ebb_log_level *ret_level)
{
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(log_level_names); i++) {
		if (strcasecmp(name, log_level_names[i]) == 0) {
			*ret_level = (enum ebb_log_level)i;
			return true;
		}
	}
	return false;
}

void ebb_log_set_sink(base_log_write_fn sink)
{
	log_sink = sink;
}

/* One write() a line: lines of several OS threads do not mix, and nothing is held back. */
static void log_write(enum ebb_log_level level, const char *component, const char *text)
{
	char line[LOG_LINE_MAX + 128];
	struct timespec now;
	struct tm local;
	int len;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	len = snprintf(line, sizeof(line), "%04d-%02d-%02d %02d:%02d:%02d.%03ld %s %s: %s\n",
		       local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour,
		       local.tm_min, local.tm_sec, now.tv_nsec / 1000000, log_level_names[level],
		       component, text);
	if (len >= (int)sizeof(line)) {
		len = (int)sizeof(line) - 1;
		line[len - 1] = '\n';
	}
	if (write(STDERR_FILENO, line, (size_t)len) < 0) {
		return; /* nobody to tell */
	}
}

/*
 * Whether a line can be written without waiting: a pipe that is ready takes PIPE_BUF bytes, which
 * is more than any line has. A file always is; what is broken is as well, for write() to say so.
 */
static bool log_is_ready(void)
{
	struct pollfd stream = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&stream, 1, 0) != 0;
}

/*
 * A reactor logs as well: it must not stand still because nobody reads what it writes. So lines are
 * dropped then, and counted, and the first one that goes again comes after their number. The
 * stream's own lock is for two OS threads that find room for one line; nobody waits for a reader
 * with it in hand.
 */
static void log_emit(enum ebb_log_level level, const char *component, const char *text)
{
	static atomic_uint dropped; /* under the lock, which race detectors do not know */
	unsigned missing;
	char notice[64];

	flockfile(stderr);
	missing = atomic_load_explicit(&dropped, memory_order_relaxed);
	if (missing != 0 && log_is_ready()) {
		snprintf(notice, sizeof(notice), "%u lines are missing here: stderr was not read",
			 missing);
		atomic_store_explicit(&dropped, 0, memory_order_relaxed);
		log_write(EBB_LOG_WARN, "log", notice);
	}
	if (log_is_ready()) {
		log_write(level, component, text);
	} else {
		atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
	}
	funlockfile(stderr);
}

/* A line to where lines of its level go. */
static void log_deliver(enum ebb_log_level level, const char *component, const char *text)
{
	base_log_write_fn system = log_system_of(level);

	if (log_prints(level) && log_sink != NULL) {
		log_sink(level, component, text);
	} else if (log_prints(level)) {
		log_emit(level, component, text);
	}
	if (system != NULL) {
		system(level, component, text);
	}
}

void ebb_log(enum ebb_log_level level, const char *component, const char *format, ...)
{
	char text[LOG_LINE_MAX];
	va_list args;

	level = log_level_exists(level) ? level : EBB_LOG_ERROR;
	if (!log_prints(level) && log_system_of(level) == NULL) {
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_deliver(level, component, text);
}

bool ebb_ratelimit_ok(struct ebb_ratelimit *limit)
{
	uint64_t now_ns = ebb_clock_now_ns();
	uint64_t next_ns = __atomic_load_n(&limit->next_ns, __ATOMIC_RELAXED);

	if (now_ns < next_ns) {
		return false;
	}
	__atomic_store_n(&limit->next_ns, now_ns + EBB_NS_PER_S, __ATOMIC_RELAXED);
	return true;
}
