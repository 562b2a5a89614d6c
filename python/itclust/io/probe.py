"""Open all of an HDF5 file, in a process of its own: what damage does to the library happens here.

The HDF5 library may crash, or never come back, on a file whose inner structure is damaged. No check from outside can
foresee that. So each file is first opened by ``python probe.py FILE``: every object, attribute and text is touched.
Numbers are not: reading them follows structures that were touched here, through filters that fail with an error.
Its memory is limited (Linux): a damaged length deep in the file is believed by the library, whatever the file's size.
The parent (:func:`check_opens`) takes note of signals, time and memory alone; what else is an error here is one there,
in words.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

_SECONDS, _BYTES_A_SECOND = 20, 20e6  # a file of 1 GB may take 70 s; a whole one takes one or two
_SPARE, _TIMES = 256 << 20, 2  # bytes of memory, and how often the file's size may be added
_AT_ONCE, _MANY = 100_000, 10_000_000
GREEDY = 3  # how a probe ends that lacked memory


def check_opens(path: Path) -> None:
    """Refuse a file that ends, or holds up, the process that opens it."""
    from itclust.io.recognise import Unreadable

    if "python" not in Path(sys.executable or "").name.lower():  # embedded in another program
        return
    try:
        ended = _run(path, _SECONDS + path.stat().st_size / _BYTES_A_SECOND)
    except subprocess.TimeoutExpired:
        found = "the library that reads it does not come back"
    else:
        found = f"it ends the library that reads it (signal {-ended})" if ended < 0 else None
        if ended == GREEDY:
            found = "its lengths ask for far more memory than it can fill"
    if found:
        msg = f"{path} is a damaged HDF5 file: {found}. Get it again."
        raise Unreadable(msg)


def _run(path: Path, seconds: float) -> int:
    """How the probe of a file ends: below 0 by a signal."""
    call = [sys.executable, "-P", __file__, str(path)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.run(call, timeout=seconds, check=False, **quiet).returncode


def main(path: str) -> int:
    """Touch all of a file within its memory: 0, :data:`GREEDY`, or 1 for any other error."""
    import h5py

    assert h5py  # loaded before the limit is set
    _limit_memory(Path(path).stat().st_size)
    try:
        touch(path)
    except Exception as error:  # noqa: BLE001
        return GREEDY if _lacks_memory(error) else 1
    return 0


def _limit_memory(size: int) -> None:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return
    import resource

    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = used + _SPARE + _TIMES * size
    resource.setrlimit(resource.RLIMIT_AS, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def _lacks_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "memory allocation failed" in str(error)


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
            _each(lambda part, item=item: part(item), (_attributes, _texts, partial(_members, waiting)))


def _attributes(item) -> None:
    _each(item.attrs.__getitem__, list(item.attrs))


def _texts(item) -> None:
    import h5py

    if isinstance(item, h5py.Dataset):
        _each(lambda start: item[start : start + _AT_ONCE], _starts(item))
        item.id.get_storage_size()


def _members(waiting: list, item) -> None:
    import h5py

    if isinstance(item, h5py.Group):
        links = [n for n in item if isinstance(item.get(n, getlink=True), h5py.HardLink)]
        _each(lambda name: waiting.append(item[name]), links)


def _starts(item) -> range:
    """Where to begin to read a list of texts."""
    if item.dtype.kind != "O" or item.ndim != 1 or item.external or item.is_virtual:
        return range(0)
    return range(0, min(item.shape[0], _MANY), _AT_ONCE)


def _each(touch_one, values) -> None:
    for value in values:
        try:
            touch_one(value)
        except Exception as error:  # noqa: BLE001, PERF203, RUF100 - the reader meets it again, and words it
            if _lacks_memory(error):
                raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
