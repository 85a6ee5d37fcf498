# SPDX-License-Identifier: Apache-2.0
"""One guest, as the host holds it: its QEMU, its disks, the folder it shares, and the ways to it.

    with Guest(machine) as guest:
        guest.start()
        print(guest.call("test_boot", "kernel_release"))
        guest.cut_power()
        guest.start()

Nothing has a fixed name: every guest has a temporary folder of its own, and what connects host and
guest are socket pairs, so any number of guests may run at once.
"""

import contextlib
import json
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import faults
import initramfs
from channel import Channel, Gone, Silent
from drives import FIRST_SLOT
from harness import Skip
from volatile import VolatileDisk

QEMU = "qemu-system-x86_64"
# no_timer_check: the kernel counts the timer's ticks for a moment and panics if there are too few,
# as there are on a host that is busy.
CMDLINE = (
    "console=ttyS0 quiet panic=-1 edd=off intel_iommu=on iommu=pt mitigations=off tsc=reliable "
    "oops=panic random.trust_cpu=on no_timer_check"
)
PORTS = {"agent": ("agent",), "exec": ("stdout", "stderr"), "shell": ()}
QMP_TIMEOUT_S = 30
BOOT_TIMEOUT_S = 240
GRACE_S = 60 # for the agent to end a late case by itself
EXIT_TIMEOUT_S = 30


class GuestError(Exception):
    """The guest is not what it should be: gone, silent, or QEMU refused."""


class QemuDied(GuestError):
    """QEMU itself has crashed."""


class QemuRefuses(GuestError):
    """QEMU does not do what its monitor was asked for."""


class CaseFailed(Exception):
    """What ran in the guest failed there; the text is its traceback and output."""


def for_cases(method):
    """Decorator: a case in the guest may ask for it, as host.NAME(...)."""
    method.for_cases = True
    return method


def quoted(text):
    """For a value in QEMU's comma-separated options."""
    return str(text).replace(",", ",,")


def disk_properties(index, namespace):
    block = namespace.block
    blocks = f"logical_block_size={block},physical_block_size={block}"
    # QEMU's controller, unplugged under load, never lets go of its disk: it loses requests that
    # were complete, but not told of, when their queue was deleted. The next one shares the disk.
    return f"drive=disk{index},share-rw=on,{blocks}"


