# SPDX-License-Identifier: Apache-2.0
"""One guest, as the host holds it: its QEMU, its disks, the folder it shares, and the ways to it.

    with Guest(machine) as guest:
        guest.boot("agent")
        guest.qmp("device_del", id="nvme0")

Nothing has a fixed name: every guest has a temporary folder of its own, and what connects host and
guest are socket pairs, so any number of guests may run at once.
"""

import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import initramfs

QEMU = "qemu-system-x86_64"
CMDLINE = (
    "console=ttyS0 quiet panic=-1 edd=off intel_iommu=on iommu=pt mitigations=off tsc=reliable "
    "oops=panic random.trust_cpu=on"
)
PORTS = {"agent": ("agent",), "exec": ("stdout", "stderr"), "shell": ()}
QMP_TIMEOUT_S = 30
EXIT_TIMEOUT_S = 30


class GuestError(Exception):
    """The guest is not what it should be: gone, silent, or QEMU refused."""


def quoted(text):
    """For a value in QEMU's comma-separated options."""
    return str(text).replace(",", ",,")


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
                    raise GuestError(f"QEMU refuses {command}: {answer['error']['desc']}")
                else:
                    return answer["return"]
        except OSError as error:
            raise GuestError(f"QEMU does not answer {command}: {error}") from None


class Guest:
    """A machine that may boot any number of times on the same disks."""

    def __init__(self, machine):
        self.machine = machine
        kernel, release = initramfs.find_kernel()
        self.program = initramfs.find_program(QEMU, "qemu-system-x86")
        self.kernel = initramfs.unpacked_kernel(kernel, release)
        self.initramfs = initramfs.initramfs(release)
        self.folder = Path(tempfile.mkdtemp(prefix="ebb-guest-"))
        self.share = self.folder / "share"
        self.share.mkdir()
        self.console_path = self.folder / "console"
        self.process = None
        self.monitor = None
        self.ports = {}
        for index, namespace in enumerate(machine.namespaces):
            if not namespace.null:
                with open(self.disk(index), "wb") as file:
                    file.truncate(namespace.size_mib << 20)
        (initramfs.BUILD / "tests" / "run").mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def disk(self, index):
        return self.folder / f"disk{index}"

    def drive_args(self):
        args, controller, index = [], 0, 0
        for number, subsystem in enumerate(self.machine.subsystems):
            first = controller
            args += ["-device", f"nvme-subsys,id=subsys{number},nqn=ebb{number}"]
            more = f",{subsystem.options}" if subsystem.options else ""
            for _ in range(subsystem.controllers):
                port = f"pcie-root-port,id=port{controller},chassis={controller + 1}"
                device = f"nvme,id=nvme{controller},serial=ebb{first}"
                args += ["-device", f"{port},addr={controller + 8:#x}"]
                args += ["-device", f"{device},bus=port{controller},subsys=subsys{number}{more}"]
                controller += 1
            for nsid, namespace in enumerate(subsystem.namespaces, 1):
                args += self.namespace_args(index, namespace)
                more = f",{namespace.options}" if namespace.options else ""
                args += [
                    "-device",
                    f"nvme-ns,id=ns{index},drive=disk{index},nsid={nsid},bus=nvme{first},"
                    f"logical_block_size={namespace.block},physical_block_size={namespace.block},"
                    f"ms={namespace.metadata}{more}",
                ]
                index += 1
        return args

    def namespace_args(self, index, namespace):
        if namespace.null:
            size = namespace.size_mib << 20
            return ["-blockdev", f"null-co,node-name=disk{index},size={size},read-zeroes=off"]
        return [
            "-blockdev",
            f"driver=file,node-name=disk{index},filename={quoted(self.disk(index))},discard=unmap",
        ]

    def command(self, fds, task):
        machine = self.machine
        words = [
            self.program, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
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
        for port in PORTS[task]:
            words += ["-chardev", f"socket,id={port},fd={fds[port]}"]
            words += ["-device", f"virtserialport,chardev={port},name=ebb.{port}"]
        return words + self.drive_args()

    def write_boot(self, task, variables):
        variables = {
            "EBB_ROOT": initramfs.ROOT,
            "EBB_TASK": task,
            "EBB_CONTROLLERS": self.machine.controllers,
            **variables,
        }
        text = "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in variables.items())
        (self.share / "boot").write_text(text, encoding="utf-8")

    def boot(self, task, **variables):
        """Start QEMU. The task begins some seconds later; what says so depends on the task."""
        assert self.process is None, "the guest runs already"
        self.write_boot(task, variables)
        names = ("qmp", *PORTS[task])
        pairs = {name: socket.socketpair() for name in names}
        fds = {name: pair[1].fileno() for name, pair in pairs.items()}
        self.process = subprocess.Popen(
            self.command(fds, task),
            stdin=None if task == "shell" else subprocess.DEVNULL,
            pass_fds=tuple(fds.values()),
            start_new_session=task != "shell",
        )
        for _, theirs in pairs.values():
            theirs.close()
        self.ports = {name: pairs[name][0] for name in names[1:]}
        self.monitor = Qmp(pairs["qmp"][0])

    def qmp(self, command, **arguments):
        return self.monitor.call(command, **arguments)

    def wait_exit(self, timeout=EXIT_TIMEOUT_S):
        """Wait until the guest has powered off; it is killed if it does not."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise GuestError(f"the guest has not powered off in {timeout} s") from None
        finally:
            self.kill()

    def kill(self):
        """End QEMU at once, as if its plug were pulled."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        for sock in self.ports.values():
            sock.close()
        self.ports = {}
        if self.monitor is not None:
            self.monitor.file.close()
            self.monitor.sock.close()
            self.monitor = None

    def console_tail(self, lines=40):
        with contextlib.suppress(OSError):
            text = self.console_path.read_text(encoding="utf-8", errors="replace")
            return "\n".join(text.replace("\r", "").splitlines()[-lines:])
        return ""
