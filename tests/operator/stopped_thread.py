# SPDX-License-Identifier: Apache-2.0
"""Stops one thread of a process, as a debugger does. The process must permit it: root, or `core_dumps: true`."""

import contextlib
import ctypes
import os
import pathlib

_PTRACE_DETACH, _PTRACE_SEIZE, _PTRACE_INTERRUPT = 17, 0x4206, 0x4207
_WALL = 0x40000000  # waitpid(2): also for threads that are not this process's children

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace {request:#x}: {os.strerror(number)}")


@contextlib.contextmanager
def stopped_thread(pid, name):
    """The one thread of this name is stopped until the end of `with`, which must be on the same thread as the beginning."""
    [thread] = [int(task.name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
                if (task / "comm").read_text(encoding="ascii").strip() == name]
    _ptrace(_PTRACE_SEIZE, thread)
    try:
        _ptrace(_PTRACE_INTERRUPT, thread)
        os.waitpid(thread, _WALL)
        yield
    finally:
        _ptrace(_PTRACE_DETACH, thread)