class Qmp:
    """QEMU's monitor. Events that come meanwhile are kept in .events."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(QMP_TIMEOUT_S)
        self.file = sock.makefile("r", encoding="utf-8")
        self.events = []
        self.message()
        self.call("qmp_capabilities")

    def message(self):
        line = self.file.readline()
        if not line:
            raise GuestError("QEMU has closed its monitor")
        return json.loads(line)

    def call(self, command, **arguments):
        request = {"execute": command, "arguments": arguments}
        try:
            self.sock.sendall(json.dumps(request).encode())
            while True:
                answer = self.message()
                if "event" in answer:
                    self.events.append(answer)
                elif "error" in answer:
                    raise QemuRefuses(f"QEMU refuses {command}: {answer['error']['desc']}")
                else:
                    return answer["return"]
        except OSError as error:
            raise GuestError(f"QEMU does not answer {command}: {error}") from None


class Guest:
    """A machine that may boot any number of times on the same disks."""

    Refused = QemuRefuses

    def __init__(self, machine, keep=None):
        """keep: a folder of the host that is writable in the guest as /run/ebb/keep."""
        self.machine = machine
        kernel, release = initramfs.find_kernel()
        self.program = initramfs.find_program(QEMU, "qemu-system-x86")
        self.setpriv = initramfs.find_program("setpriv", "util-linux")
        self.kernel = initramfs.unpacked_kernel(kernel, release)
        self.initramfs = initramfs.initramfs(release)
        self.folder = Path(tempfile.mkdtemp(prefix="ebb-guest-"))
        self.share = self.folder / "share"
        self.share.mkdir()
        self.keep = keep
        self.console_path = self.folder / "console"
        self.process = None
        self.monitor = None
        self.ports = {}
        self.channel = None
        self.volatile = {}
        self.faults = set()
        self.slow = set()
        self.unplugged = set()
        self.notes = []
        for index, namespace in enumerate(machine.namespaces):
            if not namespace.null:
                self.add_disk(f"disk{index}", namespace)
        for index, disk in enumerate(machine.disks):
            self.add_disk(f"plain{index}", disk)
        (initramfs.BUILD / "tests" / "run").mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        for disk in self.volatile.values():
            disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add_disk(self, name, description):
        path = self.folder / name
        with open(path, "wb") as file:
            file.truncate(description.size_mib << 20)
        if description.volatile:
            self.volatile[name] = VolatileDisk(path)

    def subsystem_of(self, controller):
        """(its number, its description, its first controller, the number of its first namespace)"""
        first = index = 0
        for number, subsystem in enumerate(self.machine.subsystems):
            if controller < first + subsystem.controllers:
                return number, subsystem, first, index
            first += subsystem.controllers
            index += len(subsystem.namespaces)
        raise ValueError(f"there is no controller {controller}")

    def controller_devices(self, controller):
        """QEMU's descriptions of a controller and, with the last of a subsystem, its namespaces.

        Only a shared drive says that it is one: the kernel treats it differently.
        """
        number, subsystem, first, index = self.subsystem_of(controller)
        device = f"nvme,id=nvme{controller},serial=ebb{first},bus=port{controller}"
        if subsystem.shared:
            device += f",subsys=subsys{number}"
        if subsystem.options:
            device += f",{subsystem.options}"
        if subsystem.plain:
            return [f"{device},{disk_properties(index, subsystem.namespaces[0])}"]
        devices = [device]
        if controller == first + subsystem.controllers - 1:
            for nsid, namespace in enumerate(subsystem.namespaces, 1):
                device = f"nvme-ns,id=ns{index},nsid={nsid},bus=nvme{controller}"
                device += f",{disk_properties(index, namespace)},ms={namespace.metadata}"
                if namespace.options:
                    device += f",{namespace.options}"
                devices.append(device)
                index += 1
        return devices

    def drive_args(self):
        args = []
        for index, namespace in enumerate(self.machine.namespaces):
            args += self.namespace_args(index, namespace)
        for number, subsystem in enumerate(self.machine.subsystems):
            if subsystem.shared:
                args += ["-device", f"nvme-subsys,id=subsys{number},nqn=ebb{number}"]
        for controller in range(self.machine.controllers):
            port = f"pcie-root-port,id=port{controller},chassis={controller + 1}"
            args += ["-device", f"{port},addr={controller + FIRST_SLOT:#x}"]
            for device in self.controller_devices(controller):
                args += ["-device", device]
        return args

    def node_args(self, name):
        if name in self.volatile:
            server = f"server.type=unix,server.path={quoted(self.volatile[name].socket)}"
            return ["-blockdev", f"driver=nbd,node-name={name},{server}"]
        where = quoted(self.folder / name)
        return ["-blockdev", f"driver=file,node-name={name},filename={where},discard=unmap"]

    def namespace_args(self, index, namespace):
        name = f"disk{index}"
        if namespace.null:
            size = namespace.size_mib << 20
            return ["-blockdev", f"null-co,node-name={name},size={size},read-zeroes=off"]
        return self.node_args(name)

    def disk_args(self):
        args = []
        for index in range(len(self.machine.disks)):
            args += self.node_args(f"plain{index}")
            args += ["-device", f"virtio-blk-pci,id=vd{index},drive=plain{index}"]
        return args

    def command(self, fds, task):
        machine = self.machine
        words = [
            # Whatever becomes of us, it does not outlive us.
            self.setpriv, "--pdeathsig", "KILL", self.program,
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(machine.cpus),
            "-machine", "q35,kernel-irqchip=split", "-m", str(machine.memory_mib),
            "-device", "intel-iommu,intremap=on,caching-mode=on,aw-bits=48",
            "-kernel", str(self.kernel), "-initrd", str(self.initramfs),
            "-append", f"{CMDLINE} {machine.cmdline}".strip(),
            "-chardev", f"socket,id=qmp,fd={fds['qmp']}", "-mon", "chardev=qmp,mode=control",
            "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,"
            "multidevs=remap",
            "-virtfs", f"local,path={quoted(self.share)},mount_tag=share,security_model=none",
            "-device", "virtio-serial-pci",
        ]  # fmt: skip
        if task == "shell":
            words += ["-chardev", "stdio,id=console,signal=off,mux=on"]
            words += ["-mon", "chardev=console,mode=readline"]
        else:
            words += ["-chardev", f"file,id=console,path={quoted(self.console_path)},append=on"]
        words += ["-serial", "chardev:console"]
        if self.keep is not None:
            where = quoted(Path(self.keep).resolve())
            words += ["-virtfs", f"local,path={where},mount_tag=keep,security_model=none"]
        for port in PORTS[task]:
            words += ["-chardev", f"socket,id={port},fd={fds[port]}"]
            words += ["-device", f"virtserialport,chardev={port},name=ebb.{port}"]
        return words + self.drive_args() + self.disk_args()

    def write_boot(self, task, variables):
        variables = {
            "EBB_ROOT": initramfs.ROOT,
            "EBB_TASK": task,
            "EBB_CONTROLLERS": self.machine.controllers,
            "EBB_KEEP": "" if self.keep is None else "yes",
            **variables,
        }
        text = "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in variables.items())
        (self.share / "boot").write_text(text, encoding="utf-8")

    def boot(self, task, **variables):
        """Start QEMU. The task begins some seconds later; what says so depends on the task."""
        assert self.process is None, "the guest runs already"
        self.write_boot(task, variables)
        for disk in self.volatile.values():
            disk.start()
        names = ("qmp", *PORTS[task])
        pairs = {name: socket.socketpair() for name in names}
        fds = {name: pair[1].fileno() for name, pair in pairs.items()}
        # What QEMU says goes among what the guest's kernel says.
        with open(self.console_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(fds, task),
                stdin=None if task == "shell" else subprocess.DEVNULL,
                stderr=None if task == "shell" else log,
                pass_fds=tuple(fds.values()),
                start_new_session=task != "shell",
            )
        for _, theirs in pairs.values():
            theirs.close()
        self.ports = {name: pairs[name][0] for name in names[1:]}
        try:
            self.monitor = Qmp(pairs["qmp"][0])
        except GuestError:
            raise GuestError(f"QEMU does not start: {self.console_tail(5)}") from None

    def start(self):
        """Boot, and wait until the guest is ready for call()."""
        self.boot("agent")
        self.channel = Channel(self.ports["agent"].fileno())
        self.receive(BOOT_TIMEOUT_S, "has not come up")

    def receive(self, timeout_s, what):
        try:
            return self.channel.receive(timeout_s)
        except Silent:
            raise GuestError(f"the guest {what} within {timeout_s} s") from None
        except Gone:
            raise self.guest_gone() from None

    def guest_gone(self):
        """Why there is no guest any more. QEMU's own end tells its crash from the guest's."""
        try:
            status = self.process.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return GuestError("the guest has gone: its agent has ended, QEMU has not")
        if status < 0:
            name = signal.Signals(-status).name
            return QemuDied(f"the guest has gone: QEMU was ended by {name}")
        what = "a panic, or power off"
        return GuestError(f"the guest has gone: QEMU has ended with {status}: {what}")

    def send(self, message):
        try:
            self.channel.send(message)
        except Gone:
            raise GuestError("the guest has gone") from None

    def order(self, file, function, *args, timeout_s, tidy):
        order = {"run": file, "function": function, "args": args}
        self.send({**order, "timeout_s": timeout_s, "tidy": tidy})

    def call(self, file, function, *args, timeout_s=240, tidy=False):
        """Run a function of a file of this folder in the guest; its value.

        While it runs, host.NAME() in the guest is answered here. tidy: end what it left running and
        give all controllers back to the kernel.
        """
        self.order(file, function, *args, timeout_s=timeout_s, tidy=tidy)
        deadline = time.monotonic() + timeout_s + GRACE_S
        done = {}
        while True:
            message = self.receive(max(1, deadline - time.monotonic()), "has not answered")
            if "ask" in message:
                self.send(self.answer(message))
            elif "done" in message:
                done = message
            elif message["tidied"]:
                break
            else:
                why = f"{message['text']}\n{done}"
                raise GuestError(f"what {function} left cannot be tidied: {why}")
        if done["done"] == "skipped":
            raise Skip(done["text"])
        if done["done"] == "failed":
            raise CaseFailed(done["text"])
        return done["value"]

    def call_and_cut(self, file, function, *args, notes, delay_s, timeout_s=240):
        """Run a function until it has said host.note() so many times, and cut the power delay_s
        later, wherever it is then. What it noted until the cut is in self.notes."""
        self.notes.clear()
        self.order(file, function, *args, timeout_s=timeout_s, tidy=False)
        deadline = time.monotonic() + timeout_s
        cutting = False
        while not cutting or time.monotonic() < deadline:
            try:
                message = self.channel.receive(max(0, deadline - time.monotonic()))
            except Silent:
                break
            except Gone:
                raise GuestError("the guest has gone before its power was cut") from None
            if "ask" not in message:
                raise CaseFailed(f"{function} ended by itself: {message.get('text')}")
            self.send(self.answer(message))
            if len(self.notes) >= notes and not cutting:
                cutting = True
                deadline = time.monotonic() + delay_s
        if not cutting:
            raise GuestError(f"{function} noted {len(self.notes)} things in {timeout_s} s")
        self.cut_power()

    def answer(self, message):
        method = getattr(Guest, message["ask"], None)
        if not getattr(method, "for_cases", False):
            return {"error": f"the host does not do {message['ask']!r}"}
        try:
            return {"answer": method(self, *message["args"], **message["kwargs"])}
        except (GuestError, TypeError) as error:
            return {"error": str(error)}

    @for_cases
    def note(self, value):
        """Keep it in self.notes, where no power cut reaches it."""
        self.notes.append(value)

    @for_cases
    def qmp(self, command, **arguments):
        """Any command of QEMU's monitor."""
        return self.monitor.call(command, **arguments)

    @for_cases
    def allocated(self, namespace):
        """Bytes that the file behind a namespace takes of the host's disk."""
        return (self.folder / f"disk{namespace}").stat().st_blocks * 512

    @for_cases
    def fault(self, namespace, **rule):
        """I/O of that namespace fails, as faults.inject() says."""
        faults.inject(self, namespace, **rule)

    @for_cases
    def throttle(self, namespace, iops):
        """Let a namespace do that many I/Os a second; 0: as many as it can."""
        faults.throttle(self, namespace, iops)

    @for_cases
    def heal(self, namespace):
        """Take back all faults of a namespace."""
        faults.heal(self, namespace)

    def heal_all(self):
        """Take back what a case has asked for and left."""
        for namespace in self.faults | self.slow:
            self.heal(namespace)
        for controller in set(self.unplugged):
            self.plug(controller)

    @for_cases
    def unplug(self, controller):
        """Ask the guest for a controller, as one presses the button at its slot."""
        self.qmp("device_del", id=f"nvme{controller}")
        self.unplugged.add(controller)

    @for_cases
    def plug(self, controller):
        """Put a controller that was unplugged back into its slot, with its namespaces."""
        faults.plug(self, controller)
        self.unplugged.discard(controller)

    @for_cases
    def trace(self, event):
        """Have QEMU tell of an event of that name on the console, from now on."""
        self.qmp("trace-event-set-state", name=event, enable=True)

    @for_cases
    def console(self, lines=100):
        """The last lines that guest and QEMU have written there."""
        return self.console_tail(lines)

    def wait_exit(self, timeout=EXIT_TIMEOUT_S):
        """Wait until the guest has powered off; it is killed if it does not."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise GuestError(f"the guest has not powered off in {timeout} s") from None
        finally:
            self.kill()

    def cut_power(self):
        """Everything in the guest's memory and in the caches of volatile drives is lost.

        What the guest had sent and nobody has read is a note still."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(Gone, Silent, ValueError):
            while True:
                message = self.channel.receive(0)
                if message.get("ask") == "note":
                    self.note(*message["args"])
        self.kill()

    def kill(self):
        """End QEMU at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        for disk in self.volatile.values():
            disk.cut()
        for sock in self.ports.values():
            sock.close()
        self.ports = {}
        self.channel = None
        self.faults.clear()
        self.slow.clear()
        self.unplugged.clear()
        if self.monitor is not None:
            self.monitor.file.close()
            self.monitor.sock.close()
            self.monitor = None

    def console_tail(self, lines=40):
        with contextlib.suppress(OSError):
            text = self.console_path.read_text(encoding="utf-8", errors="replace")
            return "\n".join(text.replace("\r", "").splitlines()[-lines:])
        return ""
