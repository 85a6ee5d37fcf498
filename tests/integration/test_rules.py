#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rule 5: who blocks a reactor is reported by name; who is kept from running is only counted."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from harness import Daemon, Skip, run, test

NUM_BDEVS = 200
HOGS = 12


def nulls(count):
    return [
        ("bdev", "bdev_null_create", {"name": f"null{i}", "num_blocks": 1024, "block_size": 512})
        for i in range(count)
    ]


def first_cpu():
    return min(os.sched_getaffinity(0))


class Work:
    """Requests without a pause on a connection of its own, so that callbacks run all the time."""

    def __init__(self, daemon):
        self.client = daemon.client(timeout=60.0)
        self.ended = threading.Event()
        self.calls = 0
        self.thread = threading.Thread(target=self.work)

    def work(self):
        while not self.ended.is_set():
            self.client.call("bdev_get_bdevs")
            self.calls += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.client.close()


def slow_callbacks(daemon):
    return [v for v in daemon.rpc("thread_get_violations") if v["rule"] in (1, 5)]


def counted(daemon):
    return daemon.log().count("only counted")


@test
def a_slow_step_is_named():
    """That takes long by what there is; methods that list as much do it in parts."""
    with Daemon("--callback-limit-ms", 1, config=nulls(1000), mode="interrupt") as daemon:
        assert daemon.stop() == 0
        line = re.search(r'reactor \d+: step "bdev/fini": fini of subsystem .* ran .*', daemon.log())
        assert line, daemon.log_tail()
        for part in ("(limit 1 ms)", "on the CPU", "waiting in the kernel", "nothing else ran"):
            assert part in line.group(), line.group()


@test
def without_a_limit_nothing_is_said():
    with Daemon("--callback-limit-ms", 0, config=nulls(1000), mode="interrupt") as daemon:
        for _ in range(5):
            daemon.rpc("bdev_get_bdevs")
        assert slow_callbacks(daemon) == []


def stop_for(daemon, seconds):
    """Stopped for a time: it is the length of the stop that is tested, not what happens in it."""
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        status = Path(f"/proc/{daemon.process.pid}/status")
        while not re.search(r"^State:\s+T", status.read_text(), re.M):
            time.sleep(0.001)
        time.sleep(seconds)
    finally:
        daemon.process.send_signal(signal.SIGCONT)


def check_stops(mode, seconds):
    """Stops in the midst of work, until some have hit a callback; none of them is reported."""
    args = ("--callback-limit-ms", 40, "--log-level", "debug", "--on-violation", "abort")
    with Daemon(*args, config=nulls(NUM_BDEVS), mode=mode) as daemon:
        with Work(daemon) as work:
            end = time.monotonic() + 60
            while counted(daemon) == 0 and time.monotonic() < end:
                before = work.calls
                stop_for(daemon, seconds)
                while work.calls < before + 2:
                    time.sleep(0.001)
        assert counted(daemon) > 0, "no stop has hit a callback"
        assert slow_callbacks(daemon) == []
        assert "stuck" not in daemon.log(), daemon.log_tail()


@test
def a_long_stop_is_nobodys_fault():
    check_stops("poll", 2.0)


@test
def nor_is_a_short_one():
    check_stops("poll", 0.1)
    check_stops("interrupt", 0.1)


@test
def nor_is_a_cpu_that_others_have():
    cpu = first_cpu()
    pinned = ["taskset", "-c", str(cpu), sys.executable, "-c", "while True: pass"]
    hogs = []
    args = ("--cpumask", f"[{cpu}]", "--log-level", "debug", "--callback-limit-ms", 10)
    with Daemon(*args, config=nulls(NUM_BDEVS), mode="poll") as daemon:
        try:
            with Work(daemon):
                hogs = [subprocess.Popen(pinned) for _ in range(HOGS)]
                end = time.monotonic() + 60
                while counted(daemon) == 0 and time.monotonic() < end:
                    time.sleep(0.01)
        finally:
            for hog in hogs:
                hog.kill()
                hog.wait()
        if counted(daemon) == 0:
            raise Skip("this machine's scheduler keeps nobody waiting for 10 ms")
        assert slow_callbacks(daemon) == [], daemon.log_tail()


run()
