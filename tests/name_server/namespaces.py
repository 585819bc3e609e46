# SPDX-License-Identifier: Apache-2.0
"""Moves this thread, and all that it starts, to namespaces of Linux in which a test has port 53 of the
loopback interface and the files that say which name server is asked. Nothing outside is changed."""

import ctypes
import fcntl
import os
import pathlib
import socket
import struct

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source, target, flags):
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(flags), None),
           f"mount {target}")


def enter(directory, resolv_conf):
    """Enters the namespaces; `resolv_conf` is the text of /etc/resolv.conf there. A user other than
    root needs user namespaces, and this to be the only thread. OSError: the system does not permit it."""
    flags, uid, gid = _CLONE_NEWNS | _CLONE_NEWNET, os.getuid(), os.getgid()
    if uid != 0:
        flags |= _CLONE_NEWUSER
    _check(_libc.unshare(flags), "unshare")
    if uid != 0:
        pathlib.Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")
    _mount("none", "/", _MS_REC | _MS_PRIVATE)
    files = {"resolv.conf": resolv_conf, "nsswitch.conf": "hosts: files dns\n",
             "hosts": "127.0.0.1 localhost\n"}
    for name, content in files.items():
        path = pathlib.Path(directory) / name
        path.write_text(content, encoding="ascii")
        _mount(path, f"/etc/{name}", _MS_BIND)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
