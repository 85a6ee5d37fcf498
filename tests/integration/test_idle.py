#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nobody asking costs nothing: after I/O has settled, no thread of ebbd runs at all.

A count, not a timing: in the window, no context switch of any thread and no tick of CPU time.
EBB_IDLE_SECONDS and EBB_IDLE_SETTLE_SECONDS change the window and the wait before it.
"""

import os
import time

from harness import Daemon, run, test
from nbd_client import NbdClient

MIB = 1 << 20
WINDOW_S = float(os.environ.get("EBB_IDLE_SECONDS", "10"))
SETTLE_S = float(os.environ.get("EBB_IDLE_SETTLE_SECONDS", "5"))


def mixed_io(client):
    """Reads, writes (also with FUA) and flushes, small and large."""
    for index in range(64):
        data = os.urandom(4096 * (1 + index % 16))
        client.write(index * 131072, data, fua=index % 8 == 0)
        assert client.read(index * 131072, len(data)) == data
        if index % 4 == 0:
            client.flush()
    client.read_many([(index * 4096, 4096) for index in range(128)])


def check_idle(daemon):
    before = daemon.thread_facts()
    time.sleep(WINDOW_S)
    after = daemon.thread_facts()
    assert before.keys() == after.keys(), f"threads came or went: {before} {after}"
    moved = [
        f"thread {tid} ({after[tid][0]}): {after[tid][1] - before[tid][1]} context switches, "
        f"{after[tid][2] - before[tid][2]} ticks"
        for tid in after
        if after[tid] != before[tid]
    ]
    assert not moved, f"in {WINDOW_S} s of idleness: {'; '.join(moved)}"


def idle_in(mode):
    with Daemon(mode=mode) as daemon:
        for name in ("one", "two"):
            daemon.add_disk(name, 64 * MIB)
        paths = [daemon.add_export(name) for name in ("one", "two")]
        with NbdClient(paths[0], "one") as client:
            mixed_io(client)
            with NbdClient(paths[1], "two") as other:
                mixed_io(other)
                other.disconnect()
            time.sleep(SETTLE_S)
            check_idle(daemon)
            assert len(client.read(0, 4096)) == 4096, "the sleeper did not wake"


@test
def interrupt_mode_is_idle():
    idle_in("interrupt")


@test
def adaptive_mode_is_idle():
    idle_in("adaptive")


run()
