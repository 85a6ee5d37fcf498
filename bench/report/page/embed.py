#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the page's template, style and script a C file of byte arrays: embed.py OUT FILE...

The style is all *.css together, in their order, the script all *.js.
The hashes of style and script go along: the page's content security policy allows these two and
nothing else, so that whatever a report's names hold, none of it runs or is fetched.
"""

import base64
import hashlib
import sys
from pathlib import Path


def policy_hash(data):
    return "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode()


def c_array(name, data):
    """The bytes and a zero behind them; numbers, as a string literal has limits and escapes."""
    lines = [f"const char {name}[] = {{"]
    data += b"\0"
    for at in range(0, len(data), 20):
        lines.append("\t" + " ".join(f"{byte}," for byte in data[at : at + 20]))
    return "\n".join([*lines, "};", ""])


def joined(paths, suffix):
    """The files of a kind, of which none may end its element, or need an encoding."""
    data = b""
    for path in paths:
        if path.suffix == suffix:
            data += path.read_bytes()
    if b"</style" in data.lower() or b"</script" in data.lower() or b"<!--" in data:
        sys.exit(f"*{suffix}: </style, </script or <!-- in it would end it early in the page")
    if not data.isascii():
        sys.exit(f"*{suffix}: not ASCII; write the characters as escapes")
    return data


def main():
    out, *paths = map(Path, sys.argv[1:])
    css, script = joined(paths, ".css"), joined(paths, ".js")
    html = b"".join(path.read_bytes() for path in paths if path.suffix == ".html")
    arrays = [
        c_array("bench_page_html", html),
        c_array("bench_page_css", css),
        c_array("bench_page_js", script),
        c_array("bench_page_css_hash", policy_hash(css).encode()),
        c_array("bench_page_js_hash", policy_hash(script).encode()),
    ]
    out.write_text('#include "bench/report/page/assets.h"\n\n' + "\n".join(arrays), encoding="ascii")


main()
