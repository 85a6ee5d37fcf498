# SPDX-License-Identifier: Apache-2.0
"""What a guest is made of: pure descriptions, compared by value, read by host and guest alike.

Cases whose machines are equal share one boot. The names of things follow from their places: the
controllers of a machine count from 0 through all its subsystems; controller 2 is the QEMU device
"nvme2" in the slot "port2" and has the serial number "ebb2" (as all of its subsystem, whose first
it is). The namespaces count from 0 likewise: the QEMU device "ns3" on the node "disk3"; of a plain
drive it is one device with its controller.
"""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Namespace:
    """size_mib of zeroes at first; block and metadata are bytes; options are QEMU's for nvme-ns.

    null: no storage behind it, for measuring. volatile: Guest.cut_power() loses what was written
    and not flushed (see volatile.py); without, it loses nothing that the drive has completed.
    """

    size_mib: int = 256
    block: int = 512
    metadata: int = 0
    null: bool = False
    volatile: bool = False
    options: str = ""


@dataclass(frozen=True)
class Disk:
    """A disk that is not NVMe: /dev/vda, vdb ... on the nodes "plain0", "plain1" ..."""

    size_mib: int = 256
    volatile: bool = False


@dataclass(frozen=True)
class Subsystem:
    """One NVM subsystem: its namespaces can be reached through every one of its controllers.

    options: QEMU's for each nvme device, such as "mdts=3,cmb_size_mb=16,max_ioqpairs=4".
    shares: its one controller could have others beside it; only then QEMU detaches namespaces.
    """

    namespaces: tuple = (Namespace(),)
    controllers: int = 1
    options: str = ""
    shares: bool = False

    @property
    def shared(self):
        return self.shares or self.controllers > 1

    @property
    def plain(self):
        """One controller and one namespace, which QEMU makes as one device: it can be unplugged and
        plugged again. (QEMU cannot plug namespaces alone, so other drives of one controller come
        back without.)"""
        only = self.namespaces[0]
        single = not self.shared and len(self.namespaces) == 1
        return single and not only.metadata and not only.options


@dataclass(frozen=True)
class Machine:
    """cmdline: more words for the kernel's command line, such as "nvme.poll_queues=2"."""

    subsystems: tuple = (Subsystem(),)
    disks: tuple = ()
    cmdline: str = ""
    cpus: int = 2
    memory_mib: int = 2048

    @property
    def controllers(self):
        return sum(subsystem.controllers for subsystem in self.subsystems)

    def holder(self, namespace):
        """The QEMU device that has a namespace's disk."""
        first = index = 0
        for subsystem in self.subsystems:
            if index == namespace and subsystem.plain:
                return f"nvme{first}"
            first += subsystem.controllers
            index += len(subsystem.namespaces)
        return f"ns{namespace}"

    @property
    def namespaces(self):
        return [ns for subsystem in self.subsystems for ns in subsystem.namespaces]


# Two plain drives, the second with two namespaces (512 and 4096 bytes a block), and a subsystem of
# two controllers that share one namespace, which the kernel shows once (with nvme_core.multipath=0
# on the command line: once for each).
DEFAULT = Machine(
    subsystems=(
        Subsystem(),
        Subsystem(namespaces=(Namespace(), Namespace(block=4096))),
        Subsystem(controllers=2),
    ),
)
