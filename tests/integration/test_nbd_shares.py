#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The NBD exporter: no client takes the service from the others, and none wakes it by doing nothing."""

import contextlib
import grp
import json
import os
import resource
import socket
import stat
import struct
import subprocess
import sys
import time

from harness import Daemon, RpcError, run, test, wait_for
from nbd_client import (
    CMD_DISC,
    CMD_READ,
    CMD_WRITE,
    FLAG_FIXED_NEWSTYLE,
    FLAG_NO_ZEROES,
    MAGIC_OPTION,
    OPT_GO,
    NbdClient,
)
from nbd_peer import (
    CLIENTS_MAX,
    KIB,
    MIB,
    OPT_ABORT,
    OPT_EXPORT_NAME,
    OPT_INFO,
    OPT_LIST,
    OPT_STRUCTURED_REPLY,
    Haggler,
    assert_serves_beside,
    go_data,
    request_bytes,
    resident_kib,
    served,
    the_export,
)
from quiet import assert_quiet

HOSTILE = 30
PLACES_OWN = 4
REQUEST_MAX = 32 * MIB


def export_beside(daemon, name="other"):
    """A second export, at a socket of its own; its path."""
    daemon.rpc("bdev_malloc_create", name=name, num_blocks=32768, block_size=512)
    return daemon.add_export(name)


def refusals(daemon):
    return [line for line in daemon.log().splitlines() if "refused" in line]


# Memory.


