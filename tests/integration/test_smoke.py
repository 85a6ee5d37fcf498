#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way once: a configuration, a real NBD client, the RPC socket, ebbctl, a clean stop."""

import json
import os

from harness import ROOT, Daemon, RpcError, check_command, nbd_uri, need_program, run, test
from nbd_client import NbdClient

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
def the_sample_configurations_load():
    def sample_with_paths_here(daemon):
        text = (ROOT / "config" / "file.json").read_text(encoding="utf-8")
        text = text.replace("/var/lib/ebb/disk.img", str(daemon.disk("disk.img", MIB)))
        return text.replace("/run/ebb/disk.nbd", str(daemon.sockets / "disk.nbd"))

    with Daemon(config=sample_with_paths_here) as daemon:
        with NbdClient(daemon.sockets / "disk.nbd", "disk") as client:
            assert client.size == MIB
    with Daemon(config=(ROOT / "config" / "null.json").read_text(encoding="utf-8")) as daemon:
        assert daemon.rpc("bdev_get_bdevs")[0]["num_blocks"] * 4096 == 1 << 40


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


run()
