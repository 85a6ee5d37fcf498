# SPDX-License-Identifier: Apache-2.0
"""A hot queue that sleeps: no wakeups while idle, woken by the drive's interrupts, in any mode."""

import os
import re
import threading
import time
from pathlib import Path

import drives
from cases import case, host
from harness import Daemon
from load import COLD, DRIVES, HOT, Ledger, Load, attach, run_load
from nbd_client import NbdClient
from quiet import assert_quiet

WINDOW_S = 5
TIMEOUT_US = 4000000
MODES = ("poll", "interrupt", "adaptive")
HOT_SWITCHES, COLD_SWITCHES = 10000, 1000
SWITCH_TIMEOUT_S = 120
READS = 20
LATE_IOPS = 20
SLOW_IOPS = 2


def interrupts():
    """Of all vectors that VFIO has passed on, so far."""
    lines = Path("/proc/interrupts").read_text().splitlines()
    lines = [line for line in lines if "vfio-msi" in line]
    cpus = os.cpu_count()
    return sum(int(number) for line in lines for number in line.split()[1 : 1 + cpus])


def reactor(daemon, index=0):
    return daemon.rpc("framework_get_reactors")["reactors"][index]


@case(machine=DRIVES)
def an_idle_hot_controller_costs_nothing():
    for mode in ("interrupt", "adaptive"):
        with Daemon("--cpumask", "0x3", mode=mode) as daemon:
            # The look at late commands stops, at the latest, a quarter of this after the last one.
            daemon.rpc("bdev_nvme_set_options", timeout_us=TIMEOUT_US)
            attach(daemon, HOT, 0, "c")
            attach(daemon, HOT, 1, "d")
            path = daemon.add_export("cn1")
            with NbdClient(path, "cn1") as client:
                ledger = Ledger(1 << 20)
                run_load(ledger, path, "cn1", clients=3, depth=8, ios=50, verify=1)
                assert_quiet(daemon, window_s=WINDOW_S)
                assert len(client.read(0, 4096)) == 4096, "the sleeper did not wake"


@case(machine=DRIVES)
def completions_wake_a_sleeping_reactor():
    with Daemon(mode="interrupt") as daemon:
        attach(daemon, HOT, 0)
        with NbdClient(daemon.add_export("cn1"), "cn1") as client:
            client.read(0, 4096)
            # Late answers: one that is there at once may find the reactor still awake.
            host.throttle(0, iops=LATE_IOPS)
            before, woken = interrupts(), reactor(daemon)["wakeups"]
            for index in range(READS):
                client.read(index * 4096, 4096)
            came, woken = interrupts() - before, reactor(daemon)["wakeups"] - woken
            host.heal(0)
            # The first may be at once.
            assert came >= READS - 1, f"{came} interrupts for {READS} answers"
            assert woken >= READS - 1, f"{woken} wakeups for {READS} answers"


@case(machine=DRIVES)
def a_reactor_sleeps_while_the_drive_takes_its_time():
    with Daemon(mode="interrupt") as daemon:
        attach(daemon, HOT, 0)
        with NbdClient(daemon.add_export("cn1"), "cn1") as client:
            client.write(0, os.urandom(4096))
            host.throttle(0, iops=SLOW_IOPS)
            before, begin = daemon.thread_facts(), time.monotonic()
            client.read_many([(index * 4096, 4096) for index in range(4)])
            took = time.monotonic() - begin
            after = daemon.thread_facts()
            host.heal(0)
            assert took > 1 / SLOW_IOPS, f"nothing was slow: {took} s"
            ran = sum(after[tid][1] - before[tid][1] for tid in after)
            print(f"{took:.2f} s, {ran} wakeups")
            # The timer for late completions would run a thousand times a second, a poll much more.
            assert ran < 60, f"{ran} wakeups while 4 commands took {took} s"


def switch_modes(daemon, switches, failures):
    """That many changes of mode, each answered well; of all reactors at once.

    One at a time of each reactor: further ones would be refused while one is under way.
    """
    lcores = [one["lcore"] for one in daemon.rpc("framework_get_reactors")["reactors"]]
    with daemon.client(timeout=SWITCH_TIMEOUT_S) as client:
        for number in range(switches // len(lcores)):
            mode = MODES[number % len(MODES)]
            client.send_raw("".join(
                f'{{"jsonrpc":"2.0","method":"reactor_set_mode","id":{lcore},'
                f'"params":{{"lcore":{lcore},"mode":"{mode}"}}}}'
                for lcore in lcores
            ))  # fmt: skip
            for _ in lcores:
                answer = client.receive()
                if answer.get("result") is not True:
                    failures.append(answer)
                    return


def switch_under_load(tier, switches):
    ledger = Ledger(4 << 20)
    # One of the guest's two CPUs is left to whoever asks: polling takes the other.
    with Daemon("--cpumask", "0x2") as daemon:
        attach(daemon, tier, 0)
        path = daemon.add_export("cn1")
        run_load(ledger, path, "cn1", clients=2, depth=8, ios=20)
        with Load(ledger, path, "cn1", clients=2, depth=4, max=16384, verify=1) as load:
            failures, before, begin = [], ledger.ios, time.monotonic()
            thread = threading.Thread(target=switch_modes, args=(daemon, switches, failures))
            thread.start()
            thread.join()
            print(f"{switches} in {time.monotonic() - begin:.1f} s, {ledger.ios - before} I/Os")
            assert not failures, failures
            assert ledger.ios > before, "no I/O went on"
            load.stop()
        for one in daemon.rpc("framework_get_reactors")["reactors"]:
            daemon.rpc("reactor_set_mode", lcore=one["lcore"], mode="interrupt")
        run_load(ledger, path, "cn1", clients=2, depth=8, ios=50, verify=1)
        assert not re.search(r" (error|warning) nvme", daemon.log()), daemon.log_tail()
    drives.give_back()
    ledger.check(drives.block(0))


@case(machine=DRIVES, timeout_s=300)
def ten_thousand_changes_of_mode_lose_nothing_hot():
    switch_under_load(HOT, HOT_SWITCHES)


@case(machine=DRIVES, timeout_s=300)
def changes_of_mode_lose_nothing_cold():
    switch_under_load(COLD, COLD_SWITCHES)
