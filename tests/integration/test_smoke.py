#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way once: a configuration, a real NBD client, the RPC socket, ebbctl, a clean stop."""

import json
import os
import time
from pathlib import Path

from harness import (
    BUILD,
    Daemon,
    RpcError,
    check_command,
    nbd_uri,
    need_program,
    run,
    run_command,
    test,
)
from nbd_client import CMD_READ, NbdClient, NbdError

MIB = 1 << 20


@test
def a_file_written_through_nbd_reads_back():
    need_program("nbdcopy")
    with Daemon() as daemon:
        disk = daemon.add_disk("disk", 64 * MIB)
        uri = nbd_uri(daemon.add_export("disk"), "disk")
        size = check_command(["nbdinfo", "--size", uri]).stdout.strip()
        assert size == str(64 * MIB), size
        written = daemon.folder / "written"
        read = daemon.folder / "read"
        written.write_bytes(os.urandom(64 * MIB))
        check_command(["nbdcopy", "--flush", written, uri])
        check_command(["nbdcopy", uri, read])
        check_command(["cmp", written, read])
        assert daemon.stop() == 0, daemon.log_tail()
        check_command(["cmp", written, disk])


def disk_and_export(daemon):
    """The configuration of quickstart: one disk file, one export."""
    disk = str(daemon.disk("disk.img", 8 * MIB))
    export = str(daemon.sockets / "disk.nbd")
    return [
        ("bdev", "bdev_uring_create", {"name": "disk", "filename": disk}),
        ("nbd", "nbd_start_export", {"bdev_name": "disk", "path": export}),
    ]


@test
def a_configuration_file_brings_up_disk_and_export():
    with Daemon(config=disk_and_export) as daemon:
        export = daemon.sockets / "disk.nbd"
        assert [bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")] == ["disk"]
        with NbdClient(export, "disk") as client:
            assert client.size == 8 * MIB
            client.write(4096, b"ebb!" * 1024, fua=True)
            assert client.read(4096, 4096) == b"ebb!" * 1024
            client.disconnect()
        assert daemon.stop() == 0, daemon.log_tail()
        assert not export.exists(), "the export's socket outlived the daemon"
        assert (daemon.folder / "disk.img").read_bytes()[4096:8192] == b"ebb!" * 1024


@test
def the_daemon_is_small():
    with Daemon(config=disk_and_export) as daemon:
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        facts = dict(line.split(":", 1) for line in status.splitlines())
        resident_kib = int(facts["VmRSS"].split()[0])
        assert resident_kib < 16 * 1024, f"{resident_kib} KiB resident"
        assert int(facts["HugetlbPages"].split()[0]) == 0, facts["HugetlbPages"]


@test
def many_requests_are_in_flight_at_once():
    with Daemon() as daemon:
        daemon.add_disk("disk", 16 * MIB)
        with NbdClient(daemon.add_export("disk"), "disk") as client:
            for index in range(256):
                client.write(index * 4096, index.to_bytes(2, "big") * 2048)
            client.flush()
            found = client.read_many([(index * 4096, 4096) for index in range(256)])
            for index in range(256):
                assert found[index * 4096] == index.to_bytes(2, "big") * 2048, index


@test
def an_unknown_export_is_refused_and_the_next_client_served():
    with Daemon() as daemon:
        daemon.add_disk("disk", MIB)
        path = daemon.add_export("disk")
        try:
            NbdClient(path, "no-such-export")
            raise AssertionError("an export that does not exist was opened")
        except NbdError as error:
            assert error.code & (1 << 31), hex(error.code)
        with NbdClient(path, "disk") as client:
            assert client.size == MIB


@test
def a_client_that_vanishes_leaves_nothing_behind():
    with Daemon() as daemon:
        daemon.add_disk("disk", 16 * MIB)
        path = daemon.add_export("disk")
        before = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        for _ in range(20):
            client = NbdClient(path, "disk")
            for index in range(64):
                client.send(CMD_READ, index * 65536, 65536)
            client.close()
        deadline = time.monotonic() + 10
        while len(os.listdir(f"/proc/{daemon.process.pid}/fd")) > before:
            assert time.monotonic() < deadline, "file descriptors of gone clients stay open"
            time.sleep(0.02)
        with NbdClient(path, "disk") as client:
            assert len(client.read(0, 4096)) == 4096


@test
def ebbctl_tells_the_status_and_the_version():
    with Daemon() as daemon:
        daemon.add_disk("disk", MIB)
        daemon.add_export("disk")
        version = json.loads(daemon.ebbctl("spdk_get_version").stdout)
        assert set(version) >= {"version", "fields"}, version
        status = daemon.ebbctl("status").stdout
        assert "running" in status and "disk" in status, status


@test
def ebbctl_passes_on_what_the_daemon_refuses():
    with Daemon() as daemon:
        done = daemon.ebbctl("bdev_get_bdevs", "name=no-such-bdev", check=False)
        assert done.returncode != 0
        assert "no-such-bdev" in done.stderr, done.stderr
        try:
            daemon.rpc("no_such_method")
            raise AssertionError("an unknown method was taken")
        except RpcError as error:
            assert error.code == -32601, error.code


@test
def a_second_daemon_on_the_same_socket_is_refused():
    with Daemon() as daemon:
        second = run_command([BUILD / "ebbd", "--rpc-socket", daemon.rpc_socket], timeout=20)
        assert second.returncode != 0
        assert str(daemon.rpc_socket) in second.stderr, second.stderr
        assert daemon.rpc("framework_get_state")["state"] == "running"


@test
def after_kill_9_the_next_daemon_takes_over_the_socket():
    with Daemon() as daemon:
        disk = daemon.add_disk("disk", MIB)
        daemon.add_export("disk")
        daemon.kill9()
        daemon.start()
        daemon.rpc("bdev_uring_create", name="disk", filename=str(disk))
        with NbdClient(daemon.add_export("disk"), "disk") as client:
            assert client.size == MIB


run()
