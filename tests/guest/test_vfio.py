# SPDX-License-Identifier: Apache-2.0
"""ebbd drives controllers in user space, through VFIO: data, sleep, and what may go wrong."""

import contextlib
import os
import threading
import time

import drives
from cases import case, host
from harness import Daemon, run_command
from machine import Machine, Namespace, Subsystem
from nbd_client import CMD_READ, CMD_WRITE, NbdClient, NbdError

# The first two cases' controller knows few queues; the others' many.
FEW = Machine(
    subsystems=(Subsystem(options="max_ioqpairs=1"), Subsystem(options="mdts=3,msix_qsize=1"))
)
LADDER = Machine(subsystems=(Subsystem(namespaces=(Namespace(size_mib=16),)),))
MODES = ("poll", "interrupt", "adaptive")
IDLE_S = 3.0
TIMEOUT_US = 1000000
SWITCHES = int(os.environ.get("EBB_MODE_SWITCHES", "300"))


def attach(daemon, controller=0, name="h"):
    """Take a controller from the kernel; it is given back when ebbd lets go of it."""
    address = drives.address(controller)
    return daemon.rpc(
        "bdev_nvme_attach_controller", name=name, trtype="PCIe", traddr=address, rebind=True
    )


def facts(daemon, name="h"):
    return daemon.rpc("bdev_nvme_get_controllers", name=name)[0]["ctrlrs"][0]


