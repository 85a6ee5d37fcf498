#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where io_uring is forbidden, as in many a container, files are served all the same."""

import os
import random
import sys
import threading
from pathlib import Path

from harness import Daemon, check_command, nbd_uri, need_program, run, test, wait_for
from nbd_client import NbdClient
from quiet import assert_quiet

MIB = 1 << 20
FORBID = Path(__file__).resolve().parent / "forbid_uring.py"
SAYS = {"EPERM": "io_uring is forbidden here", "ENOSYS": "io_uring is missing"}


def daemon_without(error, mode="adaptive", config=None):
    return Daemon(mode=mode, config=config, launcher=[sys.executable, "-B", FORBID, error])


def add_file(daemon, name, direct):
    path = daemon.disk(f"{name}.img", 16 * MIB)
    daemon.rpc("bdev_uring_create", name=name, filename=str(path), direct=direct)
    return path


def check_data(client, path, seed):
    """Writes and reads of all sizes, many at a time; what the file has is what was written."""
    dice = random.Random(seed)
    wanted = bytearray(path.read_bytes())
    for index in range(48):
        length = 512 * dice.choice((1, 8, 8, 8, 64, 256, 2047))
        offset = 512 * dice.randrange((client.size - length) // 512)
        data = dice.randbytes(length)
        wanted[offset : offset + length] = data
        client.write(offset, data, fua=index % 32 == 0)
        assert client.read(offset, length) == data
    client.flush()
    ranges = [(offset, 65536) for offset in range(0, client.size, 65536)]
    for offset, data in client.read_many(ranges[:128]).items():
        assert data == wanted[offset : offset + 65536], offset
    assert path.read_bytes() == wanted


def check_serves(error, mode):
    with daemon_without(error, mode) as daemon:
        files = {name: add_file(daemon, name, name == "direct") for name in ("direct", "buffered")}
        sockets = {name: daemon.add_export(name) for name in files}
        log = daemon.log()
        assert log.count(SAYS[error]) == 1, log
        assert "slower" in log, log
        clients = {name: NbdClient(sockets[name], name) for name in files}
        threads = [
            threading.Thread(target=check_data, args=(clients[name], files[name], index))
            for index, name in enumerate(files)
        ]
        failed = []
        threading.excepthook = failed.append
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed, failed
        assert all(
            not bdev["driver_specific"]["uring"]["io_uring"] for bdev in daemon.rpc("bdev_get_bdevs")
        )
        assert_quiet(daemon)
        for client in clients.values():
            assert len(client.read(0, 4096)) == 4096, "the sleeper did not wake"
        clients["direct"].disconnect()
        clients["buffered"].close()
        for export in daemon.rpc("nbd_get_exports"):
            name = export["bdev_name"]
            wait_for(
                lambda name=name: all(
                    each["clients"] == 0
                    for each in daemon.rpc("nbd_get_exports")
                    if each["bdev_name"] == name
                ),
                "the client has gone",
            )
        assert_quiet(daemon)


@test
def a_profile_that_forbids_it():
    check_serves("EPERM", "adaptive")


@test
def a_profile_that_hides_it():
    check_serves("ENOSYS", "interrupt")


@test
def a_configuration_and_a_real_client():
    need_program("nbdcopy")

    def config(daemon):
        path = daemon.disk("disk.img", 16 * MIB)
        return [
            ("bdev", "bdev_uring_create", {"name": "disk", "filename": str(path)}),
            (
                "nbd",
                "nbd_start_export",
                {"bdev_name": "disk", "path": str(daemon.sockets / "disk.nbd"), "export_name": "disk"},
            ),
        ]

    with daemon_without("EPERM", config=config) as daemon:
        uri = nbd_uri(daemon.sockets / "disk.nbd", "disk")
        source, copy = daemon.folder / "source", daemon.folder / "copy"
        source.write_bytes(os.urandom(16 * MIB))
        check_command(["nbdcopy", "--flush", source, uri])
        check_command(["nbdcopy", uri, copy])
        assert copy.read_bytes() == source.read_bytes()


@test
def modes_change_under_it():
    with daemon_without("EPERM", mode="poll") as daemon:
        path = add_file(daemon, "disk", True)
        core = daemon.rpc("framework_get_reactors")["reactors"][0]["lcore"]
        with NbdClient(daemon.add_export("disk"), "disk") as client:
            for mode in ("poll", "interrupt", "adaptive"):
                daemon.rpc("reactor_set_mode", lcore=core, mode=mode)
                check_data(client, path, mode)


run()
