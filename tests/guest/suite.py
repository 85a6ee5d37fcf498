# SPDX-License-Identifier: Apache-2.0
"""tests/guest/run: all cases of tests/guest/test_*.py (or those named), in the fewest boots.

A guest that hangs or panics fails the case that ran in it, with the console's last lines; the other
cases of its machine go on in a new boot.
"""

import contextlib
import importlib
import os
import signal
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "integration")]

from cases import declared  # noqa: E402 # after the path to it
from harness import Skip, print_comment  # noqa: E402
from initramfs import Missing  # noqa: E402
from vm import CaseFailed, Guest, GuestError, QemuDied  # noqa: E402


class Tap:
    """Counts, and prints each result as it comes."""

    def __init__(self):
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

    def result(self, case, outcome, text="", seconds=None):
        self.counts[outcome] += 1
        number = sum(self.counts.values())
        name = f"{case.file.removeprefix('test_')}: {case.name.replace('_', ' ')}"
        word = "not ok" if outcome == "failed" else "ok"
        tail = f" # SKIP {text}" if outcome == "skipped" else ""
        took = f" ({seconds:.1f} s)" if outcome == "passed" else ""
        print(f"{word} {number} - {name}{took}{tail}", flush=True)
        if outcome == "failed":
            print_comment(text)


def run_case(tap, guest, case, again):
    """Run it; False if the guest is of no use afterwards.

    QEMU itself has crashed in one of some hundreds of runs, with requests in flight that it was told
    to fail. Nothing that a guest does may do that to it, so a case that it has taken along is put
    into again, once, and another crash is the case's failure.
    """
    begin = time.monotonic()
    try:
        if case.on_host:
            case.function(guest)
        else:
            guest.call(case.file, case.name, timeout_s=case.timeout_s, tidy=True)
    except Skip as reason:
        tap.result(case, "skipped", str(reason))
    except CaseFailed as failure:
        tap.result(case, "failed", str(failure))
    except GuestError as error:
        if isinstance(error, QemuDied) and case not in again:
            print_comment(f"{case.name} runs again: {error}\n{guest.console_tail(10)}")
            again.append(case)
            return False
        tap.result(case, "failed", f"{error}; its console:\n{guest.console_tail()}")
        return False
    except Exception:  # a case on the host failed
        tap.result(case, "failed", f"{traceback.format_exc()}\n{guest.console_tail(10)}")
    else:
        tap.result(case, "passed", seconds=time.monotonic() - begin)
    return True


def start(guest):
    """Boot it. QEMU has crashed in one of some hundreds of boots, before anything of ours ran: that
    is its own matter, if another one works."""
    try:
        guest.start()
    except QemuDied as error:
        print_comment(f"another boot is needed: {error}")
        guest.kill()
        guest.start()


def run_boot(tap, cases, again):
    """Boot once and run cases until the guest is lost; those that are left."""
    left = list(cases)
    with Guest(left[0].machine) as guest:
        try:
            if not left[0].on_host:
                begin = time.monotonic()
                start(guest)
                print(f"# booted in {time.monotonic() - begin:.1f} s", flush=True)
        except GuestError as error:
            for case in left:
                tap.result(case, "failed", f"{error}; its console:\n{guest.console_tail()}")
            return []
        while left:
            case = left.pop(0)
            crashes = len(again)
            if not run_case(tap, guest, case, again):
                if len(again) > crashes:
                    left.insert(0, case)
                break
            try:
                guest.heal_all()
            except GuestError as error:
                print_comment(f"another boot is needed: {error}")
                break
    return left


def in_boots(cases):
    """[[cases of one boot]]: those of equal machines together, in the order of their first."""
    boots = {}
    for case in cases:
        key = (case.file, case.name) if case.alone else case.machine
        boots.setdefault(key, []).append(case)
    return list(boots.values())


def chosen(words):
    """The cases named: FILE, FILE:CASE (without test_ and .py), or all."""
    for path in sorted(HERE.glob("test_*.py")):
        importlib.import_module(path.stem)
    if not words:
        return declared()
    found = []
    for word in words:
        file, _, name = word.partition(":")
        name = name.replace("-", "_").replace(" ", "_")
        matching = [
            case
            for case in declared()
            if case.file == f"test_{file}" and name in ("", case.name)
        ]
        if not matching:
            sys.exit(f"tests/guest/run: no case is named {word!r}")
        found += matching
    return found


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tap = Tap()
    cases = chosen(sys.argv[1:])
    print(f"1..{len(cases)}", flush=True)
    again = []  # cases that QEMU has crashed in
    for boot in in_boots(cases):
        left = boot
        while left:
            try:
                left = run_boot(tap, left, again)
            except Missing as missing:
                for case in left:
                    tap.result(case, "skipped", str(missing))
                left = []
    print(", ".join(f"{count} {outcome}" for outcome, count in tap.counts.items()))
    sys.exit(0 if tap.counts["failed"] == 0 and cases else 1)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
        main()
