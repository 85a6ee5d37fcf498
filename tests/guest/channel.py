# SPDX-License-Identifier: Apache-2.0
"""Host and guest talk in lines of JSON, over a virtio-serial port that is a socket on the host.

The guest begins with {"ready": RELEASE}. The host asks for one function at a time: {"run": FILE,
"function": NAME, "args": [...], "timeout_s": N, "tidy": BOOL}. While it runs, the guest may ask
back: {"ask": NAME, "args": [...], "kwargs": {...}} is answered with {"answer": VALUE} or {"error":
TEXT}. Its end is {"done": "ok", "value": VALUE}, {"done": "skipped", "text": WHY} or {"done":
"failed", "text": TRACEBACK AND OUTPUT}; then comes {"tidied": true} when the next may be asked for.
"""

import json
import os
import select
import time


class Gone(Exception):
    """The other side has closed the channel."""


class Silent(Exception):
    """The other side has not answered in time."""


class Channel:
    """Lines of JSON over a file descriptor that stays the caller's."""

    def __init__(self, fd):
        self.fd = fd
        self.buffer = b""

    def send(self, message):
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self.fd, data) :]
        except ConnectionError:
            raise Gone from None

    def receive(self, timeout_s=None):
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self.buffer:
            if deadline is not None:
                left = max(0, deadline - time.monotonic())
                if not select.select([self.fd], [], [], left)[0]:
                    raise Silent
            try:
                chunk = os.read(self.fd, 1 << 16)
            except ConnectionError:
                chunk = b""
            if not chunk:
                raise Gone
            self.buffer += chunk
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)