def fio_verify(path, export, *more):
    done = run_command(
        [
            "fio", "--name=verify", "--ioengine=nbd", f"--uri=nbd+unix:///{export}?socket={path}",
            "--rw=randwrite", "--verify=crc32c", "--do_verify=1", "--verify_fatal=1", "--thread",
            "--randrepeat=0", *more,
        ],
        timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@case(timeout_s=400)
def what_is_written_hot_is_read_by_the_kernel_and_the_reverse():
    data = os.urandom(1 << 20)
    for mode in MODES:
        with Daemon(mode=mode) as daemon:
            assert attach(daemon) == ["hn1"]
            with NbdClient(daemon.add_export("hn1"), "hn1") as client:
                client.write(4096, data)
                client.flush()
                assert client.read(4096, len(data)) == data
        drives.wait_live(0)
        with open(drives.block(0), "r+b") as disk:
            disk.seek(4096)
            assert disk.read(len(data)) == data, mode
            data = data[::-1]
            disk.seek(4096)
            disk.write(data)
            disk.flush()
            os.fsync(disk.fileno())
        with Daemon(mode=mode) as daemon:
            attach(daemon)
            with NbdClient(daemon.add_export("hn1"), "hn1") as client:
                assert client.read(4096, len(data)) == data, mode
        drives.wait_live(0)


def verify_all_sizes(mode, controller=0):
    with Daemon(mode=mode) as daemon:
        attach(daemon, controller)
        path = daemon.add_export("hn1")
        for size, depth, total in (
            ("512", 1, "64k"), ("4k", 32, "2m"), ("4k", 256, "2m"), ("60k", 16, "4m"),
            ("516096", 8, "4032k"), ("1m", 4, "8m"),
        ):  # fmt: skip
            fio_verify(path, "hn1", f"--bs={size}", f"--iodepth={depth}", f"--size={total}")
        state = facts(daemon)
        assert (state["resets"], state["timeouts"], state["lost_interrupts"]) == (0, 0, 0), state


@case(timeout_s=600)
def fio_verifies_every_size_polled():
    verify_all_sizes("poll")


@case(timeout_s=600)
def fio_verifies_every_size_woken():
    verify_all_sizes("interrupt")


@case(machine=FEW, timeout_s=600)
def one_queue_pair_is_polled_and_woken():
    for mode in ("poll", "interrupt"):
        verify_all_sizes(mode)
        drives.wait_live(0)


@case(machine=FEW, timeout_s=400)
def a_controller_without_vectors_is_polled():
    with Daemon(mode="poll") as daemon:
        attach(daemon, 1)
        path = daemon.add_export("hn1")
        fio_verify(path, "hn1", "--bs=64k", "--iodepth=8", "--size=2m")
        assert facts(daemon)["interrupt_vectors"] == 1


@case()
def asleep_and_idle_it_costs_nothing():
    with Daemon(mode="interrupt") as daemon:
        attach(daemon)
        with NbdClient(daemon.add_export("hn1"), "hn1") as client:
            client.write(0, os.urandom(65536))
            client.flush()
            client.read(0, 65536)
            time.sleep(IDLE_S)
            before = daemon.thread_facts()
            time.sleep(IDLE_S)
            assert daemon.thread_facts() == before
            client.read(0, 4096)


class Load:
    """Reads and writes that are checked, on a thread of their own."""

    def __init__(self, path, export, depth=16):
        self.client = NbdClient(path, export, timeout=100)
        self.depth = depth
        self.done = 0
        self.error = None
        self.stopping = False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.client.close()

    def stop(self):
        self.stopping = True
        self.thread.join()

    def rounds(self):
        while not self.stopping:
            blocks = [os.urandom(4096) for _ in range(self.depth)]
            for index, data in enumerate(blocks):
                self.client.send(CMD_WRITE, index * 4096, 4096, data)
            for _ in blocks:
                self.client.reply()
            ranges = [(index * 4096, 4096) for index in range(self.depth)]
            for offset, data in self.client.read_many(ranges).items():
                assert data == blocks[offset // 4096], offset
            self.done += 2 * self.depth

    def run(self):
        try:
            self.rounds()
        except (AssertionError, NbdError, OSError, EOFError) as error:
            self.error = error

    def advance(self, count=64, timeout_s=60):
        """Wait until so many more have been answered."""
        target = self.done + count
        drives.wait_until(
            lambda: self.done >= target or self.error is not None, "I/O goes on", timeout_s
        )
        assert self.error is None, self.error


@case(timeout_s=400)
def the_mode_changes_under_load():
    with Daemon(mode="poll") as daemon:
        attach(daemon)
        with Load(daemon.add_export("hn1"), "hn1") as load, daemon.client() as client:
            core = client.call("framework_get_reactors")["reactors"][0]["lcore"]
            for change in range(SWITCHES):
                client.call("reactor_set_mode", lcore=core, mode=MODES[change % len(MODES)])
            load.advance()
        state = facts(daemon)
        assert (state["resets"], state["timeouts"], state["lost_interrupts"]) == (0, 0, 0), state


@case(timeout_s=300)
def a_reset_under_load_loses_nothing():
    with Daemon() as daemon:
        attach(daemon)
        with Load(daemon.add_export("hn1"), "hn1") as load:
            for _ in range(10):
                load.advance()
                daemon.rpc("bdev_nvme_reset_controller", name="h")
            load.advance()
        assert facts(daemon)["resets"] == 10


@case(timeout_s=300)
def an_injected_error_is_the_clients_and_nobody_elses():
    with Daemon(mode="interrupt") as daemon:
        attach(daemon)
        with NbdClient(daemon.add_export("hn1"), "hn1") as client:
            client.write(0, bytes(1 << 20))
            host.fault(0, operation="read", first_block=512)
            with contextlib.suppress(NbdError):
                client.read(512 * 512, 4096)
                raise AssertionError("the read did not fail")
            host.heal(0)
            assert client.read(0, 65536) == bytes(65536)
        assert facts(daemon)["resets"] == 0


@case(machine=LADDER, timeout_s=300, alone=True)
def a_delayed_command_goes_down_the_ladder_and_recovers():
    with Daemon(mode="interrupt") as daemon:
        daemon.rpc("bdev_nvme_set_options", timeout_us=TIMEOUT_US)
        attach(daemon)
        with NbdClient(daemon.add_export("hn1"), "hn1", timeout=120) as client:
            client.write(0, bytes(65536))
            host.throttle(0, 1)
            for block in range(8):
                client.send(CMD_READ, block * 4096, 4096)
            drives.wait_until(lambda: facts(daemon)["timeouts"] > 0, "a command is late", 60)
            host.heal(0)
            for _ in range(8):
                client.reply()
                client.receive(4096)
            assert client.read(0, 65536) == bytes(65536)


@case(timeout_s=300, alone=True)
def unplugged_under_load_it_ends_in_errors_and_comes_back():
    with Daemon() as daemon:
        attach(daemon)
        with Load(daemon.add_export("hn1"), "hn1") as load:
            load.advance()
            host.unplug(0)
            load.thread.join(60)
            assert load.error is not None
        drives.wait_until(
            lambda: not daemon.rpc("bdev_nvme_get_controllers"), "it has been let go of", 60
        )
        assert "asks for it back" in daemon.log(), daemon.log_tail()
        drives.wait_until(lambda: 0 not in drives.addresses(), "it has gone", 60)
        host.plug(0)
        drives.wait_until(lambda: 0 in drives.addresses(), "it is back", 60)
        drives.wait_live(0)
        attach(daemon)
        with NbdClient(daemon.add_export("hn1"), "hn1") as client:
            assert len(client.read(0, 4096)) == 4096


@case(timeout_s=300)
def sigterm_under_load_leaves_it_shut_down():
    with Daemon() as daemon:
        attach(daemon)
        with Load(daemon.add_export("hn1"), "hn1") as load:
            load.advance()
            assert daemon.stop() == 0
    drives.wait_live(0)
    with open(drives.block(0), "rb") as disk:
        assert len(disk.read(4096)) == 4096


@case(timeout_s=300)
def after_a_kill_the_next_start_works():
    for _ in range(2):
        daemon = Daemon(mode="poll").start()
        attach(daemon)
        with Load(daemon.add_export("hn1"), "hn1") as load:
            load.advance()
            daemon.kill9()
        daemon.remove()
    with Daemon() as daemon:
        attach(daemon)
        with Load(daemon.add_export("hn1"), "hn1") as load:
            load.advance()
