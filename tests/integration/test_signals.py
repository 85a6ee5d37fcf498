#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signals: those that stop ebbd do so in time, whatever it is doing; no other ends it."""

import os
import select
import signal
import subprocess
import time

from harness import BUILD, Daemon, run, test, wait_for
from limited import folder_only
from nbd_client import CMD_READ, CMD_WRITE, NbdClient

MIB = 1 << 20
CONNECTIONS, REQUESTS = 8, 128  # of each: a thousand in all


@test
def hanging_up_is_noted_and_no_more():
    with Daemon() as daemon:
        for times in (1, 2):
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(lambda: daemon.log().count("SIGHUP: noted") >= times, "it is noted")
            assert daemon.rpc("framework_get_state")["state"] == "running"
        assert daemon.rpc("spdk_kill_instance", sig_name="SIGHUP") is True
        wait_for(lambda: daemon.log().count("SIGHUP: noted") == 3, "it is noted")
        # It is no first signal, at which a second one would force the exit.
        assert daemon.stop() == 0
        assert "forced" not in daemon.log()


@test
def hanging_up_is_ignored_where_it_was():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with Daemon() as daemon:
            daemon.process.send_signal(signal.SIGHUP)
            assert daemon.rpc("framework_get_state")["state"] == "running"
            assert daemon.stop() == 0
            assert "SIGHUP" not in daemon.log()
    finally:
        signal.signal(signal.SIGHUP, before)


@test
def strays_end_nothing():
    named = ("USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "STKFLT", "PWR", "PIPE", "XFSZ")
    strays = [getattr(signal, f"SIG{name}") for name in named if hasattr(signal, f"SIG{name}")]
    strays += range(signal.SIGRTMIN, signal.SIGRTMAX + 1)
    with Daemon() as daemon:
        for number in strays:
            daemon.process.send_signal(number)
            assert daemon.rpc("framework_get_state")["state"] == "running", number


def catches(process, number):
    """Has it a handler for that signal by now?"""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        caught = next(line for line in status if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (number - 1) & 1


def start_until_caught(place, *args):
    process = subprocess.Popen(
        [BUILD / "ebbd", "--rpc-socket", place.rpc_socket, *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: catches(process, signal.SIGTERM), "main() has begun")
    return process


@test
def from_its_first_moments_it_stops_in_order():
    with folder_only() as place:
        for delay_us in range(0, 6000, 150):
            process = start_until_caught(place)
            try:
                time.sleep(delay_us / 1e6)
                process.send_signal(signal.SIGINT if delay_us % 300 else signal.SIGTERM)
                assert process.wait(10.0) == 0, delay_us
                assert [file.suffix for file in place.sockets.iterdir()] == [], delay_us
            finally:
                process.kill()
                process.wait()


@test
def it_can_be_stopped_while_it_waits_for_its_configuration():
    with folder_only() as place:
        pipe = place.sockets / "c.json"
        os.mkfifo(pipe)
        process = start_until_caught(place, "--json", pipe)
        try:
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10.0) == 0
        finally:
            process.kill()
            process.wait()


def make_bdev(daemon, kind):
    if kind == "file":
        daemon.add_disk("b", 32 * MIB)
        return
    name = "b" if kind == "malloc" else "base"
    daemon.rpc("bdev_malloc_create", name=name, num_blocks=32 * MIB // 512, block_size=512)
    if kind == "delay":
        latency = {
            f"{which}_{what}_latency": 3_600_000_000
            for which in ("avg", "p99")
            for what in ("read", "write")
        }
        daemon.rpc("bdev_delay_create", base_bdev_name="base", name="b", **latency)


@test
def with_a_thousand_requests_in_flight_it_ends_within_a_second():
    for kind in ("malloc", "delay", "file"):
        for command, data in ((CMD_READ, b""), (CMD_WRITE, b"x" * 4096)):
            with Daemon() as daemon:
                make_bdev(daemon, kind)
                path = daemon.add_export("b")
                clients = [NbdClient(path, "b") for _ in range(CONNECTIONS)]
                for client in clients:
                    for i in range(REQUESTS):
                        client.send(command, i * 4096, 4096, data)
                begin = time.monotonic()
                assert daemon.stop() == 0, daemon.log_tail()
                took = time.monotonic() - begin
                assert took < 1.0, (kind, command, took)
                assert not path.exists()
                for client in clients:
                    client.close()


@test
def with_clients_that_take_nothing_it_ends_soon():
    """They have 0.8 s to take something of their last replies; the rest is for a busy machine."""
    with Daemon() as daemon:
        make_bdev(daemon, "file")
        path = daemon.add_export("b")
        clients = [NbdClient(path, "b") for _ in range(CONNECTIONS)]
        for client in clients:
            for _ in range(8):
                client.send(CMD_READ, 0, 8 * MIB)
        for client in clients:
            assert select.select([client.sock], [], [], 20)[0], "no reply has begun"
        begin = time.monotonic()
        assert daemon.stop() == 0, daemon.log_tail()
        took = time.monotonic() - begin
        assert 0.7 < took < 1.5, took
        for client in clients:
            client.close()


run()