@test
def who_takes_nothing_stops_nobody():
    with served() as (daemon, _, path), contextlib.ExitStack() as stack:
        other = export_beside(daemon)
        for _ in range(HOSTILE):
            client = stack.enter_context(NbdClient(path, "disk"))
            client.send(CMD_READ, 0, REQUEST_MAX)
        wait_for(lambda: resident_kib(daemon) > HOSTILE * MIB // KIB, "they hold what they can")
        for where, name in ((other, "other"), (path, "disk")):
            with NbdClient(where, name) as client:
                client.write(0, b"o" * MIB)
                assert client.read(0, MIB) == b"o" * MIB
                assert len(client.read(0, 4 * MIB)) == 4 * MIB
        # A floor each, and one a little more.
        assert resident_kib(daemon, "VmHWM") < (2 * HOSTILE + 64) * MIB // KIB


@test
def what_stalled_clients_have_above_their_floors_comes_back():
    with served() as (daemon, _, path), contextlib.ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(NbdClient(path, "disk"))
            for n in range(16):
                client.send(CMD_READ, n * MIB, MIB)
        stalled = client
        with NbdClient(path, "disk") as busy:
            ranges = [(n * MIB, MIB) for n in range(8)]
            begin = time.monotonic()
            while resident_kib(daemon) > 24 * MIB // KIB or time.monotonic() - begin < 2.5:
                busy.read_many(ranges)
                assert time.monotonic() - begin < 30.0, "nothing comes back"
        # Nothing of it is lost.
        for _ in range(16):
            assert stalled.reply()[1] == 0
            assert stalled.receive(MIB) == bytes(MIB)


@test
def a_long_read_comes_in_parts():
    with served() as (daemon, image, path):
        data = os.urandom(REQUEST_MAX)
        with open(image, "r+b") as file:
            file.write(data)
        before = resident_kib(daemon)
        with NbdClient(path, "disk") as client:
            for length in (MIB - 512, MIB, MIB + 512, 2 * MIB, 7 * MIB + 1024, REQUEST_MAX):
                assert client.read(0, length) == data[:length], length
                # With others in flight, whose replies come before or after, never amid.
                small = client.send(CMD_READ, 4096, 512)
                long = client.send(CMD_READ, 0, length)
                late = client.send(CMD_READ, 8192, 512)
                for _ in range(3):
                    cookie, error = client.reply()
                    assert error == 0
                    offset, size = {small: (4096, 512), long: (0, length), late: (8192, 512)}[cookie]
                    assert client.receive(size) == data[offset : offset + size]
        assert resident_kib(daemon, "VmHWM") - before < 24 * MIB // KIB


# Places.


@test
def a_full_socket_locks_out_no_other():
    with served() as (daemon, _, path), contextlib.ExitStack() as stack:
        other = export_beside(daemon)
        for _ in range(CLIENTS_MAX):
            stack.enter_context(Haggler(path))
        for _ in range(20):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as extra:
                extra.settimeout(10.0)
                extra.connect(str(path))
                assert extra.recv(18) == b""
        for _ in range(PLACES_OWN):
            client = stack.enter_context(NbdClient(other, "other"))
            assert client.read(0, 512) == bytes(512)
        assert len(refusals(daemon)) == 1, refusals(daemon)
        assert "limit" in refusals(daemon)[0] and str(path) in refusals(daemon)[0]


# Descriptors.


def come_and_go(path, count):
    """So many clients at once, none of which says anything."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            with contextlib.suppress(OSError):
                client.setblocking(False)
                client.connect(str(path))


def used_descriptors(daemon):
    return max(int(fd) for fd in os.listdir(f"/proc/{daemon.process.pid}/fd")) + 1


def is_served(path):
    with contextlib.suppress(OSError, EOFError), NbdClient(path, "disk") as client:
        return len(client.read(0, 512)) == 512
    return False


@test
def rpc_goes_on_when_clients_take_all_descriptors():
    with served() as (daemon, _, path), contextlib.ExitStack() as stack:
        limit = used_descriptors(daemon) + 8
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        for _ in range(60):
            client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            client.connect(str(path))
        wait_for(lambda: refusals(daemon), "one is refused")
        for _ in range(10):
            assert the_export(daemon)["export_name"] == "disk"
        assert len(refusals(daemon)) == 1, refusals(daemon)


@test
def after_a_shortage_service_is_back_at_once():
    with served() as (daemon, _, path):
        limit = used_descriptors(daemon) + 7
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        assert_serves_beside(path)
        come_and_go(path, 60)
        begin = time.monotonic()
        wait_for(lambda: is_served(path), "served again")
        assert time.monotonic() - begin < 1.0, time.monotonic() - begin
        come_and_go(path, 60)
        wait_for(lambda: is_served(path), "served again")
        lines = refusals(daemon) + [line for line in daemon.log().splitlines() if "accepted" in line]
        assert len(lines) <= 2, lines


# The socket's file.


def refused(daemon, **params):
    """Why it cannot be started."""
    try:
        daemon.rpc("nbd_start_export", **params)
    except RpcError as error:
        return error.message
    raise AssertionError(f"{params} was taken")


@test
def a_socket_has_the_mode_and_group_that_are_asked_for():
    with Daemon() as daemon:
        daemon.add_disk("disk", MIB)
        path = daemon.sockets / "d.nbd"
        group = grp.getgrgid(os.getgid())
        start = {"bdev_name": "disk", "path": str(path)}
        daemon.rpc("nbd_start_export", mode="0660", group=group.gr_name, **start)
        found = path.stat()
        assert stat.S_IMODE(found.st_mode) == 0o660 and found.st_gid == group.gr_gid
        export = the_export(daemon)
        assert export["mode"] == "0660" and export["group"] == group.gr_name
        saved = json.loads(daemon.ebbctl("save_config").stdout)
        entries = [e for s in saved["subsystems"] for e in s["config"] or []]
        entry = next(e for e in entries if e["method"] == "nbd_start_export")
        assert entry["params"]["mode"] == "0660", entry
        assert entry["params"]["group"] == group.gr_name, entry
        for params, words in (
            ({"mode": "0666"}, ("mode", "0660")),
            ({"group": str(group.gr_gid + 1)}, ("group", group.gr_name)),
        ):
            refusal = refused(daemon, export_name="again", **params, **start)
            assert all(word in refusal for word in words), refusal
        daemon.rpc("nbd_start_export", export_name="again", **start)
        daemon.rpc("nbd_stop_export", export_name="again")
        daemon.rpc("nbd_stop_export", export_name="disk")
        daemon.rpc("nbd_start_export", group=str(group.gr_gid), **start)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        daemon.rpc("nbd_stop_export", path=str(path))
        for params, word in (
            ({"mode": "0999"}, "octal"),
            ({"mode": "1777"}, "octal"),
            ({"mode": ""}, "octal"),
            ({"group": "no such group"}, "no such group"),
            ({"group": ""}, "group"),
            ({"group": "g" * 100}, "group"),
        ):
            assert word in refused(daemon, **params, **start), params
        tcp = {"bdev_name": "disk", "address": "localhost", "port": 0}
        assert "path" in refused(daemon, mode="0600", **tcp)
        assert daemon.rpc("nbd_get_exports") == []


@test
def an_export_is_stopped_by_every_name_of_its_path():
    with Daemon() as daemon:
        daemon.add_disk("disk", MIB)
        folder = daemon.sockets
        path = folder / "d.nbd"
        (folder / "link").symlink_to(folder)
        for name in (
            f"{folder}//d.nbd",
            f"{folder}/./d.nbd",
            f"{folder}/link/d.nbd",
            f"{folder}/../{folder.name}/d.nbd",
            os.path.relpath(path),
        ):
            daemon.rpc("nbd_start_export", bdev_name="disk", path=str(path))
            if not os.path.isabs(name):
                name = os.path.join(os.getcwd(), name)
            daemon.rpc("nbd_start_export", bdev_name="disk", export_name="two", path=name)
            assert {e["path"] for e in daemon.rpc("nbd_get_exports")} == {str(path)}
            daemon.rpc("nbd_stop_export", path=name, export_name="two")
            assert daemon.rpc("nbd_stop_export", path=name) is True, name
            assert daemon.rpc("nbd_get_exports") == []
            saved = str(json.loads(daemon.ebbctl("save_config").stdout))
            assert "nbd_start_export" not in saved, saved
        # Its file is gone: the name must do.
        daemon.rpc("nbd_start_export", bdev_name="disk", path=str(path))
        path.unlink()
        assert daemon.rpc("nbd_stop_export", path=f"{folder}//d.nbd") is True


# Bad company.


STOPPED = """
import os, signal, socket, sys
path, head_len = sys.argv[1], int(sys.argv[2])
words = sys.stdin.buffer.read()
head, tail = words[:head_len], words[head_len:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(path)
s.recv(18, socket.MSG_WAITALL)
s.sendall(head)
if tail:
    s.recv(1)
    s.sendall(tail)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def option(kind, data=b""):
    return struct.pack(">QII", MAGIC_OPTION, kind, len(data)) + data


def states():
    """{what: (said before the first answer, said after)}: where clients stop."""
    flags = struct.pack(">I", FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)
    go = option(OPT_GO, go_data("disk"))
    return {
        "nothing": (b"", b""),
        "amid the flags": (flags[:2], b""),
        "the flags": (flags, b""),
        "amid an option": (flags + go[:9], b""),
        "amid an option's data": (flags + go[:-3], b""),
        "a list": (flags + option(OPT_LIST), b""),
        "info": (flags + option(OPT_INFO, go_data("disk")), b""),
        "structured replies": (flags + option(OPT_STRUCTURED_REPLY), b""),
        "an unknown option": (flags + option(77, b"x" * 1000), b""),
        "a long option": (flags + option(77, b"")[:-4] + struct.pack(">I", 100000) + b"x" * 20000, b""),
        "abort": (flags + option(OPT_ABORT), b""),
        "the old way": (flags + option(OPT_EXPORT_NAME, b"disk"), b""),
        "go": (flags + go, b""),
        "amid a header": (flags + go, request_bytes(CMD_READ, 0, 4096)[:11]),
        "amid a payload": (flags + go, request_bytes(CMD_WRITE, 0, MIB) + bytes(5000)),
        "amid a long payload": (flags + go, request_bytes(CMD_WRITE, 0, 8 * MIB) + bytes(70000)),
        "with an unread reply": (flags + go, request_bytes(CMD_READ, 0, 4096)),
        "with unread replies": (flags + go, request_bytes(CMD_READ, 0, MIB) * 40),
        "with a long reply": (flags + go, request_bytes(CMD_READ, 0, REQUEST_MAX) * 3),
        "with a structured reply": (
            flags + option(OPT_STRUCTURED_REPLY) + go,
            request_bytes(CMD_READ, 0, REQUEST_MAX) * 3,
        ),
        "disconnected": (flags + go, request_bytes(CMD_DISC, 0, 0)),
        "disconnected with replies": (
            flags + go,
            request_bytes(CMD_READ, 0, MIB) * 12 + request_bytes(CMD_DISC, 0, 0),
        ),
    }


@contextlib.contextmanager
def stopped_clients(path):
    with contextlib.ExitStack() as stack:
        clients = []
        for head, tail in states().values():
            command = [sys.executable, "-c", STOPPED, str(path), str(len(head))]
            client = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE))
            stack.callback(client.kill)
            client.stdin.write(head + tail)
            client.stdin.close()
            clients.append(client)
        for client in clients:
            os.waitid(os.P_PID, client.pid, os.WSTOPPED | os.WNOWAIT)
        yield


