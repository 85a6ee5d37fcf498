# SPDX-License-Identifier: Apache-2.0
"""Verified load for cases: build/tests/guest/pattern, its ledgers, and ebbd with a drive on a tier.

A Ledger says what must be on a region of a disk; pattern/ledger.h tells how. Whoever writes there,
through ebb by Load or through the kernel by fill(), notes it in the ledger, and whoever reads is
checked against it.
"""

import json
import os
import random
import signal
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import drives
from harness import BUILD, check_command
from machine import Machine, Namespace, Subsystem

PATTERN = BUILD / "tests" / "guest" / "pattern"
MIB = 1 << 20
HEAD = struct.Struct("<QQQQIIQQ")
MAGIC = 0x72656764656C6265
HOT, COLD = "PCIe", "uring"
STOP_S = 120
UNPLUGGED = 2

# One plain drive; one whose commands carry 16 KiB at most, with namespaces of both block sizes; and
# a plain one that comes and goes.
DRIVES = Machine(
    subsystems=(
        Subsystem(),
        Subsystem(namespaces=(Namespace(), Namespace(block=4096)), options="mdts=2"),
        Subsystem(),
    ),
    cmdline="nvme_core.multipath=0",
)


class Ledger:
    """Of size_bytes from offset_bytes on, in units of one block."""

    def __init__(self, size_bytes=16 * MIB, unit=512, offset_bytes=0):
        units = size_bytes // unit
        file, name = tempfile.mkstemp(prefix="ledger-", dir="/tmp")
        self.path = Path(name)
        tag = random.SystemRandom().getrandbits(64)
        os.write(file, HEAD.pack(MAGIC, tag, offset_bytes, units, unit, 0, 0, 0))
        os.ftruncate(file, HEAD.size + 8 * units)
        os.close(file)

    def head(self):
        with open(self.path, "rb") as file:
            return HEAD.unpack(file.read(HEAD.size))

    @property
    def ios(self):
        """That were answered well so far."""
        return self.head()[6]

    @property
    def errors(self):
        return self.head()[7]

    def wait_ios(self, more, timeout_s=60):
        """Wait until so many more have been answered."""
        wanted = self.ios + more
        drives.wait_until(lambda: self.ios >= wanted, f"{more} more I/Os are answered", timeout_s)

    def fill(self, device):
        """Write all of it through the kernel."""
        check_command([PATTERN, "fill", self.path, device])

    def check(self, device):
        """Read all of it through the kernel."""
        check_command([PATTERN, "check", self.path, device])


class Load:
    """NBD clients with requests in flight, from entry until stop() or the end of its ios.

    keys: clients, depth (of each), min and max (bytes of a request), writes (per cent), ios (of
    each client; without, until stopped), errors (1: are counted, not a failure), verify (1: read
    all at the end), stall (seconds without any answer), seed.
    """

    def __init__(self, ledger, path, export, **keys):
        self.ledger = ledger
        self.process = None
        self.words = [PATTERN, "load", ledger.path, path, export]
        self.words += [f"{key}={value}" for key, value in keys.items()]

    def __enter__(self):
        self.process = subprocess.Popen(
            [str(word) for word in self.words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def wait(self):
        """Its result, once it has ended by itself; a failure of it is one of the case."""
        output, errors = self.process.communicate(timeout=STOP_S)
        print(output, errors)
        if self.process.returncode != 0:
            raise AssertionError(f"pattern ended with {self.process.returncode}: {output}{errors}")
        return json.loads(output.splitlines()[-1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()


def run_load(ledger, path, export, **keys):
    """A load of so many ios, to its end."""
    begin = time.monotonic()
    with Load(ledger, path, export, **keys) as load:
        result = load.wait()
    print(f"{keys}: {time.monotonic() - begin:.1f} s")
    return result


def attach(daemon, tier, controller, name="c", **more):
    """Attach a controller, which is given to the tier's driver first; its bdevs' names."""
    if tier == HOT:
        traddr = drives.address(controller)
        if not more.get("rebind") and drives.driver(controller) != "vfio-pci":
            drives.bind(controller, "vfio-pci")
    else:
        traddr = f"/dev/{drives.nvme_folder(controller).name}"
    return daemon.rpc(
        "bdev_nvme_attach_controller", name=name, trtype=tier, traddr=traddr, **more
    )


def describe(daemon, name="c"):
    """The one path of a controller, as bdev_nvme_get_controllers has it."""
    return daemon.rpc("bdev_nvme_get_controllers", name=name)[0]["ctrlrs"][0]
