/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_RPC_H
#define CORE_BDEV_RPC_H

/* What others need of the RPC methods of core/bdev. Thread: app. */

/* Shutdown: ends every call that waits for a bdev to appear. */
void bdev_rpc_end_waits(void);

#endif
