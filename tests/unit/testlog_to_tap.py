#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print what meson's testlog.json holds as one TAP stream: a line for each test case."""

import json
import sys


def case_line(line, where):
    """The line of a test, with the program that it comes from."""
    result, directive, why = line.partition(" # SKIP")
    return f"{result} ({where}){directive}{why}"


def program_lines(program, variant):
    """The lines of one program; a bad end that none of them tells is one more."""
    name, result = program["name"], program["result"]
    told = [
        line
        for line in program.get("stdout", "").splitlines()
        if line.startswith(("ok ", "not ok "))
    ]
    lines = [case_line(line, f"{name}, {variant}") for line in told]
    failed = any(line.startswith("not ok ") for line in told)
    if result not in ("OK", "SKIP") and not failed:
        lines.append(f"not ok - {name}: {result} ({variant})")
    elif result == "SKIP" and not told:
        lines.append(f"ok - {name} ({variant}) # SKIP")
    elif not told:
        lines.append(f"not ok - {name}: no test case ran ({variant})")
    return lines


def main(variant, path):
    with open(path, encoding="utf-8") as log:
        for line in log:
            print("\n".join(program_lines(json.loads(line), variant)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
