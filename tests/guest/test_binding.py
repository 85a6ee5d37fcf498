# SPDX-License-Identifier: Apache-2.0
"""Controllers held through VFIO, and their way there and back: build/tests/guest/vfio_probe and
ebbctl nvme, against the kernel."""

import contextlib
import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import drives
from cases import case, host
from harness import BUILD, Daemon, RpcError, check_command, need_program, run_command
from machine import Machine, Namespace, Subsystem

PROBE = BUILD / "tests" / "guest" / "vfio_probe"
EBBCTL = BUILD / "ebbctl"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
MULTIPATH = Machine(subsystems=(Subsystem(controllers=2), Subsystem()))


def ebbctl(*words, check=True):
    done = run_command([EBBCTL, "nvme", *words])
    if check and done.returncode != 0:
        raise AssertionError(f"ebbctl nvme {' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done


def bind(controller):
    ebbctl("bind", drives.address(controller))
    assert drives.driver(controller) == "vfio-pci"


def unbind(controller):
    ebbctl("unbind", drives.address(controller))
    drives.wait_live(controller)


def refused(words, *command):
    """The command fails and says all of these words; the controller keeps its driver."""
    done = run_command(command)
    assert done.returncode == 1, done
    for word in words:
        assert word in done.stderr, (word, done.stderr)


def refuses_to_bind(controller, *words):
    before = drives.driver(controller)
    refused(words, EBBCTL, "nvme", "bind", drives.address(controller))
    assert drives.driver(controller) == before


def listed(controller):
    inventory = json.loads(ebbctl("list", "--json").stdout)
    address = drives.address(controller)
    return next(one for one in inventory["controllers"] if one["address"] == address)


def probe(controller, what, check=True, prefix=()):
    done = run_command([*prefix, PROBE, drives.address(controller), *what])
    print(done.stdout)
    assert not check or done.returncode == 0, done.stdout
    return done


@contextlib.contextmanager
def held(controller):
    """vfio_probe has the controller, until it is asked to let go or is ended."""
    with subprocess.Popen(
        [PROBE, drives.address(controller), "hold"], stdout=subprocess.PIPE, text=True
    ) as process:
        line = ""
        while "holding" not in line:
            line = process.stdout.readline()
            assert line, "vfio_probe has ended"
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def undone(*command):
    try:
        yield
    finally:
        check_command(command)


@contextlib.contextmanager
def mounted(block):
    """A small filesystem on it is mounted on /tmp/mounted."""
    check_command(["mkfs.ext4", "-q", "-E", "nodiscard", "-O", "^has_journal", block, "4M"])
    Path("/tmp/mounted").mkdir(exist_ok=True)
    check_command(["mount", block, "/tmp/mounted"])
    with undone("umount", "/tmp/mounted"):
        yield


@case()
def a_controller_is_driven_through_vfio():
    bind(0)
    probe(0, [])
    probe(0, [])
    unbind(0)


@case()
def what_keeps_it_from_being_opened_is_said():
    assert "the kernel's driver nvme has it" in probe(0, ["open"], check=False).stdout
    bind(0)
    node = f"/dev/vfio/{drives.group(0)}"
    nobody = probe(0, ["open"], check=False, prefix=NOBODY).stdout
    assert f"not permitted to open {node} (mode 0600, root:root)" in nobody, nobody
    with held(0) as process:
        busy = probe(0, ["open"], check=False).stdout
        assert f"held by vfio_probe (pid {process.pid})" in busy, busy
        assert f"vfio_probe (pid {process.pid})" in listed(0)["hot"]["reason"]
    os.chmod(node, 0o666)
    poor = probe(0, ["open"], check=False, prefix=["prlimit", "--memlock=65536", *NOBODY]).stdout
    assert "RLIMIT_MEMLOCK is 64 KiB" in poor and "524288 KiB" in poor, poor
    rich = ["prlimit", "--memlock=1073741824", *NOBODY]
    probe(0, ["open"], prefix=rich)
    unbind(0)
    assert "there is no such PCI function" in run_command([PROBE, "0000:7f:00.0"]).stdout


@case()
def a_controller_is_taken_for_a_while():
    probe(0, ["take"])
    assert drives.driver(0) == "nvme"
    drives.wait_live(0)
    bind(0)
    probe(0, ["take"])
    assert drives.driver(0) == "vfio-pci"
    unbind(0)
    block = drives.block(0)
    with open(block, "rb", opener=lambda path, flags: os.open(path, flags | os.O_EXCL)):
        done = probe(0, ["take"], check=False)
        assert f"{block.name} is opened exclusively" in done.stdout, done.stdout
    assert drives.driver(0) == "nvme"


@case()
def one_in_use_through_vfio_is_not_given_back():
    bind(0)
    with held(0) as process:
        refused(
            [f"/dev/vfio/{drives.group(0)} by vfio_probe (pid {process.pid})"],
            EBBCTL, "nvme", "unbind", drives.address(0),
        )  # fmt: skip
        assert drives.driver(0) == "vfio-pci"
    unbind(0)


@case()
def unplugging_asks_whoever_has_it_to_let_go():
    bind(0)
    with held(0) as process:
        host.unplug(0)
        output = process.stdout.read()
        assert "ok - asked to let go" in output and "not ok" not in output, output
        assert process.wait() == 0
    drives.wait_until(lambda: 0 not in drives.addresses(), "controller 0 has gone")
    host.plug(0)
    drives.wait_until(lambda: 0 in drives.addresses(), "controller 0 is back")
    drives.wait_live(0)


@case()
def a_mounted_namespace_keeps_its_controller():
    block = drives.block(0)
    with mounted(block):
        refuses_to_bind(0, block.name, "mounted on /tmp/mounted; unmount it first")
        assert listed(0)["hot"]["state"] == "no"
        assert listed(0)["cold"]["state"] == "no"
        assert "mounted on /tmp/mounted" in ebbctl("list").stdout
    bind(0)
    unbind(0)


@case()
def swap_keeps_its_controller():
    block = drives.block(0)
    check_command(["mkswap", block])
    check_command(["swapon", block])
    with undone("swapoff", block):
        refuses_to_bind(0, block.name, "swap space; swapoff it first")
    check_command(["wipefs", "-a", block])


@case()
def a_device_mapper_device_keeps_its_controller():
    need_program("dmsetup")
    block = drives.block(1, 2)
    check_command(["modprobe", "dm_mod"])
    check_command(["dmsetup", "create", "ebb", "--table", f"0 2048 linear {block} 0"])
    with undone("dmsetup", "remove", "ebb"):
        refuses_to_bind(1, f"{block.name} is part of dm-0")
        inventory = listed(1)
        assert inventory["hot"]["state"] == "no" and inventory["cold"]["state"] == "some"


def write_partition_table(block):
    """A DOS label with one partition of 8 MiB from block 2048 on."""
    entry = struct.pack("<B3sB3sII", 0, b"\0\0\0", 0x83, b"\0\0\0", 2048, 16384)
    with open(block, "r+b") as disk:
        disk.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
    check_command(["blockdev", "--rereadpt", block])
    partition = Path(f"{block}p1")
    drives.wait_until(partition.exists, f"{partition} is there")
    return partition


@case()
def a_partition_in_use_keeps_its_controller():
    block = drives.block(0)
    partition = write_partition_table(block)
    with mounted(partition):
        refuses_to_bind(0, f"in use by its partition {partition.name}, which is mounted on")
    with open(partition, "rb", opener=lambda path, flags: os.open(path, flags | os.O_EXCL)):
        refuses_to_bind(0, "opened exclusively")
    check_command(["wipefs", "-a", block])
    check_command(["blockdev", "--rereadpt", block])


@case()
def one_opened_exclusively_names_the_process():
    block = drives.block(0)
    with open(block, "rb", opener=lambda path, flags: os.open(path, flags | os.O_EXCL)):
        refuses_to_bind(0, f"opened exclusively, it seems by python3 (pid {os.getpid()})")
    check_command(["modprobe", "loop"])
    check_command(["losetup", "/dev/loop0", block])
    with undone("losetup", "-d", "/dev/loop0"):
        refuses_to_bind(0, f"{block.name} is behind loop0; losetup -d it first")


@case()
def a_twin_in_use_keeps_both_controllers():
    block = drives.block(3)
    with mounted(block):
        refuses_to_bind(2, f"{block.name} is mounted on /tmp/mounted")
        refuses_to_bind(3, f"{block.name} is mounted on /tmp/mounted")


@case(machine=MULTIPATH, timeout_s=300)
def a_shared_namespace_in_use_keeps_both_controllers():
    drives.wait_until(lambda: listed(0)["namespaces"] and listed(1)["namespaces"], "both are live")
    name = listed(0)["namespaces"][0]["name"]
    assert listed(1)["namespaces"][0]["name"] == name
    block = Path("/dev") / name
    with mounted(block):
        refuses_to_bind(0, f"{name} is mounted on /tmp/mounted; unmount it first")
        refuses_to_bind(1, f"{name} is mounted on /tmp/mounted; unmount it first")
    bind(1)
    assert block.exists()
    assert listed(0)["namespaces"][0]["name"] == name
    probe(1, [])
    unbind(1)


@case(machine=MULTIPATH, timeout_s=300)
def a_shared_namespace_is_kept_from_the_kernel_while_it_is_hot():
    drives.wait_until(lambda: listed(0)["namespaces"] and listed(1)["namespaces"], "both are live")
    name = listed(0)["namespaces"][0]["name"]
    block = Path("/dev") / name
    how = {"name": "h", "trtype": "PCIe", "traddr": drives.address(1)}
    bind(1)
    with Daemon() as daemon:
        with mounted(block):
            try:
                daemon.rpc("bdev_nvme_attach_controller", **how)
                raise AssertionError("it was attached")
            except RpcError as error:
                assert f"{name} is mounted on /tmp/mounted; unmount it first" in str(error), error
        assert daemon.rpc("bdev_nvme_attach_controller", **how) == ["hn1"]
        done = run_command(["mount", block, "/tmp/mounted"])
        assert done.returncode != 0 and "busy" in done.stderr, done
        daemon.rpc("bdev_nvme_detach_controller", name="h")
        check_command(["mount", block, "/tmp/mounted"])
        check_command(["umount", "/tmp/mounted"])
    unbind(1)


@case(machine=Machine(subsystems=(Subsystem(), Subsystem((Namespace(), Namespace(block=4096)))),
                      cmdline="nvme.poll_queues=1"))  # fmt: skip
def the_list_tells_what_each_can_take():
    bind(0)
    first, second = listed(0), listed(1)
    assert first["driver"] == "vfio-pci" and second["driver"] == "nvme", (first, second)
    assert first["hot"]["state"] == "yes" and first["cold"]["state"] == "unbind", first
    assert second["hot"]["state"] == "bind" and second["cold"]["state"] == "yes", second
    assert second["serial"] == "ebb1" and second["iommu_group"] == drives.group(1), second
    assert [ns["block_size"] for ns in second["namespaces"]] == [512, 4096], second
    assert second["namespaces"][0]["size_bytes"] == 256 << 20, second
    assert json.loads(ebbctl("list", "--json").stdout)["poll_queues"] == 1
    table = ebbctl("list").stdout
    print(table)
    assert max(map(len, table.splitlines())) <= 100, table
    for word in (drives.address(0), drives.address(1), "vfio-pci", "QEMU NVMe Ctrl ebb1", "free"):
        assert word in table, (word, table)
    unbind(0)


@case()
def bind_says_what_it_needs():
    copy = shutil.copy(EBBCTL, "/tmp/ebbctl-of-nobody")
    refused(
        ["not permitted to open", "run as root"], *NOBODY, copy, "nvme", "bind", drives.address(0)
    )
    assert ebbctl("bind", "eth0", check=False).returncode == 2
    assert "no such PCI function" in ebbctl("bind", "0000:7f:00.0", check=False).stderr
    bridge = next(
        path.name for path in drives.PCI.iterdir() if (path / "class").read_text()[:6] == "0x0604"
    )
    assert "is no NVMe controller" in ebbctl("bind", bridge, check=False).stderr
