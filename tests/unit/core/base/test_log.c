/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/clock.h>

#include "tests/unit/unit.h"

static uint64_t clock_ns;

static unsigned num_lines;
static enum ebb_log_level last_level;
static char last_component[32];
static char last_text[2048];

static uint64_t clock_read(void)
{
	return clock_ns;
}

static void sink(enum ebb_log_level level, const char *component, const char *text)
{
	num_lines++;
	last_level = level;
	snprintf(last_component, sizeof(last_component), "%s", component);
	snprintf(last_text, sizeof(last_text), "%s", text);
}

static void setup(void)
{
	num_lines = 0;
	clock_ns = EBB_NS_PER_S;
	ebb_clock_set_source(clock_read);
	ebb_log_set_level(EBB_LOG_NOTICE);
	ebb_log_set_print_level(EBB_LOG_NOTICE);
	ebb_log_set_sink(sink);
}

static void teardown(void)
{
	base_log_set_system(NULL);
	base_log_set_joined(false);
	ebb_log_set_sink(NULL);
	ebb_clock_set_source(NULL);
}

START_TEST(test_levels)
{
	ck_assert_int_eq(ebb_log_get_print_level(), EBB_LOG_NOTICE);
	ebb_error("unit", "one %d", 1);
	ck_assert_uint_eq(num_lines, 1);
	ck_assert_int_eq(last_level, EBB_LOG_ERROR);
	ck_assert_str_eq(last_component, "unit");
	ck_assert_str_eq(last_text, "one 1");
	ebb_warn("unit", "two");
	ebb_notice("unit", "three");
	ck_assert_uint_eq(num_lines, 3);
	ebb_info("unit", "dropped");
	ebb_debug("unit", "dropped");
	ck_assert_uint_eq(num_lines, 3);
	ebb_log_set_print_level(EBB_LOG_INFO);
	ebb_info("unit", "four");
	ck_assert_uint_eq(num_lines, 4);
	ebb_log_set_print_level(EBB_LOG_ERROR);
	ebb_warn("unit", "dropped");
	ck_assert_uint_eq(num_lines, 4);
}
END_TEST

/* Each of the two is what it was set to last, whatever the other one is. */
START_TEST(test_both_levels)
{
	for (int level = EBB_LOG_ERROR; level <= EBB_LOG_DEBUG; level++) {
		ebb_log_set_level((enum ebb_log_level)level);
		ebb_log_set_print_level((enum ebb_log_level)(EBB_LOG_DEBUG - level));
		ck_assert_int_eq(ebb_log_get_level(), level);
		ck_assert_int_eq(ebb_log_get_print_level(), EBB_LOG_DEBUG - level);
	}
}
END_TEST

static unsigned num_system;
static char system_text[64];

static void note_system(enum ebb_log_level level, const char *component, const char *text)
{
	ck_assert_int_le(level, ebb_log_get_level());
	ck_assert_str_eq(component, "unit");
	num_system++;
	snprintf(system_text, sizeof(system_text), "%s", text);
}

/* The level is the system log's, the print level stderr's: neither holds the other's lines back. */
START_TEST(test_system)
{
	ebb_warn("unit", "nobody has opened one");
	ck_assert_uint_eq(num_lines, 1);
	base_log_set_system(note_system);
	ebb_notice("unit", "to both");
	ck_assert_uint_eq(num_lines, 2);
	ck_assert_uint_eq(num_system, 1);
	ck_assert_str_eq(system_text, "to both");
	ebb_log_set_level(EBB_LOG_ERROR);
	ebb_notice("unit", "printed only");
	ck_assert_uint_eq(num_lines, 3);
	ck_assert_uint_eq(num_system, 1);
	ebb_log_set_level(EBB_LOG_INFO);
	ebb_log_set_print_level(EBB_LOG_WARN);
	ebb_info("unit", "not printed");
	ck_assert_uint_eq(num_lines, 3);
	ck_assert_uint_eq(num_system, 2);
	ck_assert_str_eq(system_text, "not printed");
	base_log_set_system(NULL);
	ebb_info("unit", "nowhere");
	ck_assert_uint_eq(num_lines, 3);
	ck_assert_uint_eq(num_system, 2);
}
END_TEST

/* stderr is the system's log: what either level lets through is written, once. */
START_TEST(test_joined)
{
	ebb_log_set_level(EBB_LOG_INFO);
	ebb_info("unit", "to a log that is not there");
	ck_assert_uint_eq(num_lines, 0);
	base_log_set_joined(true);
	ebb_info("unit", "by the level");
	ck_assert_uint_eq(num_lines, 1);
	ebb_warn("unit", "by both");
	ck_assert_uint_eq(num_lines, 2);
	ebb_log_set_level(EBB_LOG_ERROR);
	ebb_warn("unit", "by the print level");
	ck_assert_uint_eq(num_lines, 3);
	ebb_info("unit", "by neither");
	ck_assert_uint_eq(num_lines, 3);
}
END_TEST

/* Refused, and said so: the levels stay as they were. A line of such a level is an error's. */
START_TEST(test_no_such_level)
{
	const enum ebb_log_level none = (enum ebb_log_level)(EBB_LOG_DEBUG + 1);

	ebb_log_set_level(none);
	ck_assert_int_eq(ebb_log_get_level(), EBB_LOG_NOTICE);
	ck_assert_str_eq(last_text, "5 is no level: it stays \"notice\"");
	ebb_log_set_print_level(none);
	ck_assert_int_eq(ebb_log_get_print_level(), EBB_LOG_NOTICE);
	ck_assert_uint_eq(num_lines, 2);
	ebb_log(none, "unit", "of no level");
	ck_assert_uint_eq(num_lines, 3);
	ck_assert_int_eq(last_level, EBB_LOG_ERROR);
	ck_assert_str_eq(ebb_log_level_name(none), "none");
}
END_TEST

