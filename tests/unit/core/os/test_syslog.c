/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/syslog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/log.h>

#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/ebb-syslog-XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int reader = -1;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/log", folder);
	unsetenv("JOURNAL_STREAM");
	log_capture();
	ebb_log_set_level(EBB_LOG_NOTICE);
	ebb_log_set_print_level(EBB_LOG_ERROR);
}

static void teardown(void)
{
	os_syslog_close();
	log_release();
	if (reader >= 0) {
		close(reader);
		unlink(address.sun_path);
	}
	rmdir(folder);
}

static void listen_here(void)
{
	reader = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(reader, 0);
	ck_assert_int_eq(bind(reader, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* The next line, or "" if there is none. */
static const char *line_read(void)
{
	static char line[4096];
	ssize_t len = recv(reader, line, sizeof(line) - 1, 0);

	line[len < 0 ? 0 : len] = '\0';
	return line;
}

START_TEST(test_lines)
{
	char month[4], clock[9], rest[64];
	int priority, day;

	listen_here();
	ck_assert_int_eq(os_syslog_open("ebbd", address.sun_path), 0);
	ebb_warn("unit", "a %s", "warning");
	ck_assert_int_eq(sscanf(line_read(), "<%d>%3s %d %8s %63[^\n]", &priority, month, &day,
				clock, rest),
			 5);
	ck_assert_int_eq(priority, 3 << 3 | 4); /* daemon, warning */
	ck_assert_ptr_nonnull(strstr(rest, "ebbd["));
	ck_assert_ptr_nonnull(strstr(rest, "]: unit: a warning"));
	ebb_info("unit", "above the level");
	ck_assert_str_eq(line_read(), "");
	ebb_log_set_level(EBB_LOG_INFO);
	ebb_info("unit", "not above it");
	ck_assert_ptr_nonnull(strstr(line_read(), "<30>"));
	ck_assert_str_eq(log_text(), ""); /* the print level is error */
	os_syslog_close();
	ebb_warn("unit", "to nobody");
	ck_assert_str_eq(line_read(), "");
}
END_TEST

/* Nobody need listen; who does so later, or anew, is found. */
START_TEST(test_nobody_listens)
{
	ck_assert_int_eq(os_syslog_open("ebbd", address.sun_path), 0);
	ebb_warn("unit", "lost");
	listen_here();
	ebb_warn("unit", "found");
	ck_assert_ptr_nonnull(strstr(line_read(), "found"));
	close(reader);
	unlink(address.sun_path);
	ebb_warn("unit", "lost");
	listen_here();
	ebb_warn("unit", "found again");
	ck_assert_ptr_nonnull(strstr(line_read(), "found again"));
}
END_TEST

/* Nobody reads: nothing waits, and how much is missing is said when somebody reads again. */
START_TEST(test_full)
{
	unsigned num_sent = 0, num_read = 0, missing = 0;
	const char *line;

	listen_here();
	ck_assert_int_eq(os_syslog_open("ebbd", address.sun_path), 0);
	while (num_sent < 5000) {
		ebb_warn("unit", "line %u", num_sent++);
	}
	while (line_read()[0] != '\0') {
		num_read++;
	}
	ck_assert_uint_lt(num_read, num_sent);
	ebb_warn("unit", "the last one");
	line = strstr(line_read(), "log: ");
	ck_assert_ptr_nonnull(line);
	ck_assert_int_eq(sscanf(line, "log: %u lines are missing", &missing), 1);
	ck_assert_uint_eq(missing, num_sent - num_read);
	ck_assert_ptr_nonnull(strstr(line_read(), "the last one"));
}
END_TEST

/* A service of systemd's has the journal as its stderr: there it is enough to write once. */
START_TEST(test_journal)
{
	char stream[64];
	struct stat st;

	listen_here();
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	ck_assert_int_eq(os_syslog_open("ebbd", address.sun_path), 0);
	ebb_warn("unit", "once");
	ck_assert_uint_eq(log_count("once"), 1); /* the level lets it through, stderr is its log */
	ck_assert_str_eq(line_read(), "");
	os_syslog_close();
	setenv("JOURNAL_STREAM", "1:1", 1); /* stderr is something else by now */
	ck_assert_int_eq(os_syslog_open("ebbd", address.sun_path), 0);
	ebb_warn("unit", "apart");
	ck_assert_uint_eq(log_count("apart"), 0);
	ck_assert_ptr_nonnull(strstr(line_read(), "apart"));
}
END_TEST

START_TEST(test_long_path)
{
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(os_syslog_open("ebbd", path), -ENAMETOOLONG);
	ebb_warn("unit", "goes nowhere");
	ck_assert_str_eq(log_text(), "");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_lines),
		UNIT_TEST(test_nobody_listens),
		UNIT_TEST(test_full),
		UNIT_TEST(test_journal),
		UNIT_TEST(test_long_path),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
