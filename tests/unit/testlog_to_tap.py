#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print what meson's testlog.json holds as one TAP stream: a line for each test case."""

import json
import sys


def main(variant, path):
    with open(path, encoding="utf-8") as log:
        programs = [json.loads(line) for line in log]
    for program in programs:
        cases = [
            line
            for line in program.get("stdout", "").splitlines()
            if line.startswith(("ok ", "not ok "))
        ]
        for case in cases:
            print(f"{case} ({program['name']}, {variant})" if "#" not in case else case)
        told = any(case.startswith("not ok ") for case in cases)
        if program["result"] == "SKIP":
            print(f"ok - {program['name']} # SKIP ({variant})")
        elif program["result"] != "OK" and not told:
            print(f"not ok - {program['name']}: {program['result']} ({variant})")
        elif not cases:
            print(f"not ok - {program['name']}: no test case ran ({variant})")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
