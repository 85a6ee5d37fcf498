#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nobody asking costs nothing: after I/O has settled, no thread of ebbd runs at all.

A count, not a timing: quiet.py says what is counted. EBB_IDLE_SECONDS changes the window.
"""

import contextlib
import os

from harness import Daemon, run, test
from nbd_client import NbdClient
from quiet import assert_quiet

MIB = 1 << 20
WINDOW_S = float(os.environ.get("EBB_IDLE_SECONDS", "10"))


def mixed_io(client):
    """Reads, writes (also with FUA) and flushes, small and large."""
    for index in range(64):
        data = os.urandom(4096 * (1 + index % 16))
        client.write(index * 131072, data, fua=index % 8 == 0)
        assert client.read(index * 131072, len(data)) == data
        if index % 4 == 0:
            client.flush()
    client.read_many([(index * 4096, 4096) for index in range(128)])


@contextlib.contextmanager
def after_mixed_io(mode):
    """(daemon, its one client that is left), after I/O on two exports."""
    with Daemon(mode=mode) as daemon:
        for name in ("one", "two"):
            daemon.add_disk(name, 64 * MIB)
        paths = [daemon.add_export(name) for name in ("one", "two")]
        with NbdClient(paths[0], "one") as client:
            mixed_io(client)
            with NbdClient(paths[1], "two") as other:
                mixed_io(other)
                other.disconnect()
            yield daemon, client


@test
def interrupt_and_adaptive_mode_are_idle():
    with after_mixed_io("interrupt") as (one, client), after_mixed_io("adaptive") as (two, other):
        assert_quiet(one, two, window_s=WINDOW_S)
        for sleeper in (client, other):
            assert len(sleeper.read(0, 4096)) == 4096, "the sleeper did not wake"


run()
