# SPDX-License-Identifier: Apache-2.0
"""A drive that the host keeps in a file stays thin: zeroes leave nothing of it, unless they must have
room of their own. QEMU's drives deallocate by any Write Zeroes, as NVMe lets them where deallocated
blocks read as zeroes.
"""

from cases import case, host
from drives import block, give_back
from harness import Daemon, check_command, nbd_uri
from load import COLD, HOT, MIB, attach
from machine import Machine, Namespace, Subsystem

SIZE_MIB = 32
THIN = Machine(
    subsystems=(Subsystem(namespaces=(Namespace(size_mib=SIZE_MIB),)),),
    cmdline="nvme_core.multipath=0",
)


def fill():
    """Through the kernel, with what is nowhere zero."""
    command = f"tr '\\0' x </dev/zero | dd of={block(0)} bs=1M count={SIZE_MIB} iflag=fullblock"
    check_command(["bash", "-c", f"{command} oflag=direct conv=fsync"])
    assert host.allocated(0) >= SIZE_MIB * MIB, host.allocated(0)


def qemu_io(uri, *commands):
    words = [word for command in commands for word in ("-c", command)]
    check_command(["qemu-io", "-f", "raw", *words, uri])


def stays_thin(tier):
    whole = f"0 {SIZE_MIB}M"
    fill()
    with Daemon() as daemon:
        attach(daemon, tier, 0)
        uri = nbd_uri(daemon.add_export("cn1"), "cn1")
        qemu_io(uri, f"write -z -u {whole}", "flush", f"read -P 0 {whole}")
        assert host.allocated(0) < MIB, host.allocated(0)
        qemu_io(uri, f"write -z {whole}", "flush", f"read -P 0 {whole}")
        assert host.allocated(0) >= SIZE_MIB * MIB, host.allocated(0)
        # What has room keeps it.
        qemu_io(uri, f"write -z {whole}", "flush", f"read -P 0 {whole}")
        assert host.allocated(0) >= SIZE_MIB * MIB, host.allocated(0)
    give_back()


@case(machine=THIN, timeout_s=300)
def zeroes_leave_a_hot_drive_thin():
    stays_thin(HOT)


@case(machine=THIN, timeout_s=300)
def zeroes_leave_a_cold_drive_thin():
    stays_thin(COLD)
