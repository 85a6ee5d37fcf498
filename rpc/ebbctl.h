/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_EBBCTL_H
#define RPC_EBBCTL_H

#include "rpc/client.h"

enum { EBBCTL_OK = 0, EBBCTL_FAILED = 1, EBBCTL_USAGE = 2 };

/* Prints the screen for people. Return: an exit code; errors have been printed. */
int ebbctl_status(struct rpc_client *client);

#endif
