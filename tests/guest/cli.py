# SPDX-License-Identifier: Apache-2.0
"""tests/guest/exec and tests/guest/shell: a guest for people."""

import argparse
import os
import selectors
import shlex
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "integration"))

import machine
from initramfs import Missing
from vm import Guest, GuestError


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


def run_command(guest, words, timeout):
    text = words[0] if len(words) == 1 else shlex.join(words)
    (guest.share / "command").write_text(f"{text}\n", encoding="utf-8")
    guest.boot("exec")
    if not pump(guest, timeout):
        print(f"exec: not ended within {timeout} s\n{guest.console_tail()}", file=sys.stderr)
        return 124
    guest.wait_exit()
    status = guest.share / "status"
    if not status.exists():
        print(f"exec: the guest ended by itself\n{guest.console_tail()}", file=sys.stderr)
        return 125
    return int(status.read_text())


def run_shell(guest):
    size = os.get_terminal_size() if sys.stdin.isatty() else (80, 24)
    guest.boot(
        "shell", EBB_TERM=os.environ.get("TERM", "dumb"), EBB_COLUMNS=size[0], EBB_ROWS=size[1]
    )
    return guest.process.wait()


def main():
    task = sys.argv[1]
    parser = argparse.ArgumentParser(prog=f"tests/guest/{task}")
    parser.add_argument("--timeout", type=float, default=600)
    if task == "exec":
        parser.add_argument("words", nargs="+", metavar="COMMAND")
    options = parser.parse_args(sys.argv[2:])
    try:
        with Guest(machine.DEFAULT) as guest:
            if task == "exec":
                return run_command(guest, options.words, options.timeout)
            return run_shell(guest)
    except (Missing, GuestError) as error:
        print(f"{task}: {error}", file=sys.stderr)
        return 125
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
