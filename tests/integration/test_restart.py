#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ebbd is killed or restarted under its clients' writes: what was answered is there afterwards, and
clients that reconnect see a pause."""

import contextlib
import random
import struct
import subprocess
import threading
import time

from harness import Daemon, need_program, run, test, wait_for
from nbd_client import CMD_FLAG_FUA, CMD_WRITE, NbdClient

MIB = 1 << 20
BLOCK = 4096
DISK = 16 * MIB
BLOCKS = DISK // BLOCK
KILLS = 100
DEPTH = 16


def disk_and_export(daemon):
    disk = daemon.folder / "disk.img"
    if not disk.exists():
        daemon.disk("disk.img", DISK)
    return [
        ("bdev", "bdev_uring_create", {"name": "disk", "filename": str(disk)}),
        (
            "nbd",
            "nbd_start_export",
            {"bdev_name": "disk", "path": str(daemon.sockets / "disk.nbd")},
        ),
    ]


def block_of(number, version):
    """What the write of that version puts in block @number: every 16 bytes tell both."""
    return struct.pack("<QQ", number, version) * (BLOCK // 16)


class Writer:
    """Writes blocks of its own share of the disk, each with a version, until the server has gone."""

    def __init__(self, path, blocks, version, rng):
        self.client = NbdClient(path, "disk")
        self.blocks = blocks
        self.version = version
        self.rng = rng
        self.answered = {}  # block: the last version that was answered
        self.unanswered = {}  # block: versions that were sent after that
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        in_flight = {}
        with contextlib.suppress(OSError, EOFError):
            while True:
                while len(in_flight) < DEPTH:
                    number = self.rng.choice(self.blocks)
                    if number in in_flight.values():
                        continue
                    self.version += 1
                    self.unanswered.setdefault(number, []).append(self.version)
                    flags = CMD_FLAG_FUA if self.version % 8 == 0 else 0
                    data = block_of(number, self.version)
                    cookie = self.client.send(CMD_WRITE, number * BLOCK, BLOCK, data, flags)
                    in_flight[cookie] = number
                cookie, error = self.client.reply()
                assert error == 0, error
                number = in_flight.pop(cookie)
                self.answered[number] = self.unanswered.pop(number)[-1]

    def end(self):
        self.thread.join(20.0)
        assert not self.thread.is_alive()
        self.client.close()


def assert_kept(disk, known, writers):
    """Each block is what its last answered write made of it, or one that was under way then."""
    with open(disk, "rb") as file:
        for writer in writers:
            for number in writer.blocks:
                known[number] = writer.answered.get(number, known.get(number, 0))
                file.seek(number * BLOCK)
                data = file.read(BLOCK)
                allowed = [known[number], *writer.unanswered.get(number, [])]
                versions = {version for _, version in struct.iter_unpack("<QQ", data)}
                assert versions <= set(allowed), (number, versions, allowed)
                if len(versions) == 1:
                    known[number] = versions.pop()
                    assert data == (block_of(number, known[number]) if known[number] else bytes(BLOCK))


@test
def a_hundred_kills_lose_no_write_that_was_answered():
    rng = random.Random(4711)
    known = {}
    answered = 0
    with Daemon(config=disk_and_export) as daemon:
        disk = daemon.folder / "disk.img"
        path = daemon.sockets / "disk.nbd"
        halves = [list(range(0, BLOCKS, 2)), list(range(1, BLOCKS, 2))]
        for kill in range(KILLS):
            writers = [
                Writer(path, half, kill << 32, random.Random(rng.random())) for half in halves
            ]
            time.sleep(rng.uniform(0.005, 0.1))
            daemon.kill9()
            for writer in writers:
                writer.end()
            assert_kept(disk, known, writers)
            answered += sum(len(writer.answered) for writer in writers)
            daemon.start()
    assert answered > KILLS, answered


WRITES = 20000
RESTARTS = 6


@test
def a_restart_is_a_pause_for_a_client_that_reconnects():
    need_program("qemu-img")
    with Daemon(config=disk_and_export) as daemon:
        server = f"file.server.type=unix,file.server.path={daemon.sockets / 'disk.nbd'}"
        image = f"driver=raw,file.driver=nbd,{server},file.export=disk,file.reconnect-delay=30"
        options = ["-c", str(WRITES), "-d", "64", "-s", str(BLOCK), "--pattern=7"]
        with open(daemon.folder / "qemu.out", "w+", encoding="utf-8") as output:
            qemu = subprocess.Popen(
                ["qemu-img", "bench", "-w", *options, "-n", "--image-opts", image],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            restarts = 0
            wait_for(lambda: writes(daemon) > 0, "it writes")
            while qemu.poll() is None and restarts < RESTARTS:
                if restarts % 2 == 0:
                    assert daemon.stop() == 0
                else:
                    daemon.kill9()
                daemon.start()
                time.sleep(0.1)
                restarts += 1
            code = qemu.wait(60.0)
            output.seek(0)
            text = output.read()
        assert code == 0 and "rror" not in text and "ailed" not in text, text
        assert restarts > 1, restarts


def writes(daemon):
    return daemon.rpc("bdev_get_iostat")["bdevs"][0]["num_write_ops"]


run()
