#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The NBD exporter: clients that vanish, exports that stop, and what each leaves behind."""

import contextlib
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from harness import Daemon, RpcError, run, test, wait_for
from nbd_client import (
    CMD_DISC,
    CMD_READ,
    CMD_WRITE,
    MAGIC_OPTION,
    OPT_GO,
    REP_ACK,
    NbdClient,
    NbdError,
)
from nbd_peer import (
    DISK,
    DRAIN_SECONDS,
    KIB,
    MIB,
    Haggler,
    assert_serves,
    go_data,
    nothing_left_behind,
    request_bytes,
    resident_kib,
    served,
    the_export,
)



def reads_done(daemon):
    return daemon.rpc("bdev_get_iostat")["bdevs"][0]["num_read_ops"]


# Clients that vanish.


@test
def clients_that_vanish_leave_nothing_behind():
    with served() as (daemon, _, path):
        assert_serves(daemon, path)

        def mid_header(client):
            client.sock.sendall(request_bytes(CMD_READ, 0, 4096)[:11])

        def mid_payload(client):
            client.sock.sendall(request_bytes(CMD_WRITE, 0, 8 * MIB) + bytes(3 * MIB + 77))

        def unread_replies(client):
            for _ in range(100):
                client.send(CMD_READ, 0, 256 * KIB)

        def in_flight_writes(client):
            for n in range(100):
                client.send(CMD_WRITE, n * 4096, 4096, bytes(4096))

        def in_handshake(_):
            other = Haggler(path)
            other.sock.sendall(struct.pack(">QI", MAGIC_OPTION, OPT_GO))
            other.sock.close()

        def idle(_):
            pass

        for what in (mid_header, mid_payload, unread_replies, in_flight_writes, in_handshake, idle):
            with nothing_left_behind(daemon):
                for _ in range(5):
                    client = NbdClient(path, "disk")
                    with contextlib.suppress(ConnectionError):
                        what(client)
                    client.close()
            assert_serves(daemon, path)


@test
def a_half_closed_client_gets_its_replies():
    with served() as (daemon, _, path):
        with nothing_left_behind(daemon), NbdClient(path, "disk") as client:
            for _ in range(50):
                client.send(CMD_READ, 0, 64 * KIB)
            client.sock.shutdown(socket.SHUT_WR)
            for _ in range(50):
                assert client.reply()[1] == 0
                client.receive(64 * KIB)
            assert client.sock.recv(1) == b""


@test
def a_disconnecting_client_gets_its_replies():
    with served() as (daemon, _, path):
        with nothing_left_behind(daemon), NbdClient(path, "disk") as client:
            for n in range(50):
                client.send(CMD_WRITE, n * 4096, 4096, b"d" * 4096)
            client.send(CMD_DISC, 0, 0)
            for _ in range(50):
                assert client.reply()[1] == 0
            assert client.sock.recv(1) == b""


@test
def a_killed_client_leaves_nothing_behind():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from nbd_client import *\n"
        "c = NbdClient(sys.argv[2], 'disk')\n"
        "print('on', flush=True)\n"
        "while True: c.send(CMD_WRITE, 0, 65536, bytes(65536)); c.send(CMD_READ, 0, 65536)\n"
    )
    with served() as (daemon, _, path):
        with nothing_left_behind(daemon):
            command = [sys.executable, "-c", code, str(Path(__file__).parent), str(path)]
            victims = [
                subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
                for _ in range(4)
            ]
            for victim in victims:
                assert victim.stdout.readline() == b"on\n"
            wait_for(lambda: the_export(daemon)["clients"] == 4, "four clients")
            wait_for(lambda: resident_kib(daemon) > 8 * KIB, "they keep it busy")
            for victim in victims:
                victim.send_signal(signal.SIGKILL)
                victim.wait()
                victim.stdout.close()
        assert_serves(daemon, path)


@test
def a_reset_over_tcp_leaves_nothing_behind():
    with Daemon() as daemon:
        daemon.add_disk("disk", DISK)
        daemon.rpc("nbd_start_export", bdev_name="disk", address="localhost", port=0)
        address = ("127.0.0.1", the_export(daemon)["port"])
        with nothing_left_behind(daemon):
            for _ in range(5):
                haggler = Haggler(address=address)
                assert haggler.option(OPT_GO, go_data("disk"))[-1][0] == REP_ACK
                haggler.sock.sendall(request_bytes(CMD_READ, 0, 16 * MIB) * 4)
                linger = struct.pack("ii", 1, 0)
                haggler.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                haggler.sock.close()


# Stopping.


@test
def a_stopped_export_hangs_up_and_frees_its_address():
    with served() as (daemon, _, path):
        with NbdClient(path, "disk") as client, Haggler(path) as haggler:
            client.write(0, b"s" * 4096)
            assert daemon.rpc("nbd_stop_export", bdev_name="disk") is True
            assert client.sock.recv(1) == b""
            assert haggler.closed()
        assert not path.exists()
        assert daemon.rpc("nbd_get_exports") == []
        daemon.rpc("nbd_start_export", bdev_name="disk", path=str(path))
        with NbdClient(path, "disk") as client:
            assert client.read(0, 4096) == b"s" * 4096


@test
def a_client_that_does_not_read_cannot_hold_a_stop():
    with served() as (daemon, _, path):
        with NbdClient(path, "disk") as client:
            for _ in range(64):
                client.send(CMD_READ, 0, 512 * KIB)
            begin = time.monotonic()
            assert daemon.rpc("nbd_stop_export", bdev_name="disk") is True
            assert time.monotonic() - begin < DRAIN_SECONDS + 3.0
        assert daemon.rpc("nbd_get_exports") == []


