# SPDX-License-Identifier: Apache-2.0
"""Data is the same whoever looks: ebb on either tier, and the kernel before and after it.

The clients' requests are of all sizes and at any block, so most cross the 16 KiB that the second
drive's commands can carry, its boundaries unaligned.
"""

import os

import drives
from cases import case
from harness import Daemon, check_command, nbd_uri, run_command
from load import COLD, DRIVES, HOT, MIB, PATTERN, Ledger, attach, describe, run_load

KIB = 1024
# (mode, clients, depth, largest request, I/Os of each client): 1 to 4 channels on 2 reactors.
LOADS = (
    ("interrupt", 1, 1, MIB, 40),
    ("interrupt", 4, 8, MIB, 20),
    ("adaptive", 3, 32, 256 * KIB, 40),
    ("adaptive", 4, 256, 16 * KIB, 500),
    ("poll", 2, 64, 64 * KIB, 100),
)


def set_mode(daemon, mode):
    for reactor in daemon.rpc("framework_get_reactors")["reactors"]:
        daemon.rpc("reactor_set_mode", lcore=reactor["lcore"], mode=mode)


def regions():
    """[(controller, nsid, ledger)]: not at the start, and one up to the very end."""
    size = 8 * MIB
    return [
        (0, 1, Ledger(size, 512, 7 * 512)),
        (1, 1, Ledger(size, 512, 256 * MIB - size)),
        (1, 2, Ledger(size, 4096, 3 * 4096)),
    ]


def load_all(daemon, found, loads):
    """Each namespace has its share of the loads, and of them the first and the last."""
    sockets = {}
    for number, (mode, clients, depth, most, ios) in enumerate(loads):
        set_mode(daemon, mode)
        for index, (controller, nsid, ledger) in enumerate(found):
            if 0 < number < len(loads) - 1 and number - 1 == index:
                continue
            name = f"c{controller}n{nsid}"
            if name not in sockets:
                sockets[name] = daemon.add_export(name)
            run_load(
                ledger, sockets[name], name, clients=clients, depth=depth, max=most, ios=ios,
                seed=depth, verify=int(mode == LOADS[-1][0]),
            )  # fmt: skip


def round_trip(tier):
    """Kernel to ebb, ebb to ebb, ebb to kernel; each namespace, each kind of load."""
    found = regions()
    for controller, nsid, ledger in found:
        ledger.fill(drives.block(controller, nsid))
    with Daemon("--cpumask", "0x3") as daemon:
        for controller in (0, 1):
            name, more = f"c{controller}", {}
            if tier == HOT and controller == 1:
                more["shadow_doorbells"] = True
            attach(daemon, tier, controller, name, **more)
            assert tier == COLD or describe(daemon, name)["shadow_doorbells"] == bool(more)
        load_all(daemon, found, LOADS)
    drives.give_back()
    for controller, nsid, ledger in found:
        ledger.check(drives.block(controller, nsid))


@case(machine=DRIVES)
def what_verifies_data_sees_one_wrong_bit():
    ledger, block = Ledger(MIB), drives.block(0)
    ledger.fill(block)
    ledger.check(block)
    with open(block, "r+b") as disk:
        disk.seek(300000)
        byte = disk.read(1)[0]
        disk.seek(300000)
        disk.write(bytes([byte ^ 4]))
        os.fsync(disk.fileno())
    done = run_command([PATTERN, "check", ledger.path, block])
    assert done.returncode == 1 and "unit 585 must hold" in done.stderr, done
    # A block that went to another's place.
    ledger.fill(block)
    check_command(["dd", f"if={block}", f"of={block}", "bs=512", "count=1", "skip=9", "seek=40",
                   "oflag=direct", "conv=notrunc,fsync"])  # fmt: skip
    done = run_command([PATTERN, "check", ledger.path, block])
    assert done.returncode == 1 and "unit 40 must hold" in done.stderr, done


@case(machine=DRIVES, timeout_s=300)
def hot_and_kernel_see_the_same():
    round_trip(HOT)


@case(machine=DRIVES, timeout_s=300)
def cold_and_kernel_see_the_same():
    round_trip(COLD)


@case(machine=DRIVES, timeout_s=300)
def hot_and_cold_see_the_same():
    ledger = Ledger(8 * MIB)
    for tier in (HOT, COLD, HOT):
        drives.give_back()
        with Daemon("--cpumask", "0x3", mode="interrupt") as daemon:
            attach(daemon, tier, 0)
            path = daemon.add_export("cn1")
            run_load(ledger, path, "cn1", clients=2, depth=16, max=256 * KIB, ios=100, verify=1)


@case(machine=DRIVES, timeout_s=300)
def fio_verifies_what_it_wrote_hot():
    with Daemon("--cpumask", "0x3") as daemon:
        attach(daemon, HOT, 1)
        assert describe(daemon)["state"], describe(daemon)
        uri = nbd_uri(daemon.add_export("cn1"), "cn1")
        for size, depth, total in (("512", 256, "512k"), ("130k", 8, "4160k"), ("1m", 4, "4m")):
            check_command(
                ["fio", "--name=verify", "--ioengine=nbd", f"--uri={uri}", "--rw=randwrite",
                 "--verify=crc32c", "--do_verify=1", "--offset=512", f"--bs={size}",
                 f"--iodepth={depth}", f"--size={total}"]
            )  # fmt: skip
