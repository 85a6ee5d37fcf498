#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Storage that fails under ebbd: clients are told, ebbd lives on, and people can see it."""

import errno
import os

from harness import run, test
from nbd_client import NbdClient, NbdError
from nbd_peer import DISK, served


def error_of(call, *args):
    """The errno that a request was answered with."""
    try:
        call(*args)
    except NbdError as error:
        return error.code
    raise AssertionError("the request has not failed")


@test
def a_file_that_was_truncated_fails_reads_and_the_status_says_so():
    with served() as (daemon, image, path), NbdClient(path, "disk") as client:
        client.write(0, b"x" * 4096)
        assert "failed" not in daemon.ebbctl("status").stdout
        os.truncate(image, 8192)
        assert error_of(client.read, DISK - 4096, 4096) == errno.EIO
        assert error_of(client.read, DISK - 8192, 4096) == errno.EIO
        assert client.read(0, 4096) == b"x" * 4096
        assert "\n  failed: 2 read\n" in daemon.ebbctl("status").stdout
        stat = daemon.rpc("bdev_get_iostat", name="disk")["bdevs"][0]
        assert stat["io_error"] == {"read": 2}, stat


run()
