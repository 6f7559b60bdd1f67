"""What the kernel forbids the process of a statement, so that no fault of DuckDB and no trick of SQL gets round it.

Landlock (Linux 5.13) takes every file from the process but what is named here, also from root; later versions take
the network and signals to others as well. A new root directory hides where on the machine the lake lies. Neither needs
a right, and where the kernel has neither, the process goes on with what DuckDB itself refuses.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Iterable
from contextlib import suppress

_libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWUSER = 0x10000000
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH_BENEATH = 1

READ = 1 << 2 | 1 << 3  # files, directories
WRITE = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 14  # write, remove, make files and directories, truncate
_FILES_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_FILES = (1 << 16) - 1
_ALL_NETWORK = 1 << 0 | 1 << 1  # bind and connect over TCP
_ALL_SCOPES = 1 << 0 | 1 << 1  # abstract sockets of others, signals to others


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process with the thread that started it. To be called after changes of rights."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def enter_namespace() -> bool:
    """Get the right to another root directory, as root or in a user namespace of its own; whether that could be done.

    There must be no other thread yet.
    """
    return os.geteuid() == 0 or _libc.unshare(CLONE_NEWUSER) == 0


def hide_machine() -> bool:
    """Make the working directory the root; whether that could be done."""
    try:
        os.chroot(".")
    except OSError:
        return False
    os.chdir("/")
    return True


def landlock(*, readable: Iterable[str], writable: str) -> int:
    """Leave the process these directories and nothing else; the version of Landlock, 0 where the kernel has none.

    It holds for threads that are started from now on: there must be no other yet.
    """
    abi = int(_libc.syscall(CREATE_RULESET, None, 0, 1))
    if abi <= 0:
        return 0
    files = _FILES_BY_ABI.get(abi, _ALL_FILES)
    rules = _Ruleset(files, _ALL_NETWORK if abi >= 4 else 0, _ALL_SCOPES if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = _checked(_libc.syscall(CREATE_RULESET, ctypes.byref(rules), size, 0))
    try:
        for path, rights in [*((path, READ) for path in readable), (writable, READ | WRITE)]:
            directory = os.open(path, os.O_PATH | os.O_CLOEXEC)
            rule = _PathBeneath(rights & files, directory)
            _checked(_libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(rule), 0))
            os.close(directory)
        _checked(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(_libc.syscall(RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return abi


def bound_memory(size: int) -> None:
    """Let the process map no more than this."""
    _lower(resource.RLIMIT_AS, size)


def bound_files(size: int) -> None:
    """Let no file become larger than this, and let no crash write one."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, size)


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (limit, limit) if hard in (-1, resource.RLIM_INFINITY) else (min(limit, hard),) * 2)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
