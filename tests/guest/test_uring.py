# SPDX-License-Identifier: Apache-2.0
"""The cold tier: NVMe controllers that stay with the kernel's driver, by io_uring passthrough."""

import json
import os
import re
import tempfile
from pathlib import Path

import drives
from cases import case
from harness import BUILD, Daemon, RpcError, check_command, nbd_uri, run_command
from load import Ledger, Load
from machine import Machine, Namespace, Subsystem
from nbd_client import NbdClient
from quiet import assert_quiet

POLLED = Machine(subsystems=(Subsystem(),), cmdline="nvme_core.multipath=0 nvme.poll_queues=1")
NAMESPACES = Machine(
    subsystems=(Subsystem(namespaces=(Namespace(), Namespace()), shares=True),),
    cmdline="nvme_core.multipath=0",
)
MULTIPATH = Machine(subsystems=(Subsystem(controllers=2),))
NOBODY = 65534


def attach(daemon, traddr, name="c"):
    return daemon.rpc(
        "bdev_nvme_attach_controller", name=name, trtype="uring", traddr=str(traddr)
    )


def refusal(daemon, traddr):
    """The text with which an attachment is refused."""
    try:
        bdevs = attach(daemon, traddr)
    except RpcError as error:
        return error.message
    raise AssertionError(f"{traddr} is attached as {bdevs}")


def fio_verify(path, export, *options):
    """fio writes and verifies through NBD."""
    check_command(
        ["fio", "--name=verify", "--ioengine=nbd", f"--uri={nbd_uri(path, export)}",
         "--rw=randwrite", "--verify=crc32c", "--do_verify=1", *options],
        timeout=300,
    )  # fmt: skip


@case()
def a_controller_is_found_by_each_of_its_names():
    with Daemon(mode="interrupt") as daemon:
        for traddr in (
            f"/dev/{drives.nvme_folder(0).name}", drives.block(0), drives.generic(0),
            drives.address(0),
        ):  # fmt: skip
            assert attach(daemon, traddr) == ["cn1"], traddr
            daemon.rpc("bdev_nvme_detach_controller", name="c")
        assert "neither a device file" in refusal(daemon, "nonsense")
        assert "no NVMe controller" in refusal(daemon, "/dev/null")
        assert "there is no PCI function" in refusal(daemon, "0000:7f:1f.7")


@case()
def what_a_killed_process_had_can_be_had():
    """Its files are closed only when what it had under way has ended."""
    with Daemon(mode="interrupt") as heir:
        for _ in range(10):
            with Daemon(mode="interrupt") as daemon:
                ledger = Ledger()
                daemon.rpc("bdev_uring_create", name="disk", filename=str(drives.block(0)))
                path = daemon.add_export("disk")
                with Load(ledger, path, "disk", clients=2, depth=64, errors=1):
                    ledger.wait_ios(100)
                    daemon.kill9()
                    assert attach(heir, drives.block(0)) == ["cn1"]
            heir.rpc("bdev_nvme_detach_controller", name="c")


def verify_all_sizes(daemon, *more):
    path = daemon.add_export("cn1")
    for size, depth, total in (
        ("512", 1, "128k"), ("4k", 32, "2m"), ("4k", 256, "2m"), ("60k", 16, "6m"),
        ("516096", 8, "8064k"), ("1m", 4, "8m"),
    ):  # fmt: skip
        fio_verify(path, "cn1", f"--bs={size}", f"--iodepth={depth}", f"--size={total}", *more)


@case(timeout_s=600)
def fio_verifies_every_size_asleep():
    with Daemon(mode="interrupt") as daemon:
        attach(daemon, drives.generic(0))
        verify_all_sizes(daemon)
        assert "registered memory" not in daemon.log(), daemon.log_tail()


@case(timeout_s=600)
def fio_verifies_blocks_of_4096_bytes():
    with Daemon() as daemon:
        attach(daemon, drives.generic(1, 2))
        path = daemon.add_export("cn2")
        fio_verify(path, "cn2", "--bs=4k", "--iodepth=32", "--size=2m")
        fio_verify(path, "cn2", "--bs=128k", "--iodepth=4", "--size=4m")


@case()
def nobody_asking_costs_nothing():
    with Daemon(mode="interrupt") as daemon:
        attach(daemon, drives.generic(0))
        with NbdClient(daemon.add_export("cn1"), "cn1") as client:
            client.write(0, os.urandom(65536))
            client.flush()
            client.read(0, 65536)
            assert_quiet(daemon)
            client.read(0, 4096)


@case()
def a_namespace_in_use_is_refused_by_its_users_name():
    block = drives.block(0)
    with Daemon() as daemon:
        check_command(["mkfs.ext4", "-q", block])
        check_command(["mount", block, "/mnt"])
        text = refusal(daemon, drives.generic(0))
        check_command(["umount", "/mnt"])
        assert "mounted on /mnt" in text, text
        check_command(["mkswap", block])
        check_command(["swapon", block])
        text = refusal(daemon, drives.generic(0))
        check_command(["swapoff", block])
        assert "swap" in text, text
        # And nobody can begin to use what is attached.
        attach(daemon, drives.generic(0))
        assert run_command(["swapon", block]).returncode != 0
        daemon.rpc("bdev_nvme_detach_controller", name="c")
        check_command(["swapon", block])
        check_command(["swapoff", block])


