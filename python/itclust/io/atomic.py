"""Output that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path) -> Iterator[Path]:
    """Path to write to in place of ``path``; moved there when the block ends well, removed when it does not.

    The temporary file or folder lies beside ``path``, so that the move stays on one disk. Replacing a file is one
    step of the system. A folder cannot be replaced in one: the old one is set aside first, and put back on failure.

    Examples
    --------
    >>> with whole("out.txt") as part:  # doctest: +SKIP
    ...     part.write_text("all of it")
    """
    path = Path(path).expanduser().resolve()
    if not path.parent.is_dir():
        msg = f"cannot write {path.name}: there is no folder {path.parent}. Create it first."
        raise FileNotFoundError(msg)
    part = _beside(path)
    try:
        yield part
        if part.is_dir():
            _replace_folder(part, path)
        else:
            _to_disk(part)
            part.replace(path)
    finally:
        _remove(part)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")


def _to_disk(part: Path) -> None:
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _replace_folder(part: Path, path: Path) -> None:
    if not path.exists():
        part.rename(path)
        return
    aside = _beside(path)
    path.rename(aside)
    try:
        part.rename(path)
    except BaseException:
        aside.rename(path)
        raise
    _remove(aside)


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)
