#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print which production files have no tests that can be found, and which rows of the map are dead.

core/event/poller.c is tested by tests/unit/core/event/test_poller.c and test_poller_*.c beside it, or
by what the map in tests/README.md says: rows of a folder, files of it (without .c; "all": of the folder
as a whole), and their tests, in paths from tests/ or from the root. A file has one of the two, and each
program of unit tests is found from some file. Each test that a row of the traps of the model names is
one of its file's. Prints nothing if that holds.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
FOLDERS = ("core", "drivers", "rpc", "config", "bench")
HEADING = ["folder", "files", "tested by"]
TRAPS = ["trap", "what ebb does", "held by"]
NAMES = {
    ".c": re.compile(r"^START_TEST\((\w+)\)", re.MULTILINE),
    ".py": re.compile(r"^@test\ndef (\w+)\(", re.MULTILINE),
}


def table(readme, heading):
    """The three cells of each row of the table below @heading."""
    inside = False
    for line in readme.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells == heading:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not set(line) <= set("|-: "):
            yield cells


def rows(readme):
    """(folder, [file], [test]) of each row of the map."""
    for cells in table(readme, HEADING):
        folder, files, tests = (cell.replace("`", "") for cell in cells)
        yield folder, files.split(), tests.split()


def mirrored(path):
    """The tests of a production file that its name tells."""
    folder = TESTS / "unit" / path.parent
    return {*folder.glob(f"test_{path.stem}.c"), *folder.glob(f"test_{path.stem}_*.c")}


def test_path(name):
    return next((base / name for base in (TESTS, ROOT) if (base / name).is_file()), None)


def check_rows(production):
    """Complaints; the files, and the tests, that the rows name."""
    complaints, files, found = [], set(), set()
    for folder, names, tests in rows(TESTS / "README.md"):
        for name in names if names != ["all"] else ():
            path = Path(folder) / f"{name}.c"
            if path not in production:
                complaints.append(f"tests/README.md: {path} is not there")
            elif path in files:
                complaints.append(f"tests/README.md: {path} has two rows")
            elif (TESTS / "unit" / path.parent / f"test_{name}.c").is_file():
                complaints.append(f"tests/README.md: {path} needs no row, it has test_{name}.c")
            files.add(path)
        for name in tests:
            path = test_path(name)
            if path is None:
                complaints.append(f"tests/README.md: {folder}: no test is {name}")
            else:
                found.add(path)
    return complaints, files, found


def check_traps():
    """Complaints about rows of the traps: "FILE: NAME NAME; FILE: NAME" holds each."""
    complaints, count = [], 0
    for trap, _, held_by in table(TESTS / "README.md", TRAPS):
        count += 1
        for part in held_by.split(";"):
            file, _, names = part.partition(":")
            path = test_path(file.strip())
            text = path.read_text(encoding="utf-8") if path is not None else ""
            found = set(NAMES[path.suffix].findall(text)) if path is not None else set()
            missing = [name for name in names.split() if name not in found]
            if path is None or missing or not names.split():
                what = f"{file.strip()}: {' '.join(missing)}".strip(": ")
                complaints.append(f"tests/README.md: \"{trap}\" is held by no test {what}")
    if count == 0:
        complaints.append("tests/README.md: the table of traps is not there")
    return complaints


def main():
    production = {
        path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.c")
    }
    complaints, files, found = check_rows(production)
    complaints += check_traps()
    for path in sorted(production):
        tests = mirrored(path)
        found |= tests
        if not tests and path not in files:
            complaints.append(
                f"{path}: no tests/unit/{path.parent}/test_{path.name}, no row in tests/README.md"
            )
    for header in (header for folder in FOLDERS for header in (ROOT / folder).rglob("*.h")):
        found |= mirrored(header.relative_to(ROOT))
        if header.parent.name == "ebb":  # public: the folder is not in its name
            found |= {*TESTS.glob(f"unit/core/*/test_{header.stem}.c")}
    for path in sorted(TESTS.glob("unit/**/test_*.c")):
        if path not in found and path.parent != TESTS / "unit":
            complaints.append(f"{path.relative_to(ROOT)}: no file has its name, no row names it")
    print("\n".join(complaints), end="\n" if complaints else "")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
