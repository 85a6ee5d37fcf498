# SPDX-License-Identifier: Apache-2.0
"""Drives that fail, stall, lose interrupts, are reset or vanish, and services that end: whatever
happens, each request is answered once, data is what was promised, and the service lives."""

import contextlib
import struct
import time

import drives
from cases import case, host
from harness import Daemon
from load import COLD, DRIVES, HOT, MIB, UNPLUGGED, Ledger, Load, attach, describe, run_load
from nbd_client import CMD_READ, NbdClient, NbdError

EIO = 5
TIMEOUT_US = 400000
MODES = ("adaptive", "interrupt", "poll")
LOST, LOST_MAX = 4, 100
HOT_RESETS, COLD_RESETS = 15, 6
MSIX = 0x11  # PCI Local Bus 3.0, 6.8.2: MSI-X Capability
MSIX_FUNCTION_MASK = 1 << 14
# What a client can see of a server's end; the last of several may just be connecting.
SERVER_ENDS = (
    "the server closed the connection",
    "the server left while being greeted",
    "the server answers GO with something else",
)
SHUTDOWN = "pci_nvme_mmio_shutdown_set"  # QEMU: CC.SHN has been set
CONSOLE_LINES = 10000


def wait_logged(daemon, text, timeout_s=30):
    drives.wait_until(lambda: text in daemon.log(), f"ebbd says {text!r}", timeout_s)


def fails_with_eio(function, *args):
    try:
        function(*args)
    except NbdError as error:
        assert error.code == EIO, error
        return
    raise AssertionError("what the device fails has succeeded")


def one_error_alone(tier):
    ledger = Ledger(4 * MIB, 512, 8 * MIB)
    with Daemon("--cpumask", "0x3", mode="interrupt") as daemon:
        attach(daemon, tier, 0)
        path = daemon.add_export("cn1")
        bystanders = Load(ledger, path, "cn1", clients=2, depth=8)
        with NbdClient(path, "cn1") as client, bystanders as load:
            client.write(0, b"good" * 4096)
            for operation, touch in (
                ("read", lambda offset: client.read(offset, 4096)),
                ("write", lambda offset: client.write(offset, bytes(4096))),
            ):
                host.fault(0, operation=operation, first_block=18)
                fails_with_eio(touch, 8192)
                touch(4096)
                touch(12288)
                fails_with_eio(touch, 8192)
                host.heal(0)
                touch(8192)
            ledger.wait_ios(30)
            load.stop()
        run_load(ledger, path, "cn1", clients=2, depth=8, ios=50, verify=1)


@case(machine=DRIVES)
def an_error_of_the_drive_is_that_requests_alone():
    for tier in (HOT, COLD):
        drives.give_back()
        one_error_alone(tier)


