#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print every include that goes up: core stands on floors, and everything else stands on core.

A floor of core includes its own files and those of the floors below it. A public header counts as a
part of the floor that implements it. Drivers meet only through core: drivers/X includes nothing of
drivers/Y, and nothing of rpc, config and bench. core/base does without threads, sockets and /proc.
"""

import pathlib
import re
import sys

# From the ground up. The RPC methods of core/bdev need the registry of core/method, and its
# subsystem the one of core/app, while neither knows of block devices: so bdev is above both.
FLOORS = ("base", "os", "memory", "event", "method", "app", "bdev", "exporter")

# Which floor implements it.
HEADERS = {
    "base": "assert base clock histogram list log msg",
    "memory": "memory",
    "event": "helper io_channel poller reactor spinlock thread uring violation",
    "method": "method wanted",
    "app": "app ctl_command notify sequence startup subsystem",
    "bdev": "bdev bdev_module",
}
HEADER_FLOOR = {name: floor for floor, names in HEADERS.items() for name in names.split()}

PROGRAM = len(FLOORS)  # core/ebbd.c stands on all of them

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:<ebb/([^>]+)\.h>|"([^"]+)")', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

# What core/base must not know.
FORBIDDEN = re.compile(
    r"<(?:pthread|threads|semaphore|netdb|netinet/\w+|sys/(?:socket|un|epoll|eventfd))\.h>"
    r"|\b(?:pthread|thrd|mtx|cnd|sem)_\w+\s*\("
    r"|\b(?:socket|socketpair|bind|listen|accept4?|connect)\s*\("
    r'|"[^"\n]*/(?:proc|sys)/'
)


def floor_of(path):
    """The number of the floor that a file of core is on; None: no floor is known."""
    parts = pathlib.PurePosixPath(path).parts
    if len(parts) == 2:
        return PROGRAM
    name = HEADER_FLOOR.get(parts[-1][: -len(".h")]) if parts[1] == "include" else parts[1]
    return FLOORS.index(name) if name in FLOORS else None


def floor_name(floor):
    return "ebbd.c" if floor == PROGRAM else f"core/{FLOORS[floor]}"


def included(text):
    """The files that the text includes, as paths from the root."""
    for public, path in INCLUDE.findall(text):
        yield f"core/include/ebb/{public}.h" if public else path


def core_faults(path, text):
    own = floor_of(path)
    if own is None:
        yield f"{path}: on which floor is it? tests/lint/layers.py does not say"
        return
    for other in included(text):
        if not other.startswith("core/"):
            yield f"{path}: includes {other}: nothing in core includes what is above it"
        elif (floor_of(other) or 0) > own:
            above = floor_name(floor_of(other))
            yield f"{path}: includes {other}: {floor_name(own)} is below {above}"
    if own == 0:
        for match in FORBIDDEN.finditer(COMMENT.sub("", text)):
            yield f"{path}: {match.group()}: core/base knows no threads, sockets or files of /proc"


def driver_faults(path, text):
    own = "/".join(path.split("/")[:2]) + "/"
    for other in included(text):
        if not other.startswith(("core/", own)):
            yield f"{path}: includes {other}: drivers meet only through core"


def main():
    faults = []
    for path in sorted(pathlib.Path("core").rglob("*.[ch]")):
        faults.extend(core_faults(path.as_posix(), path.read_text(encoding="utf-8")))
    for path in sorted(pathlib.Path("drivers").rglob("*.[ch]")):
        faults.extend(driver_faults(path.as_posix(), path.read_text(encoding="utf-8")))
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
