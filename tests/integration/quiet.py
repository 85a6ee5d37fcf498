# SPDX-License-Identifier: Apache-2.0
"""Nobody asking costs nothing: assert_quiet() is how a test says so of a running ebbd.

A thread has woken if it has gone to sleep again (a voluntary context switch), has used CPU time,
has come or has gone. That a busy machine took its CPU away (an involuntary switch) is not its doing;
a thread that is kept from running is awake until it sleeps, or was so before the window began.

After the last request a few wakeups still follow. These are legal, and no others:

    ebb_watch    looks a second after a reactor has woken whether that is stuck; where memory was
                 used it rings on, once a second, until what is free has gone back: two ages and
                 the one that is running
    a reactor    gives back the memory in its cache, when the watch asks it; a hot queue ends its
                 look at late commands after a quarter of their timeout
    ebb-rpc      gives back the heap, a second after the last of many requests
"""

import time
from collections import Counter

SAMPLE_S = 0.05
BURST_S = 0.3  # what a thread does within it is one wakeup
CALM_S = 0.5  # no thread ran for so long: the load is over, and what follows is counted
PAUSE_S = 1.6  # longer than legal wakeups are apart
SETTLE_S = 12.0  # a bound on the whole of the load's end; legal wakeups take four seconds of it
WINDOW_S = 3.0
TRAILING_S = 4.0  # for who cannot look: so long after the last request nothing runs any more
TRAILING = {"ebb_watch": 4, "a reactor": 3, "ebb-rpc": 1}


def kind(name):
    """The row of TRAILING for a thread of that name."""
    return "a reactor" if name == "ebbd" or name.startswith("ebb_reactor") else name


class Watched:
    """The threads of one daemon, as seen by looking at them again and again."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.facts = daemon.thread_facts()
        self.moved_at = time.monotonic()
        self.last_moved = {}  # {thread id: when}
        self.trailing = Counter()
        self.is_calm = False
        self.story = []

    def look(self):
        """Note which threads have moved since the last look. Return: whether any has."""
        now, facts = time.monotonic(), self.daemon.thread_facts()
        moved = [
            tid
            for tid in sorted(facts.keys() | self.facts.keys())
            if facts.get(tid) != self.facts.get(tid)
        ]
        for tid in moved:
            name, *before = self.facts.get(tid) or facts[tid]
            _, *after = facts.get(tid, self.facts.get(tid))
            if self.is_calm and now - self.last_moved.get(tid, 0.0) > BURST_S:
                self.trailing[kind(name)] += 1
            self.last_moved[tid] = now
            change = "+{} switches, +{} ticks".format(*(b - a for a, b in zip(before, after)))
            if tid not in facts or tid not in self.facts:
                change = "went" if tid in self.facts else "came"
            self.story.append(f"{now:.2f} {name} ({tid}): {change}")
        self.facts = facts
        if moved:
            self.moved_at = now
        self.is_calm = self.is_calm or now - self.moved_at > CALM_S
        return bool(moved)

    def tell(self, what):
        return f"{what}; the last that ran, at seconds of the clock:\n" + "\n".join(
            self.story[-20:]
        )


def settle(all_watched):
    """Until none has run for PAUSE_S."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        for watched in all_watched:
            watched.look()
        now = time.monotonic()
        if all(now - watched.moved_at > PAUSE_S for watched in all_watched):
            return
        for watched in all_watched:
            assert now < deadline, watched.tell(
                f"no {PAUSE_S} s without a wakeup in {SETTLE_S} s of waiting"
            )
        time.sleep(SAMPLE_S)


def assert_quiet(*daemons, window_s=WINDOW_S):
    """The load has ended: wait, bounded, for the legal wakeups; then no thread runs for window_s.

    The wait ends with PAUSE_S without any wakeup, and these belong to the window: what wakes
    every PAUSE_S + window_s seconds, or more often, is found.
    """
    all_watched = [Watched(daemon) for daemon in daemons]
    settle(all_watched)
    for watched in all_watched:
        for name, count in watched.trailing.items():
            assert count <= TRAILING.get(name, 0), watched.tell(
                f"{name} woke {count} times more when nobody asked any more, which is legal "
                f"{TRAILING.get(name, 0)} times"
            )
    end = time.monotonic() + window_s
    while time.monotonic() < end:
        time.sleep(SAMPLE_S)
        for watched in all_watched:
            assert not watched.look(), watched.tell(f"a wakeup within {window_s} s of silence")


def assert_not_spinning(daemon, window_s=0.5):
    """It waits for something that it tries again now and then: a tenth of one CPU at most."""
    before = sum(ticks for _, _, ticks in daemon.thread_facts().values())
    time.sleep(window_s)
    spent = sum(ticks for _, _, ticks in daemon.thread_facts().values()) - before
    assert spent <= 10 * window_s, f"{spent} ticks of CPU in {window_s} s"
