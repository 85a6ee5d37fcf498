/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_DEFAULT_SOCKET_H
#define CORE_APP_DEFAULT_SOCKET_H

/* Where the daemon listens and its clients look if nobody says otherwise. */

#include <ebb/base.h>

/**
 * app_default_socket() - $EBB_RPC_SOCKET; else /run/ebb/ebb.sock for root; else
 * $XDG_RUNTIME_DIR/ebb.sock; else /tmp/ebb-UID.sock
 * Return: 0; -ENAMETOOLONG: @ret_path is too small.
 */
int app_default_socket(char *ret_path, size_t size);

/**
 * app_default_socket_mkdir() - make /run/ebb (0755) if @path lies there and it is missing
 * Return: 0; or mkdir's negative errno.
 */
int app_default_socket_mkdir(const char *path);

#endif
