# SPDX-License-Identifier: Apache-2.0
"""What people do to a drive that ebb has: pull it, take it away, format it, stop ebbd, misspell."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import drives
from cases import case, host
from harness import BUILD, ROOT, Daemon, RpcError, check_command, run_command
from load import COLD, HOT, Ledger, Load, attach, describe, run_load
from machine import Machine, Subsystem
from nbd_client import NbdClient, NbdError

ONE_PAIR = Machine(subsystems=(Subsystem(options="max_ioqpairs=1"),))
STOPPED_S = 2.5
TIMEOUT_US = 1000000


def wait_gone(daemon):
    drives.wait_until(
        lambda: not daemon.rpc("bdev_nvme_get_controllers") and not daemon.rpc("bdev_get_bdevs"),
        "ebbd has let go of it",
    )


@case(timeout_s=300)
def taken_away_by_hand_it_is_let_go():
    for tier, driver in ((HOT, "vfio-pci"), (COLD, "nvme")):
        for loaded in (False, True):
            drives.bind(0, driver)
            with Daemon(mode="interrupt") as daemon:
                attach(daemon, tier, 0)
                path = daemon.add_export("cn1")
                address = drives.address(0)
                ledger = Ledger()
                with Load(ledger, path, "cn1", clients=2, depth=16, errors=1) as load:
                    ledger.wait_ios(100)
                    if not loaded:
                        load.stop()
                    (drives.DRIVERS / driver / "unbind").write_text(address)
                    wait_gone(daemon)
                assert daemon.rpc("framework_get_state")["state"] == "running"
                assert "its bdevs are removed" in daemon.log(), daemon.log_tail()


@case(timeout_s=300, alone=True)
def pulled_while_all_sleeps_it_goes_and_comes_back():
    for tier in (HOT, COLD):
        with Daemon(mode="interrupt") as daemon:
            attach(daemon, tier, 0)
            with NbdClient(daemon.add_export("cn1"), "cn1") as client:
                client.write(0, b"x" * 4096)
                time.sleep(1)  # nothing is under way, everything sleeps
                host.unplug(0)
                wait_gone(daemon)
            drives.wait_until(lambda: 0 not in drives.addresses(), "it has gone")
            host.plug(0)
            drives.wait_until(lambda: 0 in drives.addresses(), "it is back")
            drives.wait_live(0)
            attach(daemon, tier, 0)
            run_load(Ledger(), daemon.add_export("cn1"), "cn1", depth=4, ios=50, verify=1)
        drives.bind(0, "nvme")


@case(timeout_s=300)
def a_stopped_ebbd_goes_on():
    for tier in (HOT, COLD):
        with Daemon() as daemon:
            daemon.rpc("bdev_nvme_set_options", timeout_us=TIMEOUT_US)
            attach(daemon, tier, 0)
            ledger = Ledger()
            with Load(ledger, daemon.add_export("cn1"), "cn1", clients=2, depth=16) as load:
                for _ in range(2):
                    ledger.wait_ios(100)
                    os.kill(daemon.process.pid, signal.SIGSTOP)
                    time.sleep(STOPPED_S)
                    os.kill(daemon.process.pid, signal.SIGCONT)
                ledger.wait_ios(100)
                load.stop()
            # The drive has answered all the time: nothing was late.
            assert describe(daemon).get("timeouts", 0) == 0, describe(daemon)
        drives.bind(0, "nvme")


def served_of(path, export, clients):
    """How many of so many clients, one after the other, are served: NBD spreads them over reactors."""
    served = 0
    for _ in range(clients):
        with contextlib.suppress(NbdError, EOFError, OSError):
            with NbdClient(path, export) as client:
                assert len(client.read(0, 4096)) == 4096
                served += 1
    return served


@case(machine=ONE_PAIR, timeout_s=300)
def a_reactor_without_a_queue_says_so_and_the_other_serves():
    drives.bind(0, "vfio-pci")
    with Daemon("--cpumask", "0x3", mode="interrupt") as daemon:
        attach(daemon, HOT, 0)
        path = daemon.add_export("cn1")
        with NbdClient(path, "cn1") as first:
            served = served_of(path, "cn1", 4)
            assert 0 < served < 4, served
            assert len(first.read(0, 4096)) == 4096
        log = daemon.log()
        assert "gets no queue: all 1 I/O queue pairs are in use by other threads" in log, log
        assert "no memory" not in log and "Cannot allocate" not in log, log


def block_sizes(daemon):
    return [bdev["block_size"] for bdev in daemon.rpc("bdev_get_bdevs")]


@case(timeout_s=300, alone=True)
def formatted_behind_its_back_it_is_another_bdev():
    name = drives.nvme_folder(0).name
    with Daemon(mode="interrupt") as daemon:
        attach(daemon, COLD, 0)
        assert block_sizes(daemon) == [512]
        check_command(["nvme", "format", f"/dev/{name}", "-n", "1", "--lbaf=4", "--force"])
        with NbdClient(daemon.add_export("cn1"), "cn1") as client:
            # Nobody has told ebb. The last block of what it knew is beyond the end now.
            client.send(0, 256 * (1 << 20) - 512, 512)
            drives.wait_until(lambda: block_sizes(daemon) == [4096], "it has the new blocks")
        run_load(Ledger(unit=4096), daemon.add_export("cn1"), "cn1", depth=4, ios=50, verify=1)
    check_command(["nvme", "format", f"/dev/{name}", "-n", "1", "--lbaf=0", "--force"])


def config(*entries):
    return {"subsystems": [{"subsystem": "bdev", "config": list(entries)}]}


def entry(method, **params):
    return {"method": method, "params": params}


@case()
def its_health_is_what_others_read_too():
    with Daemon() as daemon:
        attach(daemon, COLD, 0)
        health = daemon.rpc("bdev_nvme_get_controller_health_info", name="c")
        bdev = daemon.rpc("bdev_get_bdevs", name="cn1")[0]["driver_specific"]["nvme"][0]
        status = daemon.ebbctl("status").stdout
    name = f"/dev/{drives.nvme_folder(0).name}"
    theirs = json.loads(check_command(["nvme", "id-ctrl", name, "-o", "json"]).stdout)
    for key, known in (("model_number", "mn"), ("serial_number", "sn"), ("firmware_revision", "fr")):
        assert health[key] == bdev["ctrlr_data"][key] == theirs[known].strip(), (key, theirs)
    assert bdev["ctrlr_data"]["vendor_id"] == f"{theirs['vid']:#06x}"
    theirs = json.loads(check_command(["nvme", "smart-log", name, "-o", "json"]).stdout)
    assert health["temperature_celsius"] == theirs["temperature"] - 273, (health, theirs)
    for key, known in (
        ("critical_warning", "critical_warning"), ("media_errors", "media_errors"),
        ("percentage_used", "percent_used"), ("power_on_hours", "power_on_hours"),
        ("data_units_written", "data_units_written"),
    ):  # fmt: skip
        assert health[key] == int(str(theirs[known]).replace(",", "")), (key, health, theirs)
    assert f"Bdev cn1: 256.0 MiB (NVMe disk, uring {name})\n" in status, status


def refused_at_start(*entries):
    """What ebbd says of a configuration that it does not start with."""
    path = Path("/tmp/abuse.json")
    path.write_text(json.dumps(config(*entries), indent=2))
    done = run_command(
        [BUILD / "ebbd", "--json", path, "--rpc-socket", "/tmp/abuse.sock"], timeout=60
    )
    assert done.returncode != 0, done
    return done.stdout + done.stderr


@case()
def a_mistake_in_a_file_is_told_with_its_place():
    address = drives.address(0)
    good = {"name": "c", "trtype": "PCIe", "traddr": address}
    for params, words in (
        ({**good, "num_io_queues": -1}, "num_io_queues"),
        ({**good, "queues": 1}, '"queues"'),
        ({**good, "trtype": 3}, "trtype"),
        ({"name": "c", "trtype": "PCIe"}, '"traddr"'),
        ({**good, "prchk_reftag": True}, "prchk_reftag"),
        (good, "ebbctl nvme bind"),
        ({**good, "trtype": "tcp"}, "there are: PCIe, uring"),
        ({**good, "traddr": "01:00"}, "no address of a PCI function"),
    ):
        text = refused_at_start(entry("bdev_nvme_attach_controller", **params))
        assert words in text and "/tmp/abuse.json" in text, text
    assert drives.driver(0) == "nvme"


@case()
def the_same_drive_is_attached_once():
    drives.bind(0, "vfio-pci")
    with Daemon() as daemon:
        attach(daemon, HOT, 0)
        attach(daemon, COLD, 1, "k")
        name = drives.nvme_folder(1).name
        for trtype, traddr in (
            (HOT, drives.address(0)), (HOT, drives.address(0).removeprefix("0000:")),
            (COLD, drives.address(0)), (COLD, f"/dev/{name}"), (COLD, drives.address(1)),
            (COLD, drives.generic(1, 1)), (HOT, drives.address(1)),
        ):  # fmt: skip
            try:
                daemon.rpc(
                    "bdev_nvme_attach_controller", name="again", trtype=trtype, traddr=str(traddr)
                )
            except RpcError as error:
                print(trtype, traddr, error)
            else:
                raise AssertionError(f"{traddr} was attached twice")
        assert len(daemon.rpc("bdev_nvme_get_controllers")) == 2


@case()
def the_sample_configuration_works():
    drives.bind(1, "vfio-pci")
    text = (ROOT / "config" / "nvme.json").read_text(encoding="utf-8")
    assert "0000:02:00.0" in text and "/dev/nvme0" in text and "/run/ebb" in text, text
    text = text.replace("0000:02:00.0", drives.address(1))
    text = text.replace("/dev/nvme0", f"/dev/{drives.nvme_folder(0).name}")
    with Daemon(config=lambda daemon: text.replace("/run/ebb", str(daemon.sockets))) as daemon:
        for bdev in ("fast", "cold"):
            run_load(Ledger(), daemon.sockets / f"{bdev}.nbd", bdev, depth=4, ios=50, verify=1)
