/* SPDX-License-Identifier: Apache-2.0 */
#include "core/os/syslog.h"

/*
 * Not syslog(3): that waits while its reader is slow, and a reactor that logs must not. What finds
 * no room is dropped, and its number is said with the next line that does.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "core/base/log.h"

#define LINE_MAX_BYTES 1280

static struct sockaddr_un syslog_address = {.sun_family = AF_UNIX};
static const char *syslog_name;
static int syslog_fd = -1;
static atomic_uint syslog_dropped;

/* systemd tells which file the journal gave to whom it has started. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* Return: false: it was dropped. */
static bool line_send(int priority, const char *component, const char *text)
{
	char line[LINE_MAX_BYTES];
	time_t now = time(NULL);
	struct tm local;
	char when[32];
	int len;

	localtime_r(&now, &local);
	/* RFC 3164, 4.1: in English whatever the locale, as nothing here calls setlocale(). */
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &local);
	len = snprintf(line, sizeof(line), "<%d>%s %s[%d]: %s: %s", LOG_DAEMON | priority, when,
		       syslog_name, (int)getpid(), component, text);
	if (len >= (int)sizeof(line)) {
		len = (int)sizeof(line) - 1;
	}
	return sendto(syslog_fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&syslog_address, sizeof(syslog_address)) >= 0 ||
	       errno != EAGAIN;
}

static void syslog_write(enum ebb_log_level level, const char *component, const char *text)
{
	static const int priorities[] = {
		[EBB_LOG_ERROR] = LOG_ERR,     [EBB_LOG_WARN] = LOG_WARNING,
		[EBB_LOG_NOTICE] = LOG_NOTICE, [EBB_LOG_INFO] = LOG_INFO,
		[EBB_LOG_DEBUG] = LOG_DEBUG,
	};
	unsigned missing = atomic_exchange_explicit(&syslog_dropped, 0, memory_order_relaxed);
	char notice[64];

	snprintf(notice, sizeof(notice), "%u lines are missing here: syslog was full", missing);
	if (missing != 0 && !line_send(LOG_WARNING, "log", notice)) {
		atomic_fetch_add_explicit(&syslog_dropped, missing + 1, memory_order_relaxed);
	} else if (!line_send(priorities[level], component, text)) {
		atomic_fetch_add_explicit(&syslog_dropped, 1, memory_order_relaxed);
	}
}

int os_syslog_open(const char *name, const char *path)
{
	if (stderr_is_journal()) {
		base_log_set_joined(true);
		return 0;
	}
	if (strlen(path) >= sizeof(syslog_address.sun_path)) {
		return -ENAMETOOLONG;
	}
	syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (syslog_fd < 0) {
		return -errno;
	}
	strcpy(syslog_address.sun_path, path);
	syslog_name = name;
	base_log_set_system(syslog_write);
	return 0;
}

void os_syslog_close(void)
{
	base_log_set_joined(false);
	base_log_set_system(NULL);
	if (syslog_fd >= 0) {
		close(syslog_fd);
		syslog_fd = -1;
	}
}
