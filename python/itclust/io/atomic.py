"""Output that appears whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from itclust.io.recognise import kind_of_node

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up", errno.EFBIG: "the file is too large"}
_OLD = 7 * 86400  # seconds after which a part of another machine's writer is nobody's
_TRIES, _PAUSE = 40, 0.05  # to remove a folder, and seconds in between
_SHORT = 60  # letters of a name that its part carries
_AT_CWD, _EXCHANGE = -100, 2  # of renameat2


@contextmanager
def whole(path) -> Iterator[Path]:
    """Path to write to in place of ``path``; moved there when the block ends well, removed when it does not.

    The temporary file or folder lies beside ``path``, so that the move stays on one disk. Replacing is one step of
    the system, for a folder where the system can exchange two names (Linux); elsewhere the old folder is set aside
    first, and put back on failure. What replaces a file keeps its permissions. Parts that a killed process left
    for the same name are removed.

    Examples
    --------
    >>> with whole("out.txt") as part:  # doctest: +SKIP
    ...     part.write_text("all of it")
    """
    path = Path(path).expanduser().resolve()
    if not path.parent.is_dir():
        msg = f"cannot write {path.name}: there is no folder {path.parent}. Create it first."
        raise FileNotFoundError(msg)
    node = kind_of_node(path)
    if node not in (None, "a folder"):
        msg = f"cannot write {path}: it is {node}, not a file. Choose another name."
        raise OSError(msg)
    _clean(path)
    part, old, failed = _beside(path), path.stat() if path.exists() else None, True
    try:
        if old is not None and stat.S_ISREG(old.st_mode):
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield part
        _as_before(part, old)
        if part.is_dir():
            _replace_folder(part, path)
        else:
            _to_disk(part)
            part.replace(path)
        failed = False
    except OSError as error:
        worded = _in_words(path, error)
        if worded is None:
            raise
        raise worded from error
    finally:
        _remove(part, busy=failed)


def _in_words(path: Path, error: OSError) -> OSError | None:
    reason = _FULL.get(error.errno) or next((t for n, t in _FULL.items() if f"errno = {n}," in str(error)), None)
    if reason is None:
        return None
    free = shutil.disk_usage(path.parent).free / 1e6
    return OSError(f"cannot write {path}: {reason} ({free:.1f} MB are left). Nothing was changed there; make room.")


def _beside(path: Path) -> Path:
    return path.with_name(f"{_prefix(path)}.{os.getpid()}-{_machine()}{secrets.token_hex(3)}.part{path.suffix[:10]}")


def _prefix(path: Path) -> str:
    """Start of the names of a path's parts; a long name is cut, and told apart by a sum of all of it."""
    name = path.name
    if len(os.fsencode(name)) > _SHORT:
        name = f"{name[:15]}{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}"
    return f".{name}"


def _machine() -> str:
    """Where a process number means something: the host, and the container."""
    space = os.readlink("/proc/self/ns/pid") if os.path.islink("/proc/self/ns/pid") else ""  # noqa: PTH114, PTH115
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:6]


def _clean(path: Path) -> None:
    """Remove the parts of ``path`` whose writer is dead."""
    pattern = re.compile(re.escape(_prefix(path)) + r"\.(\d+)-([0-9a-f]{6})[0-9a-f]{6}\.part")
    with contextlib.suppress(OSError):
        for entry in os.scandir(path.parent):
            found = pattern.match(entry.name)
            if found and _is_nobodys(Path(entry.path), int(found[1]), found[2]):
                _remove(Path(entry.path))


def _is_nobodys(part: Path, pid: int, machine: str) -> bool:
    if machine != _machine() or sys.platform == "win32":
        return time.time() - part.stat().st_mtime > _OLD
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _as_before(part: Path, old) -> None:
    """The permissions of what is replaced, and its owner where that may be set."""
    if old is None or part.is_dir() != stat.S_ISDIR(old.st_mode):
        return
    if hasattr(os, "chown") and (old.st_uid, old.st_gid) != (part.stat().st_uid, part.stat().st_gid):
        with contextlib.suppress(OSError):
            os.chown(part, old.st_uid, old.st_gid)
    part.chmod(stat.S_IMODE(old.st_mode))


def _to_disk(part: Path) -> None:
    mode = stat.S_IMODE(part.stat().st_mode)
    file = os.open(part, os.O_RDWR if mode & 0o200 else os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _replace_folder(part: Path, path: Path) -> None:
    if not path.exists():
        part.rename(path)
    elif _exchange(part, path):
        return  # what was there is now the part, and is removed as such
    else:
        aside = _beside(path)
        path.rename(aside)
        try:
            part.rename(path)
        except BaseException:
            aside.rename(path)
            raise
        _remove(aside)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two names in one step of the system; False where it cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return call(_AT_CWD, os.fsencode(a), _AT_CWD, os.fsencode(b), _EXCHANGE) == 0


def _remove(part: Path, *, busy: bool = False) -> None:
    """Remove a file or a folder. ``busy``: zarr's threads may write on for a moment after one of them failed."""
    if not part.is_dir():
        part.unlink(missing_ok=True)
        return
    for _ in range(_TRIES):
        shutil.rmtree(part, ignore_errors=True)
        if busy or part.exists():
            time.sleep(_PAUSE)
        if not part.exists():
            return
