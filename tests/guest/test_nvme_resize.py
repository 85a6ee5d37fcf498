# SPDX-License-Identifier: Apache-2.0
"""A namespace that grows or shrinks while ebb serves it, cold. QEMU's namespaces keep their size, so
this one is the kernel's own NVMe target on a file, reached by TCP within the guest; its controller
tells the kernel's driver, and that tells ebb.
"""

import contextlib
import os
from pathlib import Path

from cases import case
from drives import wait_until
from harness import Daemon, check_command, nbd_uri, run_command
from load import COLD, DRIVES, MIB

TARGET = Path("/sys/kernel/config/nvmet")
NQN = "resize"
PORT = {"addr_trtype": "tcp", "addr_adrfam": "ipv4", "addr_traddr": "127.0.0.1", "addr_trsvcid": 4420}


def write(folder, values):
    for name, value in values.items():
        (folder / name).write_text(str(value))


@contextlib.contextmanager
def target(path):
    """The target's namespace on a file of /tmp, and the controller that the kernel's driver has."""
    for words in (
        ["modprobe", "nvmet-tcp"], ["modprobe", "nvme-tcp"], ["ip", "link", "set", "lo", "up"],
    ):  # fmt: skip
        check_command(words)
    if not TARGET.exists():
        check_command(["mount", "-t", "configfs", "none", "/sys/kernel/config"])
    subsystem, port = TARGET / "subsystems" / NQN, TARGET / "ports" / "1"
    namespace, link = subsystem / "namespaces" / "1", port / "subsystems" / NQN
    subsystem.mkdir()
    namespace.mkdir()
    port.mkdir()
    write(subsystem, {"attr_allow_any_host": 1})
    # tmpfs of 6.1 takes no O_DIRECT.
    write(namespace, {"device_path": path, "buffered_io": 1, "enable": 1})
    write(port, PORT)
    link.symlink_to(subsystem)
    try:
        check_command(["nvme", "connect", "-t", "tcp", "-a", "127.0.0.1", "-s", 4420, "-n", NQN])
        yield namespace
    finally:
        run_command(["nvme", "disconnect", "-n", NQN])
        link.unlink()
        for folder in (port, namespace, subsystem):
            folder.rmdir()


def controller():
    """Its /dev/nvmeX, with its namespace there."""
    for folder in Path("/sys/class/nvme").iterdir():
        if (folder / "transport").read_text().strip() == "tcp":
            wait_until(lambda found=folder: any(found.glob("nvme*n1")), f"{folder} has n1")
            return f"/dev/{folder.name}"
    raise AssertionError("the kernel's driver has no controller by TCP")


def resize(namespace, path, size_mib):
    os.truncate(path, size_mib * MIB)
    write(namespace, {"revalidate_size": 1})


def wait_size(daemon, size_mib):
    def size():
        bdev = daemon.rpc("bdev_get_bdevs", name="tn1")[0]
        return bdev["num_blocks"] * bdev["block_size"] == size_mib * MIB

    wait_until(size, f"tn1 is of {size_mib} MiB")


def export_anew(daemon):
    """An export has the size that its bdev had when it was started."""
    if daemon.rpc("nbd_get_exports"):
        daemon.rpc("nbd_stop_export", export_name="tn1")
    return nbd_uri(daemon.add_export("tn1"), "tn1")


@case(machine=DRIVES)
def a_cold_namespace_grows_and_shrinks():
    path = Path("/tmp/resize.img")
    path.write_bytes(b"")
    os.truncate(path, 16 * MIB)
    with target(path) as namespace, Daemon() as daemon:
        daemon.rpc("bdev_nvme_attach_controller", name="t", trtype=COLD, traddr=controller())
        export_anew(daemon)
        wait_size(daemon, 16)
        resize(namespace, path, 32)
        wait_size(daemon, 32)
        uri = export_anew(daemon)
        check_command(
            ["qemu-io", "-f", "raw", "-c", "write -P 7 31M 1M", "-c", "read -P 7 31M 1M",
             "-c", "read -P 0 16M 15M", uri]
        )  # fmt: skip
        with open(path, "rb") as file:
            file.seek(31 * MIB)
            assert file.read() == bytes([7]) * MIB
        resize(namespace, path, 8)
        wait_size(daemon, 8)
        # Its clients still take it to be of 32 MiB.
        done = run_command(["qemu-io", "-f", "raw", "-c", "write 8M 64k", uri])
        assert "write failed" in done.stdout + done.stderr, done
        assert path.stat().st_size == 8 * MIB, path.stat()
        uri = export_anew(daemon)
        check_command(["qemu-io", "-f", "raw", "-c", "read -P 0 0 8M", uri])
        daemon.rpc("bdev_nvme_detach_controller", name="t")
    path.unlink()
