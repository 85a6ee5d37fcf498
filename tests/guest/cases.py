# SPDX-License-Identifier: Apache-2.0
"""How a test in a guest is written. A file test_*.py of this folder is read by host and guest:

    from cases import case, host
    from machine import Machine, Namespace, Subsystem

    @case(machine=Machine(subsystems=(Subsystem(options="mdts=3"),)))
    def a_drive_that_vanishes_ends_in_errors():
        ...                        # runs in the guest, as root, with the host's programs
        host.unplug(0)             # done by the host: see vm.Guest, those marked @for_cases

    @host_case()
    def what_is_flushed_survives(guest):
        guest.start()              # runs on the host, with a guest that is off at first
        guest.call("test_this", "write_things", 5)    # a function of a file, run in the guest
        guest.cut_power()

Cases of equal machines share one boot, in the order of their files; a case that leaves nothing
usable behind says alone=True. After a case its processes and mounts are gone, faults are healed and
every NVMe controller is back in its slot and with the kernel's driver. A case raises harness.Skip
or fails by any other exception, as the tests of tests/integration do, whose harness (Daemon,
check_command ...) a case may import.
timeout_s bounds a case in the guest; it is for a slow, shared machine, not what it should take.
"""

import threading
from dataclasses import dataclass
from typing import Callable

import machine as machines


@dataclass(frozen=True)
class Case:
    function: Callable
    machine: machines.Machine
    timeout_s: float
    alone: bool
    on_host: bool

    @property
    def file(self):
        return self.function.__module__

    @property
    def name(self):
        return self.function.__name__


_cases = []


def case(machine=machines.DEFAULT, timeout_s=120, alone=False):
    """Decorator: a test that runs in a guest of that machine."""

    def add(function):
        _cases.append(Case(function, machine, timeout_s, alone, False))
        return function

    return add


def host_case(machine=machines.DEFAULT):
    """Decorator: a test that runs on the host and is handed a guest of that machine, off.

    Each thing that it asks of the guest has a bound of its own."""

    def add(function):
        _cases.append(Case(function, machine, 0, True, True))
        return function

    return add


def declared():
    """All cases of the files that were imported."""
    return tuple(_cases)


class Host:
    """The host, for a case in the guest: host.NAME(...) is vm.Guest's method of that name."""

    def __init__(self):
        self.channel = None
        self.lock = threading.Lock()

    def __getattr__(self, name):
        def ask(*args, **kwargs):
            with self.lock:
                self.channel.send({"ask": name, "args": args, "kwargs": kwargs})
                answer = self.channel.receive()
            if "error" in answer:
                raise RuntimeError(f"host.{name}: {answer['error']}")
            return answer["answer"]

        return ask


host = Host()