def refusal_as_nobody(traddr):
    """What an ebbd without privileges says when its configuration attaches @traddr."""
    with tempfile.TemporaryDirectory(prefix="ebb-nobody-") as folder:
        os.chown(folder, NOBODY, NOBODY)
        config = Path(folder) / "config.json"
        entry = {
            "method": "bdev_nvme_attach_controller",
            "params": {"name": "c", "trtype": "uring", "traddr": str(traddr)},
        }
        config.write_text(json.dumps({"subsystems": [{"subsystem": "bdev", "config": [entry]}]}))
        done = run_command(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
             "--inh-caps=-all", BUILD / "ebbd", "--json", config, "--rpc-socket",
             Path(folder) / "rpc.sock"],
            timeout=60,
        )  # fmt: skip
        assert done.returncode != 0
        return done.stderr + done.stdout


@case()
def who_may_not_is_told_why():
    node = Path("/dev") / drives.nvme_folder(0).name
    mode = node.stat().st_mode
    text = refusal_as_nobody(node)
    assert f"cannot open '{node}' for reading and writing (mode 0600" in text, text
    node.chmod(0o666)
    try:
        text = refusal_as_nobody(node)
        assert f"no admin command through '{node}': that needs CAP_SYS_ADMIN" in text, text
    finally:
        node.chmod(mode)


@case()
def a_reset_under_load_is_survived():
    controller = drives.nvme_folder(0)
    with Daemon() as daemon:
        attach(daemon, drives.generic(0))
        with NbdClient(daemon.add_export("cn1"), "cn1") as client:
            for index in range(8):
                data = os.urandom(65536)
                client.write(index * 65536, data)
                (controller / "reset_controller").write_text("1")
                assert client.read(index * 65536, 65536) == data
        drives.wait_live(0)
        daemon.rpc("bdev_nvme_reset_controller", name="c")
        drives.wait_live(0)


def bdev_names(daemon):
    return {bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")}


@case(machine=NAMESPACES, alone=True)
def namespaces_come_and_go():
    controller = f"/dev/{drives.nvme_folder(0).name}"
    with Daemon(mode="interrupt") as daemon:
        assert sorted(attach(daemon, controller)) == ["cn1", "cn2"]
        cntlid = int((drives.nvme_folder(0) / "cntlid").read_text())
        words = [controller, "--namespace-id=2", f"--controllers={cntlid}"]
        check_command(["nvme", "detach-ns", *words])
        drives.wait_until(lambda: bdev_names(daemon) == {"cn1"}, "namespace 2 has gone")
        check_command(["nvme", "attach-ns", *words])
        drives.wait_until(lambda: bdev_names(daemon) == {"cn1", "cn2"}, "it is back")
        with NbdClient(daemon.add_export("cn2"), "cn2") as client:
            client.write(0, b"x" * 4096)
            assert client.read(0, 4096) == b"x" * 4096


@case(machine=MULTIPATH, alone=True)
def a_namespace_of_two_controllers_is_attached_by_its_head():
    head = next(Path("/dev").glob("ng*n1"))
    with Daemon() as daemon:
        assert attach(daemon, head) == ["cn1"]
        with NbdClient(daemon.add_export("cn1"), "cn1") as client:
            client.write(0, b"head" * 1024)
            assert client.read(0, 4096) == b"head" * 1024


def polled_description(daemon):
    return str(daemon.rpc("bdev_nvme_get_controllers"))


def interrupts():
    """Of all NVMe queues, so far."""
    lines = [line for line in Path("/proc/interrupts").read_text().splitlines() if "nvme0q" in line]
    return sum(int(number) for line in lines for number in re.findall(r"\b\d+\b", line)[1:3])


@case(machine=POLLED, timeout_s=600)
def a_polling_reactor_polls_the_drive():
    with Daemon(mode="poll") as daemon:
        attach(daemon, drives.generic(0))
        path = daemon.add_export("cn1")
        with NbdClient(path, "cn1") as client:
            client.read(0, 4096)
            before = interrupts()
            for index in range(200):
                client.read(index * 4096, 4096)
            assert interrupts() - before < 50, "interrupts came though the queue is polled"
        fio_verify(path, "cn1", "--bs=4k", "--iodepth=32", "--size=2m")


@case(machine=POLLED, timeout_s=600)
def io_moves_between_rings_with_the_mode():
    with Daemon(mode="poll") as daemon:
        attach(daemon, drives.generic(0))
        lcore = daemon.rpc("framework_get_reactors")["reactors"][0]["lcore"]
        with NbdClient(daemon.add_export("cn1"), "cn1") as client:
            for index in range(60):
                data = os.urandom(16384)
                mode = ("interrupt", "poll", "adaptive")[index % 3]
                daemon.rpc("reactor_set_mode", lcore=lcore, mode=mode)
                client.write(index * 16384, data)
                assert client.read(index * 16384, 16384) == data
