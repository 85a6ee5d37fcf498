#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `meson install` leaves, used as another program's author would use it: by pkg-config, outside
the tree. The program is the one in core/README.md."""

import contextlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from harness import BUILD, ROOT, Skip, check_command, need_program, run, run_command, test

sys.path.insert(0, str(ROOT / "tests" / "install"))
import symbols  # noqa: E402

WARNINGS = ("-Wall", "-Wextra", "-Werror")
C11 = ("-std=c11", "-pedantic", *WARNINGS, "-x", "c")
CXX17 = ("-std=c++17", "-pedantic", *WARNINGS, "-x", "c++")
LANGUAGE = {"gcc": C11, "clang": C11, "g++": CXX17}
# Without -pedantic: a macro may be given no argument for its dots. EBB_PARAM() takes the fields that
# are set by name, as C does, and C++ only since 2020.
MACROS_C = ("-std=c11", *WARNINGS, "-x", "c")
MACROS_CXX = ("-std=c++20", *WARNINGS, "-Wno-missing-field-initializers", "-x", "c++")
MACROS = {"gcc": MACROS_C, "clang": MACROS_C, "g++": MACROS_CXX}


class Installed:
    """A copy of what this build installs, in a folder of its own."""

    def __init__(self):
        for program in ("meson", "pkg-config"):
            need_program(program)
        if sanitized():
            raise Skip("a build for a sanitizer installs no library")
        self.folder = tempfile.TemporaryDirectory(prefix="ebb-install-")  # goes with this object
        root = Path(self.folder.name)
        check_command(["meson", "install", "-C", BUILD, "--destdir", root], timeout=550)
        found = sorted(root.rglob("ebb.pc"))
        assert len(found) == 1, f"ebb.pc is installed {len(found)} times"
        self.pkgconfig = found[0].parent
        self.libraries = self.pkgconfig.parent
        self.prefix = next(root.rglob("include/ebb")).parents[1]
        for description in self.pkgconfig.glob("ebb*.pc"):
            self.relocate(description)

    def relocate(self, path):
        """A build that was not configured to be moved names the prefix that it is meant for."""
        text = path.read_text(encoding="utf-8")
        moved = re.sub(r"^prefix=/.*$", f"prefix={self.prefix}", text, flags=re.MULTILINE)
        path.write_text(moved, encoding="utf-8")

    def flags(self, *options):
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.pkgconfig))
        return check_command(["pkg-config", *options, "ebb"], env=environment).stdout.split()

    def run(self, command):
        return run_command(command, env=dict(os.environ, LD_LIBRARY_PATH=str(self.libraries)))


def sanitized():
    options = json.loads((BUILD / "meson-info" / "intro-buildoptions.json").read_text("utf-8"))
    return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)


_copies = []


def installed():
    """Made by the first test that asks for it, or not made, and then not tried again."""
    if not _copies:
        try:
            _copies.append(Installed())
        except Exception as error:
            _copies.append(error)
    if isinstance(_copies[0], Exception):
        raise _copies[0]
    return _copies[0]


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="ebb-outside-") as path:
        yield Path(path)


def example():
    """The program in core/README.md."""
    text = (ROOT / "core" / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```c\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    programs = [block for block in blocks if "int main(" in block]
    assert len(programs) == 1, f"core/README.md holds {len(programs)} programs"
    return programs[0]


def configuration(path, disk):
    entry = {
        "method": "bdev_uring_create",
        "params": {"name": "disk", "filename": str(disk), "block_size": 512},
    }
    path.write_text(json.dumps({"subsystems": [{"subsystem": "bdev", "config": [entry]}]}))


def example_works(compiler, *options):
    """Build the example outside the tree, read a file's first block with it, and have it refuse."""
    need_program(compiler)
    copy = installed()
    with folder() as outside:
        program = outside / "first-block"
        source = outside / "first-block.c"
        source.write_text(example(), encoding="utf-8")
        flags = copy.flags(*options, "--cflags", "--libs")
        command = [compiler, *LANGUAGE[compiler], "-o", program, source, "-x", "none", *flags]
        check_command(command, cwd=outside)
        linked = "libebb.so" in copy.run(["ldd", program]).stdout
        assert linked == ("--static" not in options), f"the shared library: {linked}"
        disk = outside / "disk.img"
        disk.write_bytes(b"\x00ebb" + bytes(8188))
        configuration(outside / "disk.json", disk)
        done = copy.run([program, outside / "disk.json", "disk"])
        assert (done.returncode, done.stdout) == (0, "00 65 62 62\n"), done
        done = copy.run([program, outside / "disk.json", "nothing"])
        assert done.returncode == 1 and "nothing: No such device" in done.stderr, done
        done = copy.run([program, outside / "missing.json", "disk"])
        assert done.returncode == 1 and "missing.json" in done.stderr, done
        assert copy.run([program]).returncode == 2


