# SPDX-License-Identifier: Apache-2.0
"""What the other tests stand on: the guest is what its machine says, and QEMU does what we ask."""

import os
import time
from pathlib import Path

import drives
from cases import case, host, host_case
from harness import check_command, run_command
from machine import DEFAULT, Machine
from vm import CaseFailed, GuestError


@case()
def every_controller_is_live_and_alone_in_its_iommu_group():
    assert os.uname().release.startswith("6."), os.uname()
    assert sorted(drives.addresses()) == list(range(DEFAULT.controllers))
    groups = {drives.group(controller) for controller in drives.addresses()}
    assert len(groups) == DEFAULT.controllers, groups
    for controller in drives.addresses():
        assert drives.state(controller) == "live"
    assert sorted(drives.blocks(1)) == [1, 2]
    sectors = Path("/sys/block") / drives.block(1, 2).name / "queue" / "logical_block_size"
    assert sectors.read_text().strip() == "4096"


def first_block(controller):
    with open(drives.block(controller), "rb") as disk:
        return disk.read(4096)


@case()
def a_controller_goes_to_vfio_pci_and_back():
    before = first_block(0)
    drives.bind(0, "vfio-pci")
    assert drives.driver(0) == "vfio-pci"
    assert not drives.blocks(0)
    assert Path(f"/dev/vfio/{drives.group(0)}").exists()
    drives.bind(0, "nvme")
    assert first_block(0) == before


@case()
def fio_verifies_what_it_wrote_by_passthrough():
    check_command(
        [
            "fio", "--name=passthrough", f"--filename={drives.generic(0)}",
            "--ioengine=io_uring_cmd", "--cmd_type=nvme", "--fixedbufs=1", "--rw=randwrite",
            "--bs=4k", "--iodepth=32", "--size=4m", "--verify=crc32c", "--do_verify=1",
            "--thread",
        ]
    )  # fmt: skip


@case()
def an_injected_error_is_seen_once_and_healed():
    path = drives.block(0)
    read = ["dd", f"if={path}", "of=/dev/null", "bs=4096", "count=1", "iflag=direct", "skip=2"]
    check_command(read)
    host.fault(0, operation="read", first_block=16)
    assert run_command(read).returncode != 0
    check_command([*read[:-1], "skip=100"])
    host.heal(0)
    check_command(read)


@case()
def a_controller_is_unplugged_and_plugged_again():
    host.unplug(0)
    drives.wait_until(lambda: 0 not in drives.addresses(), "controller 0 has gone")
    host.plug(0)
    drives.wait_until(lambda: 0 in drives.addresses(), "controller 0 is back")
    drives.wait_live(0)
    check_command(["dd", f"if={drives.block(0)}", "of=/dev/null", "bs=4096", "count=1"])


def sleep_too_long():
    time.sleep(600)


def die():
    os.abort()


def fail():
    print("said before it failed")
    raise AssertionError("it failed")


def panic():
    Path("/proc/sysrq-trigger").write_text("c")


def expect(kind, text, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as error:
        assert text in str(error), error
        return
    raise AssertionError(f"nothing told of {args}")


@host_case(machine=Machine(memory_mib=1024))
def what_fails_hangs_dies_or_panics_is_told(guest):
    guest.start()
    expect(CaseFailed, "said before it failed", guest.call, "test_boot", "fail", tidy=True)
    expect(CaseFailed, "sleep_too_long", guest.call, "test_boot", "sleep_too_long", timeout_s=20)
    expect(CaseFailed, "ended with -6", guest.call, "test_boot", "die")
    expect(GuestError, "has gone", guest.call, "test_boot", "panic")
    assert "sysrq" in guest.console_tail().lower(), guest.console_tail()
