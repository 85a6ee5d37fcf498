# SPDX-License-Identifier: Apache-2.0
"""The VFIO driver on controllers that have little to give; test_nvme_*.py show what it does with
those that have enough."""

import drives
from cases import case
from harness import Daemon
from load import HOT, MIB, Ledger, attach, describe, run_load
from machine import Machine, Subsystem

FEW = Machine(
    subsystems=(Subsystem(options="max_ioqpairs=1"), Subsystem(options="mdts=3,msix_qsize=1")),
    cmdline="nvme_core.multipath=0",
)
# (clients, depth, largest request, I/Os of each client)
LOADS = ((1, 1, MIB, 30), (2, 32, 65536, 200), (1, 256, 8192, 800))


def verify(mode, controller):
    ledger = Ledger(8 * MIB)
    with Daemon("--cpumask", "0x2", mode=mode) as daemon:
        attach(daemon, HOT, controller, rebind=True)
        path = daemon.add_export("cn1")
        for clients, depth, most, ios in LOADS:
            run_load(ledger, path, "cn1", clients=clients, depth=depth, max=most, ios=ios, verify=1)
        facts = describe(daemon)
        assert (facts["resets"], facts["timeouts"], facts["lost_interrupts"]) == (0, 0, 0), facts
    drives.wait_live(controller)
    ledger.check(drives.block(controller))
    return facts


@case(machine=FEW, timeout_s=300)
def one_queue_pair_is_polled_and_woken():
    for mode in ("poll", "interrupt"):
        assert verify(mode, 0)["io_queue_pairs"] == 1


@case(machine=FEW, timeout_s=300)
def a_controller_without_vectors_is_polled():
    assert verify("poll", 1)["interrupt_vectors"] == 1
