/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_SOCKET_POLL_H
#define CORE_EXPORTER_SOCKET_POLL_H

/* A thread's operations where there is no io_uring. See the essay in socket_poll.c. */

#include "core/exporter/op.h"

/**
 * exporter_socket_poll_open() - on the calling thread, which may change its reactor afterwards
 * Return: 0; -ENOMEM; or the errno of what epoll needs.
 */
int exporter_socket_poll_open(struct exporter_socket_poll **ret_poll);

/* No operation is outstanding. NULL is ignored. */
void exporter_socket_poll_close(struct exporter_socket_poll *poll);

/* @op is busy, and says what is wanted; it ends by exporter_op_end(), not before this returns. */
void exporter_socket_poll_begin(struct exporter_socket_poll *poll, struct exporter_op *op);

/* @op is busy. */
void exporter_socket_poll_cancel(struct exporter_socket_poll *poll, struct exporter_op *op);

#endif