@case(machine=DRIVES)
def an_error_in_one_part_is_the_whole_requests():
    # A request of 256 KiB is sixteen commands and more.
    size = 256 * 1024
    for tier in (HOT, COLD):
        drives.give_back()
        with Daemon(mode="interrupt") as daemon:
            attach(daemon, tier, 1)
            with NbdClient(daemon.add_export("cn1"), "cn1") as client:
                host.fault(1, operation="read", first_block=1000)
                for first in (1000, 900, 1001 - size // 512):
                    sent = client.send(CMD_READ, first * 512, size)
                    assert client.reply() == (sent, EIO), first
                for first in (1001, 1000 - size // 512):
                    assert len(client.read(first * 512, size)) == size
                host.heal(1)
                assert len(client.read(0, size)) == size


@case(machine=DRIVES)
def a_flush_that_fails_says_so():
    with Daemon(mode="interrupt") as daemon:
        attach(daemon, HOT, 0)
        with NbdClient(daemon.add_export("cn1"), "cn1") as client:
            host.fault(0, operation="flush")
            client.write(0, b"x" * 4096)
            fails_with_eio(client.flush)
            host.heal(0)
            client.flush()


def through_the_stages(mode):
    ledger = Ledger(2 * MIB)
    with Daemon("--cpumask", "0x2", mode=mode) as daemon:
        daemon.rpc("bdev_nvme_set_options", timeout_us=TIMEOUT_US)
        attach(daemon, HOT, 0)
        path = daemon.add_export("cn1")
        run_load(ledger, path, "cn1", depth=4, ios=40)
        with Load(ledger, path, "cn1", clients=2, depth=4, max=4096, verify=1) as load:
            ledger.wait_ios(20)
            host.throttle(0, iops=1)
            wait_logged(daemon, "asking to abort it")
            wait_logged(daemon, "it is reset")
            host.heal(0)
            ledger.wait_ios(100)
            load.stop()
        facts = describe(daemon)
        print(facts)
        assert facts["timeouts"] > 0 and facts["resets"] > 0, facts
        assert "has been reset" in daemon.log(), daemon.log_tail()


@case(machine=DRIVES)
def a_late_command_goes_through_the_stages_and_recovers():
    for mode in ("interrupt", "poll"):
        through_the_stages(mode)


@contextlib.contextmanager
def interrupts_masked(controller):
    """Behind its driver's back none of the controller's interrupts goes out."""
    path = drives.PCI / drives.address(controller) / "config"
    with open(path, "r+b", buffering=0) as config:

        def read(offset, layout):
            config.seek(offset)
            return struct.unpack(layout, config.read(struct.calcsize(layout)))[0]

        def write(offset, value):
            config.seek(offset)
            config.write(struct.pack("<H", value))

        capability = read(0x34, "B")
        while read(capability, "B") != MSIX:
            capability = read(capability + 1, "B")
            assert capability != 0, f"{path} has no MSI-X capability"
        control = read(capability + 2, "<H")
        write(capability + 2, control | MSIX_FUNCTION_MASK)
        try:
            yield
        finally:
            write(capability + 2, control)


def timeout_timer_rests(daemon):
    """No timer of it runs."""
    threads = daemon.rpc("thread_get_pollers")["threads"]
    return not any(
        poller["name"] == "nvme_timeout"
        for thread in threads
        for poller in thread["timed_pollers"]
    )


@case(machine=DRIVES)
def an_interrupt_that_was_lost_is_found_by_the_timeout_timer():
    ledger, data = Ledger(2 * MIB), bytes(range(256)) * 16
    with Daemon(mode="interrupt") as daemon:
        daemon.rpc("bdev_nvme_set_options", timeout_us=TIMEOUT_US)
        attach(daemon, HOT, 0)
        path = daemon.add_export("cn1")
        with NbdClient(path, "cn1") as client:
            client.write(0, data)
            with interrupts_masked(0):
                facts = describe(daemon)
                for _ in range(LOST_MAX):
                    # An answer that is younger than a tick of the timeout timer is not called lost;
                    # nor one that comes before its reactor has gone to sleep, on a busy machine.
                    drives.wait_until(lambda: timeout_timer_rests(daemon), "the timer rests")
                    assert client.read(0, len(data)) == data
                    facts = describe(daemon)
                    if facts["lost_interrupts"] >= LOST:
                        break
            print(facts)
            assert facts["lost_interrupts"] > 0, facts
            assert facts["timeouts"] == 0 and facts["resets"] == 0, facts
            assert "an interrupt was lost" in daemon.log(), daemon.log_tail()
            lost = facts["lost_interrupts"]
            run_load(ledger, path, "cn1", clients=2, depth=8, ios=100, verify=1)
            assert describe(daemon)["lost_interrupts"] == lost, "interrupts are still lost"


def resets_under_load(tier, resets, **options):
    ledger = Ledger(4 * MIB)
    with Daemon("--cpumask", "0x3") as daemon:
        if options:
            daemon.rpc("bdev_nvme_set_options", **options)
        attach(daemon, tier, 0)
        path = daemon.add_export("cn1")
        with Load(ledger, path, "cn1", clients=3, depth=16, max=65536, verify=1) as load:
            begin = time.monotonic()
            for number in range(resets):
                for core in (0, 1):
                    mode = MODES[(number + core) % len(MODES)]
                    daemon.rpc("reactor_set_mode", lcore=core, mode=mode)
                ledger.wait_ios(5)
                assert daemon.rpc("bdev_nvme_reset_controller", name="c") is True
            print(f"{resets} resets in {time.monotonic() - begin:.1f} s")
            ledger.wait_ios(50)
            load.stop()
    drives.give_back()
    ledger.check(drives.block(0))


@case(machine=DRIVES, timeout_s=240)
def resets_under_load_lose_nothing_hot():
    resets_under_load(HOT, HOT_RESETS)


@case(machine=DRIVES, timeout_s=240)
def resets_under_load_lose_nothing_cold():
    # Where a drive has shadow doorbells, the kernel's driver (6.1) uses them before it has told the
    # drive of them anew, and after a reset commands may lie unseen until they are late. Then it is
    # reset once more, and what it had goes through one more try.
    resets_under_load(COLD, COLD_RESETS, timeout_us=TIMEOUT_US, retry_count=100)


def bdev_names(daemon):
    return {bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")}


def unplugged_under_load(tier, cpumask="0x3", mode="adaptive"):
    ledger, other = Ledger(4 * MIB), Ledger(2 * MIB)
    with Daemon("--cpumask", cpumask, mode=mode) as daemon:
        attach(daemon, tier, UNPLUGGED, "c")
        attach(daemon, tier, 1, "d")
        path, steady = daemon.add_export("cn1"), daemon.add_export("dn1")
        with Load(ledger, path, "cn1", clients=2, depth=16, errors=1, stall=30) as load, Load(
            other, steady, "dn1", clients=1, depth=4, verify=1
        ) as undisturbed:
            ledger.wait_ios(50)
            host.unplug(UNPLUGGED)
            result = load.wait()
            assert result["errors"] + result["lost"] > 0, result
            assert "no request was answered" not in result["fault"], result
            drives.wait_until(lambda: "cn1" not in bdev_names(daemon), "its bdev has gone")
            drives.wait_until(lambda: UNPLUGGED not in drives.addresses(), "it has gone")
            other.wait_ios(20)
            undisturbed.stop()
        print(daemon.log_tail())
        assert "its bdevs are removed" in daemon.log(), daemon.log_tail()
        host.plug(UNPLUGGED)
        drives.wait_until(lambda: UNPLUGGED in drives.addresses(), "it is back")
        drives.wait_live(UNPLUGGED)
        if "c" in {one["name"] for one in daemon.rpc("bdev_nvme_get_controllers")}:
            daemon.rpc("bdev_nvme_detach_controller", name="c")
        ledger.check(drives.block(UNPLUGGED))
        attach(daemon, tier, UNPLUGGED, "again")
        path = daemon.add_export("againn1")
        run_load(ledger, path, "againn1", clients=2, depth=8, ios=50, verify=1)


@case(machine=DRIVES, timeout_s=240)
def a_hot_drive_is_unplugged_under_load_and_plugged_again():
    unplugged_under_load(HOT)
    drives.give_back()
    unplugged_under_load(HOT, "0x2", "poll")


@case(machine=DRIVES, timeout_s=240)
def a_cold_drive_is_unplugged_under_load_and_plugged_again():
    unplugged_under_load(COLD)


def ended_under_load(tier, end, **more):
    """end(daemon) under load; then the data is there, for ebb and for the kernel."""
    ledger = Ledger(4 * MIB)
    daemon = Daemon("--cpumask", "0x3")
    with daemon:
        attach(daemon, tier, 0, **more)
        path = daemon.add_export("cn1")
        with Load(ledger, path, "cn1", clients=3, depth=16, errors=1) as load:
            ledger.wait_ios(100)
            end(daemon)
            result = load.wait()
            assert result["fault"] in SERVER_ENDS, result
    return ledger


def end_cleanly(daemon):
    assert daemon.stop() == 0, daemon.log_tail()
    assert "could not be detached" not in daemon.log(), daemon.log_tail()


@case(machine=DRIVES)
def sigterm_under_load_leaves_a_hot_controller_shut_down():
    host.trace(SHUTDOWN)

    def end(daemon):
        before = host.console(CONSOLE_LINES).count(SHUTDOWN)
        end_cleanly(daemon)
        assert host.console(CONSOLE_LINES).count(SHUTDOWN) == before + 1, host.console()

    for rebind in (False, True):
        ledger = ended_under_load(HOT, end, rebind=rebind)
        if rebind:
            assert drives.driver(0) == "nvme", "it was not given back"
            drives.wait_live(0)
        drives.give_back()
        ledger.check(drives.block(0))


@case(machine=DRIVES)
def sigterm_under_load_leaves_a_cold_controller_in_order():
    ledger = ended_under_load(COLD, end_cleanly)
    ledger.check(drives.block(0))


def killed_and_started(tier, **more):
    ledger = ended_under_load(tier, lambda daemon: daemon.kill9(), **more)
    with Daemon("--cpumask", "0x3") as daemon:
        attach(daemon, tier, 0, **more)
        path = daemon.add_export("cn1")
        run_load(ledger, path, "cn1", clients=2, depth=8, ios=50, verify=1)
    drives.give_back()
    ledger.check(drives.block(0))


@case(machine=DRIVES)
def after_kill_9_the_next_start_works():
    killed_and_started(HOT)
    killed_and_started(HOT, rebind=True)
    killed_and_started(COLD)
