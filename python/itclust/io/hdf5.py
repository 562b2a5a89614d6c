"""What an HDF5 file claims, held against what it holds, before a byte of it becomes a result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from itclust.io.recognise import Unreadable, own_class

# The most that the filters of HDF5 itself (gzip, lzf, shuffle, szip) make of a stored byte; with a reserve.
_EXPANDS = 1100
_DEEPEST = 100  # groups within groups
_SPARE = 1 << 24  # bytes that may be claimed for nothing: a small array may never have been written


def check_hdf5(path: Path, *, follow_links: bool = False, left_on_disk: str | None = None) -> None:
    """Refuse what points out of the file, and arrays that claim more than the file can hold.

    Parameters
    ----------
    path
        An HDF5 file.
    follow_links
        Let external links, external storage and virtual arrays be: they are then read from where they point to.
    left_on_disk
        Name of an array that will not be read whole, so that it may be larger than the memory.
    """
    import h5py

    with h5py.File(path, "r") as file:
        _check_nesting(path, file)
        if not follow_links:
            _check_links(path, file)
        for name, item in _datasets(file):
            if not follow_links and (item.is_virtual or item.external):
                _refuse_link(path, name, "is stored in another file", _stored_in(item))
            if not (item.is_virtual or item.external):
                _check_claim(path, name, item, whole=name != left_on_disk)


def _check_nesting(path: Path, file) -> None:
    """Refuse a group within itself: who follows it ends in the midst of h5py, which then keeps its lock."""
    import h5py

    groups = [file, *(owner[name] for owner, name in _links(file) if own_class(owner, name) is h5py.Group)]
    addresses = [h5py.h5o.get_info(group.id).addr for group in groups]
    if len(set(addresses)) < len(addresses) or any(group.name.count("/") > _DEEPEST for group in groups):
        msg = f"{path} is damaged: its groups are nested without end. Get it again."
        raise Unreadable(msg)


def _check_links(path: Path, group) -> None:
    import h5py

    for owner, name in _links(group):
        link = owner.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            _refuse_link(path, f"{owner.name.strip('/')}/{name}".strip("/"), "is a link to another file", link.filename)


def _refuse_link(path: Path, name: str, what: str, where: str) -> None:
    msg = (
        f"{path}: {name!r} {what}, {where!r}, and is not followed: a file from elsewhere could read any file of yours. "
        "If you made it so, use itclust.read(path, follow_links=True)."
    )
    raise Unreadable(msg)


def _stored_in(item) -> str:
    sources = item.virtual_sources() if item.is_virtual else item.external
    return str(sources[0].file_name if item.is_virtual else sources[0][0]) if sources else "none"


def _links(group) -> Iterator[tuple]:
    """Every group and the names in it, each group once; no link out of the file is followed."""
    import h5py

    seen, waiting = set(), [group]
    while waiting:
        owner = waiting.pop()
        address = h5py.h5o.get_info(owner.id).addr
        if address in seen:
            continue
        seen.add(address)
        for name in owner:
            yield owner, name
            if own_class(owner, name) is h5py.Group:
                waiting.append(owner[name])


def _datasets(group) -> Iterator[tuple]:
    import h5py

    for owner, name in _links(group):
        if own_class(owner, name) is h5py.Dataset:
            item = owner[name]
            yield item.name.strip("/"), item


def _check_claim(path: Path, name: str, item, *, whole: bool) -> None:
    claimed = item.dtype.itemsize * item.size if item.size else 0
    stored = min(item.id.get_storage_size(), path.stat().st_size)
    at_once = item.dtype.itemsize
    for n in item.chunks or ():
        at_once *= n
    most = stored * (_EXPANDS if item.chunks else 1) + _SPARE
    if max(claimed, at_once if item.size else 0) > most:
        msg = (
            f"{path} is damaged: {name!r} claims {size_in_words(max(claimed, at_once))} and holds "
            f"{size_in_words(stored)}. Get it again."
        )
        raise Unreadable(msg)
    if whole:
        check_memory(path, name, claimed)


def check_memory(path: Path, name: str, n_bytes: int) -> None:
    """Refuse what is larger than the machine's memory, before it is asked for."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    if there and n_bytes > there:
        msg = (
            f"{path}: {name!r} takes {size_in_words(n_bytes)} in memory, and this machine has {size_in_words(there)}. "
            "Read h5ad and zarr with backed=True, or a part of it."
        )
        raise Unreadable(msg)


def size_in_words(n_bytes: int) -> str:
    """Bytes as people write them.

    Examples
    --------
    >>> size_in_words(512), size_in_words(3 << 30)
    ('512 bytes', '3.2 GB')
    """
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes} bytes"
