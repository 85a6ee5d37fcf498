# SPDX-License-Identifier: Apache-2.0
"""A guest for people: a real kernel with NVMe controllers behind an IOMMU, and ebb's tree in it.

    tests/guest/exec -- COMMAND...    boot, run one command, give back its output and exit status
    tests/guest/shell                 boot to a prompt

The guest's root directory is the host's, read-only: installed programs and this tree are where they
are on the host, ebb's programs in build/ as last built (this builds nothing). Writable, and gone
with the guest, are /tmp, /run, /var/tmp, /dev/shm and build/tests/run; /run/ebb/keep is a folder of
the host (--keep). You are root; HOME is /tmp. A single word given to exec is a line for bash,
several are one command. EBB_GUEST is set. Any number of guests may run at once.

Without options there are four controllers: nvme0 with one namespace; nvme1 with two, of 512 and
4096 bytes a block; and two that share one namespace. --machine takes any other, as an expression of
machine.py's names:

    --machine 'Machine((Subsystem((Namespace(null=True),), options="mdts=3"),))'
    --cmdline nvme.poll_queues=2

A controller (at PCI address A, see /sys/class/nvme/nvme0/address) goes to VFIO and back by

    d=/sys/bus/pci/devices/A; echo vfio-pci >$d/driver_override     # back: echo >$d/driver_override
    echo A >$d/driver/unbind; echo A >/sys/bus/pci/drivers_probe

or, in Python with tests/guest and tests/integration in the path, by drives.bind(0, "vfio-pci").
In a shell Ctrl-A c is QEMU's monitor (device_del nvme0), and Ctrl-D powers off.
"""

import argparse
import os
import selectors
import shlex
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "integration"))

import machine  # noqa: E402 # after the path to what it needs
from initramfs import Missing  # noqa: E402
from vm import Guest, GuestError  # noqa: E402

FAILED, TIMED_OUT = 125, 124


def pump(guest, timeout):
    """Bring the command's output out until the guest has closed it; False if time is up."""
    deadline = time.monotonic() + timeout
    selector = selectors.DefaultSelector()
    for name, fd in (("stdout", 1), ("stderr", 2)):
        selector.register(guest.ports[name], selectors.EVENT_READ, fd)
    while selector.get_map():
        for key, _ in selector.select(max(0, deadline - time.monotonic())):
            data = key.fileobj.recv(1 << 16)
            if data:
                os.write(key.data, data)
            else:
                selector.unregister(key.fileobj)
        if time.monotonic() >= deadline:
            return False
    return True


def run_command(guest, options):
    words = options.words
    text = words[0] if len(words) == 1 else shlex.join(words)
    (guest.share / "command").write_text(f"{text}\n", encoding="utf-8")
    guest.boot("exec")
    if not pump(guest, options.timeout):
        print(f"exec: not ended within {options.timeout} s; the guest's console:", file=sys.stderr)
        print(guest.console_tail(), file=sys.stderr)
        return TIMED_OUT
    guest.wait_exit()
    status = guest.share / "status"
    if not status.exists():
        print("exec: the guest ended by itself; its console:", file=sys.stderr)
        print(guest.console_tail(), file=sys.stderr)
        return FAILED
    return int(status.read_text())


def run_shell(guest):
    size = os.get_terminal_size() if sys.stdin.isatty() else (80, 24)
    term = os.environ.get("TERM", "dumb")
    guest.boot("shell", EBB_TERM=term, EBB_COLUMNS=size[0], EBB_ROWS=size[1])
    return guest.process.wait()


def described(options):
    """The machine that the options describe."""
    found = machine.DEFAULT
    if options.machine:
        found = eval(options.machine, dict(vars(machine)))  # the user's own words
    changes = {"cmdline": options.cmdline, "cpus": options.cpus, "memory_mib": options.memory}
    return replace(found, **{name: value for name, value in changes.items() if value})


def parse(task, words):
    parser = argparse.ArgumentParser(
        prog=f"tests/guest/{task}",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--machine", help="an expression of machine.py's names")
    parser.add_argument("--cmdline", help="more words for the kernel's command line")
    parser.add_argument("--cpus", type=int)
    parser.add_argument("--memory", type=int, help="in MiB")
    parser.add_argument("--keep", metavar="FOLDER", help="writable there as /run/ebb/keep")
    if task == "exec":
        parser.add_argument("--timeout", type=float, default=600, help="in seconds, boot included")
        parser.add_argument("words", nargs="+", metavar="COMMAND")
    return parser.parse_args(words)


def main():
    task = sys.argv[1]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse(task, sys.argv[2:])
    try:
        with Guest(described(options), keep=options.keep) as guest:
            return run_command(guest, options) if task == "exec" else run_shell(guest)
    except (Missing, GuestError) as error:
        print(f"{task}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
