#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""assert_quiet() itself, on programs that wake in known ways."""

import contextlib
import subprocess
import sys
import threading

from harness import run, test, thread_facts
from quiet import PAUSE_S, TRAILING, WINDOW_S, assert_quiet

# Wakes that often, at such distances in seconds, and then sleeps for ever.
SLEEPER = """
import sys, threading, time
count, distance_s = int(sys.argv[1]), float(sys.argv[2])
open("/proc/self/comm", "w").write(sys.argv[3])
print("begun", flush=True)
for _ in range(count):
    time.sleep(distance_s)
time.sleep(3600)
"""
EVER = 1 << 30


class Sleeper:
    """What assert_quiet() needs of a daemon."""

    def __init__(self, count, distance_s, name):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SLEEPER, str(count), str(distance_s), name],
            stdout=subprocess.PIPE,
        )
        self.process.stdout.readline()

    def thread_facts(self):
        return thread_facts(self.process.pid)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def complaints(*sleepers):
    """What assert_quiet() says of each of them; of all at once, to save time."""
    said = [None] * len(sleepers)

    def check(index, sleeper):
        try:
            assert_quiet(sleeper)
            said[index] = ""
        except AssertionError as error:
            said[index] = str(error)

    with contextlib.ExitStack() as stack:
        threads = []
        for index, arguments in enumerate(sleepers):
            sleeper = stack.enter_context(contextlib.closing(Sleeper(*arguments)))
            threads.append(threading.Thread(target=check, args=(index, sleeper)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return said


@test
def wakeups_are_found_that_go_on_and_those_that_are_too_many():
    asleep, legal, other, often, now_and_then, too_many, illegal = complaints(
        (0, 1.0, "ebbd"),
        (TRAILING["ebb_watch"], 1.0, "ebb_watch"),
        (TRAILING["a reactor"], 1.0, "ebb_reactor_1"),
        (EVER, 0.5, "ebb_watch"),
        (EVER, 2.0, "ebbd"),
        (TRAILING["ebb_watch"] + 2, 1.0, "ebb_watch"),
        (1, 1.0, "ebb_helper"),
    )
    assert asleep == "", asleep
    assert legal == "", legal
    assert other == "", other
    assert often.startswith("no 1.6 s without a wakeup"), often
    assert now_and_then.startswith("a wakeup within 3.0 s of silence"), now_and_then
    assert too_many.startswith("ebb_watch woke"), too_many
    assert illegal.startswith("ebb_helper woke 1 times more"), illegal


@test
def the_windows_find_what_wakes_every_four_seconds():
    assert PAUSE_S + WINDOW_S > 4
    (seldom,) = complaints((EVER, 4.0, "ebbd"))
    assert seldom.startswith("a wakeup within 3.0 s of silence"), seldom


run()
