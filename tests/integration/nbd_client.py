# SPDX-License-Identifier: Apache-2.0
"""A small NBD client (fixed newstyle, GO, simple replies) for what nbdcopy cannot show.

The constants are those of the NBD protocol: https://github.com/NetworkBlockDevice/nbd, its
doc/proto.md.
"""

import os
import socket
import struct

MAGIC_OPTION = 0x49484156454F5054
MAGIC_OPTION_REPLY = 0x0003E889045565A9
MAGIC_REQUEST = 0x25609513
MAGIC_SIMPLE_REPLY = 0x67446698
FLAG_FIXED_NEWSTYLE = 1
FLAG_NO_ZEROES = 2
OPT_GO = 7
REP_ACK = 1
REP_INFO = 3
REP_ERROR = 1 << 31
INFO_EXPORT = 0
CMD_READ, CMD_WRITE, CMD_DISC, CMD_FLUSH = 0, 1, 2, 3
CMD_FLAG_FUA = 1


class NbdError(Exception):
    """The server refused; .code is the option reply or the errno of a reply."""

    def __init__(self, what, code):
        super().__init__(f"{what}: {code:#x}")
        self.code = code


class NbdClient:
    """A connection in transmission; size and flags are what the server told."""

    def __init__(self, path, export="", timeout=20.0):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))
        self.cookie = 0
        self.size = None
        self.flags = None
        self._handshake(export)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Vanish without a word."""
        self.sock.close()

    def disconnect(self):
        """Leave as the protocol wants it."""
        self.send(CMD_DISC, 0, 0)
        self.sock.close()

    def receive(self, length):
        parts = []
        while length > 0:
            part = self.sock.recv(min(length, 1 << 20))
            if not part:
                raise EOFError("the NBD server closed the connection")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _handshake(self, export):
        magic, option_magic, flags = struct.unpack(">8sQH", self.receive(18))
        assert magic == b"NBDMAGIC" and option_magic == MAGIC_OPTION, (magic, option_magic)
        assert flags & FLAG_FIXED_NEWSTYLE, flags
        self.sock.sendall(struct.pack(">I", FLAG_FIXED_NEWSTYLE | (flags & FLAG_NO_ZEROES)))
        name = export.encode()
        data = struct.pack(">I", len(name)) + name + struct.pack(">H", 0)
        self.sock.sendall(struct.pack(">QII", MAGIC_OPTION, OPT_GO, len(data)) + data)
        while True:
            magic, option, reply, length = struct.unpack(">QIII", self.receive(20))
            assert magic == MAGIC_OPTION_REPLY and option == OPT_GO, (magic, option)
            data = self.receive(length)
            if reply & REP_ERROR:
                raise NbdError(f"export {export!r} refused: {data.decode(errors='replace')}", reply)
            if reply == REP_ACK:
                break
            if reply == REP_INFO and struct.unpack(">H", data[:2])[0] == INFO_EXPORT:
                self.size, self.flags = struct.unpack(">QH", data[2:12])
        assert self.size is not None, "no NBD_INFO_EXPORT before the acknowledgement"

    def send(self, command, offset, length, data=b"", flags=0):
        """Send a request and do not wait for its reply; its cookie."""
        self.cookie += 1
        self.sock.sendall(
            struct.pack(">IHHQQI", MAGIC_REQUEST, flags, command, self.cookie, offset, length)
            + data
        )
        return self.cookie

    def reply(self):
        """The next reply: (cookie, errno)."""
        magic, error, cookie = struct.unpack(">IIQ", self.receive(16))
        assert magic == MAGIC_SIMPLE_REPLY, hex(magic)
        return cookie, error

    def _finish(self, sent, what):
        cookie, error = self.reply()
        assert cookie == sent, (cookie, sent)
        if error:
            raise NbdError(f"{what}: {os.strerror(error)}", error)

    def read(self, offset, length):
        self._finish(self.send(CMD_READ, offset, length), "read")
        return self.receive(length)

    def write(self, offset, data, fua=False):
        flags = CMD_FLAG_FUA if fua else 0
        self._finish(self.send(CMD_WRITE, offset, len(data), data, flags), "write")

    def flush(self):
        self._finish(self.send(CMD_FLUSH, 0, 0), "flush")

    def read_many(self, ranges):
        """Send all reads at once and gather the replies in whatever order they come."""
        sent = {self.send(CMD_READ, offset, length): (offset, length) for offset, length in ranges}
        found = {}
        while sent:
            cookie, error = self.reply()
            offset, length = sent.pop(cookie)
            if error:
                raise NbdError(f"read at {offset}: {os.strerror(error)}", error)
            found[offset] = self.receive(length)
        return found
