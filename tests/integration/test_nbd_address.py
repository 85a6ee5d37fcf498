#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The NBD exporter: where it listens, its limits, and what it costs while nobody asks."""

import contextlib
import json
import os
import resource
import select
import socket
import stat
import struct
import subprocess
import sys

from harness import Daemon, RpcError, Skip, run, test, wait_for
from nbd_client import CMD_READ, CMD_WRITE, OPT_GO, REP_ACK, NbdClient
from nbd_peer import (
    CLIENTS_MAX,
    DISK,
    MIB,
    Haggler,
    assert_serves,
    assert_serves_beside,
    go_data,
    request_bytes,
    served,
    the_export,
)
from quiet import assert_not_spinning, assert_quiet

# Addresses.


@test
def a_socket_file_is_private_and_a_dead_one_is_replaced():
    with Daemon() as daemon:
        daemon.add_disk("disk", DISK)
        path = daemon.sockets / "s.nbd"
        dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        dead.bind(str(path))
        dead.close()
        assert path.exists()
        daemon.rpc("nbd_start_export", bdev_name="disk", path=str(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert_serves(daemon, path)


@test
def a_living_server_is_not_pushed_aside():
    with served() as (daemon, _, path), Daemon() as other:
        other.add_disk("disk", DISK)
        error = rpc_error(other, "nbd_start_export", bdev_name="disk", path=str(path))
        assert str(path) in error.message and "listening" in error.message, error.message
        file = other.folder / "plain"
        file.write_text("not a socket")
        error = rpc_error(other, "nbd_start_export", bdev_name="disk", path=str(file))
        assert str(file) in error.message and "not a socket" in error.message, error.message
        assert file.read_text() == "not a socket"
        assert other.rpc("nbd_get_exports") == []
        assert_serves(daemon, path)


@test
def a_foreign_server_is_left_alone_even_if_it_has_forked():
    code = (
        "import os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)\n"
        "s.bind(sys.argv[1]); s.listen()\n"
        "if os.fork() == 0: sys.stdin.read()\n"
    )
    with Daemon() as daemon:
        daemon.add_disk("disk", DISK)
        path = daemon.sockets / "s.nbd"
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE) as it:
            it.wait()
            error = rpc_error(daemon, "nbd_start_export", bdev_name="disk", path=str(path))
            assert "another program" in error.message and str(path) in error.message, error.message
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.connect(str(path))
            assert daemon.rpc("nbd_get_exports") == []
            it.stdin.close()


@test
def a_server_that_ends_within_a_moment_is_waited_for():
    with Daemon() as daemon, daemon.client() as client:
        daemon.add_disk("disk", DISK)
        path = daemon.sockets / "s.nbd"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ending:
            ending.bind(str(path))
            ending.listen()
            params = {"bdev_name": "disk", "path": str(path)}
            client.send_raw(
                json.dumps({"id": 1, "method": "nbd_start_export", "params": params})
            )
            ending.settimeout(10.0)
            ending.accept()[0].close()
            # Meanwhile ebbd is there for others.
            assert daemon.rpc("nbd_get_exports") == []
        assert client.receive()["result"] == "disk"
        assert_serves(daemon, path)


@test
def a_socket_that_somebody_removed_is_made_again_for_the_next_export():
    with served() as (daemon, _, path), NbdClient(path, "disk") as client:
        daemon.add_disk("other", DISK)
        path.unlink()
        daemon.rpc("nbd_start_export", bdev_name="other", path=str(path))
        assert f"{path}: somebody has removed this socket" in daemon.log(), daemon.log_tail()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for export in ("disk", "other"):
            with NbdClient(path, export) as another:
                assert another.size == DISK
        client.write(0, b"w" * 4096)
        assert client.read(0, 4096) == b"w" * 4096
        # An export of a name that is there is refused, and true again.
        path.unlink()
        path.with_name(path.name + ".lock").unlink()
        error = rpc_error(daemon, "nbd_start_export", bdev_name="disk", path=str(path))
        assert "served at that address already" in error.message, error.message
        NbdClient(path, "disk").disconnect()
        assert path.with_name(path.name + ".lock").exists()
        for export in ("disk", "other"):
            daemon.rpc("nbd_stop_export", export_name=export)
        assert not path.exists() and not path.with_name(path.name + ".lock").exists()


@test
def what_somebody_put_in_place_of_a_socket_is_left_alone():
    with served() as (daemon, _, path), NbdClient(path, "disk") as client:
        daemon.add_disk("other", DISK)
        path.unlink()
        path.write_text("mine")
        error = rpc_error(daemon, "nbd_start_export", bdev_name="other", path=str(path))
        assert "not a socket" in error.message, error.message
        assert client.read(0, 512) == bytes(512)
        daemon.rpc("nbd_stop_export", export_name="disk")
        assert path.read_text() == "mine"


@test
def a_killed_daemons_socket_is_replaced_at_once():
    with served() as (dead, _, path), Daemon() as daemon:
        daemon.add_disk("disk", DISK)
        with NbdClient(path, "disk"):
            dead.kill9()
            daemon.rpc("nbd_start_export", bdev_name="disk", path=str(path))
        assert_serves(daemon, path)


@test
def stopping_ends_the_wait_for_a_path():
    with Daemon() as daemon, daemon.client() as client:
        daemon.add_disk("disk", DISK)
        path = daemon.sockets / "s.nbd"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.bind(str(path))
            other.listen()
            params = {"bdev_name": "disk", "path": str(path)}
            client.send_raw(
                json.dumps({"id": 1, "method": "nbd_start_export", "params": params})
            )
            other.settimeout(10.0)
            other.accept()[0].close()
            assert daemon.stop() == 0
            assert "stopping" in client.receive()["error"]["message"]


@test
def what_cannot_be_exported_is_refused_by_name():
    with served() as (daemon, _, path):
        cases = [
            ({"bdev_name": "nobody", "path": str(path) + "2"}, "nobody"),
            ({"bdev_name": "disk", "path": str(path)}, "export_name"),
            ({"bdev_name": "disk"}, "path"),
            ({"bdev_name": "disk", "path": "/x", "address": "::1"}, "path"),
            ({"bdev_name": "disk", "path": "/nonexistent/dir/x"}, "/nonexistent/dir/x"),
            ({"bdev_name": "disk", "path": "/" + "x" * 200}, "107"),
            ({"bdev_name": "disk", "address": "example.org"}, "example.org"),
            ({"bdev_name": "disk", "address": "127.0.0.1", "port": 70000}, "port"),
            ({"bdev_name": "disk", "path": "/x", "port": 1}, "port"),
            ({"bdev_name": "disk", "path": ""}, "path is empty"),
            ({"bdev_name": "disk", "address": "127.0.0.1:10999"}, "into port"),
        ]
        for params, expected in cases:
            error = rpc_error(daemon, "nbd_start_export", **params)
            assert expected in error.message, (params, error.message)
        assert "nobody" in rpc_error(daemon, "nbd_stop_export", export_name="nobody").message
        rpc_error(daemon, "nbd_stop_export")
        assert len(daemon.rpc("nbd_get_exports")) == 1


def rpc_error(daemon, method, **params):
    try:
        result = daemon.rpc(method, **params)
    except RpcError as error:
        return error
    raise AssertionError(f"{method} {params} answered {result}")


@test
def tcp_serves_on_both_families():
    with Daemon() as daemon:
        daemon.add_disk("disk", DISK)
        data = os.urandom(MIB)
        for address, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            try:
                socket.socket(family, socket.SOCK_STREAM).close()
                daemon.rpc("nbd_start_export", bdev_name="disk", address=address, port=0)
            except (OSError, RpcError) as error:
                if family == socket.AF_INET6:
                    raise Skip(f"IPv4 works; no IPv6 here: {error}") from None
                raise
            port = the_export(daemon)["port"]
            assert the_export(daemon)["address"] == address
            with Haggler(address=(address, port)) as haggler:
                assert haggler.option(OPT_GO, go_data("disk"))[-1][0] == REP_ACK
                haggler.sock.sendall(request_bytes(CMD_WRITE, 0, MIB) + data)
                assert struct.unpack(">IIQ", haggler.receive(16))[1:] == (0, 1)
                haggler.sock.sendall(request_bytes(CMD_READ, 0, MIB))
                haggler.receive(16)
                assert haggler.receive(MIB) == data
                peers = the_export(daemon)["peers"]
                assert len(peers) == 1 and address in peers[0]["peer"], peers
            daemon.rpc("nbd_stop_export", export_name="disk")


@test
def an_address_of_other_machines_is_listened_at_if_that_is_allowed():
    """There is no encryption: whoever reaches it reads and writes."""
    with Daemon() as daemon:
        daemon.add_disk("disk", MIB)
        for address in ("0.0.0.0", "192.0.2.1", "::", "2001:db8::1", "::ffff:0.0.0.0"):
            error = rpc_error(daemon, "nbd_start_export", bdev_name="disk", address=address, port=0)
            for words in (f"address {address}", "no encryption", "allow_remote=true", "127.0.0.1"):
                assert words in str(error), error
            assert daemon.rpc("nbd_get_exports") == []
        for address in ("127.0.0.1", "127.1.2.3", "localhost"):
            daemon.rpc("nbd_start_export", bdev_name="disk", address=address, port=0)
            daemon.rpc("nbd_stop_export", export_name="disk")
        where = {"address": "0.0.0.0", "port": 0, "allow_remote": True}
        daemon.rpc("nbd_start_export", bdev_name="disk", **where)
        with Haggler(address=("127.0.0.1", the_export(daemon)["port"])) as haggler:
            assert haggler.option(OPT_GO, go_data("disk"))[-1][0] == REP_ACK
        config = json.loads(daemon.ebbctl("save_config").stdout)
        entries = [e for s in config["subsystems"] for e in s["config"] or []]
        kept = [e["params"] for e in entries if e["method"] == "nbd_start_export"]
        assert len(kept) == 1 and kept[0]["allow_remote"] is True, kept
        daemon.rpc("nbd_stop_export", export_name="disk")
        error = rpc_error(
            daemon, "nbd_start_export", bdev_name="disk", path="/x", allow_remote=True
        )
        assert "allow_remote goes with address" in str(error), error


# Limits.


@test
def one_client_too_many_is_hung_up_on():
    with served() as (daemon, _, path), contextlib.ExitStack() as stack:
        hagglers = [stack.enter_context(Haggler(path)) for _ in range(CLIENTS_MAX)]
        extra = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        extra.settimeout(10.0)
        extra.connect(str(path))
        assert extra.recv(18) == b""
        assert hagglers[0].option(OPT_GO, go_data("disk"))[-1][0] == REP_ACK
        hagglers.pop().sock.close()

        def there_is_room():
            with contextlib.suppress(EOFError, ConnectionError), NbdClient(path, "disk") as client:
                return client.read(0, 512) == bytes(512)
            return False

        wait_for(there_is_room, "the place is free again")
        assert "limit" in daemon.log()


def connect_without_descriptors(daemon, path, hard_limit, stack):
    """Until a client finds no descriptor at all: the next of any kind is one too many.

    Those that find one which is kept for others are hung up on; and one that was about to be closed
    when we looked, such as our last client's, serves one more.
    """
    pid = daemon.process.pid
    for _ in range(CLIENTS_MAX):
        used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
        lowest_free = next(fd for fd in range(len(used) + 1) if fd not in used)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, hard_limit))
        client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        client.settimeout(10.0)
        client.connect(str(path))

        def is_refused():
            return "no client can be accepted" in daemon.log()

        wait_for(
            lambda: is_refused() or select.select([client], [], [], 0)[0],
            "it is served, or the log says why not",
        )
        if is_refused():
            assert "Too many open files; raise RLIMIT_NOFILE (ulimit -n)" in daemon.log()
            return
    raise AssertionError("the limit did not bite")


def is_served(path):
    with contextlib.suppress(OSError, EOFError), NbdClient(path, "disk") as client:
        return client.read(0, 512) is not None
    return False


@test
def without_descriptors_nothing_spins():
    # A client in its handshake has a timer, which its thread cannot get any more later on.
    with served() as (daemon, _, path), Haggler(path):
        assert_serves_beside(path)
        pid = daemon.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        with contextlib.ExitStack() as stack:
            connect_without_descriptors(daemon, path, hard, stack)
            assert_not_spinning(daemon)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            wait_for(lambda: is_served(path), "clients are served again", timeout=2.0)


# Costs.


@test
def idle_clients_cost_nothing():
    with contextlib.ExitStack() as stack:
        daemons, clients = [], []
        for mode in ("interrupt", "adaptive"):
            daemon, _, path = stack.enter_context(served(mode=mode))
            daemons.append(daemon)
            clients.append(stack.enter_context(NbdClient(path, "disk")))
            stack.enter_context(Haggler(path))
        for client in clients:
            client.write(0, b"i" * 4096)
            client.flush()
            client.read_many([(n * 4096, 4096) for n in range(64)])
        assert_quiet(*daemons)
        for client in clients:
            assert client.read(0, 4096) == b"i" * 4096


run()
