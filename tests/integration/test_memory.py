#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Resident memory of ebbd: bounded under load, small again a few seconds after it, and then idle."""

import contextlib
import os
import socket

from harness import check_command, nbd_uri, need_program, run, test, wait_for
from nbd_client import CMD_WRITE, NbdClient
from nbd_peer import (
    KIB,
    MIB,
    REQUEST_MAX,
    assert_serves_beside,
    request_bytes,
    resident_kib,
    served,
    the_export,
)
from quiet import assert_quiet

COPY = 64 * MIB
SETTLED_KIB = 8 * KIB  # what is promised for quickstart's configuration is 16 MiB
BUSY_KIB = 32 * KIB


def copy_in_and_out(daemon, path):
    source, target = daemon.folder / "source", daemon.folder / "target"
    source.write_bytes(os.urandom(COPY))
    check_command(["nbdcopy", source, nbd_uri(path, "disk")])
    check_command(["nbdcopy", nbd_uri(path, "disk"), target])
    assert source.read_bytes() == target.read_bytes()
    wait_for(lambda: the_export(daemon)["clients"] == 0, "nbdcopy is gone")


def goes_back_in(mode):
    need_program("nbdcopy")
    with served(size=COPY, mode=mode) as (daemon, _, path):
        for _ in range(2):
            copy_in_and_out(daemon, path)
            assert SETTLED_KIB < resident_kib(daemon, "VmHWM") < BUSY_KIB
            wait_for(lambda: resident_kib(daemon) < SETTLED_KIB, "memory goes back")
        if mode != "poll":
            assert_quiet(daemon)


@test
def memory_goes_back_in_adaptive_mode():
    goes_back_in("adaptive")


@test
def memory_goes_back_in_interrupt_mode():
    goes_back_in("interrupt")


@test
def memory_goes_back_in_poll_mode():
    goes_back_in("poll")


@test
def memory_goes_back_while_a_client_trickles():
    """One client goes on, a block now and then; what another one needed is not kept for it."""
    need_program("nbdcopy")
    with served(size=COPY) as (daemon, _, path), NbdClient(path, "disk") as client:
        source = daemon.folder / "source"
        source.write_bytes(os.urandom(COPY))
        check_command(["nbdcopy", source, nbd_uri(path, "disk")])

        def small_after_a_read():
            client.read(0, 4096)
            return resident_kib(daemon) < SETTLED_KIB

        wait_for(small_after_a_read, "memory goes back")


@test
def stalled_writes_hold_little():
    """32 MiB announced by each of them, and of some 3 MiB and a bit sent."""
    with served() as (daemon, _, path), contextlib.ExitStack() as stack:
        for number in range(8):
            client = stack.enter_context(NbdClient(path, "disk"))
            client.sock.sendall(request_bytes(CMD_WRITE, 0, REQUEST_MAX))
            if number % 2 == 1:
                client.sock.sendall(bytes(3 * MIB + 77))
        assert_serves_beside(path)
        wait_for(lambda: resident_kib(daemon) < 16 * KIB, "eight hold eight chunks")


def pipeline(daemon, text):
    """A client that has sent this, as far as ebbd takes it while nobody reads the answers."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(daemon.rpc_socket))
    sock.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        sock.sendall(text)
    return sock


@test
def what_clients_leave_unread_goes_back_with_them():
    call = b'{"jsonrpc":"2.0","id":1,"method":"framework_get_reactors"}'
    batch = b"[" + b",".join([call] * 4096) + b"]"
    with served() as (daemon, _, _):
        with contextlib.ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(pipeline(daemon, batch))
            wait_for(lambda: resident_kib(daemon) > BUSY_KIB, "their answers wait")
        wait_for(lambda: resident_kib(daemon) < SETTLED_KIB, "memory goes back")
        assert_quiet(daemon)


@test
def many_clients_with_large_answers_have_them_in_turns():
    """40 times 64 answers of 70 kB, and more while they are objects: 0.9 GB if all were made."""
    calls = b'{"jsonrpc":"2.0","id":1,"method":"bdev_get_bdevs"}' * 64
    with served() as (daemon, _, _), contextlib.ExitStack() as stack:
        for number in range(100):
            daemon.rpc("bdev_null_create", name=f"n{number}", num_blocks=8, block_size=512)
        clients = [stack.enter_context(pipeline(daemon, calls)) for _ in range(40)]
        for client in clients:
            client.settimeout(30.0)
            num_answers = 0
            while num_answers < 64:
                data = client.recv(MIB)
                assert data, f"cut off after {num_answers} answers"
                num_answers += data.count(b"\n")
        assert resident_kib(daemon, "VmHWM") < 200 * KIB, resident_kib(daemon, "VmHWM")
        # They are still there.
        wait_for(lambda: resident_kib(daemon) < SETTLED_KIB + 40 * KIB, "memory goes back")


run()
