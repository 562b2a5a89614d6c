"""Chunks of a zarr store that are not there: left out because they hold nothing but zeros, or lost in a copy.

zarr may leave out a chunk that equals the fill value (zarr 3 does so by default), and reads any missing chunk as that
value. So a lost chunk of counts reads as zeros. Where no chunk can be all fill (names, categories, the parts of a
sparse matrix) a missing one is damage; where it can (dense values, codes, columns) it is said.
"""

from __future__ import annotations

import gc
import math
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

from itclust.io.hdf5 import check_memory, size_in_words
from itclust.io.recognise import Unreadable

_NEVER_FILL = ("indices", "indptr", "data")  # of a sparse matrix
_EXPANDS = 100_000  # the most that zstd makes of a stored byte; with a reserve
_SPARE = 1 << 24
_CHUNK = re.compile(r"(c[/.]?)?(\d+[/.])*(\d+)?")


def check_chunks(path: Path, group, *, left_on_disk: str | None = None) -> None:
    """Refuse a store with chunks lost, or arrays that claim more than it holds; warn where chunks may be lost.

    Parameters
    ----------
    path
        The store, a folder or a zip.
    group
        Its root, of zarr 2 or 3.
    left_on_disk
        Name of an array that will not be read whole.
    """
    arrays = {name: (owner, item) for name, owner, item in _arrays(group)}
    there, n_bytes = _inventory(path, arrays)
    doubtful = {}
    for name, (owner, item) in arrays.items():
        n_chunks = _expected(item)
        n_missing = n_chunks - there[name]
        _check_claim(path, name, item, n_missing, n_bytes[name], whole=name != left_on_disk)
        if n_missing <= 0 or name.startswith("uns/") or not item.shape:
            continue
        if _is_damage(name, owner, item):
            msg = f"{path} is incomplete: {n_missing} of {n_chunks} chunks of {name!r} are not there. Copy it again."
            raise Unreadable(msg)
        if not _is_usual(name, owner):
            doubtful[name] = n_missing
    if doubtful:
        listed = ", ".join(f"{name!r} ({n})" for name, n in list(doubtful.items())[:5])
        more = f" and {len(doubtful) - 5} more" if len(doubtful) > 5 else ""
        warnings.warn(
            f"{path} lacks chunks of {listed}{more}; they are read as zeros. zarr leaves out chunks of zeros, and an "
            "incomplete copy looks the same: compare it with the original if in doubt.",
            stacklevel=2,
        )


def collect() -> None:
    """Let go of HDF5 objects that wait to be collected; to be called before zarr works.

    Where h5py's lock is still held (an error in the midst of it may leave it so) and a thread of zarr collects what is
    left of an HDF5 file, that thread waits for the lock, and all wait for the thread, for ever.
    """
    gc.collect()


def _arrays(group, prefix: str = "") -> Iterator[tuple]:
    for key in sorted(group.keys()):
        item = group[key]
        if hasattr(item, "keys"):
            yield from _arrays(item, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", group, item


def _inventory(path: Path, arrays) -> tuple[dict, dict]:
    """Chunks of each array that are there, and their bytes; by the names of the files, which no version changed."""
    there, n_bytes = dict.fromkeys(arrays, 0), dict.fromkeys(arrays, 0)
    for key, size in _files(path):
        name, _, chunk = key.partition("/")
        while name not in arrays and chunk:
            part, _, chunk = chunk.partition("/")
            name = f"{name}/{part}"
        if name in arrays and _CHUNK.fullmatch(chunk):
            there[name] += 1
            n_bytes[name] += size
    return there, n_bytes


def _files(path: Path) -> Iterator[tuple[str, int]]:
    if path.is_file():
        with zipfile.ZipFile(path) as archive:
            yield from ((entry.filename, entry.file_size) for entry in archive.infolist())
    else:
        yield from (
            (file.relative_to(path).as_posix(), file.stat().st_size) for file in path.rglob("*") if file.is_file()
        )


def _expected(item) -> int:
    """Chunks, or shards that hold several of them."""
    grid = getattr(item, "shards", None) or item.chunks
    return math.prod(-(-n // max(size, 1)) for n, size in zip(item.shape, grid))


def _is_damage(name: str, owner, item) -> bool:
    last = name.rsplit("/", 1)[-1]
    if last in _NEVER_FILL and "indptr" in owner:
        return owner["data"].shape[0] > 0
    if last == "categories":
        return item.shape[0] > 1
    return last == owner.attrs.get("_index", "_index") and "column-order" in owner.attrs


def _is_usual(name: str, owner) -> bool:
    """Whether a chunk of fill says nothing: codes of a single category, masks without a missing value."""
    last = name.rsplit("/", 1)[-1]
    single = last == "codes" and "categories" in owner and owner["categories"].shape[0] < 2
    return single or last == "mask"


def _check_claim(path: Path, name: str, item, n_missing: int, stored: int, *, whole: bool) -> None:
    itemsize = getattr(item.dtype, "itemsize", 8) or 8
    claimed = itemsize * math.prod(item.shape)
    if claimed <= _SPARE:
        return
    if n_missing and claimed > _EXPANDS * stored + _SPARE:
        msg = (
            f"{path} is damaged: {name!r} claims {size_in_words(claimed)} and holds {size_in_words(stored)}. "
            "Get it again."
        )
        raise Unreadable(msg)
    if whole:
        check_memory(path, name, claimed)