START_TEST(test_level_names)
{
	enum ebb_log_level level = EBB_LOG_INFO;

	for (unsigned i = EBB_LOG_ERROR; i <= EBB_LOG_DEBUG; i++) {
		const char *name = ebb_log_level_name((enum ebb_log_level)i);

		ck_assert(ebb_log_level_parse(name, &level));
		ck_assert_uint_eq(level, i);
	}
	ck_assert(ebb_log_level_parse("ERROR", &level));
	ck_assert_int_eq(level, EBB_LOG_ERROR);
	ck_assert(!ebb_log_level_parse("loud", &level));
	ck_assert(!ebb_log_level_parse("", &level));
	ck_assert_int_eq(level, EBB_LOG_ERROR);
}
END_TEST

/* A text of any length makes one line, whole or cut. */
START_TEST(test_long_text)
{
	static char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	ebb_error("unit", "%s", text);
	ck_assert_uint_eq(num_lines, 1);
	ck_assert_uint_ge(strlen(last_text), 1000);
	ck_assert_uint_lt(strlen(last_text), 2000);
}
END_TEST

/* Reads what one ebb_error(@text) writes to stderr. */
static size_t capture_stderr(const char *text, char *line, size_t size)
{
	int saved = dup(STDERR_FILENO);
	int pipe_fds[2];
	ssize_t len;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	ebb_error("unit", "%s", text);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fds[1]);
	len = read(pipe_fds[0], line, size - 1);
	close(pipe_fds[0]);
	ck_assert_int_gt(len, 0);
	line[len] = '\0';
	return (size_t)len;
}

START_TEST(test_stderr)
{
	char line[4096], end[64];
	unsigned year, month, day, hour, minute, second, ms;
	size_t len;

	ebb_log_set_sink(NULL);
	len = capture_stderr("hello", line, sizeof(line));
	ck_assert_int_eq(sscanf(line, "%4u-%2u-%2u %2u:%2u:%2u.%3u %63[^\n]", &year, &month, &day,
				&hour, &minute, &second, &ms, end),
			 8);
	ck_assert_str_eq(end, "error unit: hello");
	ck_assert_int_eq(line[len - 1], '\n');
}
END_TEST

START_TEST(test_stderr_long)
{
	static char text[5000], line[8192];
	size_t len;

	memset(text, 'x', sizeof(text) - 1);
	ebb_log_set_sink(NULL);
	len = capture_stderr(text, line, sizeof(line));
	ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
}
END_TEST

/* Nobody reads: nothing waits, and how much is missing is said when somebody reads again. */
START_TEST(test_stderr_full)
{
	int saved = dup(STDERR_FILENO);
	static char text[1 << 17];
	unsigned num = 0, last;
	int pipe_fds[2];
	ssize_t len;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	ck_assert_int_eq(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_ge(fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 16), 1 << 16);
	ebb_log_set_sink(NULL);
	dup2(pipe_fds[1], STDERR_FILENO);
	while (num < 10000) {
		ebb_error("unit", "line %u.", num++);
	}
	len = read(pipe_fds[0], text, sizeof(text) - 1);
	ebb_error("unit", "the last one");
	dup2(saved, STDERR_FILENO);
	ebb_log_set_sink(sink);
	close(saved);
	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	ck_assert_int_eq(sscanf(strrchr(text, ' '), " %u.", &last), 1);
	ck_assert_uint_lt(last, num - 1);
	len = read(pipe_fds[0], text, sizeof(text) - 1);
	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	snprintf(last_text, sizeof(last_text), "%u lines are missing here", num - 1 - last);
	ck_assert_ptr_nonnull(strstr(text, last_text));
	ck_assert_ptr_nonnull(strstr(text, "the last one\n"));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

START_TEST(test_ratelimit)
{
	struct ebb_ratelimit limit = {0};

	ck_assert(ebb_ratelimit_ok(&limit));
	ck_assert(!ebb_ratelimit_ok(&limit));
	ck_assert(!ebb_ratelimit_ok(&limit));
	clock_ns += EBB_NS_PER_S - 1;
	ck_assert(!ebb_ratelimit_ok(&limit));
	clock_ns += 1;
	ck_assert(ebb_ratelimit_ok(&limit));
	ck_assert(!ebb_ratelimit_ok(&limit));
}
END_TEST

static void sink_of_assert(enum ebb_log_level level, const char *component, const char *text)
{
	(void)level;
	/* The process aborts after this: what is said must be right by then. */
	if (strcmp(component, "assert") != 0 || strstr(text, "1 + 1 == 3") == NULL ||
	    strstr(text, "test_log.c") == NULL) {
		_exit(1);
	}
}

START_TEST(test_assert)
{
	ebb_log_set_sink(sink_of_assert);
	ebb_assert(1 + 1 == 2);
	ebb_assert(1 + 1 == 3);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_levels),
		UNIT_TEST(test_both_levels),
		UNIT_TEST(test_system),
		UNIT_TEST(test_joined),
		UNIT_TEST(test_no_such_level),
		UNIT_TEST(test_level_names),
		UNIT_TEST(test_long_text),
		UNIT_TEST(test_stderr),
		UNIT_TEST(test_stderr_long),
		UNIT_TEST(test_stderr_full),
		UNIT_TEST(test_ratelimit),
		UNIT_SIGNAL(test_assert, SIGABRT),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