def headers_compile(compiler):
    """Each header by itself, and twice; and what its macros make."""
    need_program(compiler)
    copy = installed()
    flags = copy.flags("--cflags")
    headers = sorted((copy.prefix / "include" / "ebb").glob("*.h"))
    assert len(headers) >= 20, headers
    with folder() as outside:
        source = outside / "header.c"
        for header in headers:
            source.write_text(f"#include <ebb/{header.name}>\n" * 2, encoding="utf-8")
            check_command([compiler, *LANGUAGE[compiler], "-fsyntax-only", source, *flags])
    source = ROOT / "tests" / "install" / "macros.c"
    check_command([compiler, *MACROS[compiler], "-fsyntax-only", source, *flags])


@test
def the_example_works_with_the_shared_library_and_gcc():
    example_works("gcc")


@test
def the_example_works_with_the_shared_library_and_clang():
    example_works("clang")


@test
def the_example_works_with_the_shared_library_and_cxx():
    example_works("g++")


@test
def the_example_works_with_the_archive_and_gcc():
    example_works("gcc", "--static")


@test
def the_example_works_with_the_archive_and_clang():
    example_works("clang", "--static")


@test
def the_example_works_with_the_archive_and_cxx():
    example_works("g++", "--static")


@test
def each_header_compiles_by_itself_with_gcc():
    headers_compile("gcc")


@test
def each_header_compiles_by_itself_with_clang():
    headers_compile("clang")


@test
def each_header_compiles_by_itself_with_cxx():
    headers_compile("g++")


@test
def each_function_links_from_cxx():
    need_program("g++")
    copy = installed()
    headers = copy.prefix / "include" / "ebb"
    lines = [f"#include <ebb/{header.name}>" for header in sorted(headers.glob("*.h"))]
    lines += ["int main(int argc, char **)", "{", "\tconst void *all[] = {"]
    lines += [f"\t\t(const void *)&{name}," for name in sorted(symbols.declared(headers))]
    lines += ["\t};", "\treturn all[argc] == nullptr;", "}"]
    with folder() as outside:
        source = outside / "functions.cc"
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        flags = copy.flags("--cflags", "--libs")
        check_command(["g++", "-std=c++17", "-o", outside / "functions", source, *flags])


@test
def the_example_is_short():
    lines = len(example().splitlines())
    assert lines < 60, f"{lines} lines"


@test
def the_shared_library_exports_what_the_headers_declare():
    need_program("nm")
    copy = installed()
    library = copy.libraries / "libebb.so"
    lines = symbols.differences(library, copy.prefix / "include" / "ebb", exact=True)
    assert not lines, "\n".join(lines)


@test
def the_programs_are_installed_and_need_no_library_of_ebb():
    copy = installed()
    for name in ("ebbd", "ebbctl", "ebb-bench"):
        program = copy.prefix / "bin" / name
        version = check_command([program, "--version"]).stdout
        assert version.startswith(f"{name} "), version
        assert "libebb" not in check_command(["ldd", program]).stdout, name


run()