@test
def bad_company_wakes_nobody():
    """All of them at once; the handshakes among them have half a minute, which is longer than this."""
    with served() as (daemon, _, path), contextlib.ExitStack() as stack:
        daemon.rpc("nbd_start_export", bdev_name="disk", export_name="tcp", address="localhost", port=0)
        address = ("127.0.0.1", the_export(daemon, "tcp")["port"])
        for _ in range(50):  # port scanners
            socket.create_connection(address, timeout=10.0).close()
        reset = socket.create_connection(address, timeout=10.0)
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()
        stack.enter_context(stopped_clients(path))
        for half in (Haggler(path), Haggler(address=address)):  # half-closed, in the handshake
            stack.enter_context(half).sock.shutdown(socket.SHUT_RD)
        reader = stack.enter_context(NbdClient(path, "disk"))  # and after it, with replies to come
        for _ in range(4):
            reader.send(CMD_READ, 0, 4 * MIB)
        reader.sock.shutdown(socket.SHUT_WR)
        assert_serves_beside(path)
        assert_quiet(daemon, window_s=15.0)
        assert_serves_beside(path)
        # The half-closed one reads, and gets all that it asked for, then the end.
        for _ in range(4):
            assert reader.reply()[1] == 0
            reader.receive(4 * MIB)
        assert reader.sock.recv(1) == b""


run()
