#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reactors change how they wait, with threads on them and without."""

import os
from pathlib import Path

from harness import Daemon, Skip, run, test, wait_for
from nbd_client import NbdClient
from quiet import assert_quiet

MIB = 1 << 20
LOOKS = 20


def two_cpus():
    """Two CPUs that this process may use, as a CPU list for --cpumask, or a skip."""
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        raise Skip("it needs two CPUs")
    return cpus


def daemon_on(cpus, **options):
    return Daemon("--cpumask", "[" + ",".join(map(str, cpus)) + "]", **options)


def reactors(daemon):
    return {one["lcore"]: one for one in daemon.rpc("framework_get_reactors")["reactors"]}


def run_state(daemon, lcore):
    """R, S or D, as the kernel sees the OS thread of a reactor."""
    tid = reactors(daemon)[lcore]["tid"]
    stat = Path(f"/proc/{daemon.process.pid}/task/{tid}/stat").read_text(encoding="ascii")
    return stat.rpartition(")")[2].split()[0]


def assert_spins(daemon, lcore):
    """It is runnable each time anybody looks."""
    wait_for(lambda: run_state(daemon, lcore) == "R", f"reactor {lcore} runs")
    states = [run_state(daemon, lcore) for _ in range(LOOKS)]
    assert states.count("R") == LOOKS, states


def set_poll(daemon, lcore, poll):
    assert daemon.rpc("reactor_set_interrupt_mode", lcore=lcore, disable_interrupt=poll) is True
    assert reactors(daemon)[lcore]["mode"] == ("poll" if poll else "interrupt")


def poll_and_back(daemon, cpus):
    """Each reactor polls and sleeps again; then all of them; in the end nothing runs."""
    for lcore in cpus:
        set_poll(daemon, lcore, True)
        assert_spins(daemon, lcore)
        set_poll(daemon, lcore, False)
    for lcore in cpus:
        set_poll(daemon, lcore, True)
    for lcore in cpus:
        assert_spins(daemon, lcore)
    for lcore in reversed(cpus):
        set_poll(daemon, lcore, False)
    assert_quiet(daemon)


@test
def a_reactor_polls_and_sleeps_again_with_its_threads():
    cpus = two_cpus()
    with daemon_on(cpus, mode="interrupt") as daemon:
        daemon.add_disk("disk", MIB)
        poll_and_back(daemon, cpus)


@test
def a_reactor_polls_and_sleeps_again_without_threads():
    cpus = two_cpus()
    with daemon_on(cpus, mode="interrupt") as daemon:
        daemon.add_disk("disk", MIB)
        threads = daemon.rpc("thread_get_stats")["threads"]
        for thread in threads:
            assert daemon.rpc("thread_set_cpumask", id=thread["id"], cpumask=hex(1 << cpus[1]))
        assert reactors(daemon)[cpus[0]]["lw_threads"] == [], "its threads have not moved"
        poll_and_back(daemon, cpus)
        for thread in threads:
            assert daemon.rpc("thread_set_cpumask", id=thread["id"], cpumask=hex(1 << cpus[0]))
        assert reactors(daemon)[cpus[1]]["lw_threads"] == [], "its threads have not moved"
        poll_and_back(daemon, cpus)


@test
def a_client_is_served_while_modes_change_and_threads_move():
    cpus = two_cpus()
    with daemon_on(cpus, mode="adaptive") as daemon:
        daemon.add_disk("disk", MIB)
        with NbdClient(daemon.add_export("disk"), "disk") as client:
            for turn in range(60):
                data = os.urandom(4096)
                client.write(turn * 4096, data, fua=turn % 8 == 0)
                mode = ("poll", "interrupt", "adaptive")[turn % 3]
                daemon.rpc("reactor_set_mode", lcore=cpus[turn % 2], mode=mode)
                for thread in daemon.rpc("thread_get_stats")["threads"]:
                    mask = hex(1 << cpus[(turn // 2) % 2])
                    daemon.rpc("thread_set_cpumask", id=thread["id"], cpumask=mask)
                assert client.read(turn * 4096, 4096) == data


run()
