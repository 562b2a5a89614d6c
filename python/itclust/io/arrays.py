"""Named arrays of a zip of .npy files, read with nothing believed that was not checked."""

from __future__ import annotations

import hashlib
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

# Bytes unpacked: so many, or so many times the file; models of the sets tried have 1.4 to 3.8 times.
SPARE, RATIO = 64_000_000, 60
MOST_ENTRIES = 10_000
ERRORS = (
    ValueError, KeyError, TypeError, OSError, EOFError, RuntimeError, NotImplementedError, OverflowError, MemoryError,
    RecursionError, AttributeError, IndexError, SyntaxError, struct.error, tokenize.TokenError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


def read(path: Path) -> dict[str, np.ndarray]:
    """All arrays of numbers and text; raises one of ``ERRORS``.

    What the entries claim is compared with the size of the file before anything is unpacked, and what each array claims
    with its entry before memory is asked for. Each entry's checksum is checked by zipfile.
    """
    arrays, size = {}, path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        claimed = sum(e.file_size for e in entries)
        if len(entries) > MOST_ENTRIES or claimed > max(SPARE, RATIO * size):
            msg = f"its {len(entries):,} parts claim {claimed / 1e6:,.0f} MB, the file has {size / 1e6:,.1f}"
            raise ValueError(msg)
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            if name in arrays or name == entry.filename:
                msg = f"its part {name!r} is there twice, or is no array"
                raise ValueError(msg)
            with archive.open(entry) as file:
                arrays[name] = _array(file, entry.file_size, name)
    return arrays


def _array(file, size: int, name: str) -> np.ndarray:
    """The array of an open entry of ``size`` bytes."""
    version = npy.read_magic(file)
    header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
    shape, fortran, dtype = header(file)
    if dtype.kind not in "biufU":
        msg = f"its part {name!r} holds {dtype}, not numbers or text"
        raise ValueError(msg)
    n = 1
    for length in shape:
        n *= length  # Python's integers do not overflow
    if min(shape, default=0) < 0 or n * dtype.itemsize != size - file.tell():
        msg = f"its part {name!r} claims the shape {shape} of {dtype}, and has {size} bytes"
        raise ValueError(msg)
    content = file.read()  # to its end, so that the checksum is seen
    if dtype.itemsize == 0:
        return np.zeros(shape, dtype)
    if dtype.kind == "U" and (np.frombuffer(content, f"{dtype.byteorder.replace('|', '=')}u4") > 0x10FFFF).any():
        msg = f"its part {name!r} holds what are no letters"
        raise ValueError(msg)
    values = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
    return values.astype(dtype.newbyteorder("="), order="C")


def checksum(arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 over names, kinds, shapes and values."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        value = arrays[name]
        total.update(f"{name} {value.dtype.str} {value.shape} ".encode())
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()


def agree(arrays: dict[str, np.ndarray], shapes: dict[str, str]) -> None:
    """Raise ValueError where an array is not as ``shapes`` says.

    Parameters
    ----------
    shapes : name: lengths along the axes and, last, the range of the values. ``"t g 0..1"`` is a table of numbers from 0 to
        1; a letter stands for one length wherever it comes, and as the end of a range for whole numbers below it; a number
        stands for itself. ``"g text"`` is text, of which none is there twice; all else are numbers.
        All numbers are finite, all lengths at least 1.
    """
    fields = {name.split(".")[0] for name in arrays} & {name.split(".")[0] for name in shapes}
    listed, found = ({name for name in names if name.split(".")[0] in fields} for names in (shapes, arrays))
    if listed != found:
        msg = f"{min(listed ^ found)!r} is missing, or one too many"
        raise ValueError(msg)
    lengths: dict[str, int] = {}
    for name in sorted(found):
        value, words = arrays[name], shapes[name].split()
        axes = [word for word in words if ".." not in word and word != "text"]
        pairs = zip(axes, value.shape, strict=False)
        expected = tuple(int(a) if a.isdigit() else lengths.setdefault(a, n) for a, n in pairs)
        if len(axes) != value.ndim or expected != value.shape or 0 in value.shape:
            msg = f"{name!r} has the shape {value.shape}, not {expected}"
            raise ValueError(msg)
        if value.dtype.kind not in ("U" if "text" in words else "iuf"):
            msg = f"{name!r} holds {value.dtype}, not {'text' if 'text' in words else 'numbers'}"
            raise ValueError(msg)
        if value.dtype.kind == "U" and len(np.unique(value)) < value.size:
            msg = f"{name!r} has a name twice"
            raise ValueError(msg)
    for name, value in arrays.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            msg = f"{name!r} holds values that are NaN or infinite"
            raise ValueError(msg)
    for name in sorted(found):
        for span in (word for word in shapes[name].split() if ".." in word):
            _within(name, arrays[name], *span.split(".."), lengths)


def _within(name: str, value, low: str, high: str, lengths: dict[str, int]) -> None:
    """Raise ValueError where values lie outside the range, or are no whole numbers where a length ends it."""
    whole = high in lengths
    most = lengths[high] - 1 if whole else float(high or "inf")
    if value.dtype.kind not in ("iu" if whole else "iuf") or value.min() < float(low or "-inf") or value.max() > most:
        msg = f"{name!r} holds {value.dtype} from {value.min()} to {value.max()}, not numbers from {low} to {most}"
        raise ValueError(msg)
