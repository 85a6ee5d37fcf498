#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare what a shared library of ebb exports with what its installed headers declare.

    tests/install/symbols.py LIBRARY HEADERS [--exact]

HEADERS is the folder include/ebb. Printed are names that are declared and not exported, exported
names that do not begin with ebb_, and, with --exact, exported names that no header declares.
Nothing printed and exit code 0 mean that both agree.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", re.MULTILINE)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
LINKAGE = re.compile(r'extern\s+""\s*\{')
BODY = re.compile(r"\{[^{}]*\}")
FUNCTION = re.compile(r"\b(ebb_\w+)\s*\(")
VARIABLE = re.compile(r"^extern\b[^;()]*\b(ebb_\w+)\s*(?:\[[^\]]*\])?$")


def declarations(text):
    """The declarations at the top level, without the bodies of functions, structs and enums."""
    text = STRING.sub('""', DIRECTIVE.sub("", COMMENT.sub(" ", text)))
    text = LINKAGE.sub("", text)
    text, found = BODY.subn(";", text)
    while found:
        text, found = BODY.subn(";", text)
    return [" ".join(part.split()) for part in text.split(";")]


def declared(folder):
    """The functions and variables that the headers declare; static inline ones are not symbols."""
    names = set()
    for header in sorted(folder.glob("*.h")):
        for declaration in declarations(header.read_text(encoding="utf-8")):
            if re.match(r"typedef|static", declaration):
                continue
            name = FUNCTION.search(declaration) or VARIABLE.search(declaration)
            if name is not None:
                names.add(name.group(1))
    return names


def exported(library):
    """The dynamic symbols that the library defines, without the names of versions."""
    command = ["nm", "--dynamic", "--defined-only", "--format=posix", str(library)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    symbols = [line.split()[:2] for line in lines]
    return {name.partition("@")[0] for name, kind in symbols if kind != "A"}


def differences(library, headers, exact):
    """What is wrong, a line each."""
    public = declared(headers)
    symbols = exported(library)
    if not public or not symbols:
        return [f"nothing to compare: {len(public)} declared, {len(symbols)} exported"]
    lines = [f"{name}: declared, not exported" for name in sorted(public - symbols)]
    private = {name for name in symbols if not name.startswith("ebb_")}
    if exact:
        private |= symbols - public
    return lines + [f"{name}: exported, not declared" for name in sorted(private)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path)
    parser.add_argument("headers", type=Path)
    parser.add_argument("--exact", action="store_true", help="also name ebb_… that none declares")
    args = parser.parse_args()
    lines = differences(args.library, args.headers, args.exact)
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
