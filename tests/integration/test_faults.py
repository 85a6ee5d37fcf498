#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ebbd needs fails or is short: clients are told, ebbd lives on, and people can see why."""

import errno
import os
import re
import subprocess

from harness import BUILD, Daemon, run, test
from limited import small_file_system
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
        told = f"disk: read of 8 blocks at {DISK // 512 - 8} has failed: '{image}' has become"
        assert told in daemon.log() and "it has 8192 bytes" in daemon.log(), daemon.log()
        stat = daemon.rpc("bdev_get_iostat", name="disk")["bdevs"][0]
        assert stat["io_error"] == {"read": 2}, stat


@test
def a_full_file_system_fails_writes_and_the_rest_goes_on():
    with small_file_system("size=4m") as folder, Daemon() as daemon:
        disk = folder / "disk.img"
        with open(disk, "wb") as file:
            file.truncate(DISK)
        daemon.rpc("bdev_uring_create", name="disk", filename=str(disk))
        with NbdClient(daemon.add_export("disk"), "disk") as client:
            client.write(0, b"a" * 65536)
            assert error_of(client.write, 0, b"b" * (8 << 20)) == errno.ENOSPC
            assert error_of(client.write, 8 << 20, b"c" * 65536) == errno.ENOSPC
            # What has its place already can be written and read.
            client.write(0, b"d" * 65536)
            assert client.read(0, 65536) == b"d" * 65536
            client.flush()
        told = rf"disk: write of \d+ blocks at \d+ has failed: '{disk}' says: No space left"
        assert re.search(told, daemon.log()), daemon.log()
        # The long one reached the disk in parts, some of which had room.
        assert re.search(r"\n  failed: [2-9] write\n", daemon.ebbctl("status").stdout)


@test
def output_that_cannot_be_written_is_a_failure():
    for program in ("ebbd", "ebbctl", "ebb-bench"):
        for option in ("--help", "--version"):
            with open("/dev/full", "wb") as full:
                command = [BUILD / program, option]
                done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
            assert done.returncode == 1, (command, done)
            assert b"cannot write the output: No space left on device" in done.stderr, done


run()
