/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_FD_SPARE_H
#define CORE_OS_FD_SPARE_H

/*
 * One descriptor that the process has open for nothing. Where there is none at all any more, not even
 * of those that are kept from clients (fd_reserve.h), it is given up for what must be done all the
 * same: to send a client away, or to have a timer. One is enough for all who may need that.
 */

/**
 * os_fd_spare_get() - from now on there is one, as far as it can be had
 * Thread: any; so are all of these. For each there is an os_fd_spare_put(); the last one closes it.
 */
void os_fd_spare_get(void);
void os_fd_spare_put(void);

/* Whoever opens a descriptor next has it: the caller, if nobody else does meanwhile. */
void os_fd_spare_give_up(void);

/* Has it again after that, if it can be had. Costs nothing where it is there. */
void os_fd_spare_keep(void);

#endif
