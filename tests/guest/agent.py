#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The guest's side of a test run: runs the functions that the host asks for, one after the other.

Each runs in a process of its own, which owns the channel meanwhile; it ends with the function, is
ended when its time is up (and then says where it was), and with it everything that it started.
"""

import contextlib
import faulthandler
import importlib
import os
import signal
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "integration")]

import drives  # noqa: E402 # after the path to it
from cases import host  # noqa: E402
from channel import Channel  # noqa: E402
from harness import Skip, run_command  # noqa: E402

OUTPUT = Path("/tmp/output-of-case")
OUTPUT_MAX = 16384


def perform(order, channel):
    """In the child: the message that tells how it ended."""
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    host.channel = channel
    try:
        module = importlib.import_module(order["run"])
        value = getattr(module, order["function"])(*order["args"])
        return {"done": "ok", "value": value}
    except Skip as reason:
        return {"done": "skipped", "text": str(reason)}
    except Exception:  # every kind of failure is this function's alone
        return {"done": "failed", "text": traceback.format_exc()}


def child(order, channel):
    os.setsid()
    output = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
    null = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    message = perform(order, channel)
    sys.stdout.flush()
    if message["done"] == "failed":
        message["text"] += output_tail()
    channel.send(message)
    os._exit(0)


def output_tail():
    text = OUTPUT.read_text(encoding="utf-8", errors="replace")[-OUTPUT_MAX:]
    return f"--- its output:\n{text}" if text.strip() else ""


def wait_child(pid, timeout_s):
    """The wait status, or None if it had to be ended because time was up."""
    late = []

    def alarm(*_):
        # Once for its traceback, then to end it.
        late.append(True)
        os.kill(pid, signal.SIGUSR1 if len(late) == 1 else signal.SIGKILL)
        signal.alarm(2)

    signal.signal(signal.SIGALRM, alarm)
    signal.alarm(max(1, int(timeout_s)))
    _, status = os.waitpid(pid, 0)
    signal.alarm(0)
    return None if late else status


def end_leftovers():
    """Kill all that is not the kernel's, process 1 or us."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in (1, os.getpid()):
            with contextlib.suppress(OSError):
                if (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def mounts():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return [line.split()[1].encode().decode("unicode_escape") for line in file]


def tidy(mounted):
    """As it was before: the message that says so, or why not."""
    try:
        end_leftovers()
        for point in reversed(mounts()[len(mounted) :]):
            run_command(["umount", "--lazy", point])
        drives.give_back()
        return {"tidied": True}
    except Exception:  # the host boots anew
        return {"tidied": False, "text": traceback.format_exc()}


def main():
    fd = os.open(sys.argv[1], os.O_RDWR)
    channel = Channel(fd)
    mounted = mounts()
    channel.send({"ready": os.uname().release})
    while True:
        order = channel.receive()
        pid = os.fork()
        if pid == 0:
            child(order, channel)
        status = wait_child(pid, order["timeout_s"])
        if status is None:
            text = f"not ended within {order['timeout_s']} s\n{output_tail()}"
            channel.send({"done": "failed", "text": text})
        elif status != 0:
            text = f"its process ended with {os.waitstatus_to_exitcode(status)}\n{output_tail()}"
            channel.send({"done": "failed", "text": text})
        channel.send(tidy(mounted) if order["tidy"] else {"tidied": True})


if __name__ == "__main__":
    main()
