# SPDX-License-Identifier: Apache-2.0
"""Block devices of the kernel's as file bdevs: one that is pulled out."""

import errno

import drives
from cases import case, host
from harness import Daemon
from nbd_client import NbdClient, NbdError

BLOCK = 4096


def error_of(call, *args):
    """The errno that a request was answered with."""
    try:
        call(*args)
    except NbdError as error:
        return error.code
    raise AssertionError("the request has not failed")


@case()
def a_device_that_vanishes_fails_alone():
    with Daemon() as daemon:
        disk = daemon.disk("other.img", 1 << 24)
        daemon.rpc("bdev_uring_create", name="other", filename=str(disk), direct=False)
        daemon.rpc("bdev_uring_create", name="disk", filename=str(drives.block(0)))
        other = NbdClient(daemon.add_export("other"), "other")
        client = NbdClient(daemon.add_export("disk"), "disk")
        client.write(0, b"a" * BLOCK)
        client.flush()
        host.unplug(0)
        drives.wait_until(
            lambda: "less than one block" in daemon.log(), "the log says that the device has gone"
        )
        assert error_of(client.read, 0, BLOCK) == errno.EIO
        assert error_of(client.write, 0, b"b" * BLOCK) == errno.EIO
        assert error_of(client.flush) == errno.EIO
        other.write(0, b"o" * BLOCK)
        other.flush()
        assert other.read(0, BLOCK) == b"o" * BLOCK
        assert daemon.rpc("bdev_get_bdevs", name="disk")[0]["num_blocks"] > 0
        client.close()
        assert daemon.rpc("bdev_uring_delete", name="disk") is True
        host.plug(0)
        drives.wait_until(lambda: 0 in drives.addresses(), "it is back")
        drives.wait_live(0)
        daemon.rpc("bdev_uring_create", name="disk", filename=str(drives.block(0)))
        with NbdClient(daemon.add_export("disk"), "disk") as again:
            assert again.read(0, BLOCK) == b"a" * BLOCK
        other.close()