@test
def a_client_that_reads_slowly_gets_its_replies():
    with served() as (daemon, _, path), daemon.client() as stopper:
        with NbdClient(path, "disk") as client:
            for _ in range(16):
                client.send(CMD_READ, 0, 512 * KIB)
            wait_for(lambda: reads_done(daemon) == 16, "its buffers are full")
            stopper.send_raw(
                '{"id": 1, "method": "nbd_stop_export", "params": {"bdev_name": "disk"}}'
            )
            got = 0
            while part := client.sock.recv(2 * MIB, socket.MSG_WAITALL):
                got += len(part)
                time.sleep(DRAIN_SECONDS / 2)
            assert got == 16 * (512 * KIB + 16), got
        assert stopper.receive()["result"] is True


@test
def shutdown_ends_with_clients_of_every_kind():
    with served() as (daemon, _, path):
        with NbdClient(path, "disk") as stalled, NbdClient(path, "disk"), Haggler(path):
            half = NbdClient(path, "disk")
            half.sock.sendall(request_bytes(CMD_WRITE, 0, MIB) + bytes(1000))
            for _ in range(64):
                stalled.send(CMD_READ, 0, 512 * KIB)
            wait_for(lambda: resident_kib(daemon) > 8 * KIB, "its buffers are full")
            begin = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - begin < DRAIN_SECONDS + 4.0
            half.close()
        assert not path.exists()


@test
def a_removed_bdev_takes_its_export_along():
    with served() as (daemon, _, path):
        with NbdClient(path, "disk") as client:
            client.write(0, b"r" * 4096)
            assert daemon.rpc("bdev_uring_delete", name="disk", force=True) is True
            assert client.sock.recv(1) == b""
        assert daemon.rpc("nbd_get_exports") == []
        assert daemon.rpc("bdev_get_bdevs") == []
        assert not path.exists()


def refusal(daemon, method, **params):
    try:
        daemon.rpc(method, **params)
    except RpcError as error:
        return str(error)
    raise AssertionError(f"{method} {params} was done")


@test
def a_bdev_that_clients_use_is_deleted_by_force_only():
    """Whatever its kind, and what it stands on too; without clients it goes, export and all."""
    with Daemon() as daemon:
        for kind, param in (("error", "base_name"), ("delay", "base_bdev_name")):
            for base, delete in (("m", "malloc"), ("n", "null"), ("u", "uring")):
                daemon.rpc("bdev_malloc_create", name="m", num_blocks=2048, block_size=512)
                daemon.rpc("bdev_null_create", name="n", num_blocks=2048, block_size=512)
                daemon.add_disk("u", MIB)
                times = dict.fromkeys(
                    ("avg_read_latency", "p99_read_latency", "avg_write_latency",
                     "p99_write_latency"), 0,
                )  # fmt: skip
                daemon.rpc(
                    f"bdev_{kind}_create", **{param: base}, name="top",
                    **(times if kind == "delay" else {}),
                )  # fmt: skip
                path = daemon.add_export("top")
                deletes = [(f"bdev_{delete}_delete", base), (f"bdev_{kind}_delete", "top")]
                with NbdClient(path, "top") as one, NbdClient(path, "top") as other:
                    for method, name in deletes:
                        text = refusal(daemon, method, name=name)
                        assert f"bdev '{name}' is in use: export 'top' has 2 clients" in text, text
                        assert "force=true" in text and "nbd_stop_export" in text, text
                        refusal(daemon, method, name=name, force=False)
                    one.read(0, 4096)
                    other.disconnect()
                    wait_for(
                        lambda: the_export(daemon, "top")["clients"] == 1, "the other has left"
                    )
                    method, name = deletes[0]
                    text = refusal(daemon, method, name=name)
                    assert "export 'top' has 1 client;" in text, text
                    method, name = deletes[kind == "delay"]
                    assert daemon.rpc(method, name=name, force=True) is True
                    assert one.sock.recv(1) == b""
                for method, name in deletes:
                    left = {bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")}
                    if name in left or name == "top":
                        with contextlib.suppress(RpcError):
                            daemon.rpc(method, name=name)
                for bdev in daemon.rpc("bdev_get_bdevs"):
                    kinds = {"m": "malloc", "n": "null", "u": "uring"}
                    daemon.rpc(f"bdev_{kinds[bdev['name']]}_delete", name=bdev["name"])
        # An export that nobody has come to is no obstacle.
        daemon.add_disk("u", MIB)
        path = daemon.add_export("u")
        daemon.rpc("bdev_aio_delete", name="u")
        assert daemon.rpc("nbd_get_exports") == []


@test
def a_bdev_can_be_removed_under_load():
    with served() as (daemon, _, path):
        connected = threading.Semaphore(0)
        outcomes = []

        def work():
            try:
                with NbdClient(path, "disk") as client:
                    client.read(0, 4096)
                    connected.release()
                    while True:
                        client.read_many([(n * 4096, 4096) for n in range(32)])
            except NbdError:
                outcomes.append(False)
            except (EOFError, ConnectionError):
                outcomes.append(True)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert connected.acquire(timeout=10.0)
        assert daemon.rpc("bdev_uring_delete", name="disk", force=True) is True
        for thread in threads:
            thread.join()
        assert outcomes == [True] * 4, outcomes
        assert daemon.rpc("bdev_get_bdevs") == []


run()
