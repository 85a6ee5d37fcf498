# SPDX-License-Identifier: Apache-2.0
"""The guest's NVMe controllers, as cases see them: found by their slot, bound to either driver.

Controller and namespace numbers are machine.py's. The root port of controller N is device N + 8 of
bus 0, whatever numbers the kernel gave to the controllers.
"""

import contextlib
import os
import re
from pathlib import Path

from harness import run_command, wait_for

PCI = Path("/sys/bus/pci/devices")
DRIVERS = Path("/sys/bus/pci/drivers")
FIRST_SLOT = 8
CLASS_NVME = "0x010802"
WAIT_S = 60


def wait_until(condition, what, timeout_s=WAIT_S):
    """As wait_for(), with the bound of a guest, which may be emulated."""
    return wait_for(condition, what, timeout_s)


def addresses():
    """{controller: PCI address} of the controllers that are plugged in."""
    found = {}
    for path in PCI.iterdir():
        with contextlib.suppress(OSError):
            if (path / "class").read_text().strip() == CLASS_NVME:
                port = path.resolve().parent.name
                found[int(port.split(":")[2].split(".")[0], 16) - FIRST_SLOT] = path.name
    return found


def address(controller):
    return addresses()[controller]


def driver(controller):
    """The name of its driver, or None."""
    link = PCI / address(controller) / "driver"
    return link.resolve().name if link.exists() else None


def group(controller):
    """The number of its IOMMU group."""
    return int((PCI / address(controller) / "iommu_group").resolve().name)


def bind(controller, name):
    """Give the controller to the driver "vfio-pci" or "nvme"."""
    pci = address(controller)
    (PCI / pci / "driver_override").write_text("\n" if name == "nvme" else name)
    if (PCI / pci / "driver").exists():
        (PCI / pci / "driver" / "unbind").write_text(pci)
    (PCI.parent / "drivers_probe").write_text(pci)
    found = driver(controller)
    if found != name:
        raise AssertionError(f"controller {controller} ({pci}) is bound to {found}, not {name}")
    if name == "nvme":
        wait_live(controller)
    else:
        node = Path(f"/dev/vfio/{group(controller)}")
        wait_until(node.exists, f"{node} is there")


def nvme_folder(controller):
    """/sys/class/nvme/nvmeX of a controller that the kernel's driver has, or None."""
    return next(iter((PCI / address(controller)).glob("nvme/nvme*")), None)


def state(controller):
    folder = nvme_folder(controller)
    with contextlib.suppress(OSError):
        return (folder / "state").read_text().strip() if folder else None
    return None


def wait_live(controller, block_devices=True):
    """Wait until the kernel's driver has it live and (unless told otherwise) a block device."""

    def ready():
        return state(controller) == "live" and (not block_devices or blocks(controller))

    wait_until(ready, f"controller {controller} is live with the kernel's driver")


def blocks(controller):
    """{nsid: name} of its block devices, such as {1: "nvme0n1"}.

    Of a drive with several controllers nvme0c1n1 is one path, and nvme0n1 the device that is used.
    """
    found = {}
    folder = nvme_folder(controller)
    for path in folder.glob("nvme*n*") if folder else ():
        with contextlib.suppress(OSError):
            found[int((path / "nsid").read_text())] = re.sub(r"c\d+n", "n", path.name)
    return found


def block(controller, nsid=1):
    """/dev/nvmeXnY, the block device of one of its namespaces, which must be there."""
    path = Path("/dev") / blocks(controller)[nsid]
    wait_until(path.exists, f"{path} is there")
    return path


def generic(controller, nsid=1):
    """/dev/ngXnY, its character device."""
    path = Path("/dev") / blocks(controller)[nsid].replace("nvme", "ng")
    wait_until(path.exists, f"{path} is there")
    return path


def wait_free(path):
    """A process that had an io_uring lets go of its files a little after its end."""

    def is_free():
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_RDWR | os.O_EXCL))
            return True
        return False

    wait_until(is_free, f"{path} is nobody's")


def unmount(folder):
    """As wait_free(): its files may be open a little longer."""

    def done():
        return run_command(["umount", folder]).returncode == 0

    wait_until(done, f"{folder} is unmounted")


def give_back():
    """All controllers to the kernel's driver, as they were at the start."""
    for controller in addresses():
        if driver(controller) != "nvme":
            bind(controller, "nvme")
