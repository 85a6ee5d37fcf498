# SPDX-License-Identifier: Apache-2.0
"""forbid_uring.py ERROR COMMAND...: become COMMAND, for which io_uring's calls end with that errno.

As a container's seccomp profile has it (EPERM in most, ENOSYS in some).
"""

import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
RET_ALLOW, RET_ERRNO = 0x7FFF0000, 0x00050000
CALLS = (425, 426, 427)  # io_uring_setup, _enter, _register: the same on every machine


class Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def forbid(error):
    code = [(LOAD_WORD, 0, 0, 0)]  # the number of the call
    code += [(JUMP_IF_EQUAL, len(CALLS) - i, 0, call) for i, call in enumerate(CALLS)]
    code += [(RETURN, 0, 0, RET_ALLOW), (RETURN, 0, 0, RET_ERRNO | error)]
    text = b"".join(struct.pack("=HBBI", *line) for line in code)
    program = Program(len(code), text)
    libc = ctypes.CDLL(None, use_errno=True)
    for args in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*args) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    libc.syscall(CALLS[0], 1, None)
    if ctypes.get_errno() != error:
        raise AssertionError("io_uring is not forbidden")


if __name__ == "__main__":
    forbid(getattr(errno, sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
