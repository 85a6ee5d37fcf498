# SPDX-License-Identifier: Apache-2.0
"""/dev/nbdN of the kernel's NBD client, which waits for a server that has gone and goes on with it.

nbd-client connects it. To wait and to reconnect is what nbd-client does since 3.27 with -persist and
Debian's does not: its -persist is of the ioctl interface only, where the kernel fails what is in
flight. It is three messages of the kernel's, whose numbers are those of linux/nbd-netlink.h and
linux/genetlink.h: NBD_CMD_LINK_DEAD to whoever listens, and NBD_CMD_RECONFIGURE with how long
requests wait for a connection, and with new sockets.
"""

import contextlib
import os
import socket
import struct
import threading
import time

from harness import check_command, need_program, run_command
from nbd_client import NbdClient

NETLINK_GENERIC, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 16, 270, 1
NLMSG_ERROR = 2
NLM_F_REQUEST, NLM_F_ACK, NLA_F_NESTED = 1, 4, 0x8000
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_MCAST_GROUPS = 1, 2, 7
CTRL_ATTR_MCAST_GRP_ID = 2
NBD_CMD_RECONFIGURE, NBD_CMD_LINK_DEAD = 3, 4
NBD_ATTR_INDEX, NBD_ATTR_SOCKETS, NBD_ATTR_DEAD_CONN_TIMEOUT = 1, 7, 8
NBD_SOCK_ITEM, NBD_SOCK_FD = 1, 1
HEAD, GENL_HEAD, ATTR_HEAD = struct.Struct("=IHHII"), struct.Struct("=BBH"), struct.Struct("=HH")
# A request that no answer came to is sent anew after that. On a slow machine an answer may take as
# long: then the kernel gives up a connection that is well, and gets another.
ANSWER_TIMEOUT_S = 4
DEAD_TIMEOUT_S = 120
LISTEN_S = 0.5
PAUSE_S = 0.05


def attribute(kind, data):
    return ATTR_HEAD.pack(ATTR_HEAD.size + len(data), kind) + data + b"\0" * (-len(data) % 4)


def attributes(data):
    """{kind: its bytes}, of attributes one after the other."""
    found = {}
    while len(data) >= ATTR_HEAD.size:
        length, kind = ATTR_HEAD.unpack_from(data)
        found[kind & ~NLA_F_NESTED] = data[ATTR_HEAD.size : length]
        data = data[(length + 3) & ~3 :]
    return found


class Netlink:
    """The messages of one family of generic netlink."""

    def __init__(self, name):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.sock.bind((0, 0))
        self.events = []
        text = attribute(CTRL_ATTR_FAMILY_NAME, name.encode() + b"\0")
        (answer,) = self.ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, text)
        family = attributes(answer)
        (self.family,) = struct.unpack("=H", family[CTRL_ATTR_FAMILY_ID])
        for group in attributes(family.get(CTRL_ATTR_MCAST_GROUPS, b"")).values():
            (number,) = struct.unpack("=I", attributes(group)[CTRL_ATTR_MCAST_GRP_ID])
            self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, number)

    def messages(self):
        """Of one datagram: [(type, sequence number, command, attributes)]; an error's command is
        None, and its attributes what follows it."""
        data = self.sock.recv(65536)
        found = []
        while data:
            length, kind, _, sequence, _ = HEAD.unpack_from(data)
            body = data[HEAD.size : length]
            if kind == NLMSG_ERROR:
                found.append((kind, sequence, None, body))
            else:
                found.append((kind, sequence, body[0], body[GENL_HEAD.size :]))
            data = data[(length + 3) & ~3 :]
        return found

    def ask(self, family, command, data):
        """The answers to a command, once it has been acknowledged."""
        body = GENL_HEAD.pack(command, 1, 0) + data
        flags = NLM_F_REQUEST | NLM_F_ACK
        self.sock.send(HEAD.pack(HEAD.size + len(body), family, flags, 1, 0) + body)
        answers = []
        while True:
            for kind, sequence, what, rest in self.messages():
                if sequence == 0:
                    self.events.append(what)
                elif kind == NLMSG_ERROR:
                    (error,) = struct.unpack_from("=i", rest)
                    if error:
                        raise OSError(-error, os.strerror(-error))
                    return answers
                else:
                    answers.append(rest)

    def tell(self, command, data):
        self.ask(self.family, command, data)

    def heard(self, command, timeout_s):
        """Whether events of that kind have come, or come within that time. All are forgotten."""
        self.sock.settimeout(timeout_s)
        with contextlib.suppress(TimeoutError):
            while command not in self.events:
                self.events += [message[2] for message in self.messages()]
        self.sock.settimeout(None)
        found = command in self.events
        self.events.clear()
        return found


class KernelDisk:
    """/dev/nbd0 on an export of a Unix socket, with so many connections; from entry on, what dies of
    them is replaced as soon as the server takes others."""

    device = "/dev/nbd0"

    def __init__(self, path, export, connections):
        need_program("nbd-client")
        check_command(["modprobe", "nbd"])
        self.path, self.export, self.connections = path, export, connections
        self.netlink = Netlink("nbd")
        check_command(
            ["nbd-client", "-unix", path, self.device, "-name", export, "-block-size", 4096,
             "-timeout", ANSWER_TIMEOUT_S, "-connections", connections],
        )  # fmt: skip
        self.reconfigure(attribute(NBD_ATTR_DEAD_CONN_TIMEOUT, struct.pack("=Q", DEAD_TIMEOUT_S)))
        self.ending = False
        self.thread = threading.Thread(target=self.keep_connected)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        run_command(["nbd-client", "-d", self.device])
        self.netlink.sock.close()

    def keep_connected(self):
        dead = False
        while not self.ending:
            dead = self.netlink.heard(NBD_CMD_LINK_DEAD, PAUSE_S if dead else LISTEN_S) or dead
            with contextlib.suppress(OSError, EOFError):
                if dead:
                    self.reconnect()
                    dead = False

    def reconfigure(self, data):
        index = attribute(NBD_ATTR_INDEX, struct.pack("=I", 0))
        self.netlink.tell(NBD_CMD_RECONFIGURE, index + data)

    def reconnect(self):
        """Offer it as many new connections as it has: the kernel takes them for those that died."""
        time.sleep(PAUSE_S)  # it says so a moment before it takes others
        with contextlib.ExitStack() as stack:
            clients = [
                stack.enter_context(NbdClient(self.path, self.export))
                for _ in range(self.connections)
            ]
            files = [attribute(NBD_SOCK_FD, struct.pack("=I", c.sock.fileno())) for c in clients]
            items = b"".join(attribute(NBD_SOCK_ITEM | NLA_F_NESTED, file) for file in files)
            self.reconfigure(attribute(NBD_ATTR_SOCKETS | NLA_F_NESTED, items))
