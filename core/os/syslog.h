/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_SYSLOG_H
#define CORE_OS_SYSLOG_H

/* The system's log: syslog's socket, which systemd's journal serves too. */

#include <stdbool.h>

/* Where syslog(3) sends to. */
#define OS_SYSLOG_PATH "/dev/log"

/**
 * os_syslog_open() - let the log (ebb/log.h) be written to the system's as well
 * If stderr is the journal's own, it is the system's log, and nothing is opened.
 * @name: who speaks: a static string
 * @path: the socket's; nobody need listen there, now or later
 * Thread: as ebb_log_set_level().
 * Return: 0; -errno: no socket could be made.
 */
int os_syslog_open(const char *name, const char *path);

void os_syslog_close(void);

#endif
