"""Open all of an HDF5 file, in a process of its own: what damage does to the library happens here.

The HDF5 library may crash, or never come back, on a file whose inner structure is damaged. No check from outside can
foresee that. So each file is first opened by ``python probe.py FILE``: every object, attribute and text is touched.
Numbers are not: reading them follows structures that were touched here, through filters that fail with an error.
The parent (:func:`check_opens`) takes note of signals and of time alone; what is an error here is one there, in words.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SECONDS, _BYTES_A_SECOND = 20, 20e6  # a file of 1 GB may take 70 s; a whole one takes one or two
_AT_ONCE, _MANY = 100_000, 10_000_000


def check_opens(path: Path) -> None:
    """Refuse a file that ends, or holds up, the process that opens it."""
    from itclust.io.recognise import Unreadable

    if "python" not in Path(sys.executable or "").name.lower():  # embedded in another program
        return
    call = [sys.executable, "-P", __file__, str(path)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        done = subprocess.run(call, timeout=_SECONDS + path.stat().st_size / _BYTES_A_SECOND, check=False, **quiet)
    except subprocess.TimeoutExpired:
        msg = f"{path} is a damaged HDF5 file: the library that reads it does not come back. Get it again."
        raise Unreadable(msg) from None
    if done.returncode < 0:
        msg = f"{path} is a damaged HDF5 file: it ends the library that reads it (signal {-done.returncode}). Get it again."
        raise Unreadable(msg)


def touch(path: str) -> None:
    """Every object, attribute and text of a file; no link out of it is followed."""
    import h5py

    with h5py.File(path, "r") as file:
        seen, waiting = set(), [file]
        while waiting:
            item = waiting.pop()
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            _each(item.attrs.__getitem__, list(item.attrs))
            if isinstance(item, h5py.Dataset):
                _each(lambda start, item=item: item[start : start + _AT_ONCE], _starts(item))
                item.id.get_storage_size()
            elif isinstance(item, h5py.Group):
                links = [n for n in item if isinstance(item.get(n, getlink=True), h5py.HardLink)]
                _each(lambda name, item=item: waiting.append(item[name]), links)


def _starts(item) -> range:
    """Where to begin to read a list of texts."""
    if item.dtype.kind != "O" or item.ndim != 1 or item.external or item.is_virtual:
        return range(0)
    return range(0, min(item.shape[0], _MANY), _AT_ONCE)


def _each(touch_one, values) -> None:
    for value in values:
        try:
            touch_one(value)
        except Exception:  # noqa: BLE001, PERF203, S112, RUF100 - the reader meets it again, and words it
            continue


if __name__ == "__main__":
    touch(sys.argv[1])
