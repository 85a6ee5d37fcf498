/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_RPC_H
#define DRIVERS_NBD_RPC_H

struct ebb_call;
struct exporter;

/* Who serves all that is started here. */
extern struct exporter nbd_exporter;

/*
 * The same socket from any working directory, as it is kept and saved. Return: the caller's to
 * free(); NULL: no path is given, or memory is out, and it is kept as it was given.
 */
char *nbd_rpc_path(struct ebb_call *call, const char *path);

/* Ends every call that waits to start an export. Thread: app. */
void nbd_rpc_fini(void);

#endif
